"""What is kept of a raw record, what is set apart, what is noted, and which pages are refused."""

import re
from typing import Any

import pytest

from deskledger.errors import SourceError
from deskledger.sources.desk import Field
from deskledger.sources.kept import ALWAYS, ENOUGH, check, keep

TEXT = frozenset({"text"})
FIELDS = (
    Field("id", frozenset({"integer"}), required=True),
    Field("priority", frozenset({"text", "null"})),
    Field("via.source.from", frozenset({"object"})),
    Field("tags[]", TEXT),
    Field("events[].type", TEXT, required=True),
    Field("events[].body", TEXT, "text"),
    Field("who", frozenset({"integer", "text"}), "person"),
    Field("score", frozenset({"number"})),
)


def kept(*records: Any) -> list[Any]:
    found = keep(FIELDS, records)
    found.replace({(kind, value): f"<{kind} {value}>" for kind, value in found.values()})
    return found.records


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"id": 1, "priority": "high"}, {"id": 1, "priority": "high"}),
        ({"id": 1, "priority": None}, {"id": 1, "priority": None}),
        ({"id": 1, "phone": "555"}, {"id": 1}),
        ({"via": {"source": {"from": {"a": [1]}, "to": 2}, "x": 3}}, {"via": {"source": {"from": {"a": [1]}}}}),
        ({"tags": ["a", "b"]}, {"tags": ["a", "b"]}),
        ({"tags": []}, {"tags": []}),
        (
            {"events": [{"type": "a", "body": "hi", "z": 1}, {"type": "b"}]},
            {"events": [{"type": "a", "body": "<text hi>"}, {"type": "b"}]},
        ),
        ({"who": "ann"}, {"who": "<person ann>"}),
        ({"who": 12}, {"who": "<person 12>"}),
        ({"who": ""}, {"who": ""}),
        ({"score": 5}, {"score": 5}),
        # Of another kind than the field has: harmless as it is, or only its kind; a person never as it is.
        ({"id": "seven"}, {"id": "seven"}),
        ({"priority": {"name": "Ann"}}, {"priority": "(object)"}),
        ({"who": ["Ann"]}, {"who": "(list)"}),
        ({"who": True}, {"who": "<person true>"}),
        ({"via": "Ann"}, {"via": "(text)"}),
        ({"events": {"body": "Ann"}}, {"events": "(object)"}),
        ({"tags": [{"a": "Ann"}]}, {"tags": ["(object)"]}),
        ({"priority": "a\x00b\ud800"}, {"priority": "a\ufffdb\ufffd"}),
        (["Ann"], {}),
        (None, {}),
    ],
)
def test_what_the_fields_name_is_kept(record: Any, expected: Any) -> None:
    assert kept(record) == [expected]


def test_records_stay_in_order_and_number() -> None:
    assert kept({"id": 2}, "?", {"id": 1}) == [{"id": 2}, {}, {"id": 1}]


def test_a_field_with_a_name_that_would_steer_a_terminal_is_noted_by_its_escapes() -> None:
    hostile = "\x1b]0;owned\x07\x9b2J\u202e\r\n\0\ud800"
    noted = keep(FIELDS, [{"id": 1, hostile: 2, "größe": 3, "via": {hostile: 4}}]).noted
    written = r"\x1b]0;owned\x07\x9b2J\u202e\r\n\x00\ud800"
    assert noted == {written: {"integer"}, "größe": {"integer"}, f"via.{written}": {"integer"}}


def test_what_no_field_names_is_noted_by_path_and_kinds() -> None:
    found = keep(FIELDS, [{"x": 1, "via": {"y": None}}, {"x": "1", "events": [{"z": [1]}]}])
    assert found.noted == {"x": {"integer", "text"}, "via.y": {"null"}, "events[].z": {"list"}}


def refusal(*records: Any) -> str:
    found = keep(FIELDS, records)
    with pytest.raises(SourceError) as raised:
        check("tickets", found)
    return raised.value.what


