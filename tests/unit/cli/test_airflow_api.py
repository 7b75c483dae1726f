"""What is said when the local Airflow cannot be asked."""

import socket

import pytest

from deskledger.cli.airflow_api import AirflowApi
from deskledger.errors import DeskledgerError


def test_an_airflow_that_does_not_answer_is_told_with_a_remedy() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and never listening: whoever connects is refused
        with pytest.raises(DeskledgerError, match=r"did not answer GET /dags \(ConnectError\)"):
            AirflowApi(f"http://127.0.0.1:{closed.getsockname()[1]}", "fatima", "none").dags()
