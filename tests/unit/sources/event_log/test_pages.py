"""Cutting an export into pages of original text, and refusing what is no such export."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deskledger.errors import LandingError, SourceError
from deskledger.model import ticket_keys
from deskledger.sources.event_log import pages

from tests.unit.sources.event_log.desk import COLUMNS, mapping

HEADER = ",".join(COLUMNS)


def line(number: int, *, opened: str = "2026-03-02 09:00", detail: str = "") -> str:
    return f"T{number},1,2026-03-05 10:00,{opened},Open,low,red,,,,,,,{detail}"


def csv(folder: Path, *lines: str, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join([HEADER, *lines, ""]).encode(encoding))
    return path


def cut(path: Path, by_month: bool = False) -> list[pages.RawPage]:
    return list(pages.cut(mapping(), "events", path, by_month=by_month))


def test_a_page_holds_the_records_as_they_were_written(tmp_path: Path) -> None:
    quoted = line(2, detail='"said ""no"",\nthen left"')
    path = csv(tmp_path, line(1), quoted, "", line(3))
    (page,) = cut(path)
    assert page.content.decode().split("\n", 1)[1] == "\n".join([HEADER, line(1), quoted, line(3), ""])
    assert page.records == 3
    assert page.keys.tolist() == sorted(ticket_keys("desk", ["T1", "T2", "T3"]))
    frame, lines = pages.read_page(page.content, mapping(), "events")
    assert frame["detail"].tolist() == ["", 'said "no",\nthen left', ""]
    assert lines.tolist() == [2, 3, 6]


def test_a_packed_file_with_a_byte_order_mark_gives_the_same_page(tmp_path: Path) -> None:
    plain = cut(csv(tmp_path, line(1)))[0].content
    path = tmp_path / "log.csv"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + path.read_bytes()))
    assert cut(path)[0].content == plain


@pytest.mark.parametrize(("records", "sizes"), [(2, [2]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_pages_end_after_so_many_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(pages, "RECORDS", 3)
    made = cut(csv(tmp_path, *(line(number) for number in range(records))))
    assert [page.records for page in made] == sizes
    lines = np.concatenate([pages.read_page(page.content, mapping(), "events")[1] for page in made])
    assert lines.tolist() == list(range(2, records + 2))


def test_by_month_the_tickets_of_each_month_are_apart_with_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "RECORDS", 2)
    opened = [
        "2026-03-02 09:00",
        "2026-02-28 23:59",
        "soon",
        "2026-03-01 00:00",
        "2026-02-01 00:00",
        "2026-03-03 10:00",
    ]
    made = cut(csv(tmp_path, *(line(number, opened=each) for number, each in enumerate(opened))), by_month=True)
    found: dict[str, list[int]] = {}
    for page in made:
        found.setdefault(page.batch, []).extend(pages.read_page(page.content, mapping(), "events")[1].tolist())
    assert {batch: sorted(lines) for batch, lines in found.items()} == {
        "2026-02": [3, 6],
        "2026-03": [2, 5, 7],
        "undated": [4],
    }
    assert all(page.records <= 4 for page in made)


def test_a_creation_centuries_away_makes_no_batch_of_its_own(tmp_path: Path) -> None:
    opened = ["0202-03-02 09:00", "1970-01-01 00:00", "2099-12-31 23:59", "2100-01-01 00:00"]
    made = cut(csv(tmp_path, *(line(number, opened=each) for number, each in enumerate(opened))), by_month=True)
    assert [(page.batch, page.records) for page in made] == [("1970-01", 1), ("2099-12", 1), ("undated", 2)]


def test_a_header_alone_is_a_quiet_day(tmp_path: Path) -> None:
    assert cut(csv(tmp_path)) == []


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as error:
        cut(path)
    assert error.value.remedy
    return str(error.value).split("\n")[0]


def test_a_missing_column_is_named_with_what_the_header_has(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("id,n,at,opened\nT1,1,2026-03-02 09:00,2026-03-02 09:00\n")
    assert refused(path) == (
        "log.csv:1: columns state, prio, team, agent, channel, resolved_at, closed_at, by, what, detail missing;"
        " the header has id, n, at, opened"
    )


def test_a_ragged_record_is_named_by_its_line(tmp_path: Path) -> None:
    short, long = line(2).rsplit(",", 1)[0], line(2) + ",more"
    assert refused(csv(tmp_path, line(1), short)) == "log.csv:3: the record has 13 fields, the header 14"
    assert refused(csv(tmp_path, line(1), line(3), long)) == "log.csv:4: the record has 15 fields, the header 14"


def test_a_quote_that_does_not_end_is_named_by_the_line_it_begins_on(tmp_path: Path) -> None:
    path = csv(tmp_path, line(1), line(2, detail='"left open'), line(3))
    assert refused(path) == "log.csv:3: a quoted field begins in this record and does not end"


def test_the_wrong_encoding_is_named_by_byte_and_line(tmp_path: Path) -> None:
    path = csv(tmp_path, line(1), line(2, detail="café"), encoding="cp1252")
    assert refused(path) == "log.csv:3: not utf-8 text: byte 0xe9 at position 62 of the line"
    assert len(list(pages.cut(mapping(encoding="cp1252"), "events", path, by_month=False))) == 1


def test_what_is_no_csv_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"")
    assert refused(path) == "log.csv: the file is empty"
    path.write_bytes(b"\n\n")
    assert refused(path) == "log.csv: the file is empty"
    path.write_bytes(b"SQLite format 3\0\1\2\n")
    assert refused(path) == "log.csv:1: not a CSV: binary data"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("log.csv", "x")
    path.write_bytes(packed.getvalue())
    assert refused(path) == "log.csv: not a CSV: a zip archive or a workbook"
    path.write_text("<html>\n<p>Please log in</p>\n")
    assert refused(path).startswith("log.csv:1: columns id, n, at")


def test_a_gzip_file_cut_short_or_damaged_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 1 << 62, 2000)
    whole = gzip.compress(
        "\n".join([HEADER, *(line(number, detail=str(each)) for number, each in enumerate(noise)), ""]).encode()
    )
    path = tmp_path / "log.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    assert "the gzip file ends too early" in refused(path)
    path.write_bytes(whole[:400] + b"garbage" + whole[407:])
    assert "the gzip file is damaged" in refused(path)
    path.write_text(HEADER)
    assert refused(path) == "log.csv.gz: named .gz but not gzip"


def test_a_file_without_one_readable_instant_is_refused_rather_than_quarantined_row_by_row(tmp_path: Path) -> None:
    lines = [line(number).replace("2026-03-05 10:00", "05/03/2026 10:00") for number in range(3)]
    assert refused(csv(tmp_path, *lines)) == (
        "log.csv:2: none of the 3 records has an instant of the form %Y-%m-%d %H:%M in column at;"
        " the first has '05/03/2026 10:00'"
    )
    assert len(cut(csv(tmp_path, *lines, line(9)))) == 1  # one good row: the others are faults of their own


def test_a_landed_page_without_a_column_that_the_mapping_has_come_to_ask_for_says_so(tmp_path: Path) -> None:
    (page,) = cut(csv(tmp_path, line(1)))
    with pytest.raises(LandingError, match="does not fit the mapping any more"):
        pages.read_page(page.content, mapping(sequence="counter"), "events")