def test_a_required_field_that_no_record_has_is_refused() -> None:
    assert "id is gone from all of them" in refusal({"priority": "high"}, {"priority": "low"})
    nothing = {"id": None, "events": []}
    assert "id is gone" in refusal(nothing, nothing)
    check("tickets", keep(FIELDS, [nothing]))  # this record's own fault: its row says so
    check("tickets", keep(FIELDS, [{"priority": "high"}, {"id": 1, "events": []}]))


def test_a_required_field_of_another_kind_everywhere_is_refused() -> None:
    assert "id is text, not integer" in refusal({"id": "1"}, {"id": "2"})
    check("tickets", keep(FIELDS, [{"id": "1"}, {"id": 2, "events": []}]))


def test_a_required_field_below_a_list_is_asked_for_only_where_there_is_one() -> None:
    check("tickets", keep(FIELDS, [{"id": 1, "events": []}, {"id": 2}]))
    assert "events[].type is gone" in refusal({"id": 1, "events": [{"body": "hi"}]})


@pytest.mark.parametrize("events", [{"events": "none"}, {"events": {"type": "a"}}])
def test_what_a_required_field_is_in_is_required_of_its_kind(events: dict[str, Any]) -> None:
    assert "events is gone from all of them" in refusal({"id": 1}, {"id": 2})
    assert re.search("events is (text|object), not list", refusal({"id": 1, **events}))
    assert "events[] is text, not object" in refusal({"id": 1, "events": ["a", "b"]})
    check("tickets", keep(FIELDS, [{"id": 1, **events}, {"id": 2, "events": [{"type": "a"}, "b"]}]))


def test_what_optional_fields_are_in_is_refused_only_when_many_have_another_kind() -> None:
    sound = {"id": 1, "events": []}
    check("tickets", keep(FIELDS, [{**sound, "via": "web"}] * (ENOUGH - 1)))
    assert "via is text, not object" in refusal(*[{**sound, "via": "web"}] * ENOUGH)
    check("tickets", keep(FIELDS, [{**sound, "via": "web"}] * ENOUGH + [{**sound, "via": {}}]))
    check("tickets", keep(FIELDS, [sound] * ENOUGH))


def test_an_optional_field_is_refused_only_when_many_have_another_kind() -> None:
    check("tickets", keep(FIELDS, [{"id": 1, "events": [], "priority": 3}] * (ENOUGH - 1)))
    assert "priority is integer, not null or text" in refusal(*[{"id": 1, "events": [], "priority": 3}] * ENOUGH)
    check(
        "tickets",
        keep(FIELDS, [{"id": 1, "events": [], "priority": 3}] * ENOUGH + [{"id": 1, "events": [], "priority": "high"}]),
    )


def test_an_optional_field_that_all_records_had_has_vanished_where_many_have_it_no_more() -> None:
    whole = {"id": 1, "events": [{"type": "a", "body": None}], "priority": None, "via": {"source": {"from": {}}}}
    always = {path for path, (places, told) in keep(FIELDS, [whole] * 3).told.items() if told == places > 0}
    assert always == {"id", "priority", "events[].type", "events[].body", "via.source.from"}

    def says(without: dict[str, Any], number: int = ALWAYS, **more: Any) -> str:
        try:
            return " ".join(check("tickets", keep(FIELDS, [without] * number), always, **more))
        except SourceError as refused:
            return refused.what

    for path, name in (("priority", "priority"), ("via.source.from", "via")):  # with what it is in, too
        gone = {key: value for key, value in whole.items() if key != name}
        assert says(gone).endswith(f"{path}, which all had before, is gone from all of them")
        assert says(gone, ALWAYS - 1) == path  # fewer may be of a kind of their own
        assert says(gone, gone={path}) == says(gone, 1, gone={path}) == ""
        assert check("tickets", keep(FIELDS, [gone] * ALWAYS + [whole]), always) == []  # some still have it
        assert check("tickets", keep(FIELDS, [gone] * ALWAYS), always - {path}) == []  # not all had it before
    bare = {**whole, "events": [{"type": "a"}]}
    assert "events[].body, which all had before" in says(bare)
    assert says({**whole, "events": []}) == ""  # nothing is there that could tell it


def test_an_empty_page_is_fine() -> None:
    check("tickets", keep(FIELDS, []))
