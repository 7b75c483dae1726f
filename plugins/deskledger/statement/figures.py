"""Figures beside the service levels, for the report: flow, ages, shares, times, days and groups. Never priced.

Whole numbers and text only, so that they can be frozen with the statement; docs/kpis.md defines each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from deskledger import csat, kpis
from deskledger.statement.kpi_rows import with_values
from deskledger.statement.material import Material
from deskledger.statement.population import in_period, within

# How a report cuts its figures; an agent's own are not for a customer's eyes.
GROUPS = ("team", "account", "product", "priority")
_LAST = pd.Timedelta(microseconds=1)
_SHARES = {
    "reopened": "reopened",
    "undue_escalations": "undue_l3_escalations",
    "without_eta": "without_eta",
    "acknowledged": "acknowledged",
    "l3_escalations": "l3_escalations",
    "management_escalations": "management_escalations",
}


def figures(month: Material, timezone: str, groups: Sequence[str] = GROUPS) -> dict[str, Any]:
    """What the period's tickets in the month's scope came to, as a whole, day by day, and by each of `groups`.

    A ticket's flow belongs to the account, team, … that it had at the period's end; days are those of `timezone`.
    """
    start_at, end_at, cycles, answers = month.start_at, month.end_at, month.cycles, month.answers
    tickets, events, counted = month.inputs.tickets, month.inputs.events, month.counted
    begin, end = start_at.to_pydatetime(), end_at.to_pydatetime()
    standing = with_values(tickets[["ticket_key", "created_at"]].assign(attributed_at=end_at - _LAST), tickets, events)
    standing = standing[within(standing, month.scope)].reset_index(drop=True)
    stopped = cycles[in_period(cycles["stopped_at"], start_at, end_at)]
    stopped = stopped[stopped["is_chosen"].astype(bool)]
    given = answers[answers["is_counted"].astype(bool)] if "is_counted" in answers else None
    desk = kpis.DeskPeriod(standing, events, begin, end)
    flows = kpis.backlog_parts(desk)
    edges = kpis.day_edges(begin, end, timezone)
    third = counted[(counted["kpi"] == "l3_escalations") & counted["is_numerator"]]
    finished = desk.changes[desk.changes["is_done"]]
    return {
        "backlog": _whole(kpis.sums(flows, standing)),
        **{name: kpis.measurement(kpis.share(counted[counted["kpi"] == kpi])) for name, kpi in _SHARES.items()},
        "times": {str(clock): row for (clock,), row in _rows(kpis.times(stopped)).items()},
        "daily": {
            "first_day": f"{edges[0].tz_convert(timezone):%Y-%m-%d}",
            "created": kpis.arrivals(standing, edges).tolist(),
            "finished": kpis.per_interval(finished["occurred_at"], edges).tolist(),
            "open": kpis.open_at(desk, edges[1:]).tolist(),
            "l3_escalations": kpis.per_interval(third["attributed_at"], edges).tolist(),
        },
        "rating_by_time": None if given is None else _rating_by_time(given),
        "by": {field: by_group(field, standing, flows, stopped, given, counted) for field in groups},
    }


def by_group(
    field: str,
    standing: pd.DataFrame,
    flows: pd.DataFrame,
    stopped: pd.DataFrame,
    given: pd.DataFrame | None,
    counted: pd.DataFrame,
) -> list[dict[str, Any]]:
    """One row a team, account, … in the order of their names, those of no name last; sums are the whole's.

    `standing` are tickets with their values at the period's end, `flows` their parts in the backlog, `stopped` the
    cycles that ended in the period, `given` the answers that count.
    """
    flow = _rows(kpis.sums(flows, standing, [field]))
    taken = _rows(kpis.times(stopped, by=[field]))
    rated = {} if given is None else _rows(csat.counts(given, by=field))
    shares = _rows(kpis.share(counted, by=["kpi", field])[["numerator", "denominator"]])
    clocks = list(dict.fromkeys(clock for clock, _ in taken))  # by name
    names = {key[-1] for table in (flow, taken, rated) for key in table}
    names |= {name for kpi, name in shares if kpi in _SHARES.values()}
    return [
        {
            "name": name,
            "flow": flow.get((name,), {}),
            "times": {clock: taken[clock, name] for clock in clocks if (clock, name) in taken},
            "csat": rated.get((name,), {}),
            **{
                share: {"num": shares[kpi, name]["numerator"], "den": shares[kpi, name]["denominator"]}
                for share, kpi in _SHARES.items()
                if (kpi, name) in shares
            },
        }
        for name in sorted(names, key=lambda each: (each is None, each or ""))
    ]


def _rating_by_time(given: pd.DataFrame) -> dict[str, Any]:
    """Whether the longer a ticket took (creation to its resolution before the survey), the worse it was rated."""
    took = given["solved_at"] - given["created_at"]
    pairs = pd.DataFrame({"took": took, "rating": given["rating"].astype("Float64")})
    found = kpis.rank_correlation(pairs, "took", "rating").iloc[0]
    return {"n": int(found["n"]), "rho": None if pd.isna(found["rho"]) else f"{found['rho']:.2f}"}


def _whole(table: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(number) for name, number in table.iloc[0].items()}


def _rows(table: pd.DataFrame) -> dict[tuple[str | None, ...], dict[str, int]]:
    """A table's rows by their key; a missing part of a key is None."""
    keys: Iterable[Any] = table.index if table.index.nlevels > 1 else ((key,) for key in table.index)
    records: Sequence[Mapping[Any, Any]] = table.to_dict("records")
    return {
        tuple(None if pd.isna(part) else str(part) for part in key): {str(name): int(n) for name, n in row.items()}
        for key, row in zip(keys, records, strict=True)
    }
