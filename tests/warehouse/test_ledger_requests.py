"""Exclusions and waivers in the ledger: two persons, by SQL as every role, and authority by amount, both sides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import ledger
from deskledger.errors import LedgerError

from tests.warehouse.ledger_content import NOW, content, decide, draft, posted, rows

ROLES = ("finance", "superuser", "replica")
AUTHORITY = [
    {"approvers": ["Fatima", "felix"], "up_to_amount": "40.00"},
    {"approvers": ["diana"], "up_to_amount": None},
]


def asked(**changes: Any) -> ledger.RequestContent:
    usual = ledger.RequestContent(
        contract="alder", period="2026-03", kind="exclusion", reason="force_majeure",
        terms={"clause": "9.2", "effect": "removed"}, currency="EUR", explanation="The storm of 12 March.",
        evidence="https://weather.example/2026-03-12", subjects=[{"source": "desk", "ticket_id": "T9"}],
    )  # fmt: skip
    return replace(usual, **changes)


def waiver(amount: str = "40.00", authority: Any = ()) -> ledger.RequestContent:
    return asked(
        kind="credit_waiver", reason="goodwill", line="late", amount=Decimal(amount), subjects=[],
        terms={"authority": authority},
    )  # fmt: skip


def reviewed(review: dict[str, Any], contract: str = "alder", **changes: Any) -> ledger.DraftContent:
    """A draft of a contract that says how it is reviewed."""
    return content(contract, terms={**content(contract).terms, "review": review}, **changes)


def ask(engine: Engine, made: ledger.RequestContent | None = None, by: str = "rosa") -> str:
    with engine.begin() as connection:
        return str(ledger.request(connection, made or asked(), by=by, at=NOW)["request_id"])


def rule(engine: Engine, request_id: str, ruling: Any = "approve", by: str = "felix", comment: str = "") -> str:
    with engine.begin() as connection:
        return str(ledger.rule_on(connection, request_id, ruling, comment=comment, by=by, at=NOW)["state"])


def rule_by_sql(engine: Engine, role: str, request_id: str, who: str, ruling: str = "approve", number: int = 1) -> None:
    with engine.begin() as connection:
        if role == "replica":
            connection.execute(text("set local session_replication_role = replica"))
        elif role != "superuser":
            connection.execute(text(f"set local role {role}"))
        connection.execute(
            text("insert into ledger.ruling values (:id, :number, :ruling, 'by hand', :who, :at)"),
            {"id": request_id, "number": number, "ruling": ruling, "who": who, "at": NOW},
        )


def test_a_request_and_its_approval_are_kept_with_both_names(warehouse: Engine) -> None:
    first, second = ask(warehouse), ask(warehouse)
    assert (first, second) == ("ALDER-2026-03-R1", "ALDER-2026-03-R2")
    assert rule(warehouse, first) == "approved"
    assert rule(warehouse, first) == "approved"  # the same again is the same row
    with warehouse.connect() as connection:
        (found,) = ledger.requests_in_force(connection, "alder", "2026-03")
    assert (found["request_id"], found["requested_by"], found["approved_by"]) == (first, "rosa", "felix")
    assert found["terms"] == {"clause": "9.2", "effect": "removed"}
    assert len(found["evidence_sha256"]) == 64
    assert rows(warehouse, "ruling") == 1


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("who", ["rosa", " Rosa\t"])
def test_who_asks_cannot_approve_it_by_sql(warehouse: Engine, role: str, who: str) -> None:
    request_id = ask(warehouse)
    with pytest.raises(DatabaseError, match="made it and cannot approve it"):
        rule_by_sql(warehouse, role, request_id, who)
    rule_by_sql(warehouse, role, request_id, "felix")
    assert rows(warehouse, "ruling") == 1


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("amount", "who", "is_allowed"),
    [
        ("40.00", "felix", True),
        ("40.00", "FATIMA", True),
        ("40.01", "felix", False),
        ("40.01", "diana", True),
        ("0.01", "oscar", False),
    ],
)
def test_a_waiver_is_approved_within_authority_only(
    warehouse: Engine, role: str, amount: str, who: str, is_allowed: bool
) -> None:
    request_id = ask(warehouse, waiver(amount, AUTHORITY))
    if is_allowed:
        rule_by_sql(warehouse, role, request_id, who)
    else:
        with pytest.raises(DatabaseError, match=f"{who} has no authority over {amount} EUR"):
            rule_by_sql(warehouse, role, request_id, who)
    assert rows(warehouse, "ruling") == int(is_allowed)


@pytest.mark.parametrize(
    ("given", "by", "ruling", "comment", "message"),
    [
        ([], "felix", "reject", " ", "something that it needs is missing"),
        ([], "felix", "withdraw", "", "only rosa, who made it, can withdraw it"),
        ([], "felix", "revoke", "no", "it is not approved"),
        ([], " ", "approve", "", "names nobody"),
        ([("approve", "felix")], "fatima", "reject", "no", "already ruled on: approve by felix"),
        ([("reject", "felix")], "fatima", "approve", "", "already ruled on: reject by felix"),
        ([("withdraw", "rosa")], "felix", "approve", "", "already ruled on: withdraw by rosa"),
        ([("approve", "felix"), ("revoke", "rosa")], "fatima", "approve", "", "already ruled on: revoke by rosa"),
    ],
)
def test_a_ruling_that_breaks_a_rule_is_refused_in_words(
    warehouse: Engine, given: list[tuple[Any, str]], by: str, ruling: Any, comment: str, message: str
) -> None:
    request_id = ask(warehouse)
    for earlier, who in given:
        rule(warehouse, request_id, earlier, by=who, comment="as said")
    with pytest.raises(LedgerError, match=message) as caught:
        rule(warehouse, request_id, ruling, by=by, comment=comment)
    assert caught.value.where == f"request {request_id}"
    assert rows(warehouse, "ruling") == len(given)


@pytest.mark.parametrize(
    "changed", [{"explanation": " "}, {"evidence": ""}, {"subjects": []}, {"kind": "credit_waiver"}]
)
def test_a_request_says_why_on_what_evidence_and_for_what(warehouse: Engine, changed: dict[str, Any]) -> None:
    with pytest.raises(LedgerError, match="something that it needs is missing"):
        ask(warehouse, asked(**changed))
    with pytest.raises(LedgerError, match="names nobody"):
        ask(warehouse, by=" ")
    assert rows(warehouse, "request") == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", ["request", "ruling", "reminder", "charge_change"])
@pytest.mark.parametrize(
    "act", ["update ledger.{} set number = 9", "delete from ledger.{}", "truncate ledger.{} cascade"]
)
def test_nothing_of_it_can_be_changed_by_anyone(warehouse: Engine, role: str, table: str, act: str) -> None:
    rule(warehouse, ask(warehouse))
    act = act.replace("number = 9", "kind = null") if table == "charge_change" else act
    with warehouse.begin() as connection, pytest.raises(DatabaseError, match=r"append-only|permission denied"):
        if role == "replica":
            connection.execute(text("set local session_replication_role = replica"))
        elif role != "superuser":
            connection.execute(text(f"set local role {role}"))
        connection.execute(text(act.format(table)))


@pytest.mark.parametrize("role", ROLES)
def test_who_asked_for_a_granted_request_cannot_approve_the_draft_whatever_it_says_of_itself(
    warehouse: Engine, role: str
) -> None:
    """The draft names no preparers; the ledger knows them. Who approved the request may approve the draft."""
    request_id = ask(warehouse)
    draft_id = draft(warehouse, content(preparers=[])).draft_id
    decide_as = {"replica": "set local session_replication_role = replica", "superuser": "select 1"}

    def decide_by_sql(who: str) -> None:
        with warehouse.begin() as connection:
            connection.execute(text(decide_as.get(role, f"set local role {role}")))
            connection.execute(
                text("insert into ledger.decision values (:draft_id, 'approve', '', :who, :at)"),
                {"draft_id": draft_id, "who": who, "at": NOW},
            )

    rule(warehouse, request_id)
    with pytest.raises(DatabaseError, match="Rosa asked for an exclusion or a waiver of this month"):
        decide_by_sql("Rosa")
    decide_by_sql("felix")
    assert rows(warehouse, "decision") == 1


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("who", ["Ada", " ADA\t"])
def test_who_wrote_or_submitted_the_terms_cannot_approve_a_draft_that_names_nobody(
    warehouse: Engine, role: str, who: str
) -> None:
    draft_id = draft(warehouse, content(preparers=[])).draft_id
    with warehouse.begin() as connection, pytest.raises(DatabaseError, match="its terms are theirs"):
        if role != "superuser":
            connection.execute(
                text("set local session_replication_role = replica" if role == "replica" else f"set local role {role}")
            )
        connection.execute(
            text("insert into ledger.decision values (:draft_id, 'approve', '', :who, :at)"),
            {"draft_id": draft_id, "who": who, "at": NOW},
        )
    assert decide(warehouse, draft_id, user="lena")["decided_by"] == "lena"  # she approved the terms: not her own


@pytest.mark.parametrize("ruling", [None, "reject"])
def test_a_request_that_was_not_granted_takes_nobodys_voice(warehouse: Engine, ruling: Any) -> None:
    request_id = ask(warehouse)
    if ruling:
        rule(warehouse, request_id, ruling, comment="no")
    assert decide(warehouse, draft(warehouse).draft_id, user="rosa")["decided_by"] == "rosa"


def test_who_takes_an_approved_request_back_changes_the_base_and_cannot_approve_the_draft(warehouse: Engine) -> None:
    request_id = ask(warehouse)
    rule(warehouse, request_id)
    assert rule(warehouse, request_id, "revoke", by="fatima", comment="the storm was elsewhere") == "revoked"
    draft_id = draft(warehouse).draft_id
    with pytest.raises(LedgerError, match="fatima asked for an exclusion or a waiver"):
        decide(warehouse, draft_id, user="fatima")
    assert decide(warehouse, draft_id, user="rosa")["decided_by"] == "rosa"


@pytest.mark.parametrize(
    ("credit", "who", "is_allowed"),
    [("40.00", "felix", True), ("40.01", "felix", False), ("-40.01", "felix", False), ("40.01", "Diana", True)],
)
def test_a_draft_is_approved_within_authority_only(warehouse: Engine, credit: str, who: str, is_allowed: bool) -> None:
    line = {**content().lines[0], "credit_amount": Decimal(credit)}
    made = reviewed({"authority": AUTHORITY}, credit_amount=Decimal(credit), lines=[line])
    draft_id = draft(warehouse, made).draft_id
    if is_allowed:
        assert decide(warehouse, draft_id, user=who)["decided_by"] == who
        return
    with pytest.raises(LedgerError, match=f"{who} has no authority over {credit.lstrip('-')} EUR"):
        decide(warehouse, draft_id, user=who)
    assert decide(warehouse, draft_id, "dispute", user=who, comment="too much")["decision"] == "dispute"


@pytest.mark.parametrize("role", ROLES)
def test_a_waiver_cut_into_small_ones_is_judged_by_their_sum(warehouse: Engine, role: str) -> None:
    first, second, third = (ask(warehouse, waiver(amount, AUTHORITY)) for amount in ("30.00", "10.00", "0.01"))
    revoked = ask(warehouse, waiver("40.00", AUTHORITY))
    rule(warehouse, revoked)
    rule(warehouse, revoked, "revoke", comment="taken back: it counts no more")
    for request_id in (first, second):
        rule_by_sql(warehouse, role, request_id, "felix")
    with pytest.raises(DatabaseError, match=r"felix has no authority over 40\.01 EUR"):
        rule_by_sql(warehouse, role, third, "felix")
    rule_by_sql(warehouse, role, third, "diana")


CORRECTION = {"line_no": 3, "status": "adjustment", "service_level": None}
WITHOUT = {"requests": [{"credit_without": "35.00"}, {"credit_without": "40.01"}]}


@pytest.mark.parametrize(
    ("own", "more", "told", "amount"),
    [
        ("40.00", [("restatement:2026-01", "-40.00")], {}, "40.00"),  # nets to nothing
        ("40.01", [("restatement:2026-01", "-40.01")], {}, "40.01"),
        ("0.00", [("restatement:2026-01", "20.00"), ("restatement:2026-02", "-20.01")], {}, "40.01"),
        ("0.00", [("restatement:2026-01", "20.00"), ("restatement:2026-02", "-20.00")], {}, "40.00"),
        ("0.00", [], WITHOUT, "40.01"),
        ("0.00", [], {"requests": [], "credit_without_requests": "40.01"}, "40.01"),
        ("0.00", [], {"requests": [], "credit_without_requests": "40.00"}, "40.00"),
        ("0.00", [("restatement:2026-01", "-30.00")], {"credit_without_requests": "10.01"}, "40.01"),
    ],
)
def test_authority_is_over_what_a_draft_comes_to_before_anything_cancels_or_excuses_it(
    warehouse: Engine, own: str, more: list[tuple[str, str]], told: dict[str, Any], amount: str
) -> None:
    base = content()
    lines = [{**base.lines[0], "credit_amount": Decimal(own)}] + [
        {**base.lines[0], **CORRECTION, "line_no": number, "term": term, "credit_amount": Decimal(credit)}
        for number, (term, credit) in enumerate(more, start=2)
    ]
    net = sum((line["credit_amount"] for line in lines), Decimal("0.00"))
    made = reviewed({"authority": AUTHORITY}, lines=lines, credit_amount=net, assessment={**base.assessment, **told})
    draft_id = draft(warehouse, made).draft_id
    with warehouse.connect() as connection:
        assert ledger.read(connection, draft_id).draft["approval_amount"] == Decimal(amount)
    if amount == "40.00":
        assert decide(warehouse, draft_id, user="felix")["decided_by"] == "felix"
        return
    with pytest.raises(LedgerError, match=f"felix has no authority over {amount} EUR"):
        decide(warehouse, draft_id, user="felix")
    assert decide(warehouse, draft_id, user="diana")["decided_by"] == "diana"


DUE = datetime(2026, 4, 13, 8, tzinfo=UTC)
DEEMED = {"then": "deemed_approved", "clause": "12.4", "due_at": DUE.isoformat(), "authority": AUTHORITY}


def deem(engine: Engine, draft_id: str, at: datetime) -> dict[str, Any]:
    with engine.begin() as connection:
        return ledger.deem_approved(connection, draft_id, at=at)


def test_only_a_clause_deems_a_draft_approved_and_only_after_its_time(warehouse: Engine) -> None:
    silent = draft(warehouse, reviewed({**DEEMED, "then": "remind"}, "brisa")).draft_id
    with pytest.raises(LedgerError, match="no clause of its contract deems it approved"):
        deem(warehouse, silent, DUE)
    draft_id = draft(warehouse, reviewed(DEEMED)).draft_id
    with pytest.raises(LedgerError, match="its time is not over before 2026-04-13"):
        deem(warehouse, draft_id, DUE - timedelta(microseconds=1))
    row = deem(warehouse, draft_id, DUE)
    assert (row["decision"], row["decided_by"]) == ("deemed_approved", "clause 12.4")
    assert "Nobody decided by 2026-04-13T08:00:00+00:00; clause 12.4" in row["comment"]
    with warehouse.begin() as connection:
        booked = ledger.post(connection, draft_id, at=DUE)
        assert ledger.verify(connection).is_whole
    assert (booked["approved_by"], booked["approval_comment"]) == ("clause 12.4", row["comment"])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("due_at", "decided_at", "message"),
    [
        (None, DUE.isoformat(), "sets no time"),
        ("9999-01-01T00:00:00+00:00", "9999-01-02T00:00:00+00:00", "its time is not over"),  # only a name of an instant
        (DUE.isoformat(), (DUE - timedelta(microseconds=1)).isoformat(), "its time is not over"),
    ],
)
def test_nothing_is_deemed_approved_before_its_time_has_passed(
    warehouse: Engine, role: str, due_at: str | None, decided_at: str, message: str
) -> None:
    draft_id = draft(warehouse, reviewed({**DEEMED, "due_at": due_at})).draft_id
    with warehouse.begin() as connection, pytest.raises(DatabaseError, match=message):
        if role != "superuser":
            connection.execute(
                text("set local session_replication_role = replica" if role == "replica" else f"set local role {role}")
            )
        connection.execute(
            text("insert into ledger.decision values (:draft_id, 'deemed_approved', '', 'clause 12.4', :at)"),
            {"draft_id": draft_id, "at": decided_at},
        )


@pytest.mark.parametrize("role", ROLES)
def test_a_person_cannot_pass_for_the_clause(warehouse: Engine, role: str) -> None:
    draft_id = draft(warehouse, reviewed(DEEMED)).draft_id
    with warehouse.begin() as connection, pytest.raises(DatabaseError, match="not a person"):
        if role != "superuser":
            connection.execute(
                text("set local session_replication_role = replica" if role == "replica" else f"set local role {role}")
            )
        connection.execute(
            text("insert into ledger.decision values (:draft_id, 'deemed_approved', '', 'oscar', :at)"),
            {"draft_id": draft_id, "at": DUE},
        )


def test_a_decided_draft_is_deemed_nothing(warehouse: Engine) -> None:
    draft_id = draft(warehouse, reviewed(DEEMED)).draft_id
    decide(warehouse, draft_id, "dispute", comment="no")
    with pytest.raises(LedgerError, match="it is disputed"):
        deem(warehouse, draft_id, DUE)


def waived(amount: str, level: str | None = "resolution") -> dict[str, Any]:
    return {
        "line_no": 2, "term": "waiver:ALDER-2026-03-R1", "service_level": level, "status": "waived", "clause": "7.1",
        "version": 1, "effective_from": content().effective_from, "operator": None, "target": None, "value": None,
        "band_edge": None, "detail": {"waives": "late"}, "credit_amount": Decimal(amount),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "outcome"), [("-50.00", "waived"), ("-49.99", "credited, waived in part"), ("0.00", "credited")]
)
def test_the_register_tells_what_was_waived(warehouse: Engine, amount: str, outcome: str) -> None:
    made = content()
    posted(warehouse, replace(made, lines=[*made.lines, waived(amount)], credit_amount=50 + Decimal(amount)))
    with warehouse.connect() as connection:
        found = connection.execute(
            text("select service_level, line_amount, waived_amount, outcome from ledger.enforcement")
        ).all()
    assert [tuple(row) for row in found] == [("resolution", Decimal("50.00"), Decimal(amount), outcome)]


def test_the_change_log_tells_every_act_with_name_and_reason(warehouse: Engine) -> None:
    draft(warehouse)
    request_id = ask(warehouse)
    rule(warehouse, request_id)
    second = draft(warehouse, content(met=9, contract_sha256="d" * 64)).draft_id
    decide(warehouse, second, comment="agreed")
    with warehouse.connect() as connection:
        log = connection.execute(
            text("select subject, name, act, changed_by, words from ledger.change_log order by name, act")
        ).all()
    assert [tuple(row) for row in log] == [
        ("result", "ALDER-2026-03-D1", "drafted: first", "scheduler", ""),
        ("result", "ALDER-2026-03-D2", "approve", "felix", "agreed"),
        ("result", "ALDER-2026-03-D2", "drafted: inputs_changed", "scheduler",
         "credit 50.00 to 0.00; the contract file changed (rules or calendars)"),
        ("exclusion", request_id, "approve", "felix", ""),
        ("exclusion", request_id, "requested", "rosa", "force_majeure: The storm of 12 March."),
    ]  # fmt: skip
