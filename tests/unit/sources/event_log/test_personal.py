"""Personal columns of an export: a token for each value, and nothing else changed."""

import csv
from io import StringIO

import pytest

from deskledger.sources.event_log.personal import pseudonymise
from deskledger.sources.event_log.sections import Section

PART = Section(files=["x"], personal={"who": "person", "said": "text"})
HEADER = "id,who,said,left\n"


def replaced(*texts: str, part: Section = PART, header: str = HEADER) -> list[list[str]]:
    found = pseudonymise(
        header, list(texts), part, ["?"], lambda pairs: {pair: f"<{' '.join(pair)}>" for pair in pairs}
    )
    assert all(text.endswith("\n") for text in found)
    return [row for text in found for row in csv.reader(StringIO(text, newline=""), delimiter=part.delimiter)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,Ann,hi,x\n", ["1", "<person Ann>", "<text hi>", "x"]),
        ("1, Ann ,,x\n", ["1", "<person Ann>", "", "x"]),
        ("1,?,  ,x\n", ["1", "?", "  ", "x"]),
        ('1,"Ortiz, Ann","a ""b""\nc",x\n', ["1", "<person Ortiz, Ann>", '<text a "b"\nc>', "x"]),
        ("1,Ann,a\u2028b\x0bc,x\n", ["1", "<person Ann>", "<text a\u2028b\x0bc>", "x"]),
        ('1,Ann,hi,"x, y"\n', ["1", "<person Ann>", "<text hi>", "x, y"]),
    ],
)
def test_a_token_takes_the_place_of_each_value(text: str, expected: list[str]) -> None:
    assert replaced(text) == [expected]


def test_long_texts_are_texts() -> None:
    assert replaced(f"1,Ann,{'a' * 1_000_000},x\n")[0][2] == f"<text {'a' * 1_000_000}>"


def test_each_value_is_asked_for_once() -> None:
    asked = []

    def tokens(pairs: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
        asked.extend(pairs)
        return dict.fromkeys(pairs, "-")

    pseudonymise(HEADER, ["1,Ann,hi,x\n", "2,Ann,Ann,x\n"], PART, [], tokens)  # type: ignore[arg-type]
    assert asked == [("person", "Ann"), ("text", "hi"), ("text", "Ann")]


def test_the_exports_delimiter_is_kept() -> None:
    part = PART.model_copy(update={"delimiter": ";"})
    assert replaced("1;Ann;a,b;x\n", part=part, header=HEADER.replace(",", ";")) == [
        ["1", "<person Ann>", "<text a,b>", "x"]
    ]
