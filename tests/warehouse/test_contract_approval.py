"""Only terms that a second person approved are priced: in Deskledger's words, and by SQL for every role."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import contract, ledger
from deskledger.cli import main
from deskledger.cli.demo import approve_contracts
from deskledger.errors import LedgerError, StatementError
from deskledger.settings import settings
from deskledger.steps import close, due_months, terms

from tests.warehouse.close_desk import (
    CONTRACT,
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    sign,
)

AT = datetime(2026, 4, 6, 9, tzinfo=UTC)
ROLES = ("finance", "superuser", "replica")


@pytest.fixture
def path(home: Path) -> Path:
    """A contract, of its own name, that nobody has submitted."""
    path = home / "contracts" / "brisa.yaml"
    path.write_text(CONTRACT.format(name="brisa", account="brisa", zone="Etc/UTC"), encoding="utf-8")
    return path


def edit(path: Path, old: str, new: str) -> None:
    words = path.read_text(encoding="utf-8")
    assert old in words
    path.write_text(words.replace(old, new), encoding="utf-8")


def states(path: Path) -> list[str]:
    return [standing.state for standing in terms.standings(contract.load(path))]


def test_submitted_by_one_approved_by_another(warehouse: Engine, path: Path) -> None:
    assert states(path) == ["not submitted"]
    terms.submit(path, None, by="ines", comment="as signed", now=AT)
    assert states(path) == ["submitted"]
    done = terms.approve(path, None, by="lena", comment="", now=AT)
    assert (done["author"], done["submitted_by"], done["approved_by"]) == ("ada", "ines", "lena")
    assert states(path) == ["approved"]


@pytest.mark.parametrize("who", ["ada", " ADA ", "ines", "Ines\t", " "])
def test_nobody_approves_what_they_wrote_or_submitted(warehouse: Engine, path: Path, who: str) -> None:
    terms.submit(path, 1, by="ines", comment="", now=AT)
    with pytest.raises(LedgerError, match=r"cannot approve it|names nobody") as caught:
        terms.approve(path, 1, by=who, comment="", now=AT)
    assert caught.value.where == "contract brisa, version 1"
    assert states(path) == ["submitted"]


@pytest.mark.parametrize(
    ("edited", "message"), [(False, "these terms were not put forward"), (True, "not the terms put forward last")]
)
def test_what_was_not_submitted_as_it_stands_is_not_approved(
    warehouse: Engine, path: Path, edited: bool, message: str
) -> None:
    if edited:
        terms.submit(path, 1, by="ada", comment="", now=AT)
        edit(path, "4 %", "5 %")
    with pytest.raises(LedgerError, match=message):
        terms.approve(path, 1, by="lena", comment="", now=AT)


def test_spaces_comments_and_order_leave_an_approval_as_it_is(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    edit(path, "currency: EUR\n", "")
    edit(path, "sources: [desk]\n", "# a comment\nsources:   [desk]\ncurrency: EUR\n")
    assert states(path) == ["approved"]


def test_an_edit_after_approval_stops_the_price_and_says_what_changed(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    path = home / "contracts" / "alder.yaml"
    edit(path, "pct_of_base: 4 %", "pct_of_base: 3 %")
    with pytest.raises(StatementError, match="not_approved: version 1 was edited after lena approved it") as caught:
        close.draft(KEY, now=NOW)
    assert "clause 7.1, penalty late, schedule, consequence, pct of base\n    was:  4 %\n    is:   3 %" in str(
        caught.value
    )
    assert "take the edit back, or have it approved: `deskledger contracts submit" in str(caught.value)
    assert due_months.due(now=NOW) == []  # nothing changes until somebody approves
    with warehouse.connect() as connection:
        assert ledger.last_attempt(connection, "alder", "2026-01")["outcome"] == "not_approved"
    sign(home)
    assert due_months.due(now=NOW) == [KEY]
    assert close.draft(KEY, now=NOW)["credit"] == "300.00"


def test_a_contract_that_nobody_approved_is_not_priced_and_the_message_names_both_commands(
    warehouse: Engine, path: Path
) -> None:
    month(warehouse, "2026-01", 8, account="brisa")
    with pytest.raises(StatementError, match="nobody has approved version 1") as caught:
        close.draft("brisa|2026-01", now=NOW)
    for command in ("contracts submit contracts/brisa.yaml --version 1", "contracts approve contracts/brisa.yaml"):
        assert command in str(caught.value.remedy)


def test_a_version_that_a_statement_used_never_changes_again(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 8)
    close_month("2026-01")
    path = home / "contracts" / "alder.yaml"
    edit(path, "within: 4h", "within: 8h")
    with pytest.raises(StatementError, match="ALDER-2026-01 used this version, so take the edit back"):
        close.draft("alder|2026-02", now=NOW)
    with pytest.raises(LedgerError, match="statement ALDER-2026-01 used it, so it can never change") as caught:
        sign(home)
    assert "target all others, within\n    was:  4h\n    is:   8h" in str(caught.value)
    edit(path, "within: 8h", "within: 4h")
    edit(path, "close_after: 5 days", "close_after: 4 days")  # when it is closed is no term of the version
    sign(home)
    assert close.draft("alder|2026-02", now=NOW)["credit"] == "500.00"


def test_who_submitted_the_terms_cannot_approve_a_statement_of_them(warehouse: Engine, path: Path, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    edit(home / "contracts" / "alder.yaml", "4 %", "3 %")
    terms.submit(home / "contracts" / "alder.yaml", 1, by="ines.b", comment="", now=AT)
    terms.approve(home / "contracts" / "alder.yaml", 1, by="felix", comment="", now=AT)
    made = close.draft(KEY, now=NOW)
    with pytest.raises(LedgerError, match=r"Ines\.B prepared this draft"):
        close.decide(made["draft_id"], "approve", comment="", user="Ines.B", at=NOW)
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)
    done = close.post(made["draft_id"], at=NOW)
    with warehouse.connect() as connection:
        frozen = ledger.posted(connection, "alder", "2026-01")["terms"]["approvals"]
        assert ledger.verify(connection).is_whole
    assert [(row["version"], row["submitted_by"], row["approved_by"]) for row in frozen] == [(1, "ines.b", "felix")]
    assert done["is_new"]


def test_every_version_that_a_month_rests_on_must_be_approved(warehouse: Engine, home: Path) -> None:
    """February's cycles that began in January are measured by version 1."""
    month(warehouse, "2026-01", 9)
    close_month("2026-01")
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    second = words[words.index("  - number: 1") :].replace("number: 1", "number: 2").replace("4 %", "2 %")
    path.write_text(words + second.replace("2026-01-01", "2026-02-01"), encoding="utf-8")
    month(warehouse, "2026-02", 8)
    with pytest.raises(StatementError, match="nobody has approved version 2"):
        close.draft("alder|2026-02", now=NOW)
    sign(home)
    assert close.draft("alder|2026-02", now=NOW)["credit"] == "200.00"


