"""Cycles are swapped ticket by ticket, and an older measurement never replaces a newer one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger import model
from deskledger.errors import WarehouseError
from deskledger.warehouse import MergeCounts, merge, open_warehouse, read_frame, replace_cycles

DAY_3, DAY_10, DAY_20 = (datetime(2026, 1, day, tzinfo=UTC) for day in (3, 10, 20))
MONTHS = {"1": 202601, "2": 202601, "3": 202602}


@pytest.fixture
def loaded(warehouse: Engine) -> Engine:
    """Three tickets in core, in two months."""
    keys = model.ticket_keys("desk", MONTHS)
    frame = pd.DataFrame(
        {
            "ticket_key": keys,
            "created_month": list(MONTHS.values()),
            "shard": model.shards(keys),
            "source": "desk",
            "ticket_id": list(MONTHS),
            "created_at": pd.Timestamp("2026-01-01T00:00Z"),
            "updated_at": pd.Timestamp("2026-01-01T00:00Z"),
        }
    )
    with warehouse.begin() as connection:
        merge(connection, model.TICKET, frame, DAY_3)
    return warehouse


def cycles(*rows: tuple[str, int, str, int]) -> pd.DataFrame:
    """Cycles from (ticket id, cycle, state, elapsed microseconds)."""
    ids = [row[0] for row in rows]
    frame = pd.DataFrame(
        {
            "contract": "alder",
            "version": 1,
            "ticket_key": model.ticket_keys("desk", ids),
            "created_month": [MONTHS[each] for each in ids],
            "clock": "resolution",
            "cycle": [row[1] for row in rows],
            "state": [row[2] for row in rows],
            "started_at": pd.Timestamp("2026-01-02T00:00:00.000001Z"),
            "elapsed_us": [row[3] for row in rows],
            "provider_us": 1,
            "customer_us": 2,
            "third_party_us": 3,
            "attributed_at": pd.Timestamp("2026-01-02T00:00Z"),
            "is_incomplete": False,
            "as_of": pd.Timestamp("2000-01-01T00:00Z"),  # the argument counts
        }
    )
    return model.conform(model.CYCLE, frame)


NONE = model.empty(model.CYCLE)


def measure(
    engine: Engine, frame: pd.DataFrame, tickets: str, as_of: datetime, contract: str = "alder", version: int = 1
) -> MergeCounts:
    with engine.begin() as connection:
        keys = model.ticket_keys("desk", tickets.split())
        return replace_cycles(connection, frame, contract, version, keys, as_of)


def stored(engine: Engine) -> pd.DataFrame:
    dtypes = {each.name: each.dtype for each in model.CYCLE.columns} | {"xmin": "str"}
    with engine.connect() as connection:
        return read_frame(
            connection,
            "select *, xmin::text as xmin from facts.cycle order by contract, version, ticket_key, clock, cycle",
            dtypes=dtypes,
        )


def states(engine: Engine) -> dict[tuple[str, int], str]:
    found = stored(engine)
    names = dict(zip(model.ticket_keys("desk", MONTHS), MONTHS, strict=True))
    return {(names[row.ticket_key], row.cycle): row.state for row in found.itertuples()}


def test_cycles_come_back_as_they_were_measured(loaded: Engine) -> None:
    frame = cycles(("1", 1, "met", 2**53 + 1), ("1", 2, "running", 0), ("3", 1, "breached", 7))
    assert measure(loaded, frame, "1 2 3", DAY_3) == MergeCounts(inserted=3)
    expected = frame.assign(as_of=pd.Timestamp(DAY_3).as_unit("us"))
    expected = expected.sort_values(["ticket_key", "cycle"], ignore_index=True)
    pd.testing.assert_frame_equal(stored(loaded).drop(columns="xmin"), expected, check_categorical=False)


def test_what_a_newer_measurement_lacks_is_deleted_for_its_tickets_only(loaded: Engine) -> None:
    measure(loaded, cycles(("1", 1, "running", 5), ("1", 2, "running", 5), ("2", 1, "running", 5)), "1 2", DAY_3)
    later = cycles(("1", 1, "met", 9))
    assert measure(loaded, later, "1", DAY_10) == MergeCounts(updated=1, deleted=1)
    assert states(loaded) == {("1", 1): "met", ("2", 1): "running"}


def test_trap_3_measuring_day_10_and_then_day_3_again_leaves_the_cycles_identical(loaded: Engine) -> None:
    on_day_3 = cycles(("1", 1, "running", 5), ("2", 1, "met", 5))
    on_day_10 = cycles(("1", 1, "breached", 9), ("1", 2, "running", 1), ("2", 1, "met", 5))
    measure(loaded, on_day_3, "1 2", DAY_3)
    measure(loaded, on_day_10, "1 2", DAY_10)
    before = stored(loaded)
    assert measure(loaded, on_day_3, "1 2", DAY_3) == MergeCounts(superseded=2)
    pd.testing.assert_frame_equal(stored(loaded), before)


def test_trap_3_a_cycle_that_a_newer_measurement_took_away_does_not_come_back(loaded: Engine) -> None:
    measure(loaded, cycles(("1", 1, "running", 5)), "1", DAY_3)
    assert measure(loaded, NONE, "1", DAY_10) == MergeCounts(deleted=1)
    assert measure(loaded, cycles(("1", 1, "running", 5)), "1", DAY_3) == MergeCounts(superseded=1)
    assert states(loaded) == {}


def test_measuring_twice_writes_nothing(loaded: Engine) -> None:
    frame = cycles(("1", 1, "met", 5), ("3", 1, "running", 5))
    measure(loaded, frame, "1 3", DAY_10)
    before = stored(loaded)
    assert measure(loaded, frame, "1 3", DAY_10) == MergeCounts(unchanged=2)
    pd.testing.assert_frame_equal(stored(loaded), before)


def test_a_cycle_that_stays_the_same_keeps_its_as_of_while_the_measurement_moves_on(loaded: Engine) -> None:
    frame = cycles(("1", 1, "met", 5))
    measure(loaded, frame, "1", DAY_3)
    before = stored(loaded)
    assert measure(loaded, frame, "1", DAY_20) == MergeCounts(unchanged=1)
    pd.testing.assert_frame_equal(stored(loaded), before)
    with loaded.connect() as connection:
        assert connection.scalar(text("select as_of from facts.measured")) == DAY_20
    assert measure(loaded, cycles(("1", 1, "running", 1)), "1", DAY_10) == MergeCounts(superseded=1)


def test_the_same_as_of_measured_again_with_other_events_replaces(loaded: Engine) -> None:
    measure(loaded, cycles(("1", 1, "running", 5)), "1", DAY_10)
    assert measure(loaded, cycles(("1", 1, "met", 4)), "1", DAY_10) == MergeCounts(updated=1)
    assert states(loaded) == {("1", 1): "met"}


def test_versions_and_contracts_do_not_touch_each_other(loaded: Engine) -> None:
    measure(loaded, cycles(("1", 1, "met", 5)), "1", DAY_10)
    measure(loaded, cycles(("1", 1, "breached", 5)).assign(version=2), "1", DAY_3, version=2)
    brisa = cycles(("1", 1, "running", 5)).assign(contract="brisa")
    measure(loaded, brisa, "1", DAY_3, contract="brisa")
    assert measure(loaded, NONE, "1", DAY_20, version=2) == MergeCounts(deleted=1)
    found = stored(loaded)
    assert list(zip(found["contract"], found["version"], found["state"], strict=True)) == [
        ("alder", 1, "met"),
        ("brisa", 1, "running"),
    ]


@pytest.mark.parametrize(
    ("frame", "tickets", "message"),
    [
        (cycles(("1", 1, "met", 5)), "2", "another contract, version or ticket"),
        (cycles(("1", 1, "met", 5)).assign(contract="brisa"), "1", "another contract, version or ticket"),
        (cycles(("1", 1, "met", 5)).assign(version=2), "1", "another contract, version or ticket"),
        (NONE, "1 9", "1 measured tickets are not in core.ticket"),
    ],
)
def test_what_does_not_belong_is_refused(loaded: Engine, frame: pd.DataFrame, tickets: str, message: str) -> None:
    with pytest.raises(WarehouseError, match=message):
        measure(loaded, frame, tickets, DAY_3)
    assert stored(loaded).empty


def test_contracts_are_measured_at_the_same_time_into_a_new_month(loaded: Engine) -> None:
    start = Barrier(3)

    def run(contract: str) -> MergeCounts:
        frame = cycles(("1", 1, "met", 5), ("2", 1, "met", 5)).assign(contract=contract)
        start.wait()
        with open_warehouse().begin() as connection:
            return replace_cycles(connection, frame, contract, 1, model.ticket_keys("desk", ["1", "2"]), DAY_3)

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(run, ["alder", "brisa", "third"]))
    assert counts == [MergeCounts(inserted=2)] * 3
    assert len(stored(loaded)) == 6
