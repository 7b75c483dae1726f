"""Fixtures of the warehouse tests."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.settings import settings

from tests.warehouse.ingest_desk import write_mapping


@pytest.fixture
def inbox(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The inbox of the source `desk`, with its mapping (as tests/unit/sources/event_log/desk.py has it)."""
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path / "mappings"))
    write_mapping()
    folder = settings().inbox / "desk"
    folder.mkdir(parents=True)
    return folder
