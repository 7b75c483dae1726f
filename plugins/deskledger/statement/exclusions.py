"""What two persons put on record: rows and credit set aside, incomplete tickets that no longer block, claims.

A `removed` row leaves numerator and denominator; an `excused` one is added back to the numerator (penalty structures,
14). Waived credit is `penalties.waive`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from deskledger.contract.terms import ServiceLevel, Version
from deskledger.errors import StatementError
from deskledger.model import ticket_keys
from deskledger.statement.claims import Said, said

# Rows that an exclusion can take out: what was judged. Whatever is out already stays what it is.
_JUDGED = ["met", "failed", "counted", "neutral", "carried"]


@dataclass(frozen=True)
class Exclusion:
    """An approved exclusion. `tickets` are keys whose every cycle it is about, `surveys` are (source, survey id).

    `cycles` are (key, cycle, the version that measures it); `service_levels` those it is about; none named: all.
    """

    request_id: str
    title: str
    clause: str
    effect: Literal["removed", "excused"]
    service_levels: frozenset[str]
    tickets: frozenset[int]
    cycles: frozenset[tuple[int, int, int]]
    surveys: frozenset[tuple[str, str]]

    def reason(self) -> str:
        return f"{self.request_id}: {self.title} (clause {self.clause})"


@dataclass(frozen=True)
class CreditWaiver:
    """An approved waiver of a line's credit, at most `amount` of it."""

    request_id: str
    line: str
    amount: Decimal


@dataclass(frozen=True)
class Granted:
    """What approved requests change in a month; `records` are the requests themselves, for the statement to list.

    `incomplete_tickets` are keys, `quarantined_rows` ids: they stay listed and unpriced, and no longer block posting.
    """

    exclusions: tuple[Exclusion, ...] = ()
    waivers: tuple[CreditWaiver, ...] = ()
    incomplete_tickets: frozenset[int] = frozenset()
    quarantined_rows: frozenset[str] = frozenset()
    said: Said = field(default_factory=Said)
    records: tuple[Mapping[str, Any], ...] = ()

    def without(self, request_id: str | None = None) -> "Granted":
        """The same without one request; without all that changes money when none is named."""
        kept = [each for each in self.exclusions if request_id is not None and each.request_id != request_id]
        waived = [each for each in self.waivers if request_id is not None and each.request_id != request_id]
        said = self.said.without(request_id)
        return Granted(tuple(kept), tuple(waived), self.incomplete_tickets, self.quarantined_rows, said, self.records)

    def changing(self) -> set[str]:
        """The requests that may change money."""
        return {
            *(each.request_id for each in self.exclusions),
            *(each.request_id for each in self.waivers),
            *(each.request_id for each in self.said.claims),
            *(each.request_id for each in self.said.choices),
        }


def granted(requests: Sequence[Mapping[str, Any]]) -> Granted:
    """From approved rows of ledger.request_state (oldest first) to what they change."""
    about = {kind: [row for row in requests if row["kind"] == kind] for kind in {row["kind"] for row in requests}}
    incomplete = [subject for row in about.get("incomplete_waiver", ()) for subject in row["subjects"]]
    return Granted(
        exclusions=tuple(_exclusion(row) for row in about.get("exclusion", ())),
        waivers=tuple(
            CreditWaiver(row["request_id"], row["line"], row["amount"]) for row in about.get("credit_waiver", ())
        ),
        incomplete_tickets=frozenset(_key(subject) for subject in incomplete if "ticket_id" in subject),
        quarantined_rows=frozenset(
            str(subject["quarantine_id"]) for subject in incomplete if "quarantine_id" in subject
        ),
        said=said(requests),
        records=tuple(requests),
    )


def _exclusion(row: Mapping[str, Any]) -> Exclusion:
    terms, subjects = row["terms"], row["subjects"]
    return Exclusion(
        request_id=row["request_id"],
        title=terms["title"],
        clause=terms["clause"],
        effect=terms["effect"],
        service_levels=frozenset(row["service_levels"]),
        tickets=frozenset(_key(each) for each in subjects if "ticket_id" in each and not each.get("cycle")),
        cycles=frozenset((_key(each), each["cycle"], each["version"]) for each in subjects if each.get("cycle")),
        surveys=frozenset((each["source"], each["survey_id"]) for each in subjects if "survey_id" in each),
    )


