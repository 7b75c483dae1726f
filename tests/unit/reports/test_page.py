"""The page and its files: self-contained, well-formed, and safe with whatever text tickets and people bring."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from deskledger import model, reports
from deskledger.reports import review
from deskledger.reports.export import neutral

Make = Callable[..., reports.StatementRecord]
NOW = datetime(2026, 4, 11, 7, tzinfo=UTC)
EVIL = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


class Tags(HTMLParser):
    """Balances tags and keeps attributes and visible text."""

    VOID = frozenset({"meta", "path", "line", "polyline", "circle", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page(record: Make) -> str:
    return reports.render(record(), NOW)


def test_the_page_is_well_formed_and_fetches_nothing(page: str) -> None:
    tags = Tags(page)
    assert tags.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in tags.found}
    assert not [attrs for _, attrs in tags.found if {"src", "href", "srcset", "onload", "onclick"} & attrs.keys()]
    assert not re.search(r"url\(|@import|https?://(?!evil\.example)", page)


def test_text_of_tickets_and_people_is_shown_and_never_run(page: str) -> None:
    assert "<script" not in page
    assert "".join(Tags(page).text).count(EVIL) >= 7  # customer, invoice, decision, team, ticket, comment, count


def test_the_desks_own_counts_stand_beside_ours(page: str) -> None:
    assert re.search(r">12</td><td class=\"num\">9</td><td class=\"num\">1</td><td>2 missing</td>", page)


@pytest.mark.parametrize(
    "words",
    [
        "0 of 1",
        "1 missed",
        "1,000.00 EUR",
        "Provisional",
        "in review",
        "ALDER-2026-03",
        "2, made 6 Apr 2026",
        "version 1 from 2026-01-01",
        "1 ticket or row is incomplete",
        "50 %",
        "at least 90 %",
        "1 of 2",
        ">= 90 %",
        "clause 4.2",
        "−2,500.00 EUR",
        "9.45 to 90.55",
        "8 more good answers",
        "cap:month",
        "2 records in quarantine",
        "80 %",
        "ada",
        "not yet",
        "500.00 EUR",
        "ALDER-2026-03-D2-tickets.csv",
        "c" * 64,
    ],
)
def test_what_a_manager_and_finance_look_for_is_on_the_page(page: str, words: str) -> None:
    flat = " ".join("".join(Tags(page).text).split())
    assert words in flat


def test_tables_have_headers_and_charts_have_words(page: str) -> None:
    found = Tags(page).found
    assert all("scope" in attrs for tag, attrs in found if tag == "th")
    charts = [attrs for tag, attrs in found if tag == "svg" and "aria-hidden" not in attrs]
    assert charts
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in charts)
    assert "2 months: Feb 2026 80 %, Mar 2026 50 %" in [attrs["aria-label"] for attrs in charts]


def test_a_posted_statement_is_final_and_names_its_approver_and_entry(record: Make) -> None:
    state = {"state": "posted", "decision": "approve", "decided_by": "felix", "decided_at": NOW}
    made = reports.render(record(state=state, entry_sha256="a" * 64), NOW)
    flat = " ".join("".join(Tags(made).text).split())
    assert "Final" in flat
    assert "felix, 11 Apr 2026, 09:00 CEST" in flat
    assert "a" * 64 in flat
    assert "Provisional" not in flat


def test_a_month_without_tickets_answers_or_caps_renders(record: Make) -> None:
    plain = record()
    draft = {
        **plain.draft,
        "csat": None,
        "incomplete_tickets": 0,
        "charges": {},
        "control": {},
        "assessment": {"contract": {}, "flags": []},
    }
    level = {**plain.levels[0], "value": None, "status": "no_data", "sample": 0, "numerator": "0", "denominator": "0"}
    bare = replace(
        plain,
        draft=draft,
        levels=[level],
        lines=[],
        trace=[],
        decisions=[],
        trend={},
        poor_answers=(),
        evidence=model.empty(model.EVIDENCE),
    )
    flat = " ".join("".join(Tags(reports.render(bare, NOW)).text).split())
    assert "Without data, so neither met nor missed: Resolution." in flat
    assert "No ticket missed its target." in flat


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("", ""),
        ("T-1", "T-1"),
    ],
)
def test_a_cell_is_never_a_formula(text: str, expected: str) -> None:
    assert neutral(text) == expected


def test_tickets_csv_holds_every_row_and_neutralises_text_only(record: Make) -> None:
    rows = list(csv.DictReader(io.StringIO(reports.tickets_csv(record().evidence))))
    assert [row["ticket_id"] for row in rows] == ["T1", f"'{FORMULA}", EVIL]
    assert [row["elapsed_us"] for row in rows] == ["7200000000"] * 3
    assert [row["reason"] for row in rows] == ["", "", "in quarantine"]


def test_lines_csv_keeps_amounts_as_numbers(record: Make) -> None:
    told = record()
    rows = list(csv.DictReader(io.StringIO(reports.lines_csv(told.draft, told.lines))))
    assert [(row["term"], row["credit_amount"], row["currency"]) for row in rows] == [
        ("late", "3500.00", "EUR"),
        ("month", "-2500.00", "EUR"),
    ]
    assert sum(Decimal(row["credit_amount"]) for row in rows) == told.draft["credit_amount"]
    steps = list(csv.DictReader(io.StringIO(reports.trace_csv(told.draft, told.trace))))
    assert (steps[0]["step"], steps[0]["statement_number"]) == ("measure", "ALDER-2026-03")


def test_the_review_says_verdict_money_and_where_the_report_lies_and_runs_nothing(record: Make) -> None:
    told = record()
    assert review.subject(told, NOW) == "alder 2026-03: 0 of 1 service levels met, credit 1,000.00 EUR (draft 2)"
    body = review.body(told, NOW, Path("reports/alder/2026-03/ALDER-2026-03-D2.html"))
    assert "| Resolution | at least 90 % | 50 % | 1 of 2 | Missed | 2 | 3,500.00 EUR |" in body
    assert "1 tickets or rows are incomplete" not in body
    assert "1 ticket or row is incomplete" in body
    assert "draft 1: dispute by" in body
    assert "Prepared by ada" in body
    assert "`reports/alder/2026-03/ALDER-2026-03-D2.html`" in body
    assert "<script>" not in body
