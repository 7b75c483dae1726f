"""Terms that a statement cannot follow yet are refused with the line, the reason and what to write instead."""

from pathlib import Path

import pytest

from deskledger import contract
from deskledger.contract.terms import Contract
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")
BASES = "      bases:\n"
CLOCK = "        use: first_response\n"
LATE = VALID[VALID.index("            kind: threshold") : VALID.index("        - id: slow")]
PER_ITEM = """            kind: per_item
            unit: 1h
            unit_rounding: up
            ladder: [{amount: 10}]
"""
STOPPED = (CLOCK, CLOCK + "        attribution: stopped\n")
BESIDE = (
    "        - {id: each, clause: '7.8', measure: in_time, schedule: {kind: threshold, consequence: {amount: 5}}}\n"
)
POINTS = ("{pct_of_base: 3 %}", "{points: 2}")
PAID = (BASES, "      points_to_money: {amount_per_point: 0}\n" + BASES)
CRITICAL = (BASES, "      critical: {points: 4, months: 3}\n" + BASES)
KPI = ("        csat: good\n", "        kpi: reopened\n")
SHARE = '        csat: good\n        objective: ">= 60 %"\n'
BACKLOG = (SHARE, '        kpi: backlog\n        objective: "<= 400"\n')
COUNTED = (SHARE, '        kpi: reopened\n        statistic: count\n        objective: "<= 5"\n')
EVENTS = "      overlap: max_per_event\n      events: {e: [late, slow]}\n"
FEW = "          gate: {max_misses_if_den_le: 39, max_misses: 2}\n"
CHOICE = EVENTS.replace("max_per_event", "customer_choice") + "      until_chosen: highest\n"
ROLLING = ('objective: ">= 95 %"', 'objective: ">= 95 %"\n        window: {months: 3, mode: pooled}')
RESUMED = (CLOCK, "        use: resolution_total\n")
FAIR = "    calendars:\n      fair: {timezone: Etc/UTC, special_days: {2026-03-02: [['09:00', '17:00']]}}\n"
WAIT = ("close_after: 5 days", "close_after: 5 days\n  survey_wait: 7 days")


def _ladder(units: str) -> str:
    return PER_ITEM.replace("[{amount: 10}]", "[{units: 2, amount: 10}, {units: 3, amount: 20}]") + (
        f"            max_units: {units}\n"
    )