def _key(subject: Mapping[str, Any]) -> int:
    return int(ticket_keys(subject["source"], [subject["ticket_id"]])[0])


def exclude(level: ServiceLevel, rows: pd.DataFrame, exclusions: Sequence[Exclusion]) -> pd.DataFrame:
    """The level's judged rows with every exclusion applied that is about it, the first of two that name the same row.

    Raises StatementError where `excused` has no meaning: a time or a rating cannot be added back to a numerator.
    """
    for exclusion in exclusions:
        if exclusion.service_levels and level.name not in exclusion.service_levels:
            continue
        chosen = _named(rows, exclusion) & rows["fate"].astype("str").isin(_JUDGED).to_numpy(dtype=bool)
        if not chosen.any():
            continue
        if exclusion.effect == "excused" and (level.measure.subject, level.measure.statistic) != ("clock", "share_met"):
            raise StatementError(
                f"{exclusion.request_id} excuses rows of {level.name!r}, which is no share of clocks met",
                where=f"clause {exclusion.clause}",
                remedy="revoke it, and ask for it again naming the service levels that it is about",
            )
        rows = rows.copy()
        # What an earlier month judged is in no share of this one, so there is nothing to add it back to.
        is_excused = (rows["fate"].astype("str") != "carried").to_numpy(dtype=bool) & (exclusion.effect == "excused")
        rows.loc[chosen, "fate"] = np.where(is_excused, "excused", "excluded")[chosen]
        rows.loc[chosen, "is_numerator"] = is_excused[chosen]
        rows.loc[chosen, "is_denominator"] = is_excused[chosen]
        rows.loc[chosen, "reason"] = exclusion.reason()
    return rows


def is_set_aside(evidence: pd.DataFrame, exclusions: Sequence[Exclusion]) -> np.ndarray:
    """Which rows (model.EVIDENCE) an exclusion names, decided or not: a running cycle will not be judged either."""
    level = evidence["service_level"].astype("str")
    chosen = np.zeros(len(evidence), dtype=bool)
    for exclusion in exclusions:
        concerned = level.isin(list(exclusion.service_levels)) if exclusion.service_levels else level.notna()
        chosen |= _named(evidence, exclusion) & concerned.to_numpy(dtype=bool)
    return chosen


def _named(rows: pd.DataFrame, exclusion: Exclusion) -> np.ndarray:
    keys = rows["ticket_key"]
    chosen = keys.isin(list(exclusion.tickets)).to_numpy(dtype=bool)
    if exclusion.cycles and "cycle" in rows:
        cycles = pd.MultiIndex.from_arrays([keys, rows["cycle"], rows["version"]])
        chosen = chosen | cycles.isin(list(exclusion.cycles))
    if exclusion.surveys and "survey_id" in rows:
        surveys = pd.MultiIndex.from_arrays([rows["source"].astype("str"), rows["survey_id"].astype("str")])
        chosen = chosen | surveys.isin(list(exclusion.surveys))
    return np.asarray(chosen, dtype=bool)


def refuse_other_terms(version: Version, requests: Sequence[Mapping[str, Any]]) -> None:
    """Raise StatementError for an exclusion in other terms than the version's own: nobody approved a draft with these.

    A reason's terms are approved with its version, and a version that restates a month may word them otherwise.
    """
    own = {reason.name: asdict(reason) for reason in version.exclusions}
    for row in requests:
        if row["kind"] == "exclusion" and own.get(row["reason"]) != row["terms"]:
            raise StatementError(
                f"{row['request_id']} was granted for {row['reason']!r} in other terms than version {version.number}'s",
                where=f"clause {row['terms'].get('clause')}",
                remedy="revoke it, and ask for it again for a reason that the version accepts",
            )


def counts(evidence: pd.DataFrame, request_id: str) -> dict[str, int]:
    """How many rows of each service level a request set aside or excused, by the evidence's own reasons."""
    mine = evidence["reason"].astype("str").str.startswith(f"{request_id}: ").fillna(False).to_numpy(dtype=bool)
    taken = evidence.loc[mine, "service_level"].astype("str").value_counts()
    return {str(level): int(number) for level, number in sorted(taken.items())}
