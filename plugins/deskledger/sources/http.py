"""Asking a helpdesk over HTTP: one request, one parsed answer, and every wait that it takes.

Rate limits are kept to the second, also across restarts (`hold`). What may pass (5xx, time-outs, a body that is cut
short) is tried again with jitter. What cannot pass (401, 403, 404) fails at once. No message ever repeats a header, a
body or another library's words: any of them may hold the secret.
"""

import json
import math
import random
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import tenacity

from deskledger.errors import DeskAwayError, DeskRefusesError, SourceError
from deskledger.sources.desk import Account, Answer, Request
from deskledger.sources.pauses import LONGEST, budget_pause, retry_after

PATIENCE_SECONDS = 60.0  # longer waits are left to whoever called
TRIES = 6
TIMEOUT_SECONDS = 60.0
MOST_MEGABYTES = 256  # of one answer, unpacked
_NO_HINT_SECONDS = 60.0  # after a refusal that says nothing of time
_LEAST_SECONDS = 1.0  # after a refusal that asks for less; doubled for each that follows
_MAY_PASS = {408, 425, *range(500, 600)}
_REMEDY = {
    401: "the login or the secret of the connection is not accepted: enter it again, or make a new one at the desk",
    403: "the account of the connection may not read this: give it the permissions that the desk's setup page names",
    404: "the desk has no such address: check the base URL of the connection",
}