# What to replace, on which line the fault must be shown, what is said, and what to do.
REFUSED = {
    "customer's choice of nothing": (
        [(BASES, "      overlap: customer_choice\n      until_chosen: none\n" + BASES)],
        "overlap:", "which penalties stand", "add `events:",
    ),
    "customer's choice without a rule until then": (
        [(BASES, CHOICE.replace("      until_chosen: highest\n", "") + BASES)],
        "overlap:", "until the customer has chosen is not said", "`until_chosen: highest`",
    ),
    "a rule until nobody chooses": (
        [(BASES, EVENTS + "      until_chosen: none\n" + BASES)],
        "until_chosen:", "nobody chooses", "`overlap: customer_choice`",
    ),
    "most per event of which nothing is said": (
        [(BASES, "      overlap: max_per_event\n" + BASES)], "overlap:", "which penalties stand", "add `events:",
    ),
    "events that add up": (
        [(BASES, "      events: {e: [late, slow]}\n" + BASES)], "events:", "say nothing", "`overlap: max_per_event`",
    ),
    "an event of one": (
        [(BASES, EVENTS.replace("late, slow", "late") + BASES)], "e: [", "one penalty by itself", "list all",
    ),
    "an event of no penalty": (
        [(BASES, EVENTS.replace("slow", "slo") + BASES)], "e: [", "no penalty `slo`", "did you mean `slow`",
    ),
    "a penalty of two events": (
        [(BASES, EVENTS.replace("}", ", f: [late, unhappy]}") + BASES)], "f: [", "stands for `e` already", "once",
    ),
    "points beside an amount": (
        [POINTS, PAID, (BASES, EVENTS + BASES)], "e: [", "`late` gives points", "let its failure cost an amount",
    ),
    "claim window without a rule until then": (
        [(BASES, "      claim_window_days: 30\n" + BASES)],
        "claim_window_days", "while nobody has claimed is not said", "`until_claimed: withheld`",
    ),
    "claims on a calendar without a window": (
        [(BASES, "      claim_calendar: office\n" + BASES)], "claim_calendar", "not used", "`claim_window_days:`",
    ),
    "claims on a calendar that is not there": (
        [(BASES, "      claim_window_days: 9\n      until_claimed: withheld\n      claim_calendar: offic\n" + BASES)],
        "claim_calendar", "no calendar `offic`", "did you mean `office`",
    ),
    "claims on a calendar that runs out": (
        [
            (BASES, "      claim_window_days: 9\n      until_claimed: withheld\n      claim_calendar: fair\n" + BASES),
            ("    calendars:\n", FAIR),
        ],
        "claim_calendar", "may reach past the last", "its `weekly:` hours",
    ),
    "a rule until claims that nobody asks for": (
        [(BASES, "      until_claimed: withheld\n" + BASES)],
        "until_claimed", "within how many days", "`claim_window_days: 30`",
    ),
    "misses of a percentile": (
        [("measure: slow_tenth\n", "measure: slow_tenth\n" + FEW)], "gate:", "misses cannot be counted", "`min_den`",
    ),
    "misses of a mean of months": (
        [("measure: in_time\n", "measure: in_time\n" + FEW), (ROLLING[0], ROLLING[1].replace("pooled", "mean"))],
        "gate:", "misses cannot be counted", "a share of the same tickets",
    ),
    "more units than a ladder has": (
        [(LATE, _ladder("6"))], "max_units:", "a price for 5 units, and `max_units` is 6", "or say `max_units: 5`",
    ),
    "misses of late tickets": (
        [(LATE, PER_ITEM), ("measure: in_time\n", "measure: in_time\n" + FEW)],
        "gate:", "has no verdict", "price the share met",
    ),
    "a sample of late tickets": (
        [(LATE, PER_ITEM), ("measure: in_time\n", "measure: in_time\n          gate: {min_den: 2}\n")],
        "gate:", "the months of a late ticket add up", "remove the gate",
    ),
    "relief of late tickets": (
        [(LATE, PER_ITEM), ("measure: in_time\n", "measure: in_time\n          gate: {volume_relief_above: 9}\n")],
        "gate:", "the months of a late ticket add up", "remove the gate",
    ),
    "tax": ([(BASES, "      tax: {rate: 19 %, treatment: damages}\n" + BASES)], "tax:", "before tax", "`books.yaml`"),
    "kpi's other side": ([(KPI[0], KPI[1] + "        side: customer\n")], "side: customer", "has no sides", "remove"),
    "kpi's unknown statistic": (
        [(KPI[0], KPI[1] + "        statistic: mean\n")],
        "statistic: mean", "`mean` cannot be taken of a kpi", "`share`",
    ),
    "share's objective of a count": (
        [(KPI[0], KPI[1] + "        statistic: count\n")], 'objective: ">= 60 %"', "not in the unit", '"<= 5"',
    ),
    "backlog of several months": (
        [BACKLOG, (BACKLOG[1], BACKLOG[1] + "        window: {months: 3, mode: pooled}\n")],
        "window: {months: 3", "counts a ticket again", "remove `window`",
    ),
    "mean of counts": (
        [COUNTED, (COUNTED[1], COUNTED[1] + "        window: {months: 3, mode: mean}\n")],
        "window: {months: 3", "are added up", "mode: pooled",
    ),
    "lateness of a percentile": (
        [(LATE, PER_ITEM), ("measure: in_time", "measure: slow_tenth")],
        "measure: slow_tenth", "calls none of them late", "measure the share met",
    ),
    "two prices of one level": (
        [(LATE, PER_ITEM + BESIDE), STOPPED, ROLLING], "measure: in_time", "by another penalty", "a second service",
    ),
    "reopening counted by the due instant": (
        [RESUMED], "use: resolution_total", "would count in two months", "`resume_within: 5 days`",
    ),
    "reopening counted by the stop": (
        [(CLOCK, RESUMED[1] + "        attribution: stopped\n")],
        "use: resolution_total", "would count in two months", "a reopening is a cycle of its own",
    ),
    "reopening written out": (
        [(CLOCK, CLOCK + "        resume: [{kind: status, value: open}]\n")],
        "resume:", "would count in two months", "`resolution`",
    ),
    "time of what is reopened after its breach": (
        [(CLOCK, RESUMED[1] + "        resume_within: 5 days\n")],
        "statistic: p90", "two months would count its time", "add `attribution: stopped` to `response`",
    ),
    "target of the end by the due instant": (
        [(CLOCK, CLOCK + "        retarget: final\n")],
        "retarget: final", "two months would count it", "add `attribution: stopped`",
    ),
    "target of the end by the start": (
        [(CLOCK, CLOCK + "        retarget: final\n        attribution: started\n")],
        "retarget: final", "two months would count it", "`retarget: at_change`",
    ),
    "a wait for what never resumes": (
        [(CLOCK, CLOCK + "        resume_within: 5 days\n")],
        "resume_within", "no stop can be taken back", "remove it",
    ),
    "sent without a wait": (
        [("attribution: responded", "attribution: sent")], "attribution: sent", "nothing waits", "survey_wait: 7 days",
    ),
    "solved without a wait": (
        [("attribution: responded", "attribution: solved"), (WAIT[0], WAIT[1].replace("7 days", "0 days"))],
        "attribution: solved", "nothing waits", "`attribution: responded`",
    ),
}  # fmt: skip