def by_sql(engine: Engine, role: str, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        if role == "replica":
            connection.execute(text("set local session_replication_role = replica"))
        elif role != "superuser":
            connection.execute(text(f"set local role {role}"))
        connection.execute(text(statement), values)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("who", ["ada", " Ines"])
def test_no_role_approves_its_own_terms_by_sql(warehouse: Engine, path: Path, role: str, who: str) -> None:
    number = terms.submit(path, 1, by="ines", comment="", now=AT)["submission_no"]
    statement = "insert into ledger.contract_approval (submission_no, approved_by, comment, approved_at) values "
    with pytest.raises(DatabaseError, match="and cannot approve it"):
        by_sql(warehouse, role, statement + "(:number, :who, '', now())", number=number, who=who)
    by_sql(warehouse, role, statement + "(:number, 'lena', '', now())", number=number)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_drafts_from_other_terms_by_sql(warehouse: Engine, home: Path, role: str) -> None:
    month(warehouse, "2026-01", 8)
    made = close.draft(KEY, now=NOW)["draft_id"]
    copy = """
    insert into ledger.draft
    select (jsonb_populate_record(draft, jsonb_build_object(
        'draft_id', 'X', 'number', 9, 'terms', draft.terms #- cast(:path as text [])
    ))).*
    from ledger.draft where draft_id = :made
    """
    for gone in ("{approvals}", "{approvals,0}", "{approvals,0,terms_sha256}"):
        with pytest.raises(DatabaseError, match="version 1 is not approved"):
            by_sql(warehouse, role, copy, made=made, path=gone)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_submits_other_words_than_it_hashes(warehouse: Engine, path: Path, role: str) -> None:
    terms.submit(path, 1, by="ines", comment="", now=AT)
    columns = "contract, version, effective_from, author, terms, terms_sha256, submitted_by, comment, submitted_at"
    statement = f"""
    insert into ledger.contract_submission ({columns})
    select {columns.replace(", terms,", ", replace(terms, '4 %', '1 %'),")} from ledger.contract_submission
    """  # noqa: S608 - the columns above
    with pytest.raises(DatabaseError, match="violates check constraint"):
        by_sql(warehouse, role, statement)


def test_the_commands_of_two_people(warehouse: Engine, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contracts", "submit", "brisa", "--by", "ines"]) == 0
    assert main(["contracts", "approve", "brisa", "--by", "ines"]) == 1
    assert main(["contracts", "status"]) == 0
    assert main(["contracts", "approve", str(path), "--by", "lena", "--comment", "read"]) == 0
    assert main(["contracts", "status"]) == 0
    assert main(["contracts", "diff", "brisa", "--approved"]) == 0
    edit(path, "amount: 100}", "amount: 150}")
    assert main(["contracts", "diff", "brisa", "1", "--approved"]) == 0
    told = capsys.readouterr()
    assert "It says what was approved." in told.out
    assert "clause 7.2, penalty unhappy, schedule, consequence, amount\n    was:  100\n    is:   150" in told.out
    assert "ines submitted the version and cannot approve it" in told.err
    assert "brisa version 1: submitted by ines, waits for a second person" in told.out
    assert "brisa version 1: approved by lena on " in told.out


def test_the_demo_approves_its_contracts_once(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESKLEDGER_CONTRACTS")
    told = approve_contracts(settings())
    assert told == [
        "alder version 1, by lucia.ferrer, approved by carmen.duarte",
        "brisa version 1, by noah.whitfield, approved by carmen.duarte",
    ]
    assert approve_contracts(settings()) == told
    with warehouse.connect() as connection:
        assert (
            connection.execute(text("select count(*) from ledger.contract_approval")).scalar_one() == 3
        )  # one is the fixture's own alder
