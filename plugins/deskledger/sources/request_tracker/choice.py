"""Which streams a mapping asks for: by the columns that it names."""

from collections.abc import Sequence

from deskledger.errors import MappingError
from deskledger.sources.desk import Stream
from deskledger.sources.request_tracker import history, staff, tickets
from deskledger.sources.request_tracker.columns import COLUMNS, custom_fields, stream_name
from deskledger.sources.request_tracker.counts import TicketCounts
from deskledger.sources.request_tracker.moved import moved


def streams_of(columns: frozenset[str]) -> tuple[Stream, ...]:
    """The streams, in the order to pull them in: states before the history, so that none stands for a change to come.

    A custom field's changes are a stream of their own, asked for where the mapping names what the field was before
    (OldCF.*), its ratings where it names them (Rating.*).
    """
    unknown = sorted(each for each in columns if each not in COLUMNS and not custom_fields([each]))
    if unknown:
        raise MappingError(
            f"Request Tracker tells no column {', '.join(unknown)}",
            where="request_tracker",
            remedy=f"known are {', '.join(COLUMNS)}, and CF.*, OldCF.*, Rating.* with a custom field's name",
        )
    fields = frozenset(each.removeprefix("CF.") for each in columns if each.startswith("CF."))
    changed = sorted(each.removeprefix("OldCF.") for each in columns if each.startswith("OldCF."))
    rated = sorted(each.removeprefix("Rating.") for each in columns if each.startswith("Rating."))
    return (
        TicketCounts(),
        staff.queues(),
        staff.Agents(),
        tickets.tickets(fields),
        history.deleted(fields),
        history.transactions(),
        moved(),
        history.dues(),
        *(history.changes(stream, field) for stream, field in _named("changes", changed)),
        *(history.ratings(stream, field) for stream, field in _named("ratings", rated)),
    )


def _named(kind: str, fields: Sequence[str]) -> list[tuple[str, str]]:
    streams = {stream_name(kind, each): each for each in fields}
    if len(streams) < len(fields):
        raise MappingError(
            f"two of the custom fields {', '.join(fields)} differ in no letter or digit",
            where="request_tracker",
            remedy="rename one of them at the desk",
        )
    return list(streams.items())
