"""How the rest of a month may turn out, from counts alone: many draws of what is still to come. No money here.

A month is cut at the same part of its length as the running one: what was decided before the cut is its beginning, what
came after it is its rest. Months differ, and the two stretches of a month differ too: each month has a share of its own
around the mean of all months, each stretch one around its month's. How much months and stretches differ is learned from
the last months; this month's beginning tells what kind of month it is; its rest is drawn from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cache
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.special import betaln

DRAWS = 1000
# The shares that a month may have, evenly on the logistic scale (0.25 % to 99.75 %), and which of them the mean of all
# months may have.
_SCALE = np.linspace(-6, 6, 241)
_SHARES = 1 / (1 + np.exp(-_SCALE))
_MEANS = _SHARES[::4]
# How alike months are, and the stretches of a month: as many tickets' worth of agreement. With 10, a desk of 90 % has
# months between 77 % and 99 % (four in five); with 10,000 only chance tells them apart.
_AGREEMENTS = np.logspace(1, 4, 7)


@dataclass(frozen=True)
class Stretch:
    """What was decided in one stretch of a month: so many counted, so many of them in the numerator.

    `times_us` are their times, for levels that are a time.
    """

    numerator: int
    denominator: int
    times_us: np.ndarray


@dataclass(frozen=True)
class History:
    """A service level's last months, cut where the running month stands: each one's beginning and rest."""

    beginnings: tuple[Stretch, ...]
    rests: tuple[Stretch, ...]


def cut(
    evidence: pd.DataFrame, start_at: datetime, end_at: datetime, part: Fraction, column: str
) -> tuple[Stretch, ...]:
    """The beginning and the rest of one month's evidence of one level (model.EVIDENCE), cut at `part` of its length.

    A row belongs to the stretch in which it was decided: its breach, stop or answer. `column` holds the level's times.
    """
    instant = start_at + (end_at - start_at) * part.numerator / part.denominator
    rows = evidence[evidence["is_denominator"].astype(bool).to_numpy()]
    decided = rows["breached_at"].fillna(rows["stopped_at"]).fillna(rows["responded_at"]).fillna(rows["attributed_at"])
    is_before = (decided < pd.Timestamp(instant)).to_numpy(dtype=bool)
    return stretch(rows[is_before], column), stretch(rows[~is_before], column)


def stretch(rows: pd.DataFrame, column: str) -> Stretch:
    """The stretch of these rows of one level; those that are not counted are left out."""
    counted = rows[rows["is_denominator"].astype(bool).to_numpy()]
    times = counted[column].dropna().to_numpy(dtype="int64")
    return Stretch(int(counted["is_numerator"].astype(bool).sum()), len(counted), times)


def seeded(*names: str) -> np.random.Generator:
    """A source of chance that is the same for the same question."""
    return np.random.default_rng([crc32(name.encode()) for name in names])


def draw_counts(history: History, so_far: Stretch, least: int, random: np.random.Generator) -> np.ndarray:
    """DRAWS rows of (numerator, denominator) of the month's rest.

    The number is that of a past month's rest, drawn anew around it, and at least `least` (what is under way already).
    """
    sizes = _sizes(history, least, random)
    months = [*zip(history.beginnings, history.rests, strict=True)]
    share, agreement = _rest_of_month(_Explained.of(months, so_far), random)
    shares = random.beta(share * agreement, (1 - share) * agreement)
    return np.column_stack([random.binomial(sizes, np.clip(shares, 0, 1)), sizes])


def draw_means(history: History, so_far: Stretch, least: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """DRAWS times the whole month's sum of microseconds and number, its beginning included."""
    total, number = int(so_far.times_us.sum()), len(so_far.times_us)
    drawn = _draw_times(history, so_far, least, random)
    return [(total + int(times.sum()), number + len(times)) for times in drawn]


