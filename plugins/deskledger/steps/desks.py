"""The desks that are asked over HTTP: which reader of a mapping is which desk, and the account it is asked with."""

from importlib import import_module

from deskledger.errors import MappingError, SourceError
from deskledger.sources.desk import Account, Desk, Stream
from deskledger.sources.event_log.files import sections_of
from deskledger.sources.event_log.mapping import DESKS, Mapping
from deskledger.warehouse.connection import from_airflow

# Reader of a mapping -> its room, which has the object DESK. Loaded when it is needed.
ROOMS: dict[str, str] = {
    "zendesk": "deskledger.sources.zendesk",
    "request_tracker": "deskledger.sources.request_tracker",
}


def desk_of(mapping: Mapping) -> Desk | None:
    """The desk that reads a mapping's records; None for exports that come as files."""
    if mapping.reader not in DESKS:
        return None
    if mapping.reader not in ROOMS:
        raise MappingError(f"the reader {mapping.reader} is not there yet", where=f"mappings/{mapping.source}.yaml")
    desk: Desk = import_module(ROOMS[mapping.reader]).DESK
    return desk


def connection_name(source: str) -> str:
    """The Airflow connection of a source's account."""
    return f"deskledger_{source.replace('-', '_')}"


def account_of(source: str) -> Account | None:
    """The account of a source, from its Airflow connection; None where there is none: the desk is not set up here.

    The host is the desk's base URL (https://desk.example.com), login and password are what authenticates, the extra
    field (JSON) has the desk's options and limits.
    """
    found = from_airflow(connection_name(source))
    if found is None:
        return None
    base_url = found.host or ""
    if "://" not in base_url:
        scheme = next((each for each in (found.schema, found.conn_type) if each in {"http", "https"}), "https")
        path = f"/{found.schema}" if found.schema and found.schema != scheme else ""
        base_url = f"{scheme}://{base_url}{f':{found.port}' if found.port else ''}{path}"
    return Account(base_url.rstrip("/"), found.login or "", found.password or "", dict(found.extra_dejson))


def require_account(source: str) -> Account:
    """As `account_of`. Raises SourceError where there is none."""
    account = account_of(source)
    if account is None:
        name = connection_name(source)
        raise SourceError(
            f"the desk is not set up here: there is no connection {name}",
            where=source,
            remedy=f"define it in Airflow, or in the environment as AIRFLOW_CONN_{name.upper()} (docs/extraction.md)",
        )
    return account


def streams_of(mapping: Mapping, desk: Desk, account: Account) -> list[Stream]:
    """The streams to pull: those whose section the mapping has.

    Raises MappingError where the section's `files:` do not take the stream's pages, or another section's do.
    """
    columns = frozenset(name for section in mapping.sections for name in mapping.columns_of(section))
    streams = []
    for stream in desk.streams(account, columns):
        if stream.section not in mapping.sections:
            continue
        taken = sections_of(mapping, file_name(stream.name, 1))
        if taken != [stream.section]:
            raise MappingError(
                f"the pages of the stream {stream.name} belong to the section {stream.section},"
                f" but `files:` of {' and '.join(taken) or 'no section'} takes them",
                where=f"mappings/{mapping.source}.yaml",
                remedy=f'add "{stream.name}/*" to `files:` of {stream.section}, and to no other',
            )
        streams.append(stream)
    if not streams:
        raise MappingError("the desk has no stream for the mapping's sections", where=f"mappings/{mapping.source}.yaml")
    return streams


def gone_of(mapping: Mapping, streams: list[Stream]) -> dict[str, set[str]]:
    """By stream, the fields that the mapping says the desk tells no more. Raises MappingError for one that is none."""
    assert mapping.extract is not None
    gone = {stream.name: {each.path for each in stream.fields} for stream in streams}
    unknown = set(mapping.extract.gone) - {f"{name}.{path}" for name, paths in gone.items() for path in paths}
    if unknown:
        raise MappingError(
            f"extract.gone names what is no field of a stream: {', '.join(sorted(unknown))}",
            where=f"mappings/{mapping.source}.yaml",
            remedy="write it as the refused page did (the stream, a dot, the field's path), or take it out of `gone`: a"
            " custom field that the mapping reads no more is not asked for",
        )
    return {name: {path for path in paths if f"{name}.{path}" in mapping.extract.gone} for name, paths in gone.items()}


def file_name(stream: str, number: int) -> str:
    """The name of a landed answer in the manifest; names of a stream sort as their numbers do."""
    return f"{stream}/{number:09d}.jsonl"
