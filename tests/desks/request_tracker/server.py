"""A live Request Tracker 5 from Debian's packages: fresh, on loopback, with a clock that the test sets."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAM = Path("/usr/share/request-tracker5/libexec/rt-server")
SET_UP = "/usr/sbin/rt-setup-database-5"  # not on the PATH of whoever is not root
USERS = ("root", "agent1", "agent2", "agent3", "gone", "cust1", "cust2", "cust3", "extract", "narrow")
PATIENCE_SECONDS = 90


def is_installed() -> bool:
    """Whether the packages are there; .ci/debian-packages installs them."""
    return PROGRAM.is_file()


class RequestTracker:
    """One server with a database of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port = int(found.getsockname()[1])
        self.base_url = f"http://127.0.0.1:{self._port}"
        self.tokens: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """The database, the people, the rights, and a token for everybody."""
        config = (HERE / "site_config.pm").read_text("utf-8")
        config = config.replace("@FOLDER@", str(self._folder)).replace("@PORT@", str(self._port))
        (self._folder / "RT_SiteConfig.pm").write_text(config, "utf-8")
        shutil.copy(HERE / "initial_data.pl", self._folder)
        self._run(SET_UP, "--action", "init", "--skip-create")
        data = str(self._folder / "initial_data.pl")
        self._run(SET_UP, "--action", "insert", "--datafile", data, "--skip-create")
        told = self._run("perl", str(HERE / "tokens.pl"), *USERS)
        self.tokens = dict(line.split() for line in told.splitlines() if line.count(" ") == 1 and "-" in line)
        assert set(self.tokens) == set(USERS), told

    def start(self, at: datetime) -> None:
        """Serves, with a clock that stands at `at` until `set_clock` moves it."""
        self.set_clock(at)
        files = subprocess.run(["dpkg", "-L", "libfaketime"], capture_output=True, text=True, check=True).stdout
        clock = {
            "LD_PRELOAD": next(line for line in files.splitlines() if line.endswith("/libfaketimeMT.so.1")),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        command = [str(PROGRAM), "--server", "Starlet", "--host", "127.0.0.1", "--port", str(self._port)]
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--max-workers", "2"],
                env={**self._environment(), **clock},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                self.call("root", "GET", "/rt")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
            else:
                return
        raise AssertionError((self._folder / "server.log").read_text("utf-8", "replace")[-4000:])

    def stop(self) -> None:
        """Ends what `start` began, and only that: the server and its workers have a process group of their own."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(20)

    def set_clock(self, at: datetime) -> None:
        """The server reads the file with each look at its clock, so it is replaced at once."""
        scratch = self._folder / "clock.new"
        scratch.write_text(f"{at:%Y-%m-%d %H:%M:%S}\n")
        scratch.replace(self._folder / "clock")

    def call(self, user: str, method: str, path: str, body: Mapping[str, Any] | None = None, **params: str) -> Any:
        """One request of REST 2.0 as a user; its parsed answer."""
        url = f"{self.base_url}/REST/2.0{path}" + (f"?{urllib.parse.urlencode(params)}" if params else "")
        headers = {"Authorization": f"token {self.tokens[user]}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=content, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def comment_often(self, ticket: int, times: int) -> None:
        """So many internal comments on a ticket, all at its beginning: over REST they would take minutes."""
        with closing(sqlite3.connect(self._folder / "rt.sqlite", timeout=60)) as database, database:
            told = [each[1] for each in database.execute("pragma table_info(Transactions)") if each[1] != "id"]
            kept = ", ".join("'Comment'" if each == "Type" else each for each in told)
            find = "from Transactions where ObjectType = 'RT::Ticket' and Type = 'Create' and ObjectId = ?"
            for _ in range(times):
                database.execute(f"insert into Transactions ({', '.join(told)}) select {kept} {find}", (ticket,))

    def _environment(self) -> dict[str, str]:
        config = {"RT_SITE_CONFIG": str(self._folder / "RT_SiteConfig.pm"), "RT_SITE_CONFIG_DIR": os.devnull}
        return {**os.environ, **config, "TZ": "UTC"}

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self._environment(), cwd=self._folder, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout
