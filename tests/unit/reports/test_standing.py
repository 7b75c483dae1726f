"""Who stands behind a statement: engagement, approvals of its terms, and net, tax and gross."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from deskledger import reports
from deskledger.reports import standing
from deskledger.reports.view import view

NOW = datetime(2026, 4, 11, 7, tzinfo=UTC)
ENGAGEMENT = {
    "level": "independent_ownership",
    "shared_pct": "50",
    "answers": {"resolution": "shared", "csat_poor": "money", "reopened": "reported"},
}
APPROVAL = {
    "version": 1, "author": "ada", "submitted_by": "sol", "approved_by": "lena",
    "approved_at": "2026-01-02T10:00:00+00:00",
}  # fmt: skip


def test_the_page_names_the_engagement_and_who_approved_the_terms(
    record: Callable[..., reports.StatementRecord],
) -> None:
    made = record()
    draft = {**made.draft, "terms": {"review": {}, "engagement": ENGAGEMENT, "approvals": [APPROVAL]}}
    told = view(record(draft=draft), NOW)
    header = dict(told["header"])
    assert header["Engagement"] == "independent ownership"
    assert header["Terms, version 1"].startswith(
        "written by ada, submitted by sol, approved by lena, 2 Jan 2026, 11:00"
    )
    assert told["levels"][0]["answer"] == "shared, 50 %"
    page = reports.render(record(draft=draft), NOW)
    assert "answered with: shared, 50 %" in page


def test_terms_without_an_engagement_say_nothing_of_it(record: Callable[..., reports.StatementRecord]) -> None:
    assert "Engagement" not in dict(view(record(), NOW)["header"])
    assert "answered with" not in reports.render(record(), NOW)


@pytest.mark.parametrize(
    ("service_level", "answer"), [("csat_poor", "money"), ("reopened", "reported"), ("of another version", None)]
)
def test_what_is_answered_with(service_level: str, answer: str | None) -> None:
    assert standing.answer({"terms": {"engagement": ENGAGEMENT}}, service_level) == answer


TAXED = {"treatment": "price_adjustment", "rate": "21", "tax": Decimal("210.00"), "corrections_tax": None,
         "note_number": None}  # fmt: skip


@pytest.mark.parametrize(
    ("booked", "told"),
    [
        (TAXED, ["Credit, net", "Tax, 21 % (price adjustment)", "210.00", "Gross", "1,210.00", "no credit note"]),
        ({**TAXED, "note_number": "SC-1"}, ["Booked with SC-1."]),
        (
            {"treatment": "damages", "rate": None, "tax": Decimal(0), "corrections_tax": None, "note_number": None},
            ["Tax: none (damages)", "0.00", "1,000.00"],
        ),
        ({**TAXED, "tax": Decimal("-210.00")}, ["−210.00", "790.00"]),
        (
            {**TAXED, "tax": Decimal("231.00"), "corrections_tax": Decimal("-21.00")},
            ["231.00", "Tax on corrections of earlier months", "−21.00", "1,210.00"],
        ),
    ],
)
def test_net_tax_and_gross(
    record: Callable[..., reports.StatementRecord], booked: dict[str, object], told: list[str]
) -> None:
    page = reports.render(record(tax=booked), NOW)
    for words in told:
        assert words in page


def test_without_books_the_credit_stands_alone(record: Callable[..., reports.StatementRecord]) -> None:
    page = reports.render(record(), NOW)
    assert "Gross" not in page and "net" not in page.partition("<tfoot>")[2].partition("</tfoot>")[0]
