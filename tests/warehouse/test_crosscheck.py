"""The demo's account has SLA figures of its own: each cycle of ours beside them, and every seeded difference found."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import MappingError
from deskledger.sources.demo import scene
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Store, running
from deskledger.sources.demo.zendesk_server.figures import POLICIES
from deskledger.sources.demo.zendesk_server.odd_figures import odd_tickets
from deskledger.steps import crosscheck, ingest, measure, quality
from deskledger.steps.extract import extract

from tests.desk_server import SteppedClock
from tests.warehouse.ingest_desk import ask

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = "2026-04-10"
FIGURES = yaml.safe_load((ROOT / "mappings" / "zendesk.yaml").read_text())["desk_figures"]


@pytest.fixture
def store(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The account extracted, loaded and measured."""
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path / "mappings"))
    (tmp_path / "mappings").mkdir()
    mapping = yaml.safe_load((ROOT / "mappings" / "demo.yaml").read_text())
    (tmp_path / "mappings" / "demo.yaml").write_text(yaml.safe_dump({**mapping, "desk_figures": FIGURES}))
    store = Store.make(seed=3, tickets_per_month=200, habits=scene.Habits(merged=0.03, deleted=0.03))
    with running(store) as server:
        connection = {"conn_type": "http", "host": server.base_url, "login": LOGIN, "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DEMO", json.dumps(connection))
        extract("demo", DAY, NOW, clock=SteppedClock(NOW))
    ingest.load("demo", DAY, NOW)
    for contract in ("alder", "brisa"):
        for month in ("2026-01", "2026-02", "2026-03", "2026-04"):
            measure.measure_shards(contract, month, 0, 255, NOW)
    yield store


def seeded(store: Store) -> dict[str, list[str]]:
    """The ids of the tickets whose figures the desk takes otherwise, by what is odd about them."""
    covered = np.array([any(account.name in each.accounts for each in POLICIES) for account in scene.ACCOUNTS])
    return {kind: [str(ticket + 1) for ticket in found] for kind, found in odd_tickets(store, covered).items()}


def changed_priority(store: Store) -> set[str]:
    rows = pd.DataFrame({name: store.acted.rows[name] for name in ("ticket", "priority")})
    changes = rows.groupby("ticket")["priority"].nunique()
    return {str(ticket + 1) for ticket in changes[changes > 1].index}


def test_every_seeded_difference_is_found_under_its_cause_and_all_others_have_a_reason(
    warehouse: Engine, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.concat(list(crosscheck.compared("demo")), ignore_index=True)
    odd = seeded(store)
    assert all(len(tickets) == 2 for tickets in odd.values())
    for kind, tickets in odd.items():
        metric = "reply_time" if kind.endswith("none") else "agent_work_time"
        found = rows[rows["ticket_id"].isin(tickets) & (rows["metric"] == metric) & (rows["cause"] != "agrees")]
        assert sorted(zip(found["ticket_id"], found["cause"], strict=True)) == [
            (each, kind) for each in sorted(tickets)
        ]

    # What else differs is what the desk's owner has set up otherwise than the contracts say.
    known = [ticket for tickets in odd.values() for ticket in tickets]
    left = rows[~rows["ticket_id"].isin(known) & (rows["cause"] != "agrees")]
    assert set(left["cause"]) == {"desk_has_none", "other_calendar", "other_target"}
    assert (left.loc[left["cause"] == "desk_has_none", "instance"] > 1).all()  # the desk counts no reopening
    assert set(left.loc[left["cause"] == "other_target", "ticket_id"]) <= changed_priority(store)
    calendar = left[left["cause"] == "other_calendar"]
    assert set(calendar["contract"]) == {"brisa"}  # which is open on Saturdays, and around the clock for P1
    started, stopped = (calendar[name].dt.tz_convert("America/New_York") for name in ("started_at", "stopped_at"))
    days = [pd.date_range(begin.normalize(), end).day_name() for begin, end in zip(started, stopped, strict=True)]
    is_urgent = calendar["target_us"].isin([30 * 60_000_000, 240 * 60_000_000])
    assert all(urgent or "Saturday" in names for urgent, names in zip(is_urgent, days, strict=True))

    told = crosscheck.run("demo", NOW)
    assert Counter({row["cause"]: 0 for row in told}) + Counter(rows["cause"]) == sum(
        (Counter({row["cause"]: row["cycles"]}) for row in told), Counter()
    )
    kept = ask(warehouse, "select contract, metric, cause, cycles from quality.crosscheck")
    assert sorted(kept) == sorted((row["contract"], row["metric"], row["cause"], row["cycles"]) for row in told)
    capsys.readouterr()
    assert main(["crosscheck", "demo"]) == 0
    printed = capsys.readouterr().out
    assert "other_stop: the desk's measurement ended at another event" in printed and odd["pause_rule"][0] in printed
    assert main(["crosscheck", "demo", "--csv", str(tmp_path)]) == 0
    with (tmp_path / "crosscheck.csv").open() as file:
        assert Counter(row["cause"] for row in csv.DictReader(file)) == Counter(
            rows.loc[rows["cause"] != "agrees", "cause"]
        )
    assert main(["quality", "demo"]) == 0
    assert "alder: resolution beside the desk's agent_work_time" in capsys.readouterr().out
    page = Path(quality.write(tmp_path / "page.html", NOW, "demo")).read_text()
    assert "the same time ran, and the desk&#39;s hours or holidays are others" in page


def test_a_mapping_without_clocks_or_with_unknown_ones_says_what_to_do(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path))
    mapping = yaml.safe_load((ROOT / "mappings" / "demo.yaml").read_text())
    for figures, message in (
        ({"clocks": {"reply_time": ["first_response", "first_reply"]}}, "of this source has a clock first_reply"),
        ({"clocks": {}}, "which clocks the desk's own figures are held against"),
    ):
        (tmp_path / "demo.yaml").write_text(yaml.safe_dump({**mapping, "desk_figures": {**FIGURES, **figures}}))
        with pytest.raises(MappingError, match=message):
            list(crosscheck.compared("demo"))
    assert main(["crosscheck"]) == 0
    assert "No mapping names clocks" in capsys.readouterr().out