# The nearest terms that a statement follows: what each remedy says.
FOLLOWED = {
    "most per event": [(BASES, EVENTS + BASES)],
    "all units of a ladder": [(LATE, _ladder("5"))],
    "customer's choice": [(BASES, CHOICE + BASES)],
    "claims in business days": [
        (BASES, "      claim_window_days: 9\n      until_claimed: withheld\n      claim_calendar: office\n" + BASES)
    ],
    "claims": [(BASES, "      claim_window_days: 30\n      until_claimed: withheld\n" + BASES)],
    "critical points": [CRITICAL, POINTS],
    "critical points that cost something": [CRITICAL, POINTS, PAID],
    "misses of a share": [("measure: in_time\n", "measure: in_time\n" + FEW)],
    "misses of pooled months": [("measure: in_time\n", "measure: in_time\n" + FEW), ROLLING],
    "relief of a share": [("measure: in_time\n", "measure: in_time\n          gate: {volume_relief_above: 9}\n")],
    "a sample of a percentile": [("measure: slow_tenth\n", "measure: slow_tenth\n          gate: {min_den: 30}\n")],
    "year's cap of all lines": [("pct: 10 %}", "pct: 10 %, per: year}")],
    "year's cap of some lines": [("pct: 10 %}", "pct: 10 %, per: year, terms: [late]}")],
    "month's cap of some lines": [("pct: 10 %}", "pct: 10 %, terms: [late]}")],
    "lateness at the stop": [(LATE, PER_ITEM), STOPPED],
    "lateness month by month": [(LATE, PER_ITEM)],
    "two prices of one level": [(LATE, PER_ITEM + BESIDE), STOPPED],
    "two prices of two levels": [
        (LATE, PER_ITEM + BESIDE.replace("in_time", "slow_tenth")), STOPPED,
    ],
    "reopening in time": [(CLOCK, RESUMED[1] + "        resume_within: 5 days\n        attribution: stopped\n")],
    "reopening written out, in time": [
        (
            CLOCK,
            CLOCK
            + "        resume: [{kind: status, value: open}]\n        resume_within: 36h\n"
            + "        attribution: stopped\n",
        )
    ],
    "target of the end by the stop": [(CLOCK, CLOCK + "        retarget: final\n        attribution: stopped\n")],
    "started": [(CLOCK, CLOCK + "        attribution: started\n")],
    "kpi": [KPI],
    "kpi's count": [COUNTED],
    "backlog of a month": [BACKLOG],
    "kpi's counts added up": [COUNTED, (COUNTED[1], COUNTED[1] + "        window: {months: 3, mode: pooled}\n")],
    "sent with a wait": [("attribution: responded", "attribution: sent"), WAIT],
    "solved with a wait": [("attribution: responded", "attribution: solved"), WAIT],
}  # fmt: skip


def _changed(changes: list[tuple[str, str]]) -> str:
    text = VALID
    for old, new in changes:
        assert old in text, "the case no longer changes anything"
        text = text.replace(old, new, 1)
    return text


def _load(text: str) -> Contract:
    return contract.parse(text.encode(), "contracts/acme.yaml")


@pytest.mark.parametrize("name", REFUSED)
def test_a_term_that_a_statement_would_overlook_is_refused(name: str) -> None:
    changes, where, what, remedy = REFUSED[name]
    text = _changed(changes)
    line = text[: text.index(where)].count("\n") + 1
    with pytest.raises(ContractError) as caught:
        _load(text)
    told = str(caught.value).splitlines()
    (row,) = [n for n, each in enumerate(told) if each.startswith(f"contracts/acme.yaml:{line}:") and what in each]
    assert remedy in told[row + 1]


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_the_remedy_says_is_accepted(name: str) -> None:
    _load(_changed(FOLLOWED[name]))


def _second(*changes: tuple[str, str]) -> str:
    version = VALID[VALID.index("  - number: 1") :].replace("number: 1", "number: 2")
    version = version.replace("2026-01-01", "2026-02-01")
    for old, new in changes:
        assert old in version
        version = version.replace(old, new)
    return VALID + version


RENAMED = [("      response:\n", "      answering:\n"), ("clock: response", "clock: answering")]
KEPT = (
    "    clocks:\n",
    "    clocks:\n      response: {clause: '4.1', use: first_response, calendar: office, targets: [{within: 4h}]}\n",
)


def test_a_version_that_renames_a_measured_clock_is_refused() -> None:
    text = _second(*RENAMED)
    line = text[: text.rindex("    clocks:")].count("\n") + 1
    with pytest.raises(ContractError) as caught:
        _load(text)
    assert f"contracts/acme.yaml:{line}: the clock `response`, which service levels measured until version 1" in str(
        caught.value
    )
    assert "keep the name `response`" in str(caught.value)


def test_a_service_level_that_takes_another_clock_is_refused_although_its_old_one_is_kept() -> None:
    with pytest.raises(ContractError, match=r"clause 4\.2: `in_time` measured the clock `response` until version 1"):
        _load(_second(*RENAMED, KEPT))


def test_a_version_may_change_a_clock_under_its_name_and_drop_one_that_nothing_measured() -> None:
    spare = "      spare: {clause: '4.9', use: picked_up, calendar: office, targets: [{within: 4h}]}\n"
    text = _second(("within: 30m", "within: 15m")).replace("    clocks:\n", "    clocks:\n" + spare, 1)
    assert [len(version.clocks) for version in _load(text).versions] == [2, 1]
