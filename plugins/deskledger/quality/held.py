"""Looking into the quarantine: which rows are kept out, why, and which partitions have to be read again for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from deskledger.errors import QualityError
from deskledger.model import ticket_keys

Row = dict[str, Any]

_MATCHES = """
    (cast(:source as text) is null or held.source = :source)
    and (cast(:rule as text) is null or held.rule = :rule)
    and (cast(:keys as bigint[]) is null or held.ticket_key = any(cast(:keys as bigint[])))
    and (cast(:since as timestamptz) is null or held.quarantined_at >= :since)
    and (:with_released or held.replayed_at is null)
"""
_ENTRIES = f"""
    with chosen as (
        select held.* from quality.quarantine as held where {_MATCHES}
        order by held.quarantined_at desc, held.source, held.table_name, held.page_sha256, held.record_no, held.id
        limit :most
    )
    select chosen.*, chosen.id::text as id, ticket.ticket_id
    from chosen left join core.ticket as ticket on ticket.ticket_key = chosen.ticket_key
    order by chosen.quarantined_at desc, chosen.source, chosen.table_name, chosen.page_sha256, chosen.record_no,
        chosen.id
"""  # noqa: S608 - the inserted text is the constant above
_RULES = f"""
    select held.source, held.table_name, held.rule, held.severity, count(*) as rows,
        count(distinct held.ticket_key) as tickets, min(held.quarantined_at) as since
    from quality.quarantine as held where {_MATCHES}
    group by held.source, held.table_name, held.rule, held.severity
    order by held.source, rows desc, held.table_name, held.rule
"""  # noqa: S608
_PARTITIONS = f"""
    select held.source, held.partition, count(*) as rows
    from quality.quarantine as held where {_MATCHES}
    group by held.source, held.partition order by held.source, held.partition
"""  # noqa: S608
_ONE = """
    select held.*, held.id::text as id, ticket.ticket_id
    from quality.quarantine as held left join core.ticket as ticket on ticket.ticket_key = held.ticket_key
    where starts_with(held.id::text, :id)
    order by held.id limit 2
"""
_FILES = """
    select file.name, file.partition, file.landed_at
    from quality.landed_file as file
    where file.source = :source and file.sha256 in (
        select page.file_sha256 from quality.landed_page as page
        join quality.landed_ticket as ticket on ticket.source = page.source and ticket.page_sha256 = page.sha256
        where page.source = :source and ticket.ticket_key = :ticket_key
    )
    order by file.landed_at, file.name
"""
_PAGE = """
    select page.path, file.name from quality.landed_page as page
    join quality.landed_file as file on file.source = page.source and file.sha256 = page.file_sha256
    where page.source = :source and page.sha256 = :sha256
    order by file.landed_at desc, file.name limit 1
"""


@dataclass(frozen=True)
class Wanted:
    """Which rows of the quarantine are meant. `ticket` is the helpdesk's own id; `since` is when they were kept out."""

    source: str | None = None
    rule: str | None = None
    ticket: str | None = None
    since: datetime | None = None
    with_released: bool = False


def entries(connection: Connection, wanted: Wanted, most: int) -> list[Row]:
    """The newest `most` rows: the columns of quality.quarantine, and `ticket_id` where core has the ticket."""
    return [
        dict(row) for row in connection.execute(text(_ENTRIES), {**_bound(connection, wanted), "most": most}).mappings()
    ]


def rules(connection: Connection, wanted: Wanted) -> list[Row]:
    """How many rows and tickets each source, table and rule has kept out, and since when."""
    return [dict(row) for row in connection.execute(text(_RULES), _bound(connection, wanted)).mappings()]


def partitions(connection: Connection, wanted: Wanted) -> dict[str, dict[str, int]]:
    """How many rows there are by source and partition."""
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(text(_PARTITIONS), _bound(connection, wanted)):
        found.setdefault(row.source, {})[row.partition] = row.rows
    return found


def entry(connection: Connection, id: str) -> Row:
    """The row whose id begins so. Raises QualityError where none does, or several do."""
    found = connection.execute(text(_ONE), {"id": id.strip().lower()}).mappings().all()
    if len(found) != 1:
        raise QualityError(
            "no row in quarantine has this id" if not found else "several rows in quarantine have ids that begin so",
            where=repr(id),
            remedy="take the id from `deskledger quarantine list --all`"
            if not found
            else "give more of the id: `deskledger quarantine list --json` prints all of it",
        )
    return dict(found[0])


def files_of(connection: Connection, source: str, ticket_key: int) -> list[Row]:
    """The landed files (name, partition, landed_at) that have a row of the ticket, oldest first."""
    return [
        dict(row) for row in connection.execute(text(_FILES), {"source": source, "ticket_key": ticket_key}).mappings()
    ]


def page_of(connection: Connection, source: str, sha256: str) -> Row | None:
    """Where a page lies (path), and the newest file (name) that it is of."""
    found = connection.execute(text(_PAGE), {"source": source, "sha256": sha256}).mappings().one_or_none()
    return None if found is None else dict(found)


def _bound(connection: Connection, wanted: Wanted) -> dict[str, Any]:
    keys = None
    if wanted.ticket is not None:
        sources: Iterable[str] = (
            [wanted.source]
            if wanted.source
            else connection.execute(text("select distinct source from quality.quarantine")).scalars().all()
        )
        keys = np.concatenate([np.zeros(0, np.int64), *(ticket_keys(each, [wanted.ticket]) for each in sources)])
    return {
        "source": wanted.source,
        "rule": wanted.rule,
        "keys": None if keys is None else keys.tolist(),
        "since": wanted.since,
        "with_released": wanted.with_released,
    }
