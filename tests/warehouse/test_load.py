"""Loads into core: new partitions, distinct rows only, replaced tickets, two at once, killed half-way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger import model
from deskledger.errors import WarehouseError
from deskledger.warehouse import MergeCounts, merge, open_warehouse, read_frame, stored_months, writing
from deskledger.warehouse.distinct import merge_distinct
from deskledger.warehouse.load import Merging, StoredMonths

FIRST = datetime(2026, 4, 1, 2, tzinfo=UTC)
SECOND = datetime(2026, 4, 2, 2, tzinfo=UTC)
JANUARY, FEBRUARY = 202601, 202602


def tickets(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    """Tickets from (id, created month, team, updated day)."""
    ids, months, teams, updated = zip(*rows, strict=True)
    keys = model.ticket_keys("desk", ids)
    frame = pd.DataFrame(
        {
            "ticket_key": keys,
            "created_month": months,
            "shard": model.shards(keys),
            "source": "desk",
            "ticket_id": ids,
            "team": pd.Series(teams, dtype="str"),
            "created_at": [pd.Timestamp(f"{month // 100}-{month % 100}-01T09:00Z") for month in months],
            "updated_at": [pd.Timestamp(f"{day}T12:00:00.000001Z") for day in updated],
        }
    )
    return model.conform(model.TICKET, frame)


def events(*rows: tuple[str, int, str, str | None]) -> pd.DataFrame:
    """Events from (ticket id, created month, event id, value)."""
    ids, months, event_ids, values = zip(*rows, strict=True)
    frame = pd.DataFrame(
        {
            "ticket_key": model.ticket_keys("desk", ids),
            "created_month": months,
            "event_id": event_ids,
            "occurred_at": pd.Timestamp("2026-02-03T04:05:06.000007Z"),
            "seq": range(len(rows)),
            "kind": "status",
            "value": pd.Series(values, dtype="str"),
        }
    )
    return model.conform(model.TICKET_EVENT, frame)


def stored(engine: Engine, table: model.Table, extra: str = "") -> pd.DataFrame:
    key = ", ".join(table.key)
    dtypes = {each.name: each.dtype for each in table.columns} | {"landed_at": model.UTC_INSTANT, "xmin": "str"}
    with engine.connect() as connection:
        statement = f"select *{extra} from core.{table.name} order by {key}"  # noqa: S608 (the model's own names)
        return read_frame(connection, statement, dtypes=dtypes)


def load(
    engine: Engine, table: model.Table, frame: pd.DataFrame, at: datetime = FIRST, replaced: list[str] | None = None
) -> MergeCounts:
    keys = None if replaced is None else model.ticket_keys("desk", replaced)
    with engine.begin() as connection:
        return merge(connection, table, frame, at, keys)


def partitions(engine: Engine, table: str) -> list[str]:
    with engine.connect() as connection:
        found = connection.scalars(
            text("select inhrelid::regclass::text from pg_inherits where inhparent = to_regclass(:name) order by 1"),
            {"name": table},
        )
        return list(found)


def in_key_order(table: model.Table, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(table.key), ignore_index=True)


THREE = tickets(("1", JANUARY, "a", "2026-01-05"), ("2", JANUARY, "b", "2026-01-06"), ("3", FEBRUARY, "", "2026-02-06"))


def test_new_months_become_partitions_and_the_rows_come_back(warehouse: Engine) -> None:
    assert load(warehouse, model.TICKET, THREE) == MergeCounts(inserted=3)
    assert partitions(warehouse, "core.ticket") == ["core.ticket_202601", "core.ticket_202602"]
    expected = in_key_order(model.TICKET, THREE).assign(landed_at=pd.Timestamp(FIRST).as_unit("us"))
    pd.testing.assert_frame_equal(stored(warehouse, model.TICKET), expected, check_categorical=False)


def test_a_built_partition_has_the_key_the_owner_and_no_leftovers_of_its_building(warehouse: Engine) -> None:
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "open")))
    with warehouse.connect() as connection:
        constraints = connection.execute(
            text(
                "select contype::text, pg_get_constraintdef(oid) from pg_constraint"
                " where conrelid = 'core.ticket_event_202601'::regclass and contype <> 'n'"
            )
        ).all()
        owner = connection.scalar(
            text("select pg_get_userbyid(relowner) from pg_class where oid = 'core.ticket_event_202601'::regclass")
        )
        default = connection.scalar(
            text("select count(*) from pg_attrdef where adrelid = 'core.ticket_event_202601'::regclass")
        )
    assert constraints == [("p", "PRIMARY KEY (ticket_key, event_id, created_month)")]
    assert owner == "loader"
    assert default == 0


@pytest.mark.parametrize(
    ("table", "frame"),
    [
        (model.TICKET, THREE),
        (model.TICKET_EVENT, events(("1", JANUARY, "e1", None), ("1", JANUARY, "e2", ""), ("3", FEBRUARY, "e1", "x"))),
    ],
    ids=["ticket", "ticket_event"],
)
def test_loading_twice_changes_nothing_and_writes_nothing(
    warehouse: Engine, table: model.Table, frame: pd.DataFrame
) -> None:
    load(warehouse, table, frame)
    before = stored(warehouse, table, ", xmin::text as xmin")
    assert load(warehouse, table, frame, SECOND) == MergeCounts(unchanged=3)
    pd.testing.assert_frame_equal(stored(warehouse, table, ", xmin::text as xmin"), before)


def test_only_distinct_rows_are_written_and_stamped(warehouse: Engine) -> None:
    load(warehouse, model.TICKET, THREE)
    before = stored(warehouse, model.TICKET, ", xmin::text as xmin").set_index("ticket_id")
    changed = tickets(
        ("1", JANUARY, "a", "2026-01-05"),
        ("2", JANUARY, "new team", "2026-01-07"),
        ("4", JANUARY, "d", "2026-01-08"),
    )
    assert load(warehouse, model.TICKET, changed, SECOND) == MergeCounts(inserted=1, updated=1, unchanged=1)
    after = stored(warehouse, model.TICKET, ", xmin::text as xmin").set_index("ticket_id")
    assert after["team"].to_dict() == {"1": "a", "2": "new team", "3": "", "4": "d"}
    assert after["landed_at"].to_dict() == {"1": FIRST, "2": SECOND, "3": FIRST, "4": SECOND}
    assert after.loc[["1", "3"], "xmin"].to_dict() == before.loc[["1", "3"], "xmin"].to_dict()


@pytest.mark.parametrize(
    ("updated", "team", "expected"),
    [
        ("2026-01-04", "older", MergeCounts(superseded=1)),
        ("2026-01-05", "as old", MergeCounts(updated=1)),
        ("2026-01-06", "newer", MergeCounts(updated=1)),
        ("2026-01-05", "a", MergeCounts(unchanged=1)),
    ],
)
def test_the_newest_ticket_wins(warehouse: Engine, updated: str, team: str, expected: MergeCounts) -> None:
    load(warehouse, model.TICKET, THREE)
    assert load(warehouse, model.TICKET, tickets(("1", JANUARY, team, updated)), SECOND) == expected
    kept = stored(warehouse, model.TICKET).set_index("ticket_id")["team"]["1"]
    assert kept == ("a" if expected.superseded else team)


def test_missing_and_empty_values_are_distinct(warehouse: Engine) -> None:
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", None)))
    assert load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", ""))) == MergeCounts(updated=1)
    assert stored(warehouse, model.TICKET_EVENT)["value"].tolist() == [""]
    assert load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", None))) == MergeCounts(updated=1)
    assert stored(warehouse, model.TICKET_EVENT)["value"].isna().all()


def test_vanished_events_of_replaced_tickets_are_deleted_and_no_others(warehouse: Engine) -> None:
    load(warehouse, model.TICKET, THREE)
    load(
        warehouse,
        model.TICKET_EVENT,
        events(
            ("1", JANUARY, "e1", "new"),
            ("1", JANUARY, "e2", "open"),
            ("2", JANUARY, "e1", "new"),
            ("3", FEBRUARY, "e1", "new"),
        ),
    )
    again = events(("1", JANUARY, "e1", "new"), ("1", JANUARY, "e3", "closed"))
    # Ticket 3 comes without any event; ticket 9 is known to nobody.
    counts = load(warehouse, model.TICKET_EVENT, again, SECOND, replaced=["1", "3", "9"])
    assert counts == MergeCounts(inserted=1, unchanged=1, deleted=2)
    left = stored(warehouse, model.TICKET_EVENT)
    keys = model.ticket_keys("desk", ["1", "1", "2"])
    assert sorted(zip(left["ticket_key"], left["event_id"], strict=True)) == sorted(
        zip(keys, ["e1", "e3", "e1"], strict=True)
    )


def test_without_replacement_no_event_is_deleted(warehouse: Engine) -> None:
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new"), ("1", JANUARY, "e2", "open")))
    assert load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new"))) == MergeCounts(unchanged=1)
    assert len(stored(warehouse, model.TICKET_EVENT)) == 2


def test_a_ticket_stays_in_the_month_it_is_stored_in(warehouse: Engine) -> None:
    load(warehouse, model.TICKET, THREE)
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new")))
    moved = tickets(("1", FEBRUARY, "a", "2026-03-01"), ("5", FEBRUARY, "e", "2026-03-01"))
    assert load(warehouse, model.TICKET, moved, SECOND) == MergeCounts(inserted=1, updated=1)
    its_events = events(("1", FEBRUARY, "e1", "new"), ("1", FEBRUARY, "e2", "open"))
    assert load(warehouse, model.TICKET_EVENT, its_events, replaced=["1"]) == MergeCounts(inserted=1, unchanged=1)
    keys = model.ticket_keys("desk", ["1", "5", "none"])
    with warehouse.connect() as connection:
        assert stored_months(connection, keys).to_dict() == {keys[0]: JANUARY, keys[1]: FEBRUARY}
    assert set(stored(warehouse, model.TICKET_EVENT)["created_month"]) == {JANUARY}


def test_stored_months_of_no_tickets(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        assert stored_months(connection, np.empty(0, np.int64)).empty


@pytest.mark.parametrize("table", [model.TICKET, model.TICKET_EVENT], ids=lambda table: table.name)
def test_an_empty_frame_changes_nothing(warehouse: Engine, table: model.Table) -> None:
    assert load(warehouse, table, model.empty(table)) == MergeCounts()
    assert partitions(warehouse, f"core.{table.name}") == []


TWICE = events(("1", JANUARY, "e1", "new"), ("1", JANUARY, "e1", "open"))


@pytest.mark.parametrize(
    ("table", "before", "frame", "message"),
    [
        (model.TICKET_EVENT, None, TWICE, "duplicate key|could not create unique index"),
        (model.TICKET_EVENT, events(("2", JANUARY, "e1", "new")), TWICE, "several rows have the same key"),
        (
            model.TICKET,
            None,
            tickets(("1", JANUARY, "a", "2026-03-01"), ("1", FEBRUARY, "a", "2026-03-01")),
            "several created months",
        ),
        (model.ACCOUNT, None, model.empty(model.ACCOUNT).reindex([0]), "null value|violates not-null"),
    ],
    ids=["new partition", "existing partition", "two months", "missing key"],
)
def test_rows_that_contradict_each_other_are_refused_and_nothing_stays(
    warehouse: Engine, table: model.Table, before: pd.DataFrame | None, frame: pd.DataFrame, message: str
) -> None:
    if before is not None:
        load(warehouse, table, before)
    with pytest.raises(WarehouseError, match=message):
        load(warehouse, table, frame)
    assert len(stored(warehouse, table)) == (0 if before is None else len(before))


def test_a_refusal_names_the_partition_and_not_what_is_to_become_it(warehouse: Engine) -> None:
    rows = events(("1", JANUARY, "e1", "new")).assign(event_id=pd.Series([None], dtype="str"))
    with pytest.raises(WarehouseError, match=r'"ticket_event_202601" violates') as caught:
        load(warehouse, model.TICKET_EVENT, rows)
    assert "_by_" not in str(caught.value)


def test_only_events_can_be_replaced(warehouse: Engine) -> None:
    with pytest.raises(WarehouseError, match="only the events"):
        load(warehouse, model.TICKET, THREE, replaced=["1"])


def test_tables_without_partitions_are_merged_alike(warehouse: Engine) -> None:
    charge = model.conform(
        model.CHARGE,
        pd.DataFrame(
            {"contract": "alder", "period": ["2026-01", "2026-02"], "kind": "monthly_fee", "currency": "EUR"}
        ).assign(amount=[Decimal("100000.10"), Decimal("99.99")]),
    )
    assert load(warehouse, model.CHARGE, charge) == MergeCounts(inserted=2)
    assert load(warehouse, model.CHARGE, charge, SECOND) == MergeCounts(unchanged=2)
    corrected = charge.assign(amount=[Decimal("100000.11"), Decimal("99.99")])
    assert load(warehouse, model.CHARGE, corrected, SECOND) == MergeCounts(updated=1, unchanged=1)
    assert [str(each) for each in stored(warehouse, model.CHARGE)["amount"]] == ["100000.11", "99.99"]


def test_a_rolled_back_load_leaves_no_partition(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        merge(connection, model.TICKET, THREE, FIRST)
        connection.rollback()
    assert partitions(warehouse, "core.ticket") == []


def test_a_killed_load_leaves_what_was_before(warehouse: Engine) -> None:
    load(warehouse, model.TICKET, THREE)
    before = stored(warehouse, model.TICKET, ", xmin::text as xmin")
    changed = tickets(("1", JANUARY, "killed", "2026-03-01"), ("6", 202603, "killed", "2026-03-01"))
    connection = warehouse.connect()
    merge(connection, model.TICKET, changed, SECOND)
    process = connection.scalar(text("select pg_backend_pid()"))
    with warehouse.connect() as other:
        other.execute(text("select pg_terminate_backend(:process, 10000)"), {"process": process})
    with pytest.raises(WarehouseError):
        merge(connection, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new")), SECOND)
    connection.invalidate()
    connection.close()
    pd.testing.assert_frame_equal(stored(warehouse, model.TICKET, ", xmin::text as xmin"), before)
    assert partitions(warehouse, "core.ticket") == ["core.ticket_202601", "core.ticket_202602"]
    # Whoever comes next is not kept waiting by the dead load's lock, and completes it.
    assert load(warehouse, model.TICKET, changed, SECOND) == MergeCounts(inserted=1, updated=1)


def _month_of_tickets(number: int) -> pd.DataFrame:
    return tickets(*((str(each), JANUARY, f"team {number}", f"2026-01-{number:02}") for each in range(200)))


def test_loads_at_the_same_time_neither_duplicate_nor_deadlock(warehouse: Engine) -> None:
    """Four loads of the same tickets, two of them with the tables in the other order, into months that do not exist."""
    start = Barrier(4)

    def run(number: int) -> MergeCounts:
        rows = _month_of_tickets(number)
        its_events = events(*((each, JANUARY, "e1", "new") for each in rows["ticket_id"]))
        work = [(model.TICKET, rows, None), (model.TICKET_EVENT, its_events, rows["ticket_key"].to_numpy())]
        start.wait()
        counts = MergeCounts()
        with open_warehouse().begin() as connection:
            for table, frame, replaced in work if number % 2 else reversed(work):
                counts += merge(connection, table, frame, FIRST, replaced)
        return counts

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(run, [1, 2, 3, 4]))
    assert sum(each.inserted for each in counts) == 400
    assert sum((each.inserted + each.updated + each.unchanged + each.superseded) for each in counts) == 1600
    last = stored(warehouse, model.TICKET)
    assert len(last) == 200
    assert set(last["team"]) == {"team 4"}
    assert len(stored(warehouse, model.TICKET_EVENT)) == 200


def test_two_loads_that_stage_the_same_new_month_do_not_wait_for_each_other(warehouse: Engine) -> None:
    rows = _month_of_tickets(1)
    halves = [rows.iloc[:120].reset_index(drop=True), rows.iloc[80:].reset_index(drop=True)]
    with warehouse.connect() as first, warehouse.connect() as second:
        second.execute(text("set lock_timeout = '5s'"))
        loads = [Merging(connection, model.TICKET, FIRST, StoredMonths(connection)) for connection in (first, second)]
        for merging, half in zip(loads, halves, strict=True):
            merging.stage(half)
        assert loads[0].finish() == MergeCounts(inserted=120)
        first.commit()
        assert loads[1].finish() == MergeCounts(inserted=80, unchanged=40)
        second.commit()
    assert len(stored(warehouse, model.TICKET)) == 200
    assert partitions(warehouse, "core.ticket") == ["core.ticket_202601"]
    with warehouse.connect() as connection:
        left = connection.scalars(text("select relname from pg_class where relname ~ '_by_[0-9]+|staged|replaced'"))
        assert left.all() == []


def test_a_ticket_that_another_load_has_stored_under_another_month_meanwhile_is_refused(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        merging = Merging(connection, model.TICKET, SECOND, StoredMonths(connection))
        merging.stage(tickets(("1", FEBRUARY, "b", "2026-02-05"), ("9", FEBRUARY, "b", "2026-02-05")))
        load(warehouse, model.TICKET, tickets(("1", JANUARY, "a", "2026-01-05")))
        with pytest.raises(WarehouseError, match="another load has just stored a ticket under another month"):
            merging.finish()
    assert stored(warehouse, model.TICKET)["created_month"].tolist() == [JANUARY]


def test_events_that_another_load_has_stored_in_a_new_month_meanwhile_are_replaced(warehouse: Engine) -> None:
    keys = model.ticket_keys("desk", ["1"])
    with warehouse.begin() as connection:
        merging = Merging(connection, model.TICKET_EVENT, SECOND, StoredMonths(connection))
        merging.stage(events(("1", JANUARY, "e2", "new")), keys)
        load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new")))
        assert merging.finish() == MergeCounts(inserted=1, deleted=1)
    assert stored(warehouse, model.TICKET_EVENT)["event_id"].tolist() == ["e2"]


def test_a_row_that_several_blocks_have_is_that_of_the_last(warehouse: Engine) -> None:
    """Blocks are of tickets; a table without partitions may be keyed otherwise."""
    charge = {"contract": "alder", "period": "2026-01", "kind": "monthly_fee", "currency": "EUR"}
    with warehouse.begin() as connection:
        merging = Merging(connection, model.CHARGE, FIRST, StoredMonths(connection))
        for amount in ("1.00", "2.00", "2.00"):
            merging.stage(model.conform(model.CHARGE, pd.DataFrame([charge]).assign(amount=[Decimal(amount)])))
        assert merging.finish() == MergeCounts(inserted=1, updated=1, unchanged=1)
    assert [str(each) for each in stored(warehouse, model.CHARGE)["amount"]] == ["2.00"]


def test_months_are_written_in_one_order_whatever_order_they_come_in(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(warehouse, model.TICKET, THREE)
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new"), ("3", FEBRUARY, "e1", "new")))
    written: list[int | None] = []

    def noted(cursor: object, relation: object, month: int | None, *others: Any) -> MergeCounts:
        written.append(month)
        return merge_distinct(cursor, relation, month, *others)

    monkeypatch.setattr(writing, "merge_distinct", noted)
    load(warehouse, model.TICKET_EVENT, events(("3", FEBRUARY, "e2", "new")), replaced=["1", "3"])
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e2", "new")), replaced=["3", "1"])
    assert written == [JANUARY, FEBRUARY] * 2


def test_blocks_of_stored_and_new_months_are_written_as_one(warehouse: Engine) -> None:
    load(warehouse, model.TICKET, THREE)
    load(warehouse, model.TICKET_EVENT, events(("1", JANUARY, "e1", "new"), ("2", JANUARY, "e1", "new")))
    with warehouse.begin() as connection:
        keys = model.ticket_keys("desk", ["1", "2", "3", "8"])
        merging = Merging(connection, model.TICKET_EVENT, SECOND, StoredMonths(connection, keys[:3]))
        merging.stage(events(("1", JANUARY, "e1", "new"), ("8", 202603, "e1", "new")), keys[[0, 3]])
        merging.stage(events(("3", FEBRUARY, "e1", "new")), keys[[2]])
        merging.stage(model.empty(model.TICKET_EVENT), keys[[1]])
        assert merging.finish() == MergeCounts(inserted=2, unchanged=1, deleted=1)
    left = stored(warehouse, model.TICKET_EVENT)[["ticket_key", "created_month", "event_id"]]
    assert sorted(left.itertuples(index=False, name=None)) == sorted(
        [(keys[0], JANUARY, "e1"), (keys[2], FEBRUARY, "e1"), (keys[3], 202603, "e1")]
    )


def test_readers_see_all_of_a_load_or_nothing_and_do_not_wait(warehouse: Engine) -> None:
    load(warehouse, model.TICKET, THREE)
    with warehouse.begin() as writing:
        merge(writing, model.TICKET, tickets(("7", 202605, "g", "2026-05-02")), SECOND)
        with warehouse.connect() as reading:
            reading.execute(text("set local lock_timeout = '2s'"))
            assert reading.scalar(text("select count(*) from core.ticket")) == 3
    with warehouse.connect() as reading:
        assert reading.scalar(text("select count(*) from core.ticket")) == 4
