"""Where things lie. Paths only: business numbers live in contracts/, secrets in Airflow connections."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The folders of one installation.

    `home` holds contracts/, mappings/, watch/, sql/ and expectations/ (`DESKLEDGER_HOME`, default: the checkout).
    `state` holds everything that a run makes (`DESKLEDGER_STATE`, default: `.deskledger` in home).
    """

    home: Path
    state: Path

    @property
    def contracts(self) -> Path:
        return _folder("DESKLEDGER_CONTRACTS", self.home / "contracts")

    @property
    def mappings(self) -> Path:
        return _folder("DESKLEDGER_MAPPINGS", self.home / "mappings")

    @property
    def watch(self) -> Path:
        return _folder("DESKLEDGER_WATCH", self.home / "watch")

    @property
    def books(self) -> Path:
        """How finance books each contract: accounts, series of credit notes, tax (ledger.books)."""
        return _folder("DESKLEDGER_BOOKS", self.home / "books.yaml")

    @property
    def sql(self) -> Path:
        return self.home / "sql"

    @property
    def expectations(self) -> Path:
        return self.home / "expectations"

    @property
    def inbox(self) -> Path:
        """Where export files arrive, one folder a source."""
        return _folder("DESKLEDGER_INBOX", self.state / "inbox")

    @property
    def landing(self) -> Path | str:
        """Where raw pages lie: a folder, or a URL of object storage (landing.pages.folder opens either)."""
        return _place("DESKLEDGER_LANDING", self.state / "landing")

    @property
    def evidence(self) -> Path | str:
        """The tickets, events and segments that statements froze, named by their content; as `landing`."""
        return _place("DESKLEDGER_EVIDENCE", self.state / "evidence")

    @property
    def reports(self) -> Path:
        return _folder("DESKLEDGER_REPORTS", self.state / "reports")

    @property
    def is_ingest_by_hand(self) -> bool:
        """Whether the DAG `ingest` fetches the days that it is triggered for, and none by the clock."""
        return bool(os.environ.get("DESKLEDGER_INGEST_BY_HAND"))

    @property
    def postgres(self) -> Path:
        """The data folder of the embedded PostgreSQL."""
        return _folder("DESKLEDGER_POSTGRES", self.state / "postgres")


def settings() -> Settings:
    """The settings of this process, read from its environment at each call."""
    home = _folder("DESKLEDGER_HOME", Path(__file__).resolve().parents[2])
    return Settings(home=home, state=_folder("DESKLEDGER_STATE", home / ".deskledger"))


def _place(variable: str, default: Path) -> Path | str:
    given = os.environ.get(variable, "")
    return given if "://" in given else _folder(variable, default)


def _folder(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    return Path(value).expanduser().resolve() if value else default