class Clock(Protocol):
    """The time, and the passing of it; tests have one of their own."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class MachineClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class HoldError(Exception):
    """The account may not be asked before `not_before`, which is too far off to wait for here."""

    def __init__(self, not_before: datetime, reason: str) -> None:
        super().__init__(f"{reason}; nothing is asked before {not_before.isoformat(timespec='seconds')}")
        self.not_before = not_before
        self.reason = reason


class _PassingError(Exception):
    """What may go away by itself: worth another try."""


class Client:
    """One account, asked one request at a time.

    `hold(not_before, reason)` keeps in mind, beyond this process, that nothing may be asked before an instant, and
    `held()` is what this and other processes have kept so by now: it is looked at before each request. The connection's
    options `timeout_seconds` (a request's; 60), `requests_per_minute` (spread evenly) and `answer_megabytes` (the most
    that one answer may have; 256) are obeyed. Raises SourceError for an account that cannot be asked.
    """

    def __init__(
        self,
        account: Account,
        headers: Mapping[str, str],
        *,
        clock: Clock,
        held: Callable[[], datetime | None] = lambda: None,
        hold: Callable[[datetime, str], None] = lambda not_before, reason: None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._clock, self._patience_seconds = clock, patience_seconds
        self._held, self._hold = held, hold
        is_local = _check_base_url(account.base_url)  # first: the messages below repeat it
        self._timeout_seconds = _number(account, "timeout_seconds", TIMEOUT_SECONDS)
        self._most_megabytes = _number(account, "answer_megabytes", MOST_MEGABYTES)
        rate = _number(account, "requests_per_minute", math.inf)
        self._interval = timedelta(seconds=60 / rate)
        self._not_before, self._reason = datetime.min.replace(tzinfo=UTC), ""
        self._refusals = 0  # in a row
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            # Checked here: the library's own words would repeat the header, in its log too.
            raise SourceError(
                "the login or the secret has characters that no HTTP header can carry",
                where=account.base_url,
                remedy="enter them in the connection again, without line breaks",
            )
        self._http = httpx.Client(
            base_url=account.base_url,
            headers={"Accept": "application/json", "User-Agent": "deskledger", **headers},
            timeout=self._timeout_seconds,
            trust_env=not is_local,  # no proxy stands between us and this machine
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, request: Request) -> Answer:
        """The desk's answer, waited for.

        Raises HoldError where the desk wants longer to be left alone than patience allows, DeskAwayError where it does
        not answer soundly after several tries, SourceError where it refuses.
        """
        if not request.path.startswith("/") or request.path.startswith("//"):
            raise SourceError("a request must be a path below the base URL", where=request.path)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_PassingError),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_random_exponential(multiplier=1, max=30),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            return retrying(self._patiently, request)
        except _PassingError as error:
            raise DeskAwayError(
                f"the desk {error}, {TRIES} times in a row",
                where=f"GET {request.path}",
                remedy="nothing is lost: the next try goes on from here; if it lasts, ask the desk's vendor",
            ) from None

    def _patiently(self, request: Request) -> Answer:
        waited = 0.0
        while True:
            held = self._held()
            if held is not None and held > self._not_before:
                self._not_before, self._reason = held, "the account is held"
            left = (self._not_before - self._clock.now()).total_seconds()
            if left > 0:
                waited += left
                if waited > self._patience_seconds:
                    raise HoldError(self._not_before, self._reason)
                self._clock.sleep(left)
                continue
            answer = self._once(request)
            if answer is not None:
                return answer

    def _once(self, request: Request) -> Answer | None:
        """The answer; None where the desk wants to be left alone for a while first."""
        asked_at = self._clock.now()
        self._not_before = asked_at + self._interval
        self._reason = "the account's own pace"
        try:
            # Parameters of None: an empty list would take those away that the path has.
            with self._http.stream("GET", request.path, params=list(request.params) or None) as response:
                body = self._body(response, asked_at)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _PassingError(f"did not answer ({type(error).__name__})") from None
        if self._is_held_back(response):
            return None
        if response.status_code in _MAY_PASS:
            raise _PassingError(f"answered {response.status_code}")
        if response.status_code != 200:
            refused = DeskRefusesError(
                f"the desk answered {response.status_code} {response.reason_phrase}".rstrip(),
                where=f"GET {request.path}",
                remedy=_REMEDY.get(response.status_code, "check the base URL and the account of the connection"),
            )
            refused.status = response.status_code
            raise refused
        answered_at = _date(response)
        if answered_at is None:
            raise SourceError(
                "the answer has no Date: until when it is complete is told by the desk's clock, never by ours",
                where=f"GET {request.path}",
                remedy="let the header Date through, wherever between the desk and here it is taken away",
            )
        return Answer(_parsed(body), answered_at)

    def _body(self, response: httpx.Response, asked_at: datetime) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > self._most_megabytes * 2**20:
                raise SourceError(
                    f"one answer is longer than {self._most_megabytes:g} MB",
                    where=f"GET {response.request.url.path}",
                    remedy="the next run asks the same again. If the desk's pages are so long, set the connection's"
                    " option answer_megabytes higher (a worker takes several times as much memory); if not, look at"
                    " what answers there in the desk's place",
                )
            if (self._clock.now() - asked_at).total_seconds() > 10 * self._timeout_seconds:
                raise _PassingError("sent its answer too slowly")
        return b"".join(parts)

    def _is_held_back(self, response: httpx.Response) -> bool:
        """Whether the desk did not answer but wants to be left alone: a 429, or a 5xx that says for how long.

        Keeps in mind until when: Retry-After, or the reset of a budget that is used up.
        """
        now = _date(response) or self._clock.now()
        pause = retry_after(response, now)
        is_refused = response.status_code == 429 or pause is not None
        self._refusals = self._refusals + 1 if is_refused else 0
        if pause is None:
            pause = budget_pause(response.headers, now)
        reason = "the account's budget is used up"
        if is_refused:
            reason = f"the desk answered {response.status_code} and asked for a pause"
            # A desk that asks for no pause, again and again, is not asked without one.
            least = min(_LEAST_SECONDS * 2 ** (self._refusals - 1), _NO_HINT_SECONDS)
            pause = _NO_HINT_SECONDS if pause is None else max(pause, least)
        if pause is not None:
            # A little later than asked for, so that several who wait do not all come at once.
            wait = min(timedelta(seconds=pause + random.uniform(0, min(pause / 10, 5))), LONGEST)
            self._not_before, self._reason = max(self._not_before, self._clock.now() + wait), reason
            self._hold(self._not_before, reason)
        return is_refused


def _parsed(body: bytes) -> Any:
    try:
        try:
            return _read(body)
        except json.JSONDecodeError:
            raise
        except ValueError:  # a whole number of more digits than Python reads: one record's own fault
            return _read(body, parse_int=_whole)
    except (ValueError, RecursionError):  # a body that was cut short, or a page of HTML before the desk
        raise _PassingError("answered with something that is not JSON") from None


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= sys.get_int_max_str_digits() else text


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_read = partial(json.loads, parse_float=_finite, parse_constant=_no_constant)


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None


def _number(account: Account, option: str, otherwise: float) -> float:
    given = account.options.get(option, otherwise)
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = 0.0
    if not number > 0:
        raise SourceError(f"the connection's option {option} is not a number above zero", where=account.base_url)
    return number


def _check_base_url(base_url: str) -> bool:
    """Whether the desk is on this machine.

    Raises SourceError for what is no address, has a login or parameters in it, or lets the secret travel in the open:
    in words that repeat of it nothing that may be secret.
    """
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # its words repeat the address
        parts, host = None, ""
    # Any @: behind a password that has a slash in it, the login's end is no longer where an address has it.
    if parts is None or "@" in base_url or parts.query or parts.fragment:
        raise SourceError(
            "the connection's host is no address, or has a login or parameters in it; it is not repeated here",
            remedy="write the host as https://desk.example.com, and login and secret into their own fields",
        )
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise SourceError(
            "the connection's host is not an https:// address; the secret would travel in the open",
            where=f"{parts.scheme}://{host}",
            remedy="write the host as https://desk.example.com",
        )
    return is_loopback
