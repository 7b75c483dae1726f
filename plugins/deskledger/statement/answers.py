"""Survey answers made ready to measure: what the period may know of, which answers count, and their tickets' values.

The contract says which of a ticket's answers counts and which instant places it (domain: CSAT maths, 4 and 5).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from deskledger import csat
from deskledger.contract.terms import CsatTerms, ServiceLevel
from deskledger.statement.population import CHANGING, in_period, values_at, with_ticket_fields, within

_INSTANT = pd.DatetimeTZDtype("us", "UTC")


def prepare(
    answers: pd.DataFrame,
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    terms: CsatTerms,
    start_at: pd.Timestamp,
    end_at: pd.Timestamp,
    survey_wait: timedelta,
) -> pd.DataFrame:
    """The period's surveys, one row an answer or unanswered survey, with what measuring needs.

    An answer is known when it was given before the period's end plus `survey_wait`; a later one leaves its survey
    unanswered. Adds `attributed_at` (an unanswered survey's is the instant that places it, or when it was sent),
    `is_counted` with `class` (good, neutral, poor) where the contract's rules count it, and the ticket's fields as
    they were at the attribution instant. Rows of other periods are left out, but a survey of this one stays whenever it
    was answered: it was sent.
    """
    known = _known(answers, end_at + survey_wait)
    known["solved_at"] = _solved_at(known, events)
    created_at = tickets.drop_duplicates("ticket_key").set_index("ticket_key")["created_at"]
    known["created_at"] = created_at.reindex(known["ticket_key"]).set_axis(known.index).astype(_INSTANT)
    selected = csat.select(known, terms, start_at.to_pydatetime(), end_at.to_pydatetime())
    known["is_counted"] = known.index.isin(selected.index)
    known["class"] = selected["class"].astype("str").reindex(known.index)
    instants = known[f"{terms.attribution}_at"].astype(_INSTANT)
    known["attributed_at"] = instants.fillna(known["sent_at"])
    mine = in_period(known["attributed_at"], start_at, end_at) | in_period(_surveyed_at(known, terms), start_at, end_at)
    known = known[mine]
    told = values_at(events, CHANGING, known["ticket_key"], known["attributed_at"])
    for field in CHANGING:
        # A survey that names its team or agent knows better than the ticket: it was asked about them.
        own = known[field].astype("str") if field in known else pd.Series(pd.NA, index=known.index, dtype="str")
        known[field] = own.where(own.notna(), told[field])
    return with_ticket_fields(known, tickets)


def _surveyed_at(answers: pd.DataFrame, terms: CsatTerms) -> pd.Series:
    """The instant that says whose survey it is: the month of the ticket's own instant, or that it was sent in."""
    return answers["attributed_at" if terms.attribution in {"created", "solved"} else "sent_at"]


def _known(answers: pd.DataFrame, limit: pd.Timestamp) -> pd.DataFrame:
    """One row an answer given before `limit`, and one a survey without any."""
    known = answers[(answers["sent_at"] < limit).to_numpy(dtype=bool)].reset_index(drop=True)
    late = (known["responded_at"] >= limit).to_numpy(dtype=bool)
    known["rating"] = known["rating"].mask(late)
    known["responded_at"] = known["responded_at"].mask(late)
    answered = known["rating"].notna() & known["responded_at"].notna()
    # The row that says "sent" stands until an answer of the same survey is there.
    order = known.assign(rank=(~answered).astype("int64")).sort_values(
        ["source", "survey_id", "rank", "answer_id"], kind="stable"
    )
    has_answer = answered.groupby([known["source"].astype("str"), known["survey_id"]]).transform("any")
    first = ~order.duplicated(["source", "survey_id"]).reindex(known.index)
    return known[answered | (~has_answer & first)].reset_index(drop=True)


def _solved_at(known: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """When each survey's ticket had last been resolved before the survey was sent; missing where it had not.

    Closing a ticket that was not resolved is its resolution; closing a resolved one is not another.
    """
    told = events[(events["kind"].astype("str") == "status").to_numpy(dtype=bool)]
    told = told.sort_values(["ticket_key", "occurred_at", "seq", "event_id"], kind="stable")
    status = told["value"].astype("str")
    was_done = status.groupby(told["ticket_key"]).shift().isin(["resolved", "closed"])
    solved = told[(status == "resolved") | ((status == "closed") & ~was_done)]
    asked = known[["ticket_key", "sent_at"]].assign(row=np.arange(len(known)))
    found = pd.merge_asof(
        asked.sort_values("sent_at", kind="stable"),
        solved[["ticket_key", "occurred_at"]].sort_values("occurred_at", kind="stable"),
        left_on="sent_at",
        right_on="occurred_at",
        by="ticket_key",
    )
    return found.sort_values("row")["occurred_at"].astype(_INSTANT).set_axis(known.index)


def summary(
    answers: pd.DataFrame,
    terms: CsatTerms,
    levels: Sequence[ServiceLevel],
    start_at: pd.Timestamp,
    end_at: pd.Timestamp,
) -> dict[str, Any]:
    """The period's surveys for display: sent, answered, classes, shares with Wilson intervals, and headroom.

    Shares and bounds are text of per cent with two decimals. `answers` are those of `prepare`, in the contract's scope.
    Headroom is that of a level's own population, and not told of a rolling window, whose next month drops answers too.
    """
    given = answers[answers["is_counted"].astype(bool)]
    counted = csat.measurement(given)
    surveys = answers.assign(sent_at=_surveyed_at(answers, terms))
    response = csat.response(surveys, start_at.to_pydatetime(), end_at.to_pydatetime()).iloc[0]
    sent, answered = int(response["sent"]), int(response["answered"])
    considered = counted["good"] + counted["poor"]
    if terms.denominator == "include_neutral":
        considered += counted["neutral"]
    shares: dict[str, Any] = {}
    for which in ("good", "poor"):
        share = csat.share(counted, which, terms.denominator)
        # Cut towards the verdict: a good share down, a poor share up.
        rounding = math.floor if which == "good" else math.ceil
        shares[f"{which}_pct"] = None if share is None else f"{Decimal(rounding(share * 100)).scaleb(-2):.2f}"
        bounds = csat.wilson(counted[which], considered)
        shares[f"{which}_interval_pct"] = None if share is None else [f"{100 * bound:.2f}" for bound in bounds]
    return {
        "sent": sent,
        "answered": answered,
        "response_rate_pct": f"{Decimal(10_000 * answered // sent).scaleb(-2):.2f}" if sent else None,
        **counted,
        "considered": considered,
        "denominator": terms.denominator,
        **shares,
        "headroom": [
            _headroom(csat.measurement(given[within(given, level.population)]), level, terms)
            for level in levels
            if level.measure.subject == "csat" and level.window_months == 1
        ],
    }


def _headroom(counted: Mapping[str, int], level: ServiceLevel, terms: CsatTerms) -> dict[str, Any]:
    left = csat.headroom(counted, level, terms.denominator)
    return {"title": level.title or level.name, "poor_borne": left.poor_borne, "good_needed": left.good_needed}
