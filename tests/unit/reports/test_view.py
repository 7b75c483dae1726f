"""What the report shows of money and time is what the penalties and the verdicts took."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from deskledger import penalties, reports
from deskledger.reports import tables
from deskledger.reports.view import view

Make = Callable[..., reports.StatementRecord]
NOW = datetime(2026, 4, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("currency", "bases", "cap", "limit"),
    [
        ("EUR", {"fee": "1000.30"}, {"pct": "5"}, "50.01"),  # 50.015
        ("EUR", {"fee": "1000.70"}, {"pct": "5"}, "50.03"),  # 50.035
        ("EUR", {"extra": "10", "fee": "1000"}, {"pct": "5"}, "50.00"),
        ("JPY", {"fee": "1015"}, {"pct": "5"}, "50"),  # 50.75
        ("KWD", {"fee": "1000.15"}, {"pct": "5"}, "50.007"),  # 50.0075
        ("EUR", {"fee": "1000"}, {"amount": "49.999"}, "49.99"),
    ],
)
def test_a_caps_limit_is_the_one_that_the_penalties_take(
    record: Make, currency: str, bases: dict[str, str], cap: dict[str, str], limit: str
) -> None:
    term = {"id": "late", "measure": "level", "schedule": {"kind": "threshold", "op": ">=", "target": "90",
            "consequence": {"amount": "900"}}}  # fmt: skip
    priced = {"currency": currency, "bases": bases, "terms": [term], "caps": [{"id": "month", **cap}]}
    credit = penalties.assess(priced, {"measures": {"level": {"num": 1, "den": 2}}}).credit
    assert str(credit) == limit
    made = record()
    draft = {**made.draft, "currency": currency, "credit_amount": credit, "assessment": {"contract": priced}}
    (shown,) = view(record(draft=draft), NOW)["caps"]
    assert shown["limit"] == f"{limit} {currency}"
    assert Decimal(shown["left"].split()[0]) == 0


def test_a_time_past_its_objective_by_seconds_is_seen_to_be_past_it(record: Make) -> None:
    made = record()
    timed = {"statistic": "percentile", "operator": "<=", "target": "21600", "value": "21645"}
    line = {**made.lines[0], "operator": "<=", "target": "21600", "value": "21645", "band_edge": "<= 21600"}
    told = view(record(levels=[{**made.levels[0], **timed}], lines=[line], trend={}), NOW)
    assert (told["levels"][0]["objective"], told["levels"][0]["result"]) == ("at most 6 h", "6 h 0 min 45 s")
    assert (told["lines"][0]["value"], told["lines"][0]["edge"]) == ("6 h 0 min 45 s", "<= 6 h")


@pytest.mark.parametrize(
    ("over_us", "elapsed", "over"),
    [(45_000_000, "1 h 0 min 45 s", "45 s"), (1, "1 h 0 min 1 s", "1 s"), (3_600_000_000, "2 h", "1 h")],
)
def test_a_late_ticket_is_never_shown_with_its_target(record: Make, over_us: int, elapsed: str, over: str) -> None:
    evidence = record().evidence.assign(elapsed_us=lambda rows: rows["target_us"] + over_us)
    (row, *_), count = tables.breaches(evidence, {}, "Etc/UTC")
    told: tuple[Any, ...] = (row["elapsed"], row["target"], row["over"], count)
    assert told == (elapsed, "1 h", over, 1)
