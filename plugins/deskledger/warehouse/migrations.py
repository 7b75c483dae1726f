"""The warehouse's schema: the plain SQL files of sql/migrations, run in the order of their names, forward only.

Alembic keeps the books (table core.schema_version). A new step is one more file, `0006_words.sql`; nothing else.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import Script
from alembic.script.revision import RangeNotAncestorError, ResolutionError, RevisionMap
from sqlalchemy import Connection, Engine, text

from deskledger.errors import WarehouseError
from deskledger.settings import settings

_VERSION_TABLE = {"version_table": "schema_version", "version_table_schema": "core"}


def migrate(engine: Engine) -> list[str]:
    """Bring the warehouse to the newest schema, in one transaction; the names of the steps that were run.

    Raises WarehouseError when the database is newer than these files. Several processes may call it at once.
    """
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('deskledger migrate'))"))
        connection.execute(text("create schema if not exists core"))
        before = _pending(connection)
        if before:
            context = MigrationContext.configure(connection, opts={**_VERSION_TABLE, "fn": _steps(_history())})
            context.run_migrations(connection=connection)
        return before


def pending(engine: Engine) -> list[str]:
    """The steps that `migrate` would run, oldest first; empty when the schema is the newest."""
    with engine.connect() as connection:
        return _pending(connection)


def _pending(connection: Connection) -> list[str]:
    current = MigrationContext.configure(connection, opts=_VERSION_TABLE).get_current_heads()
    return [script.revision for script in _missing(_history(), current)]


def _history() -> RevisionMap:
    folder = settings().sql / "migrations"
    scripts = list(_scripts(folder))
    if not scripts:
        raise WarehouseError(
            "no migrations found", where=str(folder), remedy="set DESKLEDGER_HOME to the folder that holds sql/"
        )
    return RevisionMap(lambda: scripts)


def _scripts(folder: Path) -> Iterator[Script]:
    previous: str | None = None
    for file in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        module: Any = ModuleType(file.stem)
        module.revision, module.down_revision = file.stem, previous
        module.upgrade = _Runs(file)
        previous = file.stem
        yield Script(module, file.stem, str(file))


class _Runs:
    """The upgrade of one file: its statements as they are written, in the transaction of the migration."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.__name__ = file.stem  # Alembic names the step by it wherever its log is on, as under Airflow

    def __call__(self, connection: Connection, **_: Any) -> None:
        statements = self.file.read_text(encoding="utf-8")
        # The driver's cursor, without parameters, takes several statements and leaves per cent signs alone.
        cursor = connection.connection.cursor()
        try:
            cursor.execute(statements)
        except Exception as error:
            raise WarehouseError(
                f"the migration failed: {str(error).strip()}",
                where=self.file.name,
                remedy="nothing was changed; see docs/warehouse.md for the rights that a migration takes",
            ) from error
        finally:
            cursor.close()


def _steps(history: RevisionMap) -> Any:
    def steps(current: tuple[str, ...], context: MigrationContext) -> list[MigrationStep]:
        return [MigrationStep.upgrade_from_script(history, script) for script in _missing(history, current)]

    return steps


def _missing(history: RevisionMap, current: tuple[str, ...]) -> list[Script]:
    try:
        found = list(history.iterate_revisions("heads", current or "base"))
    except (ResolutionError, RangeNotAncestorError) as error:
        raise WarehouseError(
            f"the database is at schema {', '.join(current)}, which this version of Deskledger does not know",
            where="core.schema_version",
            remedy="use the version of Deskledger that migrated it, or a newer one",
        ) from error
    return [script for script in reversed(found) if isinstance(script, Script)]
