"""Where words stand in an installation: its files, Airflow's whole database and the whole warehouse."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, create_engine, text

from deskledger.warehouse import embedded

from tests.end_to_end.installation import Demo

DATABASES = ("airflow", "deskledger")
_TABLES = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname <> 'pg_catalog' order by 1"
# A row as text writes bytes as hex: the words come in both forms.
_IS_HIT = """
    select exists (
        select from {table} as t
        where exists (select from unnest(cast(:words as text[])) as word where strpos(t::text, word) > 0)
    )
"""


def places_of(demo: Demo, words: Sequence[str]) -> set[str]:
    """The files (paths in the state folder) and tables ("airflow/public.xcom") in which any of `words` stands."""
    files = {name for name, content in _files(demo.settings.state) if any(word.encode() in content for word in words)}
    return files | set(_tables(demo, words))


def _files(state: Path) -> Iterator[tuple[str, bytes]]:
    """Every file but the database server's own, whose tables are asked instead; what is packed is unpacked."""
    for path in sorted(state.rglob("*")):
        name = path.relative_to(state)
        if path.is_file() and name.parts[0] != "postgres":
            yield str(name), _unpacked(path)


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv().encode()
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _tables(demo: Demo, words: Sequence[str]) -> Iterator[str]:
    server = embedded.start(demo.settings.postgres)
    for database in DATABASES:
        engine = create_engine(server.url_for(database))
        with engine.connect() as connection:
            yield from (f"{database}/{table}" for table in _hit(connection, words))
        engine.dispose()


def _hit(connection: Connection, words: Sequence[str]) -> list[str]:
    sought = {"words": [*words, *(word.encode().hex() for word in words)]}
    tables = connection.scalars(text(_TABLES)).all()
    return [table for table in tables if connection.scalar(text(_IS_HIT.format(table=table)), sought)]
