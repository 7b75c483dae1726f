"""What a contract says about its month's close: reasons to exclude, deadlines, authority; and what is refused of it."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from deskledger import contract
from deskledger.contract.terms import Authority, Contract, Reason, Review
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")


def with_review(terms: str) -> Contract:
    return contract.parse(VALID.replace("versions:\n", f"review: {terms}\nversions:\n", 1).encode(), "acme.yaml")


def with_exclusions(terms: str) -> Contract:
    words = f"    exclusions:\n      storm: {terms}\n    penalties:\n"
    return contract.parse(VALID.replace("    penalties:\n", words, 1).encode(), "acme.yaml")


@pytest.mark.parametrize(
    ("terms", "review"),
    [
        ("{authority: []}", Review()),
        ("{second_above: 10000.00}", Review(second_above_amount=Decimal("10000.00"))),
        (
            "{second_above: 1, authority: [{approvers: [felix]}, {approvers: [fatima]}]}",
            Review(
                authority=(Authority(("felix",), None), Authority(("fatima",), None)), second_above_amount=Decimal(1)
            ),
        ),
        (
            "{second_above: 1, authority: [{approvers: felix}, {up_to: 5}, {}]}",
            Review(
                authority=(Authority(("felix",), None), Authority(None, Decimal(5)), Authority()),
                second_above_amount=Decimal(1),
            ),
        ),
        ("{within: 5 days, then: remind}", Review(within=timedelta(days=5), then="remind")),
        ("{within: 36h, then: escalate, to: diana}", Review(within=timedelta(hours=36), then="escalate", to="diana")),
        (
            "{within: 1 business day, calendar: office, then: nothing}",
            Review(within_open_days=1, calendar="office", then="nothing"),
        ),
        (
            '{within: 5 business days, calendar: office, then: deemed_approved, clause: "12.4"}',
            Review(within_open_days=5, calendar="office", then="deemed_approved", clause="12.4"),
        ),
        (
            "{authority: [{approvers: [felix, fatima], up_to: 10000.00}, {approvers: diana}]}",
            Review(authority=(Authority(("felix", "fatima"), Decimal("10000.00")), Authority(("diana",), None))),
        ),
        (
            "{authority: [{up_to: 100}, {approvers: diana}]}",
            Review(authority=(Authority(None, Decimal(100)), Authority(("diana",), None))),
        ),
    ],
)
def test_review_terms_are_exact(terms: str, review: Review) -> None:
    assert with_review(terms).review == review


def test_without_review_terms_nothing_is_asked_and_nothing_happens() -> None:
    assert contract.parse(VALID.encode(), "acme.yaml").review == Review()


@pytest.mark.parametrize(
    ("terms", "what", "remedy"),
    [
        ("{within: 5 days}", "`within` is given without `then`", "add `then:`"),
        ("{then: remind}", "`then` is given without `within`", "add `within:`"),
        ("{within: 5 days, then: approve}", "`approve` is not a choice", "deemed_approved"),
        ("{within: 5 days, then: deemed_approved}", "no clause says so", "add the `clause:`"),
        ("{within: 5 days, then: escalate}", "`escalate` and `to` belong together", "add `to:`"),
        ("{within: 5 days, then: remind, to: diana}", "`escalate` and `to` belong together", "remind"),
        ("{within: 5 business days, then: remind}", "not said on which calendar", "add `calendar:`"),
        ("{within: 5 business days, calendar: ofice, then: remind}", "no calendar `ofice`", "did you mean `office`?"),
        ("{within: 5 days, calendar: office, then: remind}", "the calendar is not used", "remove `calendar`"),
        ("{within: a week, then: remind}", "not a duration", "4h"),
        ("{authority: [{approvers: felix, up_to: 10}]}", "could never be posted", "no `up_to`"),
        ("{second_above: 1, authority: [{approvers: [felix, Felix]}]}", "only one may approve any", "a second one"),
        ("{second_above: 1, authority: [{up_to: 5}, {approvers: felix}]}", "only one may approve any", "a second one"),
        ("{second_above: -1}", "below zero", "positive"),
        ("{authority: [{approvers: []}]}", "nobody is named", "name at least one person"),
        ("{authority: [{approvers: felix, up_to: -1}]}", "below zero", "positive"),
    ],
)
def test_review_terms_that_leave_something_open_are_refused(terms: str, what: str, remedy: str) -> None:
    with pytest.raises(ContractError) as caught:
        with_review(terms)
    assert what in caught.value.what
    assert remedy in str(caught.value.remedy)


@pytest.mark.parametrize("effect", ["removed", "excused"])
def test_a_reason_says_its_clause_and_what_it_does(effect: str) -> None:
    found = with_exclusions(f'{{clause: "9.2", title: Force majeure, effect: {effect}}}').versions[0].exclusions
    assert found == (Reason("storm", "9.2", "Force majeure", effect),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        ("{title: Storm, effect: removed}", "`clause` is missing"),
        ('{clause: "9.2", title: Storm}', "`effect` is missing"),
        ('{clause: "9.2", title: Storm, effect: forgiven}', "`forgiven` is not a choice"),
    ],
)
def test_a_reason_without_clause_or_effect_is_refused(terms: str, what: str) -> None:
    with pytest.raises(ContractError, match=what):
        with_exclusions(terms)


@pytest.mark.parametrize(("written", "kept"), [("true", True), ("false", False)])
def test_whether_waived_credit_counts_is_the_contracts_choice(written: str, kept: bool) -> None:
    text = VALID.replace("    penalties:\n", f"    penalties:\n      waived_counts: {written}\n", 1)
    assert contract.parse(text.encode(), "acme.yaml").versions[0].penalties["waived_counts"] is kept
