"""CSAT as the contract counts it: classes, denominators, which answers hold, and what a month still bears.

Raw ratings only, never a vendor's own good or bad (domain: CSAT 1-6). Prices use the point value; the interval is for
people who read it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from deskledger.contract.terms import CsatTerms, ServiceLevel
from deskledger.errors import ContractError

CLASSES = ("good", "neutral", "poor")
_STARS = {said: stars for stars in range(1, 6) for said in (stars, str(stars))}

# The 97.5 % quantile of the normal distribution: the usual 95 % interval.
_Z = Decimal("1.959964")
_INSTANT = pd.DatetimeTZDtype("us", "UTC")
_INSTANT_OF = {"created": "created_at", "solved": "solved_at", "sent": "sent_at", "responded": "responded_at"}


@dataclass(frozen=True)
class Headroom:
    """What one service level still bears: poor answers before it fails, or good ones needed until it holds again.

    `poor_borne` is 0 while it fails; `good_needed` is 0 while it holds and None where no number of them is enough.
    """

    poor_borne: int | None
    good_needed: int | None


def select(answers: pd.DataFrame, terms: CsatTerms, begin: datetime, end: datetime) -> pd.DataFrame:
    """The answers that count in a period, each with its `attributed_at` and its `class` (good, neutral or poor).

    `answers` are rows of model.SURVEY_ANSWER; attribution to `created` and `solved` needs the ticket's `created_at`, or
    when it was solved, in a column of that name beside them.
    [begin, end) are aware instants. Of several answers on one ticket the first, the last or all hold; where answers
    count when they are given, those given after the period cannot displace one that was given in it.
    Raises ContractError for a rating in no class.
    """
    instants = answers[_INSTANT_OF[terms.attribution]].astype(_INSTANT)
    given = answers["rating"].notna() & answers["responded_at"].notna()
    if terms.attribution == "responded":
        given &= instants < end
    chosen = answers.assign(attributed_at=instants)[given]
    if terms.answers != "all":
        order = chosen.sort_values(["responded_at", "survey_id", "answer_id"])
        chosen = order.drop_duplicates("ticket_key", keep=terms.answers).sort_index()
    chosen = chosen[(chosen["attributed_at"] >= begin) & (chosen["attributed_at"] < end)]
    return chosen.assign(**{"class": _classes(chosen["rating"], terms)})


def _classes(ratings: pd.Series, terms: CsatTerms) -> pd.Series:
    code_of = np.full(6, -1, dtype=np.int8)
    for code, name in enumerate(CLASSES):
        code_of[list(getattr(terms, name))] = code
    values = ratings.astype("int64").to_numpy()
    known = (values >= 1) & (values <= 5)
    codes = code_of[np.where(known, values, 0)]  # no class holds 0
    if (codes < 0).any():
        raise ContractError(
            f"ratings of {sorted(set(values[codes < 0].tolist()))} are in no class",
            where=f"clause {terms.clause}",
            remedy="put each of 1 to 5 into good, neutral or poor",
        )
    classes = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(CLASSES)))
    return pd.Series(classes, index=ratings.index)


def counts(selected: pd.DataFrame, by: str | list[str] | None = None) -> pd.DataFrame:
    """Good, neutral, poor and their sum `answers`, one row a group of `by` (one row in all without it).

    Answers without a value are a group too, so that groups add up to the whole.
    """
    flags = pd.DataFrame({name: (selected["class"] == name).astype("int64") for name in CLASSES}, index=selected.index)
    keys = [by] if isinstance(by, str) else by
    if keys is None:
        table = flags.sum().to_frame().T
    else:
        table = flags.groupby([selected[key].astype("str") for key in keys], dropna=False).sum()
    return table.assign(answers=table.sum(axis=1)).astype("int64")


def measurement(selected: pd.DataFrame) -> dict[str, int]:
    """The counts of one population in the form that penalties take: {"good": 30, "neutral": 24, "poor": 6}."""
    row = counts(selected).iloc[0]
    return {name: int(row[name]) for name in CLASSES}


def response(answers: pd.DataFrame, begin: datetime, end: datetime, by: str | list[str] | None = None) -> pd.DataFrame:
    """Surveys sent in [begin, end), how many were answered, and the rate in per cent (missing where none was sent)."""
    sent = answers[(answers["sent_at"] >= begin) & (answers["sent_at"] < end)]
    surveys = sent.assign(is_answered=sent["responded_at"].notna() & sent["rating"].notna())
    keys = [by] if isinstance(by, str) else (by or [])
    surveys = surveys.assign(**{key: surveys[key].astype("str") for key in keys})
    once = surveys.groupby([*keys, "source", "survey_id"], observed=True, dropna=False)["is_answered"].any()
    if keys:
        grouped = once.groupby(level=keys, dropna=False)
        table = pd.DataFrame({"sent": grouped.size(), "answered": grouped.sum()})
    else:
        table = pd.DataFrame({"sent": [len(once)], "answered": [int(once.sum())]})
    return table.assign(response_rate_pct=100 * table["answered"] / table["sent"])


def share(counted: Mapping[str, int], which: str, denominator: str) -> Fraction | None:
    """The good or poor share in per cent, exactly; None without an answer in the denominator."""
    whole = _denominator(counted, denominator)
    return Fraction(100 * int(counted[which]), whole) if whole else None


def headroom(counted: Mapping[str, int], level: ServiceLevel, denominator: str) -> Headroom:
    """How many poor answers a CSAT service level still bears, and how many good ones it needs to hold again."""
    whole = _denominator(counted, denominator)
    part, limit = int(counted[level.measure.name]), level.target / 100
    if level.measure.name == "good" and level.operator == ">=":
        spare = None if limit == 0 else math.floor(part / limit) - whole
        missing = _ceiling(limit * whole - part, 1 - limit)
    elif level.measure.name == "poor" and level.operator == "<=":
        spare = None if limit == 1 else math.floor((limit * whole - part) / (1 - limit))
        missing = 0 if part <= limit * whole else (None if limit == 0 else math.ceil(part / limit) - whole)
    else:
        raise ContractError(
            f"{level.measure.name} {level.operator} is not a CSAT objective",
            where=f"clause {level.clause}",
            remedy="ask for good >= or poor <=",
        )
    return Headroom(None if spare is None else max(spare, 0), missing)


def _ceiling(short: Fraction, gain: Fraction) -> int | None:
    if short <= 0:
        return 0
    return None if gain == 0 else math.ceil(short / gain)


def _denominator(counted: Mapping[str, int], denominator: str) -> int:
    neutral = int(counted["neutral"]) if denominator == "include_neutral" else 0
    return int(counted["good"]) + int(counted["poor"]) + neutral


def wilson(part: int, whole: int) -> tuple[Decimal, Decimal]:
    """The 95 % Wilson interval of a share, as shares between 0 and 1; (0, 1) when nothing was counted."""
    if whole == 0:
        return Decimal(0), Decimal(1)
    with localcontext() as context:
        context.prec = 28
        p, n, squared = Decimal(part) / Decimal(whole), Decimal(whole), _Z * _Z
        centre = p + squared / (2 * n)
        spread = _Z * (p * (1 - p) / n + squared / (4 * n * n)).sqrt()
        scale = 1 + squared / n
        return max((centre - spread) / scale, Decimal(0)), min((centre + spread) / scale, Decimal(1))


def counts_of_rows(
    terms: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], first_day: str, last_day: str
) -> dict[str, int]:
    """Counts of answers given one by one, each with ticket, rating and the days it was sent, answered and solved.

    `terms` name the scale, `dedupe` (first, last or all) and `attribute_to`; the days are included, in UTC. Stars and
    ratings are whole numbers, or text that says one. Raises ContractError for others and for a rating in no class.
    """
    clause = str(terms.get("clause", ""))
    good, neutral, poor = (frozenset(_stars(each, clause) for each in terms["scale"].get(name, ())) for name in CLASSES)
    made = CsatTerms(
        clause=clause,
        good=good,
        neutral=neutral,
        poor=poor,
        denominator=terms["denominator"],
        answers=terms["dedupe"],
        attribution=terms["attribute_to"],
    )
    frame = pd.DataFrame(
        {
            "survey_id": "",
            "answer_id": [f"{index:09d}" for index in range(len(rows))],
            "ticket_key": pd.factorize(np.array([str(row["ticket"]) for row in rows], dtype=object))[0],
            "rating": pd.array(
                [None if row.get("rating") is None else _stars(row["rating"], clause) for row in rows], dtype="Int64"
            ),
            **{column: _days(rows, word) for word, column in _INSTANT_OF.items()},
        }
    )
    begin = pd.Timestamp(first_day, tz="UTC")
    end = pd.Timestamp(last_day, tz="UTC") + pd.Timedelta(days=1)
    return measurement(select(frame, made, begin.to_pydatetime(), end.to_pydatetime()))


def _stars(told: Any, clause: str) -> int:
    """The stars that a number or a text says."""
    if told not in _STARS:
        raise ContractError(
            f"{told!r} is not a number of stars", where=f"clause {clause}", remedy="use whole numbers from 1 to 5"
        )
    return _STARS[told]


def _days(rows: Sequence[Mapping[str, Any]], word: str) -> pd.Series:
    return pd.to_datetime(
        pd.Series([row.get(word) for row in rows], dtype="object"), utc=True, format="ISO8601"
    ).astype(_INSTANT)