def draw_percentiles(
    history: History, so_far: Stretch, least: int, percentile: Fraction, random: np.random.Generator
) -> list[tuple[int | None, int]]:
    """DRAWS times the whole month's percentile in microseconds, by nearest rank (None without data), and its number."""
    found: list[tuple[int | None, int]] = []
    for times in _draw_times(history, so_far, least, random):
        whole = np.concatenate([so_far.times_us, times])
        if not len(whole):
            found.append((None, 0))
            continue
        place = max(1, -(-percentile.numerator * len(whole) // (100 * percentile.denominator))) - 1
        found.append((int(np.partition(whole, place)[place]), len(whole)))
    return found


def _draw_times(history: History, so_far: Stretch, least: int, random: np.random.Generator) -> list[np.ndarray]:
    """DRAWS arrays of microseconds: the times of the month's rest, each drawn anew from one stretch that is known."""
    sizes = _sizes(history, least, random)
    known = [each.times_us for each in (*history.beginnings, *history.rests, so_far) if len(each.times_us)]
    if not known:
        return [np.empty(0, dtype=np.int64) for _ in sizes]
    chosen = random.integers(len(known), size=DRAWS)
    return [random.choice(known[which], size=size) for which, size in zip(chosen, sizes, strict=True)]


def _sizes(history: History, least: int, random: np.random.Generator) -> np.ndarray:
    volumes = np.array([rest.denominator for rest in history.rests] or [least])
    return np.maximum(random.poisson(random.choice(volumes, size=DRAWS)), least)


@dataclass(frozen=True)
class _Explained:
    """What the known stretches say: how likely each law of months is, and the running month's share under each.

    `law` has an axis each for the mean of all months, the agreement of months, and that of a month's stretches; `prior`
    is the share of a month (last axis) under the first two; `so_far` how well each share and the third explain this
    month's beginning.
    """

    law: np.ndarray
    prior: np.ndarray
    so_far: np.ndarray

    @classmethod
    def of(cls, months: Sequence[tuple[Stretch, Stretch]], so_far: Stretch) -> "_Explained":
        """Every mean, and every order of magnitude of agreement, is as likely as another beforehand."""
        prior = _shares_of_months()
        law = np.broadcast_to(
            np.log(_MEANS * (1 - _MEANS))[:, None, None], (len(_MEANS), len(_AGREEMENTS), len(_AGREEMENTS))
        ).copy()
        for known in (*months, (so_far,)):
            told = sum((_log_likelihood(each) for each in known), np.zeros((len(_SHARES), len(_AGREEMENTS))))
            scale = told.max()
            law += np.log(np.maximum(prior @ np.exp(told - scale), 1e-300)) + scale
        law = np.exp(law - law.max())
        beginning = _log_likelihood(so_far)
        return cls(law / law.sum(), prior, np.exp(beginning - beginning.max()))


@cache
def _shares_of_months() -> np.ndarray:
    """How likely a month has each share (last axis), by the mean of all months and how alike they are."""
    means, alike = _MEANS[:, None, None], _AGREEMENTS[None, :, None]
    logs = np.log(_SHARES) * means * alike + np.log(1 - _SHARES) * (1 - means) * alike
    prior = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(prior / prior.sum(axis=-1, keepdims=True))


def _log_likelihood(known: Stretch) -> np.ndarray:
    """Of a month's share (rows) and the agreement of its stretches (columns): how well they explain one stretch."""
    first, second = _SHARES[:, None] * _AGREEMENTS, (1 - _SHARES[:, None]) * _AGREEMENTS
    rest = known.denominator - known.numerator
    return np.asarray(betaln(first + known.numerator, second + rest) - betaln(first, second))


def _rest_of_month(known: _Explained, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """DRAWS times the running month's share, and how closely its rest keeps to it."""
    laws, often = np.unique(random.choice(known.law.size, size=DRAWS, p=known.law.ravel()), return_counts=True)
    mean, alike, agreement = np.unravel_index(laws, known.law.shape)
    weights = known.prior[mean, alike] * known.so_far[:, agreement].T
    weights /= weights.sum(axis=1, keepdims=True)
    share = [random.choice(_SHARES, size=count, p=row) for count, row in zip(often, weights, strict=True)]
    order = random.permutation(DRAWS)
    return np.concatenate(share)[order], np.repeat(_AGREEMENTS[agreement], often)[order]
