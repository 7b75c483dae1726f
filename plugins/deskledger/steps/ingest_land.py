"""Landing of a source's inbox: each new file becomes pages and manifest rows; the others stay out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import file_digest
from pathlib import Path

from sqlalchemy import Connection, Engine

from deskledger.errors import SourceError
from deskledger.landing import manifest, personal
from deskledger.landing import pages as landed_pages
from deskledger.settings import settings
from deskledger.sources.canonical import pages as canonical_pages
from deskledger.sources.event_log import files, pages
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.personal import Tokens, no_tokens

SWEEP_AFTER = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HISTORY = "history"  # the partition of files that land_history took; their pages are apart by month


@dataclass
class Landed:
    """What became of the files of an inbox, by name. `refused` are the messages of those that stay there."""

    files: list[str] = field(default_factory=list)
    records: int = 0
    known: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def land_inbox(
    engine: Engine, mapping: Mapping, partition: str, now: datetime, *, takes: Callable[[str], bool]
) -> Landed:
    """Lands the files that have not landed before and that `takes`, each in a transaction of its own.

    A file that cannot be read as its mapping says is refused with its message; the others go on. Raises LandingError
    where the landing folder is another warehouse's.
    """
    folder = landed_pages.folder(mapping.source)
    asked = files.ask(mapping, settings().inbox / mapping.source)
    landed = Landed(ignored=asked.ignored, refused=[str(error) for error in asked.refused])
    with engine.begin() as connection:
        manifest.lock(connection, mapping.source)
        landed_pages.claim(landed_pages.folder(), manifest.warehouse_id(connection))
        landed_pages.sweep(folder, manifest.page_paths(connection, mapping.source), before=now - SWEEP_AFTER)
    for path, section in asked.files:
        if not takes(path.name):
            landed.later.append(path.name)
            continue
        digest = _digest(path)
        with engine.begin() as connection:
            manifest.lock(connection, mapping.source)
            twin = manifest.files(connection, mapping.source).get(digest)
            if twin:
                landed.known.append(_known(path.name, twin))
                continue
            try:
                landed.records += _land_file(connection, mapping, section, path, digest, partition, folder, now)
            except SourceError as error:
                landed.refused.append(str(error))
            else:
                landed.files.append(path.name)
    return landed


def refused_files(engine: Engine, mapping: Mapping) -> list[str]:
    """The messages of the files that wait in the inbox and would be refused again, or that no section takes."""
    asked = files.ask(mapping, settings().inbox / mapping.source)
    messages = [str(error) for error in asked.refused]
    messages += [f"{name}: no `files:` in mappings/{mapping.source}.yaml takes it" for name in asked.ignored]
    with engine.connect() as connection:
        known = manifest.files(connection, mapping.source)
    for path, section in asked.files:
        if _digest(path) not in known:
            try:
                for _ in _cut(mapping, section, path, by_month=False):
                    pass
            except SourceError as error:
                messages.append(str(error))
    return messages


def waiting_files(connection: Connection, mapping: Mapping) -> list[str]:
    """The names of the files in the inbox that have not landed; those that several sections take are among them."""
    known = manifest.files(connection, mapping.source)
    asked = files.ask(mapping, settings().inbox / mapping.source)
    return [path.name for path, _ in asked.files if _digest(path) not in known] + [
        str(error.where) for error in asked.refused
    ]


def _land_file(
    connection: Connection,
    mapping: Mapping,
    section: str,
    path: Path,
    digest: str,
    partition: str,
    folder: Path,
    now: datetime,
) -> int:
    written = []
    tokens = partial(personal.tokens_of, connection.engine, mapping.source, now=now)
    for page in _cut(mapping, section, path, by_month=partition == HISTORY, tokens=tokens):
        page_digest, relative = landed_pages.write(folder, page.content)
        batch = page.batch if partition == HISTORY else partition
        written.append(manifest.LandedPage(page_digest, relative, batch, page.records, page.keys))
    modified_at = _EPOCH + timedelta(microseconds=path.stat().st_mtime_ns // 1000)
    return manifest.record(connection, mapping.source, path.name, digest, modified_at, partition, written, now)


def _cut(
    mapping: Mapping, section: str, path: Path, *, by_month: bool, tokens: Tokens = no_tokens
) -> Iterator[pages.RawPage]:
    cut = canonical_pages.cut if mapping.reader == "canonical" else pages.cut
    return cut(mapping, section, path, by_month=by_month, tokens=tokens)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _known(name: str, twin: manifest.LandedFile) -> str:
    as_what = "" if twin.name == name else f" as {twin.name}"
    return f"{name}: landed already{as_what} on {twin.landed_at:%Y-%m-%d}, nothing to do"
