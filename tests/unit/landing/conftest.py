"""Object storage as Airflow's paths see it, without a server: fsspec's, in memory. A real one: tests/object_storage."""

import pytest


@pytest.fixture
def object_storage(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket."""
    from airflow.sdk.io import attach
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    attach("memory", conn_id="account", fs=MemoryFileSystem())
    monkeypatch.setenv("AIRFLOW_CONN_ACCOUNT", '{"conn_type": "generic"}')
    return "memory://account@bucket"
