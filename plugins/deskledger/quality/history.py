"""What has become of a source's records so far, read from the schema quality: for the quality page and its table."""

from typing import Any

from sqlalchemy import Connection, text

Row = dict[str, Any]

_SOURCES = """
    select source from quality.landed_file union select source from quality.load
    union select source from quality.watermark order by source
"""
_WATERMARK = """
    select
        (select complete_until from quality.watermark where source = :source) as complete_until,
        (select max(landed_at) from quality.landed_file where source = :source) as landed_at,
        (select max(loaded_at) from quality.load where source = :source) as loaded_at,
        (select count(*) from quality.landed_file where source = :source) as files,
        (select coalesce(sum(records), 0)::bigint from quality.landed_file where source = :source) as records
"""
_UNREAD = """
    select
        case when page.partition ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then page.partition else 'a history' end as partition,
        count(*) as pages, min(file.landed_at) as landed_at
    from quality.landed_page as page
    join quality.landed_file as file on file.source = page.source and file.sha256 = page.file_sha256
    where page.source = :source and page.loaded_at is null
    group by 1 order by 1
"""
# A partition that is loaded again has its records judged again: its newest load says what became of them.
_FATES = """
    with newest as (
        select distinct on (partition, table_name) *
        from quality.load where source = :source
        order by partition, table_name, loaded_at desc
    )
    select table_name, sum(extracted)::bigint as extracted, sum(loaded)::bigint as loaded,
        sum(unchanged)::bigint as unchanged, sum(superseded)::bigint as superseded,
        sum(quarantined)::bigint as quarantined
    from newest group by table_name having sum(extracted) > 0 order by table_name
"""
_LOADS = """
    select * from quality.load where source = :source order by loaded_at desc, partition desc, table_name limit :most
"""
_SUITES = """
    select distinct on (suite) suite, success, statistics, at, run_id
    from quality.validation where starts_with(run_id, :begin) order by suite, at desc
"""
_VALIDATIONS = """
    select suite, run_id, success, at, statistics -> 'rows' as rows, (
        select coalesce(jsonb_object_agg(severity, broken), '{}') from (
            select rule ->> 'severity' as severity, sum(coalesce((rule ->> 'unexpected')::bigint, 1)) as broken
            from jsonb_array_elements(statistics -> 'rules') as rule
            where not (rule ->> 'success')::boolean group by severity
        ) as counted
    ) as broken
    from quality.validation where starts_with(run_id, :begin) order by at desc, suite limit :most
"""
_TOTALS = """
    select distinct on (what) what, partition, theirs, ours, quarantined, deleted, at,
        greatest(0, theirs - ours - quarantined) as missing
    from quality.control_total where source = :source order by what, at desc
"""
_ARRIVALS = """
    select partition, table_name, records, newest_at from quality.arrival
    where source = :source order by partition desc, table_name limit :most
"""
_CROSSCHECK = """
    select contract, metric, clock, cause, cycles, examples, compared_at
    from quality.crosscheck where source = :source order by contract, metric, clock, cause
"""
_FIELDS = """
    select stream, path, array_to_string(kinds, ', ') as kinds, is_kept, first_seen_at, last_seen_at
    from quality.schema_field where source = :source order by first_seen_at desc, stream, path limit :most
"""


def sources(connection: Connection) -> list[str]:
    """Every source of which something landed or was loaded."""
    return list(connection.execute(text(_SOURCES)).scalars())


def standing(connection: Connection, source: str) -> Row:
    """How far the source is complete, when it last landed and loaded, and how much (files, records)."""
    return _rows(connection, _WATERMARK, source=source)[0]


def unread(connection: Connection, source: str) -> list[Row]:
    """What landed and no load has read yet, by day, histories together: the watermark waits for it."""
    return _rows(connection, _UNREAD, source=source)


def fates(connection: Connection, source: str) -> list[Row]:
    """What became of all records, by table: one fate each, by the newest load of each partition."""
    return _rows(connection, _FATES, source=source)


def loads(connection: Connection, source: str, most: int) -> list[Row]:
    """The newest rows of quality.load."""
    return _rows(connection, _LOADS, source=source, most=most)


def suites(connection: Connection, begin: str) -> list[Row]:
    """The newest verdict of each suite among the runs whose id begins so."""
    return _rows(connection, _SUITES, begin=begin)


def validations(connection: Connection, begin: str, most: int) -> list[Row]:
    """The newest verdicts, with how many rows broke a rule of each severity (`broken`)."""
    return _rows(connection, _VALIDATIONS, begin=begin, most=most)


def totals(connection: Connection, source: str) -> list[Row]:
    """The newest of each of the desk's own counts, beside ours."""
    return _rows(connection, _TOTALS, source=source)


def arrivals(connection: Connection, source: str, most: int) -> list[Row]:
    """What the newest days brought, by table."""
    return _rows(connection, _ARRIVALS, source=source, most=most)


def crosscheck(connection: Connection, source: str) -> list[Row]:
    """What came of the newest cross-check with the desk's own SLA figures, by contract, clock and cause."""
    return _rows(connection, _CROSSCHECK, source=source)


def fields(connection: Connection, source: str, most: int) -> list[Row]:
    """The fields that the source's records have had, newest first; none for a source of files."""
    if connection.execute(text("select to_regclass('quality.schema_field')")).scalar_one() is None:
        return []
    return _rows(connection, _FIELDS, source=source, most=most)


def _rows(connection: Connection, query: str, **bound: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(text(query), bound).mappings()]
