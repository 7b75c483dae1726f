"""What comes over HTTP is what the export of the same scene says: same events, statuses, tickets and answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deskledger.sources.demo.zendesk_server import Faults, Store, running
from deskledger.sources.event_log.fates import FATES
from deskledger.sources.event_log.normalise import Normalised

from tests.unit.sources.zendesk import both
from tests.unit.sources.zendesk.pull import Pulled, pull, streams

# Large enough for internal tickets to carry the dirt, small enough for pages of 150 to be many.
SCENE: dict[str, Any] = {"seed": 3, "tickets_per_month": 300}
Told = tuple[Normalised, pd.DataFrame]


@pytest.fixture(scope="module")
def store() -> Store:
    return Store.make(**SCENE)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return both.by_files(tmp_path_factory.mktemp("files"), **SCENE)


def whole(store: Store, faults: Faults, page: int = 150, tells_deleted: bool = False) -> dict[str, Pulled]:
    with running(store, faults=faults, page=page, tells_deleted=tells_deleted) as server:
        return {name: pull(server, each) for name, each in streams(both.columns_of(both.over_http())).items()}


@pytest.mark.parametrize(("share", "tells_deleted"), [(0.0, False), (0.2, True)])
def test_http_and_files_give_the_same_tables(store: Store, files: Told, share: float, tells_deleted: bool) -> None:
    pulled = whole(store, Faults(share, seed=5, retry_after=0, slowness=0.0), tells_deleted=tells_deleted)
    made, answers = both.by_records({name: each.records for name, each in pulled.items()})
    expected, expected_answers = files
    assert len(pulled["ticket_events"].pages) > 50
    pd.testing.assert_frame_equal(both.events(made), both.events(expected))
    tickets = both.tickets(expected)
    if not tells_deleted:  # then only updates tell of them, which do not say how a ticket came
        tickets.loc[both.events(expected).query("kind == 'deleted'")["ticket"].astype(int), "channel"] = None
    pd.testing.assert_frame_equal(both.tickets(made), tickets)
    pd.testing.assert_frame_equal(both.answers(answers, made), both.answers(expected_answers, expected))


def test_the_dirt_has_its_fates(store: Store, files: Told) -> None:
    pulled = whole(store, Faults(), page=1000)
    made, _ = both.by_records({name: each.records for name, each in pulled.items()})
    rules = ["status_unknown", "at_not_an_instant", "event_before_ticket"]
    assert sorted(made.faults["rule"]) == sorted(files[0].faults["rule"]) == sorted(rules)
    counts = dict(zip(FATES, np.bincount(made.fates, minlength=len(FATES)).tolist(), strict=True))
    assert (counts["quarantined"], counts["superseded"]) == (3, 1)
    # Of the update that is told twice, and of what two pages share, the second is no news.
    assert counts["unchanged"] >= 1


def test_days_one_after_the_other_come_to_the_same(store: Store, files: Told) -> None:
    asked = streams(both.columns_of(both.over_http()))
    cursors: dict[str, Any] = dict.fromkeys(asked)
    records: dict[str, list[Any]] = {name: [] for name in asked}
    end = datetime.fromtimestamp(int(store.acted.span.end), UTC)
    with running(store, page=150) as server:
        for now in (end - timedelta(days=30), end - timedelta(days=29, hours=7), end - timedelta(seconds=30), end):
            server.set_clock(now)
            for name, stream in asked.items():
                got = pull(server, stream, cursors[name])
                cursors[name] = got.cursor
                records[name] += got.records
                if name in {"tickets", "ticket_events"}:
                    assert got.complete_until == now.replace(microsecond=0) - timedelta(minutes=1)
    made, answers = both.by_records(records)
    expected = both.events(files[0])
    cut = str(pd.Timestamp(end - timedelta(minutes=1)))
    pd.testing.assert_frame_equal(both.events(made), expected[expected["occurred_at"] <= cut].reset_index(drop=True))
    pd.testing.assert_frame_equal(both.answers(answers, made), both.answers(files[1], files[0]))
    # Nothing is told twice beyond a page's shared second, the dirt, and the minute that two pulls share.
    told = pd.Series([each["id"] for each in records["ticket_events"]])
    assert told.duplicated().sum() <= len(told) * 0.02
