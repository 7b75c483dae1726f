"""One installation under test: its folders, and commands given to it as a user gives them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from deskledger.cli.local_airflow import LOGGING_LEVEL, LocalAirflow
from deskledger.settings import Settings
from deskledger.warehouse import open_warehouse

ROOT = Path(__file__).resolve().parents[2]
TICKETS_PER_MONTH = 400


@dataclass(frozen=True)
class Demo:
    """One installation: its settings, what its first run printed, and a way to give it commands."""

    settings: Settings
    output: str

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command(self.settings.state, *arguments)

    def warehouse(self) -> Engine:
        local = LocalAirflow(self.settings)
        local.start_postgres()
        assert local.postgres is not None
        return open_warehouse(local.postgres.url_for("deskledger"))


def run_command(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKLEDGER_")}
    return subprocess.run(
        [sys.executable, "-m", "deskledger.cli", *arguments],
        # What tasks print must be in their logs: the search for credentials reads them.
        env={**environment, "DESKLEDGER_STATE": str(state), LOGGING_LEVEL: "INFO"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
