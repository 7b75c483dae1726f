"""The one exception family. A message says what is wrong, where, and what to do about it."""

from typing import Any


class DeskledgerError(Exception):
    """Base of every error that Deskledger raises on purpose.

    `what` is the fault in one sentence, `where` the file and line, table or row it was found in, `remedy` what the
    reader can do. None of the three may carry a secret: they go to logs, alerts and mails.
    """

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        parts = [f"{where}: {what}" if where else what]
        if remedy:
            parts.append(f"What to do: {remedy}")
        super().__init__("\n".join(parts))

    def __reduce__(self) -> tuple[object, ...]:
        # Airflow pickles exceptions between processes; keyword arguments do not survive the default.
        return (_rebuild, (type(self), self.what, self.where, self.remedy))


def _rebuild(kind: type[DeskledgerError], what: str, where: str | None, remedy: str | None) -> DeskledgerError:
    return kind(what, where=where, remedy=remedy)


class ContractError(DeskledgerError):
    """A contract file is not valid; its contract stops, the others go on."""


class MappingError(DeskledgerError):
    """A mapping file is not valid, or does not fit the export it describes."""


class SourceError(DeskledgerError):
    """A helpdesk or export could not be read as its mapping says."""


class DeskAwayError(SourceError):
    """A helpdesk does not answer, or not soundly, after several tries: it may come back by itself."""


class DeskRefusesError(SourceError):
    """A helpdesk refuses a request; `status` is the answer's."""

    status = 0


class DeadEndError(SourceError):
    """A search at a helpdesk found nothing, and would not from where it stands: the next try begins at `cursor`."""

    cursor: dict[str, Any]


class LandingError(DeskledgerError):
    """A raw page or its manifest is missing, damaged or contradictory."""


class StorageAwayError(DeskledgerError):
    """The object storage that pages or evidence lie in does not answer: it may come back by itself."""


class QualityError(DeskledgerError):
    """A table failed its suite, or records do not balance: nothing was written."""


class WarehouseError(DeskledgerError):
    """The warehouse is unreachable, at the wrong schema version, or refused a load."""


class StatementError(DeskledgerError):
    """A draft statement cannot be made: too early, no base, or incomplete tickets."""


class LedgerError(DeskledgerError):
    """The ledger refused: a stale draft, a second posting, or a broken four-eyes rule."""
