"""What has landed: files, their pages, which tickets are on which page (quality.landed_*). One transaction a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, text


@dataclass(frozen=True)
class LandedPage:
    """A page that is written: `keys` are the tickets on it."""

    sha256: str
    path: str
    partition: str
    records: int
    keys: np.ndarray


@dataclass(frozen=True)
class PageRef:
    """A page as the manifest knows it.

    `landed_order` rises with the landing of its file, and within one landing with the file's own time, then its name.
    Of a desk's answers (their names have a folder, the stream) it rises with the desk's own time of the answer.
    """

    sha256: str
    path: str
    partition: str
    records: int
    file_name: str
    landed_order: int


@dataclass(frozen=True)
class LandedFile:
    sha256: str
    name: str
    partition: str
    records: int
    landed_at: datetime


def warehouse_id(connection: Connection) -> str:
    """Which warehouse this is; it never changes."""
    return str(connection.execute(text("select id from quality.warehouse")).scalar_one())


def lock(connection: Connection, source: str) -> None:
    """Waits until nobody else lands this source, and keeps others out until the transaction ends."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('landing:' || :source, 0))"), {"source": source}
    )


def files(connection: Connection, source: str) -> dict[str, LandedFile]:
    """The landed files of a source by sha256."""
    found = connection.execute(
        text("select sha256, name, partition, records, landed_at from quality.landed_file where source = :source"),
        {"source": source},
    )
    return {row.sha256: LandedFile(*row) for row in found}


def files_under(connection: Connection, source: str, partition: str) -> list[tuple[str, int]]:
    """Name and number of records of each file that landed under a partition."""
    found = connection.execute(
        text("select name, records from quality.landed_file where source = :source and partition = :partition"),
        {"source": source, "partition": partition},
    )
    return [(row.name, row.records) for row in found]


def record(
    connection: Connection,
    source: str,
    name: str,
    sha256: str,
    modified_at: datetime,
    partition: str,
    pages: Iterable[LandedPage],
    landed_at: datetime,
) -> int:
    """Writes down a file and its pages; gives the number of its records. The caller's transaction makes it one step.

    `modified_at` is when the file was last written: of two that land at once it says which one is newer.
    """
    pages = list(pages)
    records = sum(page.records for page in pages)
    connection.execute(
        text(
            "insert into quality.landed_file (source, sha256, name, partition, records, modified_at, landed_at)"
            " values (:source, :sha256, :name, :partition, :records, :modified_at, :landed_at)"
        ),
        {
            "source": source,
            "sha256": sha256,
            "name": name,
            "partition": partition,
            "records": records,
            "modified_at": modified_at,
            "landed_at": landed_at,
        },
    )
    for ordinal, page in enumerate(pages):
        connection.execute(
            text(
                "insert into quality.landed_page (source, sha256, file_sha256, ordinal, partition, records, path)"
                " values (:source, :sha256, :file_sha256, :ordinal, :partition, :records, :path)"
            ),
            {
                "source": source,
                "sha256": page.sha256,
                "file_sha256": sha256,
                "ordinal": ordinal,
                "partition": page.partition,
                "records": page.records,
                "path": page.path,
            },
        )
        connection.execute(
            text(
                "insert into quality.landed_ticket (source, ticket_key, page_sha256)"
                " select :source, unnest(cast(:keys as bigint[])), :page on conflict do nothing"
            ),
            {"source": source, "keys": page.keys.tolist(), "page": page.sha256},
        )
    return records


_PAGES = """
    select page.sha256, page.path, page.partition, page.records, file.name as file_name, file.landed_order
    from quality.landed_page as page
    join (
        select
            source, sha256, name,
            row_number() over (
                order by
                    -- Of pulls that overlap, the one that began last need not have the newer answer.
                    case when position('/' in name) > 0 then modified_at else landed_at end,
                    case when position('/' in name) > 0 then null else modified_at end,
                    name collate "C", sha256
            ) as landed_order
        from quality.landed_file
        where source = :source
    ) as file on file.source = page.source and file.sha256 = page.file_sha256
    where page.source = :source and (cast(:partition as text) is null or page.partition = :partition)
    order by file.landed_order, page.ordinal
"""
_BESIDE = """
    select distinct page_sha256 from quality.landed_ticket
    where
        source = :source and page_sha256 <> all(cast(:pages as text[])) and ticket_key in (
            select ticket_key from quality.landed_ticket
            where source = :source and page_sha256 = any(cast(:pages as text[]))
        )
"""


def pages_of(connection: Connection, source: str, partition: str | None = None) -> list[PageRef]:
    """The pages of a source, or of one of its partitions, in landing order."""
    return [PageRef(*row) for row in connection.execute(text(_PAGES), {"source": source, "partition": partition})]


def mark_loaded(connection: Connection, source: str, partition: str, pages: Iterable[PageRef], now: datetime) -> None:
    """Writes down that a load, begun at `now`, has read these pages of the partition. Others may land meanwhile."""
    connection.execute(
        text(
            "update quality.landed_page set loaded_at = :now where source = :source and partition = :partition"
            " and loaded_at is null and sha256 = any(cast(:pages as text[]))"
        ),
        {"source": source, "partition": partition, "pages": [page.sha256 for page in pages], "now": now},
    )


def beside(connection: Connection, source: str, pages: list[str]) -> set[str]:
    """The hashes of other pages on which a ticket of these pages is, too."""
    return set(connection.execute(text(_BESIDE), {"source": source, "pages": pages}).scalars())


def tickets_on(connection: Connection, source: str, pages: list[str]) -> np.ndarray:
    """The keys (int64) of the tickets on these pages."""
    found = connection.execute(
        text(
            "select distinct ticket_key from quality.landed_ticket"
            " where source = :source and page_sha256 = any(cast(:pages as text[]))"
        ),
        {"source": source, "pages": pages},
    )
    return np.fromiter(found.scalars(), dtype=np.int64)


def tickets_under(connection: Connection, source: str, partition: str) -> np.ndarray:
    """The keys (int64) of the tickets on a partition's pages."""
    return tickets_on(connection, source, [page.sha256 for page in pages_of(connection, source, partition)])


def landed_since(connection: Connection, source: str, partition: str) -> datetime | None:
    """When the first file with a page in this partition landed, or its first load began if that clock was behind.

    None where there is none.
    """
    found = connection.execute(
        text(
            "select min(least(file.landed_at, page.loaded_at)) from quality.landed_page as page"
            " join quality.landed_file as file on file.source = page.source and file.sha256 = page.file_sha256"
            " where page.source = :source and page.partition = :partition"
        ),
        {"source": source, "partition": partition},
    )
    return found.scalar_one()


def page_paths(connection: Connection, source: str) -> list[str]:
    """The paths of all pages that the manifest names."""
    found = connection.execute(text("select path from quality.landed_page where source = :source"), {"source": source})
    return list(found.scalars())


def partitions(connection: Connection, source: str, file_partition: str) -> list[str]:
    """The partitions of the pages whose files landed under `file_partition`, in order."""
    found = connection.execute(
        text(
            "select distinct page.partition from quality.landed_page as page"
            " join quality.landed_file as file on file.source = page.source and file.sha256 = page.file_sha256"
            " where page.source = :source and file.partition = :partition order by page.partition"
        ),
        {"source": source, "partition": file_partition},
    )
    return list(found.scalars())
