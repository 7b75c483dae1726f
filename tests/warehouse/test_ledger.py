"""The ledger on a real PostgreSQL: nothing changes, nothing is booked twice, tampering shows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import ledger
from deskledger.errors import LedgerError

from tests.warehouse.ledger_content import FROZEN, NOW, TABLES, content, decide, draft, post, posted, rows


def test_a_draft_comes_back_as_it_was_written(warehouse: Engine) -> None:
    made = content()
    ref = draft(warehouse, made)
    assert (ref.draft_id, ref.outcome, ref.state) == ("ALDER-2026-03-D1", "drafted", "in_review")
    with warehouse.connect() as connection:
        stored = ledger.read(connection, ref.draft_id)
        evidence = ledger.read_evidence(connection, ref.draft_id)
        assert ledger.frozen_files(connection, ref.draft_id) == {"ticket": FROZEN}
    assert stored.draft["credit_amount"] == Decimal("50.00")
    assert str(stored.draft["credit_amount"]) == "50.00"
    assert stored.draft["assessment"] == made.assessment
    assert [level["value"] for level in stored.levels] == ["80"]
    assert [step["output"] for step in stored.trace] == ["80"]
    pd.testing.assert_frame_equal(evidence, made.evidence, check_categorical=False)
    assert ledger.frame_digest(evidence) == ledger.frame_digest(made.evidence) == stored.draft["evidence_sha256"]


def test_an_unchanged_rerun_gives_the_same_draft(warehouse: Engine) -> None:
    first = draft(warehouse)
    later = NOW + timedelta(days=1)
    again = draft(warehouse, content(data_cutoff=later, watermark_at=later, control={"tickets": 99}), at=later)
    assert (again.draft_id, again.outcome) == (first.draft_id, "current")
    assert rows(warehouse, "draft") == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"met": 7},
        {"contract_sha256": "d" * 64},
        {"charges": {"fee": {"kind": "monthly_fee", "amount": "1000.01"}}},
        {"incomplete_tickets": 1},
    ],
)
def test_what_changes_the_statement_makes_a_new_draft_and_voids_the_approval(
    warehouse: Engine, changed: dict[str, Any]
) -> None:
    first = draft(warehouse)
    decide(warehouse, first.draft_id)
    second = draft(warehouse, content(**changed))
    assert (second.draft_id, second.outcome) == ("ALDER-2026-03-D2", "drafted")
    for act in (lambda: decide(warehouse, first.draft_id, user="fatima"), lambda: post(warehouse, first.draft_id)):
        with pytest.raises(LedgerError, match="superseded"):
            act()
    with warehouse.connect() as connection:
        assert ledger.draft_state(connection, second.draft_id)["reason"] == "inputs_changed"


def test_a_dispute_leads_to_a_new_draft_that_carries_it(warehouse: Engine) -> None:
    first = draft(warehouse)
    decide(warehouse, first.draft_id, "dispute", comment="The outage of 12 March was ours.", user="fatima")
    second = draft(warehouse)
    assert (second.draft_id, second.outcome) == ("ALDER-2026-03-D2", "drafted")
    with warehouse.connect() as connection:
        stored = ledger.read(connection, second.draft_id)
    assert stored.draft["reason"] == "disputed"
    assert [(row["number"], row["decision"], row["decided_by"], row["comment"]) for row in stored.decisions] == [
        (1, "dispute", "fatima", "The outage of 12 March was ours.")
    ]
    decide(warehouse, second.draft_id)
    assert post(warehouse, second.draft_id)["statement_number"] == "ALDER-2026-03"


@pytest.mark.parametrize(
    ("decision", "more", "message"),
    [
        ("approve", {"user": "Ada"}, "Ada prepared this draft"),
        ("approve", {"user": " INES "}, "INES prepared this draft"),
        ("approve", {"user": " "}, "names nobody"),
        ("dispute", {"comment": "  "}, "a dispute needs a comment"),
        ("shrug", {}, "unknown decision 'shrug'"),
        ("approve", {"inputs_sha256": "0" * 64}, "it is stale"),
        ("dispute", {"comment": "no", "inputs_sha256": "0" * 64}, "it is stale"),
    ],
)
def test_a_decision_that_breaks_a_rule_is_refused_and_leaves_nothing(
    warehouse: Engine, decision: str, more: dict[str, Any], message: str
) -> None:
    draft_id = draft(warehouse).draft_id
    with pytest.raises(LedgerError, match=message) as caught:
        decide(warehouse, draft_id, decision, **more)
    assert caught.value.remedy
    assert rows(warehouse, "decision") == 0


def test_a_preparer_may_dispute(warehouse: Engine) -> None:
    draft_id = draft(warehouse).draft_id
    assert decide(warehouse, draft_id, "dispute", comment="My own terms are wrong.", user="ada")["decided_by"] == "ada"


def test_a_decision_stands_and_repeating_it_is_the_same(warehouse: Engine) -> None:
    draft_id = draft(warehouse).draft_id
    first = decide(warehouse, draft_id)
    assert decide(warehouse, draft_id, at=NOW + timedelta(hours=1)) == first
    for other in ({"user": "fatima"}, {"decision": "dispute", "comment": "no"}):
        with pytest.raises(LedgerError, match="already decided: approve by felix"):
            decide(warehouse, draft_id, **other)


@pytest.mark.parametrize("steps", [[], ["dispute"]])
def test_only_an_approved_draft_is_posted(warehouse: Engine, steps: list[str]) -> None:
    draft_id = draft(warehouse).draft_id
    for step in steps:
        decide(warehouse, draft_id, step, comment="no")
    with pytest.raises(LedgerError, match="only an approved draft can be posted"):
        post(warehouse, draft_id)
    assert rows(warehouse, "posting") == rows(warehouse, "entry") == 0


def test_trap_2_incomplete_tickets_block_posting(warehouse: Engine) -> None:
    draft_id = draft(warehouse, content(incomplete_tickets=2)).draft_id
    decide(warehouse, draft_id)
    with pytest.raises(LedgerError, match="2 tickets or rows are incomplete"):
        post(warehouse, draft_id)
    assert rows(warehouse, "posting") == 0


def test_a_stale_draft_is_not_posted(warehouse: Engine) -> None:
    draft_id = draft(warehouse).draft_id
    decide(warehouse, draft_id)
    with pytest.raises(LedgerError, match="it is stale"):
        post(warehouse, draft_id, inputs_sha256="0" * 64)
    assert post(warehouse, draft_id, inputs_sha256=ledger.inputs_sha256(content()))["draft_id"] == draft_id


def test_posting_again_changes_nothing_and_returns_the_same(warehouse: Engine) -> None:
    first = posted(warehouse)
    before = rows(warehouse, "entry")
    again = post(warehouse, first["draft_id"], at=NOW + timedelta(days=9))
    assert (again["statement_number"], again["posted_at"]) == ("ALDER-2026-03", first["posted_at"])
    assert (rows(warehouse, "posting"), rows(warehouse, "entry"), rows(warehouse, "posted_ticket")) == (1, before, 10)
    assert draft(warehouse, content(met=3)).outcome == "posted"
    assert rows(warehouse, "draft") == 1


def test_two_at_once_give_one_draft_one_posting_and_one_chain(warehouse: Engine) -> None:
    barrier = Barrier(6)

    def together(act: Any) -> Any:
        barrier.wait()
        return act()

    contracts = ("alder", "brisa", "cedro")
    with ThreadPoolExecutor(6) as pool:
        work = [lambda name=name: draft(warehouse, content(name)) for name in contracts for _ in range(2)]
        made = list(pool.map(together, work))
        assert sorted(ref.outcome for ref in made) == ["current"] * 3 + ["drafted"] * 3
        ids = [f"{name.upper()}-2026-03-D1" for name in contracts]
        for draft_id in ids:
            decide(warehouse, draft_id)
        done = list(pool.map(together, [lambda each=each: post(warehouse, each) for each in ids for _ in range(2)]))
    assert len({row["statement_number"] for row in done}) == rows(warehouse, "posting") == 3
    with warehouse.connect() as connection:
        found = ledger.verify(connection)
    assert (found.faults, found.statements, found.entries) == ((), 3, 6)


CHANGES = [
    (f"{verb} {table}", statement.format(table=f"ledger.{table}"))
    for table in TABLES
    for verb, statement in (
        ("delete", "delete from {table}"),
        ("update", "update {table} set contract = 'x'"),
        ("truncate", "truncate {table} cascade"),
    )
    if not (verb == "update" and table not in {"draft", "attempt", "posting"})
]
CHANGES += [
    ("update entry", "update ledger.entry set record = '{}'"),
    ("update decision", "update ledger.decision set comment = 'x'"),
    ("update file", "update ledger.draft_file set sha256 = repeat('b', 64)"),
    ("update line", "update ledger.draft_line set credit_amount = 0"),
    ("update level", "update ledger.draft_level set status = 'met'"),
    ("update evidence", "update ledger.posted_ticket set elapsed_us = 0"),
    ("merge", "merge into ledger.posting as p using (select 1) as s on true when matched then delete"),
    (
        "upsert",
        "insert into ledger.decision select * from ledger.decision on conflict (draft_id) do update set comment = 'x'",
    ),
]


def act_as(connection: Connection, who: str) -> None:
    if who == "replica":  # switches ordinary triggers off, and takes a superuser
        connection.execute(text("set local session_replication_role = replica"))
    elif who == "owner":
        connection.execute(text("create role ledger_owner nologin"))
        connection.execute(text("grant usage on schema ledger to ledger_owner"))
        for table in TABLES:
            connection.execute(text(f"alter table ledger.{table} owner to ledger_owner"))
        connection.execute(text("set local role ledger_owner"))
    elif who != "superuser":
        # Even a grant that nobody should give does not let a role change a row.
        connection.execute(text(f"grant usage on schema ledger to {who}"))
        connection.execute(text(f"grant all on all tables in schema ledger to {who}"))
        connection.execute(text(f"set local role {who}"))


@pytest.mark.parametrize("who", ["superuser", "replica", "owner", "finance", "loader", "reader"])
def test_no_role_can_change_what_is_written(warehouse: Engine, who: str) -> None:
    posted(warehouse)
    with warehouse.begin() as connection:
        ledger.note_attempt(
            connection, "alder", "2026-04", outcome="no_base", message="no", contract_sha256="c", data_mark="m", at=NOW
        )
    for what, statement in CHANGES:
        with warehouse.connect() as connection, connection.begin() as transaction:
            act_as(connection, who)
            with pytest.raises(DatabaseError, match="is append-only"):
                connection.execute(text(statement))
                pytest.fail(f"{who} could {what}")
            transaction.rollback()
    with warehouse.connect() as connection:
        assert ledger.verify(connection).faults == ()


@pytest.mark.parametrize("role", ["finance", "loader", "reader"])
def test_roles_have_the_rights_they_need_and_no_more(warehouse: Engine, role: str) -> None:
    posted(warehouse)
    for statement, allowed in (
        ("select count(*) from ledger.entry", role == "finance"),
        ("insert into ledger.attempt (contract, period, outcome, message, contract_sha256, data_mark, attempted_at) "
         "values ('a', '2026-01', 'x', 'y', 'z', 'm', now())", role == "finance"),
        ("update ledger.posting set credit_amount = 0", False),
        ("select count(*) from mart.statement_month", True),
    ):  # fmt: skip
        with warehouse.connect() as connection, connection.begin() as transaction:
            connection.execute(text(f"set local role {role}"))
            if allowed:
                connection.execute(text(statement))
            else:
                with pytest.raises(DatabaseError, match=r"permission denied|append-only"):
                    connection.execute(text(statement))
            transaction.rollback()


@pytest.mark.parametrize(
    "change",
    [
        {"previous_sha256": "0" * 64},
        {"sha256": "f" * 64},
        {"entry_no": 9},
        {"record": '{"kind":"line","statement_number":"X","contract":"x","period":"p","amount":"1"}'},
    ],
)
def test_an_entry_that_does_not_continue_the_chain_is_refused_to_everyone(
    warehouse: Engine, change: dict[str, Any]
) -> None:
    posted(warehouse)
    with warehouse.connect() as connection:
        last = connection.execute(text("select * from ledger.entry order by entry_no desc limit 1")).mappings().one()
    forged = {
        "entry_no": last["entry_no"] + 1, "previous_sha256": last["sha256"], "sha256": "e" * 64,
        "record": last["record"], **change,
    }  # fmt: skip
    with warehouse.connect() as connection, pytest.raises(DatabaseError, match="does not continue the chain"):
        connection.execute(
            text("insert into ledger.entry (entry_no, previous_sha256, sha256, record) "
                 "values (:entry_no, :previous_sha256, :sha256, :record)"),
            forged,
        )  # fmt: skip


def test_history_is_of_posted_months_only_oldest_first(warehouse: Engine) -> None:
    for period, met in (("2026-02", 9), ("2026-01", 8)):
        posted(warehouse, content(period=period, met=met))
    draft(warehouse, content(period="2026-03"))
    with warehouse.connect() as connection:
        months = ledger.posted_months(connection, "alder", "2026-04")
        assert ledger.posted_months(connection, "alder", "2026-01") == []
    assert [(month["period"], month["statuses"], month["credit_amount"]) for month in months] == [
        ("2026-01", {"late": "breach"}, Decimal("50.00")),
        ("2026-02", {"late": "met"}, Decimal("0.00")),
    ]
    assert months[0]["figures"] == {"resolution": {"period": "2026-01", "num": "8", "den": 10}}
