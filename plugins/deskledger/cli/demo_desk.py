"""The demo's helpdesk: a Zendesk account on loopback, a process of its own that lives as long as the demo does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from deskledger.errors import DeskledgerError

FAULTS = 0.03  # share of the answers that are none, or bad
STOP_SECONDS = 10


@contextmanager
def helpdesk(source: str, log: Path, *, seed: int, tickets_per_month: int, now: datetime) -> Iterator["Helpdesk"]:
    """A helpdesk whose clock says `now`, until the block ends. It makes itself ready beside what the block does."""
    module = "deskledger.sources.demo.zendesk_server"
    scene = ["--seed", str(seed), "--tickets-per-month", str(tickets_per_month)]
    command = [sys.executable, "-m", module, *scene, "--now", now.isoformat(), "--faults", str(FAULTS), "--while-stdin"]
    with log.open("ab") as errors:
        # In a session of its own Ctrl-C ends those who ask first. If the demo is killed, its end of the pipe is gone.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
    try:
        yield Helpdesk(source, process, log)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class Helpdesk:
    """The account while it lives: where it is, who may ask it, and its clock."""

    def __init__(self, source: str, process: "subprocess.Popen[str]", log: Path) -> None:
        self._source, self._process, self._log = source, process, log

    @cached_property
    def base_url(self) -> str:
        """Waits until it answers. Raises DeskledgerError where it ended instead."""
        assert self._process.stdout is not None
        written = self._process.stdout.readline().strip()
        if not written:
            raise DeskledgerError(
                "the demo's helpdesk ended while starting", where=str(self._log), remedy="read the end of that log"
            )
        return written

    def connection(self) -> dict[str, str]:
        """The Airflow connection that it is asked with, as a variable of the environment."""
        from deskledger.sources.demo.zendesk_server import LOGIN, SECRET
        from deskledger.steps.desks import connection_name

        account = {"conn_type": "http", "host": self.base_url, "login": LOGIN, "password": SECRET}
        return {f"AIRFLOW_CONN_{connection_name(self._source).upper()}": json.dumps(account)}

    def set_clock(self, now: datetime) -> None:
        """What happened after `now` has not happened there yet."""
        self._call("PUT", "/clock", content=now.isoformat())

    def tally(self) -> str:
        """What it was asked and how it answered, in words. Raises DeskledgerError where it was not left in peace."""
        found = self._call("GET", "/tally").json()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found["faulty"].items()))
        bad = sum(found["faulty"].values())
        if found["impatient"]:
            raise DeskledgerError(
                f"{found['impatient']} of {found['asked']} requests came inside a Retry-After",
                where=self.base_url,
                remedy="this is a fault of Deskledger: please report it",
            )
        return f"{found['asked']} requests, {bad} badly answered ({kinds}), none inside a Retry-After"

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        with httpx.Client(trust_env=False) as client:  # no proxy stands between us and this machine
            return client.request(method, self.base_url + path, **arguments).raise_for_status()
