"""The quarantine: what is in it, one row with all that is known of it, and the replay of what was mended."""

from collections.abc import Mapping as Words
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from deskledger.errors import DeskledgerError, LandingError, QualityError
from deskledger.landing import json_lines
from deskledger.landing import pages as landed_pages
from deskledger.quality import held, suites
from deskledger.quality.held import Wanted
from deskledger.settings import settings
from deskledger.sources.event_log import mapping as mappings
from deskledger.sources.event_log import pages
from deskledger.sources.event_log.files import sections_of
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.remedies import remedy as remedy_of_reader
from deskledger.sources.event_log.sections import Events
from deskledger.steps import ingest
from deskledger.warehouse import open_warehouse

_ANYWAY = "mend the record at the desk and export it again, or correct mappings/{source}.yaml; then replay"
_SHOWN = ("id", "source", "partition", "table_name", "suite", "rule", "severity", "ticket_id", "message", "record",
          "run_id", "page_sha256", "record_no", "quarantined_at", "replayed_at")  # fmt: skip


@dataclass
class Replayed:
    """What a replay did. `before` and `after` are the rows in quarantine that it was asked for, by source.

    `partitions` were read again, and `changed` rows of core written, by source; `days` has the first day of each month
    in which something changed; `failed` the errors of the partitions that stayed as they were.
    """

    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    partitions: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    days: list[str] = field(default_factory=list)
    failed: list[DeskledgerError] = field(default_factory=list)


def listing(wanted: Wanted, most: int) -> dict[str, Any]:
    """The newest `most` rows (`entries`), and how many there are by source, table and rule (`rules`)."""
    known = _mappings()
    with open_warehouse().connect() as connection:
        found = [_entry(each, known) for each in held.entries(connection, wanted, most)]
        return {"entries": found, "rules": held.rules(connection, wanted)}


def show(id: str) -> dict[str, Any]:
    """One row by (the beginning of) its id: why it is kept out, where it landed, as what, and what to do about it.

    `raw` is the record as it landed, None where the row is of several records or its page is gone (`raw_missing` says
    which); `files` are those that have a row of its ticket.
    """
    known = _mappings()
    with open_warehouse().connect() as connection:
        found = held.entry(connection, id)
        raw, missing = _raw(connection, found, known.get(found["source"]))
        key = found["ticket_key"]
        files = [] if key is None else held.files_of(connection, found["source"], key)
    return {
        **_entry(found, known),
        "remedy": _remedy(found["source"], found["suite"], found["rule"]),
        "raw": raw,
        "raw_missing": missing,
        "files": files,
    }


def replay(wanted: Wanted, now: datetime) -> Replayed:
    """Reads the landed pages of the partitions of these rows again and loads them; the desk is not asked.

    What a mended mapping or suite lets in is loaded, the rest stays. Again, it changes nothing. Each partition is a
    transaction of its own: one that fails stays as it was, and the others go on.
    """
    done = Replayed()
    with open_warehouse().connect() as connection:
        found = held.partitions(connection, wanted)
    days: set[str] = set()
    for source, rows in found.items():
        done.before[source], done.partitions[source], done.changed[source] = sum(rows.values()), list(rows), 0
        for partition in rows:
            try:
                counts = ingest.load_again(source, partition, now)
            except DeskledgerError as error:
                done.failed.append(error)
            else:
                done.changed[source] += sum(count for name, count in counts.items() if name.endswith("_changes"))
                days.update(counts["days"])
    with open_warehouse().connect() as connection:
        left = held.partitions(connection, wanted)
    done.after = {source: sum(left.get(source, {}).values()) for source in found}
    done.days = sorted({day[:7]: day for day in sorted(days, reverse=True)}.values())
    return done


def replay_for_task(source: str, rule: str, ticket: str, now: datetime) -> dict[str, Any]:
    """`replay` with empty words for all: counts, days and messages only. Raises where there is nothing but failures."""
    done = replay(Wanted(source=source or None, rule=rule or None, ticket=ticket or None), now)
    messages = [str(error) for error in done.failed]
    if not done.days:
        refuse_failed(messages)
    return {"before": done.before, "after": done.after, "changed": done.changed, "days": done.days, "failed": messages}


def refuse_failed(messages: list[str]) -> None:
    """Raises QualityError with the messages of the partitions that a replay left as they were, if there are any."""
    if messages:
        raise QualityError("\n".join(messages), where="replay", remedy="mend them and replay again; the others went on")


def _mappings() -> dict[str, Mapping]:
    return {each.source: each for each in mappings.load_all(settings().mappings)[0]}


def _entry(row: Words[str, Any], known: Words[str, Mapping]) -> dict[str, Any]:
    entry = {name: row[name] for name in _SHOWN}
    mapping = known.get(row["source"])
    if entry["ticket_id"] is None and mapping and (part := mapping.sections.get(row["table_name"])):
        # Nothing of the ticket is in core: the raw row says which one it meant.
        column = part.ticket_id if isinstance(part, Events) else part.columns.get("ticket_id")
        entry["ticket_id"] = row["record"].get(column)
    return entry


def _raw(
    connection: Connection, row: Words[str, Any], mapping: Mapping | None
) -> tuple[dict[str, Any] | None, str | None]:
    if row["page_sha256"] is None:
        return None, "the row was made of several records: the files below have them"
    if mapping is None:
        return None, f"there is no sound mappings/{row['source']}.yaml"
    page = held.page_of(connection, row["source"], row["page_sha256"])
    sections = sections_of(mapping, page["name"]) if page else []
    if page is None or not sections:
        return None, "the mapping takes its file no more"
    try:
        content = landed_pages.read(landed_pages.folder(row["source"]), page["path"], row["page_sha256"])
    except LandingError as error:
        return None, error.what
    if json_lines.is_packed(content):
        return json_lines.unpack(content)[1][row["record_no"] - 1], None
    return pages.raw_record(content, mapping.sections[sections[0]], row["record_no"]), None


def _remedy(source: str, suite: str, rule: str) -> str:
    said = suites.remedy(settings().expectations, suite, rule) or remedy_of_reader(source, rule)
    return said or _ANYWAY.format(source=source)
