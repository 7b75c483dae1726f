"""Which desks the DAGs ask over HTTP: read from the mapping files as text, while the DAGs are parsed."""

from pathlib import Path

import pytest

from deskledger.settings import settings
from deskledger.sources.event_log.mapping import load_all

WRITTEN = {
    "blocks": ("source: blocks\nextract:\n  since: 2025-01-01\n  pool: desk-one\nevents:\n  files: [x]\n", "desk-one"),
    "flows": ("extract: {since: 2025-01-01, pool: 'deskledger_flows'}  # once\n", "deskledger_flows"),
    "default": ("extract: {since: 2025-01-01}\nevents:\n  pool: no\n", "default_pool"),
    "said": (
        "extract:\n  # no pool: yet\n  since: 2025-01-01 # pool: x\n  # so\nevents:\n  pool: no\n",
        "default_pool",
    ),
    "broken": ("extract:\n  since: [\n", "default_pool"),
    "files": ("source: files\nevents: {extract: {pool: x}}\n# extract:\n", None),
}


@pytest.fixture
def desks(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(settings().home / "dags"))
    import deskledger_extract

    return deskledger_extract.desks


def test_the_block_extract_says_who_is_asked_and_in_which_pool(
    desks: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (text, _) in WRITTEN.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path))
    assert desks() == {name: pool for name, (_, pool) in sorted(WRITTEN.items()) if pool}  # type: ignore[operator]


def test_the_mappings_of_this_project_are_read_as_they_are_loaded(desks: object) -> None:
    mappings, errors = load_all(settings().mappings)
    assert errors == []
    assert desks() == {each.source: each.extract.pool for each in mappings if each.extract}  # type: ignore[operator]
