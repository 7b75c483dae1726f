"""Broken contracts: each refused with the line of its fault and a remedy, input beside expected."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import contract
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")

# What to replace, by what, on which line of the result the fault must be shown, what is said, and what to do.
BROKEN = {
    "not_yaml": ("title: Acme, support", "title: [Acme", "currency: EUR", "this is not YAML", "check indentation"),
    "unquoted_objective": ('objective: ">= 95 %"', "objective: >= 95 %", "objective: >= 95", "not YAML", "in quotes"),
    "tab": ("  timezone: Europe/Madrid\n  close", "\ttimezone: Europe/Madrid\n  close", "\ttimezone", "YAML", "spaces"),
    "duplicate_key": (
        "currency: EUR",
        "currency: EUR\ncurrency: USD",
        "currency: USD",
        "given twice",
        "one of the two",
    ),
    "duplicate_clock_key": (
        "        use: first_response",
        "        use: first_response\n        use: picked_up",
        "use: picked_up",
        "given twice",
        "one of the two",
    ),
    "anchor": (
        "sources: [desk]",
        "sources: &all [desk]",
        "sources: &all",
        "anchors and aliases",
        "write the terms out",
    ),
    "alias": ("sources: [desk]", "sources: *all", "sources: *all", "anchors and aliases", "write the terms out"),
    "tag": ("title: Acme, support", "title: !!python/name:os.system x", "title: !!", "tag", "remove"),
    "second_document": ("period:", "---\nperiod:", "---", "second document", "one contract a file"),
    "unknown_word": ("currency: EUR", "curency: EUR", "curency", "unknown word `curency`", "did you mean `currency`"),
    "unknown_nested_word": ("statistic: p90", "statistics: p90", "statistics", "clause 4.3", "mean `statistic`"),
    "missing_author": ("    author: ana\n", "", "- number: 1", "`author` is missing", "add `author:`"),
    "empty_author": ("author: ana", "author:", "author:", "there is no value", "remove the line"),
    "missing_customer": ("customer: Acme, ", "", "parties", "the customer is missing", "add `customer:`"),
    "bad_name": ("contract: acme", "contract: Acme Corp", "contract: Acme", "not a name", "small letters"),
    "bad_currency": ("currency: EUR", "currency: euro", "currency: euro", "not a currency code", "ISO 4217"),
    "bad_zone": (
        "  timezone: Europe/Madrid\n  close",
        "  timezone: Europe/Madird\n  close",
        "Madird",
        "not a time zone",
        "mean `Europe/Madrid`",
    ),
    "bad_start_day": ("close_after: 5 days", "start_day: 31", "start_day", "cannot begin every month", "1 to 28"),
    "bad_span": ("close_after: 5 days", "close_after: five days", "five", "not a duration", "`4h`"),
    "bad_date": ("2026-01-01", "2026-13-01", "2026-13-01", "not a date", "year-month-day"),
    "version_in_mid_period": ("2026-01-01", "2026-01-15", "2026-01-15", "middle of a period", "day 1"),
    "version_number": ("number: 1", "number: 2", "number: 2", "where version 1 belongs", "without a gap"),
    "no_version": (VALID[VALID.index("versions:") :], "versions: []\n", "versions", "has no version", "first one"),
    "never_open": (
        'mon-fri: [["09:00", "17:00"]]\n        country: ES\n        region: MD',
        "mon-fri: []",
        "office:",
        "never open",
        "always: true",
    ),
    "bad_hours": ('"17:00"', '"25:00"', "25:00", "not a time of day", "09:00"),
    "empty_hours": ('["09:00", "17:00"]', '["09:00", "09:00"]', "mon-fri", "hold no time", "before the end"),
    "overlapping_hours": (
        '[["09:00", "17:00"]]',
        '[["09:00", "17:00"], ["16:00", "18:00"]]',
        "mon-fri",
        "overlap",
        "join",
    ),
    "bad_weekday": ("mon-fri:", "mon-fry:", "mon-fry", "not a day", "did you mean `mon`"),
    "unknown_country": ("country: ES", "country: XX", "country: XX", "no holidays are known", "ISO code"),
    "unknown_region": ("region: MD", "region: MAD", "region: MAD", "no holidays", "did you mean `MD`"),
    "unknown_definition": (
        "use: first_response",
        "use: first_respons",
        "use: first_respons",
        "ready-made",
        "mean `first_response`",
    ),
    "no_start": ("        use: first_response\n", "", "response:", "when it starts", "`use:` a ready-made clock"),
    "unknown_calendar": ("calendar: office", "calendar: ofice", "calendar: ofice", "no calendar `ofice`", "`office`"),
    "unknown_priority": ("priority: P1", "priority: P5", "priority: P5", "unknown priority `P5`", "use `P1`"),
    "unknown_status": (
        "calendar: office\n",
        "calendar: office\n        pause: [waiting_on_custmer]\n",
        "pause:",
        "unknown status",
        "did you mean `waiting_on_customer`",
    ),
    "bad_duration": ("within: 30m", "within: 30 parsecs", "parsecs", "not a unit of time", "h, m or s"),
    "float_like_duration": ("within: 30m", "within: 1e3s", "1e3s", "`e` is not a unit of time", "h, m or s"),
    "ambiguous_days": ("within: 30m", "within: 2 days", "2 days", "24 hours or a working day", "2 business days"),
    "no_time": ("within: 30m", "within: 0h", "within: 0h", "never be met", "how long"),
    "no_floor_target": (
        "          - {within: 2 business days, day_end: close}\n",
        "",
        "targets:",
        "priority P4 have no target",
        "no conditions",
    ),
    "no_target_without_priority": (
        "- {within: 2 business days, day_end: close}",
        "- {priority: P4, within: 2 business days}",
        "targets:",
        "tickets without a priority have no target",
        "no conditions",
    ),
    "no_calendar_for_some": (
        "calendar: office\n",
        "calendars: [{team: [red], calendar: office}]\n",
        "calendars: [{",
        "priority P1, P2, P3, P4 have no calendar",
        "no conditions",
    ),
    "unreachable_target": (
        "- {priority: P1, within: 30m}",
        "- {within: 4h}\n          - {priority: P1, within: 30m}",
        "{priority: P1",
        "no ticket can reach",
        "narrower one first",
    ),
    "unknown_clock": (
        "clock: response\n        objective",
        "clock: respond\n        objective",
        "clock: respond",
        "no clock",
        "`response`",
    ),
    "two_subjects": ("csat: good\n", "csat: good\n        clock: response\n", "good:\n", "exactly one of", "keep one"),
    "no_percent_sign": ('">= 95 %"', '">= 95"', '">= 95"', "not in the unit of `share_met`", ">= 95 %"),
    "impossible_share": ('">= 95 %"', '">= 195 %"', "195 %", "no share can be", "between 0 % and 100 %"),
    "strict_operator": ('">= 95 %"', '"> 95 %"', "> 95 %", "not an objective", "at least"),
    "decimal_comma": ('">= 95 %"', '">= 95,5 %"', "95,5", "not a percentage", "`95 %`"),
    "unknown_statistic": ("statistic: p90", "statistic: avrage", "avrage", "unknown statistic", "`mean`"),
    "rolling_percentile": (
        "statistic: p90",
        "statistic: p90\n        window: {months: 3, mode: pooled}",
        "window:",
        "percentile of several months",
        "take the mean",
    ),
    "window_of_one_month": (
        'objective: ">= 95 %"',
        'objective: ">= 95 %"\n        window: {months: 1, mode: pooled}',
        "window:",
        "the month itself",
        "remove `window`",
    ),
    "no_csat_block": (
        VALID[VALID.index("    csat:") : VALID.index("    service")],
        "",
        "csat: good",
        "how ratings",
        "csat:",
    ),
    "star_twice": ("neutral: [3]", "neutral: [3, 4]", "neutral:", "4 stars are in good and neutral", "each of 1 to 5"),
    "star_missing": ("neutral: [3]", "neutral: []", "neutral:", "3 stars are in no class", "each of 1 to 5"),
    "bad_rating": ("poor: [1, 2]", "poor: [0, 1, 2]", "poor: [0", "1, 2, 3, 4 or 5", "whole stars"),
    "never_binds": (
        "denominator: include_neutral",
        "denominator: exclude_neutral",
        'objective: ">= 60 %"',
        "clause 5.2: this test can never bind",
        "acknowledged: true",
    ),
    "over_allocated_pool": (
        "consequence: {pct_of_base: 3 %}",
        "consequence: {at_risk: {base: fee, at_risk_pct: 10 %, alloc_pct: 60 %}}\n        - id: more\n"
        "          clause: '7.8'\n          measure: good\n          schedule:\n            kind: threshold\n"
        "            consequence: {at_risk: {base: fee, at_risk_pct: 10 %, alloc_pct: 41 %}}",
        "schedule:\n            kind: threshold\n"
        "            consequence: {at_risk: {base: fee, at_risk_pct: 10 %, alloc_pct: 41",
        "over-allocated from here: more than 100 %",
        "pools: {fee:",
    ),
    "never_open_always": (
        "timezone: Europe/Madrid\n        weekly:",
        "timezone: Europe/Madrid\n        always: true\n        weekly:",
        "always: true",
        "leaves no room for hours",
        "keep one",
    ),
    "unknown_measure": ("measure: in_time", "measure: intime", "measure: intime", "no service level", "mean `in_time`"),
    "no_base": (
        "      bases:\n        fee: {charge: monthly_fee}\n",
        "",
        "consequence: {pct_of_base: 3 %}",
        "no base",
        "bases",
    ),
    "unknown_base": ("{pct_of_base: 3 %}", "{pct_of_base: 3 %, base: fees}", "base: fees", "no base `fees`", "`fee`"),
    "no_consequence": ("{pct_of_base: 3 %}", "{}", "consequence: {}", "exactly one of", "what a failure costs"),
    "two_consequences": ("{pct_of_base: 3 %}", "{pct_of_base: 3 %, amount: 5}", "amount: 5", "exactly one", "costs"),
    "unknown_kind": ("kind: shortfall", "kind: shortfal", "kind: shortfal", "no kind", "did you mean `shortfall`"),
    "no_step_rounding": (
        "            step_rounding: up\n",
        "",
        "schedule:\n            kind: shortfall",
        "`step_rounding` is missing",
        "add",
    ),
    "step_unit": ("step: 30m", "step: 1 %", "step: 1 %", "not in the unit", "`30m`"),
    "zero_step": ("step: 30m", "step: 0h", "step: 0h", "above zero", "how much is one step"),
    "band_hole": (
        "{gt: 20 %, con",
        "{gt: 25 %, con",
        "gt: 25 %",
        "a hole between bands 2 and 3, at 20",
        "begin each band",
    ),
    "band_hole_at_a_point": ("{le: 10 %}", "{lt: 10 %}", "gt: 10 %", "a hole between bands 1 and 2, at 10", "begin"),
    "band_overlap": ("{gt: 20 %, con", "{ge: 20 %, con", "ge: 20 %", "overlap: 20 falls into both", "`lt`"),
    "band_no_floor": ("{le: 10 %}", "{ge: 5 %, le: 10 %}", "ge: 5 %", "no floor", "lower edge"),
    "band_no_top": ("{gt: 20 %, con", "{gt: 20 %, lt: 90 %, con", "lt: 90 %", "no top", "upper edge"),
    "bad_percentage": ("{pct_of_base: 3 %}", "{pct_of_base: three}", "three", "not a percentage", "`95 %`"),
    "thousands": ("amount: 250.00", "amount: '1,250.00'", "1,250", "not a plain number", "without separators"),
    "same_penalty_twice": ("id: slow", "id: late", 'id: late\n          clause: "7.2"', "defined twice", "another id"),
    "cap_above_all": ("pct: 10 %}\n", "pct: 110 %}\n", "110 %", "not between 0 % and 100 %", "share"),
    "cap_without_amount": ("base: fee, pct: 10 %}", "base: fee}", "id: month", "exactly one of `pct`", "keep one"),
    "share_above_all": (
        "consequence: {pct_of_base: 3 %}",
        "consequence: {at_risk: {base: fee, at_risk_pct: 10 %, category_pct: 160 %, alloc_pct: 100 %}}",
        "160 %",
        "not between 0 % and 100 %",
        "share",
    ),
    "points_for_nothing": (
        "{pct_of_base: 3 %}",
        "{points: 5}",
        "id: late",
        "points have no consequence",
        "points_to_money",
    ),
    "list_as_text": ("sources: [desk]", "sources: []", "sources", "no source is named", "helpdesk"),
    "block_as_text": (
        "period:\n  timezone: Europe/Madrid\n  close_after: 5 days",
        "period: monthly",
        "period:",
        "block",
        "indent",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_contract_is_refused_with_line_and_remedy(name: str) -> None:
    old, new, where, what, remedy = BROKEN[name]
    assert VALID.count(old) >= 1, "the case no longer breaks anything"
    text = VALID.replace(old, new, 1)
    line = text[: text.index(where)].count("\n") + 1
    with pytest.raises(ContractError) as caught:
        contract.parse(text.encode(), "contracts/acme.yaml")
    told = str(caught.value).splitlines()
    (row,) = [
        number for number, each in enumerate(told) if each.startswith(f"contracts/acme.yaml:{line}:") and what in each
    ]
    assert told[row + 1].startswith("What to do: ")
    assert remedy in told[row + 1]


def test_all_of_them_together_stop_no_sound_contract(tmp_path: Path) -> None:
    for name, (old, new, *_) in BROKEN.items():
        (tmp_path / f"{name}.yaml").write_text(VALID.replace(old, new, 1), "utf-8")
    (tmp_path / "zz_sound.yaml").write_text(VALID.replace("contract: acme", "contract: sound"), "utf-8")
    good, bad = contract.load_all(tmp_path)
    assert [each.name for each in good] == ["sound"]
    assert len(bad) == len(BROKEN) >= 40
    assert all(error.where and error.remedy for error in bad)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "holds no contract"),
        (b"- a\n- b\n", "holds no contract"),
        (b"title: caf\xe9\n", "not UTF-8"),
        (b"title: a\x00b\n", "does not allow"),
        (b"# " + b"x" * 600_000, "larger than"),
        (b"a: " + b"[" * 200 + b"]" * 200, "nested too deeply"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchors and aliases"),
        (b"? [a, b]\n: c\n", "plain text"),
    ],
    ids=["empty", "list", "latin1", "nul", "huge", "deep", "bomb", "complex_key"],
)
def test_what_is_no_contract_file_is_refused_with_a_line(content: bytes, what: str) -> None:
    with pytest.raises(ContractError, match=r"contracts/x\.yaml:\d+: .*" + what):
        contract.parse(content, "contracts/x.yaml")


_LINES = VALID.splitlines()
_SCRAPS = [
    "&a",
    "*a",
    "!!x",
    "[",
    "}",
    ":",
    "- ",
    '"',
    "'",
    ">",
    "%",
    "4h",
    "9" * 400,
    "1e9",
    "nan",
    "\t",
    "\x07",
    "P9",
    "<<: x",
    "---",
    "? ",
    "",
]


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(_LINES) - 1), st.integers(0, 40), st.sampled_from(_SCRAPS)), min_size=1, max_size=3
    )
)
def test_a_garbled_contract_is_read_or_refused_and_nothing_else(cuts: list[tuple[int, int, str]]) -> None:
    lines = list(_LINES)
    for number, column, scrap in cuts:
        lines[number] = lines[number][:column] + scrap + (lines[number][column:] if scrap else "")
    try:
        contract.parse("\n".join(lines).encode(), "contracts/x.yaml")
    except ContractError as error:
        assert str(error).startswith("contracts/x.yaml:")
        assert "What to do: " in str(error)
