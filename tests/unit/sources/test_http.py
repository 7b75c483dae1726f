"""Asking over real HTTP: what is waited for, what is tried again, what fails at once, and what no message repeats."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from deskledger.errors import DeskAwayError, SourceError
from deskledger.sources.desk import Account, Request
from deskledger.sources.http import TRIES, Client, HoldError

from tests.desk_server import DeskServer, Fault, SteppedClock

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
SECRET = "s3cret-of-the-desk"
ASK = Request("/records/tickets", (("after", "0"),))


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOW)


@pytest.fixture
def desk(clock: SteppedClock) -> Iterator[DeskServer]:
    with DeskServer({"tickets": [{"id": "T1"}, {"id": "T2"}]}, clock=clock).running() as server:
        yield server


@pytest.fixture
def connect(desk: DeskServer, clock: SteppedClock) -> Iterator[Callable[..., Client]]:
    with ExitStack() as stack:

        def make(**changes: object) -> Client:
            options = changes.pop("options", {})
            account = Account(desk.url, "ann", SECRET, options)  # type: ignore[arg-type]
            headers = {"Authorization": f"Bearer {SECRET}"}
            client = Client(account, headers, clock=clock, **changes)  # type: ignore[arg-type]
            stack.callback(client.close)
            return client

        yield make


def test_the_answer_is_parsed_and_dated_by_the_desks_clock(connect: Callable[..., Client]) -> None:
    answer = connect().ask(ASK)
    assert [record["id"] for record in answer.body["records"]] == ["T1", "T2"]
    assert answer.answered_at == NOW


def test_an_answer_without_a_date_is_refused(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(200, {"Date": ""})]
    with pytest.raises(SourceError, match="has no Date"):
        connect().ask(ASK)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_is_waited_out_and_kept_in_mind(
    desk: DeskServer, clock: SteppedClock, connect: Callable[..., Client], status: int
) -> None:
    held: list[datetime] = []
    desk.faults = [Fault(status, {"Retry-After": "40"})]
    connect(hold=lambda at, reason: held.append(at)).ask(ASK)
    first, second = (asked.at for asked in desk.asked)
    assert timedelta(seconds=40) <= second - first <= timedelta(seconds=44)
    assert held == [second]


def test_retry_after_may_name_an_instant_of_the_desks_clock(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(429, {"Retry-After": "Mon, 01 Jun 2026 09:00:30 GMT"})]
    connect().ask(ASK)
    assert timedelta(seconds=30) <= desk.asked[1].at - desk.asked[0].at <= timedelta(seconds=33)


def test_retry_after_names_an_instant_of_our_clock_where_the_desk_dates_no_answer(
    desk: DeskServer, connect: Callable[..., Client]
) -> None:
    desk.faults = [Fault(429, {"Retry-After": "Mon, 01 Jun 2026 09:00:30 GMT", "Date": ""})]
    connect().ask(ASK)
    assert timedelta(seconds=30) <= desk.asked[1].at - desk.asked[0].at <= timedelta(seconds=33)


@pytest.mark.parametrize("hint", ["0", "0.2", "Mon, 01 Jun 2026 08:00:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_desk_that_refuses_without_a_pause_is_asked_ever_more_seldom(
    desk: DeskServer, connect: Callable[..., Client], status: int, hint: str
) -> None:
    desk.faults = [Fault(status, {"Retry-After": hint})] * 99
    with pytest.raises(HoldError):
        connect().ask(ASK)
    waits = [(later.at - one.at).total_seconds() for one, later in pairwise(desk.asked)]
    least = (1, 2, 4, 8, 16)
    assert len(waits) == len(least)
    assert all(wanted <= wait <= 1.1 * wanted for wanted, wait in zip(least, waits, strict=True))


@pytest.mark.parametrize("hint", ["", "soon", "-1"])
def test_a_broken_desk_whose_retry_after_says_nothing_is_tried_a_few_times(
    desk: DeskServer, connect: Callable[..., Client], hint: str
) -> None:
    desk.faults = [Fault(503, {"Retry-After": hint})] * 99
    with pytest.raises(DeskAwayError, match="answered 503, 6 times"):
        connect().ask(ASK)
    assert len(desk.asked) == TRIES


def test_a_reset_is_told_by_the_desks_clock(
    clock: SteppedClock, desk: DeskServer, connect: Callable[..., Client]
) -> None:
    desks_now = NOW - timedelta(minutes=30)
    headers = {
        "Date": format_datetime(desks_now, usegmt=True),
        "X-Rate-Limit-Remaining": "0",
        "X-Rate-Limit-Reset": str(int(desks_now.timestamp()) + 50),
    }
    desk.faults = [Fault(429, headers)]
    connect().ask(ASK)
    assert timedelta(seconds=50) <= desk.asked[1].at - desk.asked[0].at <= timedelta(seconds=55)


def test_a_wait_beyond_patience_is_left_to_the_caller(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(429, {"Retry-After": "61"})]
    with pytest.raises(HoldError) as raised:
        connect().ask(ASK)
    assert raised.value.not_before >= NOW + timedelta(seconds=61)
    assert len(desk.asked) == 1


def test_short_waits_add_up_to_patience(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(429, {"Retry-After": "25"})] * 9
    with pytest.raises(HoldError):
        connect().ask(ASK)
    assert len(desk.asked) == 3


def test_nothing_is_asked_before_what_an_earlier_process_was_told(
    desk: DeskServer, clock: SteppedClock, connect: Callable[..., Client]
) -> None:
    connect(held=lambda: NOW + timedelta(seconds=50)).ask(ASK)
    assert desk.asked[0].at == NOW + timedelta(seconds=50)


@pytest.mark.parametrize(
    "headers",
    [
        {"RateLimit-Remaining": "0", "RateLimit-Reset": "20"},
        {"X-Rate-Limit-Remaining": "0", "ratelimit-reset": "20"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 20)},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-06-01T09:00:20Z"},
        {"Zendesk-RateLimit-incremental": "total=10; remaining=0; resets=20"},
    ],
)
def test_a_budget_that_is_used_up_is_not_tried(
    desk: DeskServer, connect: Callable[..., Client], headers: dict[str, str]
) -> None:
    desk.faults = [Fault(200, headers)]
    client = connect()
    client.ask(ASK)
    client.ask(ASK)
    assert timedelta(seconds=20) <= desk.asked[1].at - desk.asked[0].at <= timedelta(seconds=22)


def test_a_budget_that_is_left_holds_nothing_up(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(200, {"RateLimit-Remaining": "1", "RateLimit-Reset": "20"})]
    client = connect()
    client.ask(ASK)
    client.ask(ASK)
    assert desk.asked[1].at == desk.asked[0].at


def test_the_connections_pace_is_kept(desk: DeskServer, connect: Callable[..., Client]) -> None:
    client = connect(options={"requests_per_minute": 10})
    for _ in range(3):
        client.ask(ASK)
    assert [asked.at - NOW for asked in desk.asked] == [timedelta(seconds=each) for each in (0, 6, 12)]


@pytest.mark.parametrize(
    "fault",
    [Fault(500), Fault(502), Fault(503), Fault(504), Fault(408), Fault(is_cut=True), Fault(drops_json=True)],
)
def test_what_may_pass_is_tried_again(desk: DeskServer, connect: Callable[..., Client], fault: Fault) -> None:
    desk.faults = [fault, fault]
    assert len(connect().ask(ASK).body["records"]) == 2
    assert len(desk.asked) == 3


def test_silence_is_a_time_out_and_is_tried_again(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(is_silent=True)]
    assert len(connect(options={"timeout_seconds": 0.2}).ask(ASK).body["records"]) == 2


def test_what_does_not_pass_is_said_after_a_few_tries(desk: DeskServer, connect: Callable[..., Client]) -> None:
    desk.faults = [Fault(502)] * 20
    with pytest.raises(DeskAwayError, match=f"answered 502, {TRIES} times in a row"):
        connect().ask(ASK)
    assert len(desk.asked) == TRIES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 301])
def test_what_cannot_pass_fails_at_once(desk: DeskServer, connect: Callable[..., Client], status: int) -> None:
    desk.faults = [Fault(status, {"Location": "https://elsewhere.example/"})]
    with pytest.raises(SourceError, match=f"the desk answered {status}"):
        connect().ask(ASK)
    assert len(desk.asked) == 1


@pytest.mark.parametrize("body", [b'{"a": NaN}', b"[" * 100_000, b"<html>", b'{"a": "\xff"}'])
def test_what_is_not_json_is_tried_again(desk: DeskServer, connect: Callable[..., Client], body: bytes) -> None:
    desk._page = lambda stream, after: body  # type: ignore[method-assign]
    with pytest.raises(DeskAwayError, match="not JSON"):
        connect().ask(ASK)


def test_a_number_of_more_digits_than_python_reads_is_text(desk: DeskServer, connect: Callable[..., Client]) -> None:
    huge = "-" + "9" * 5_000
    desk._page = lambda stream, after: f'{{"records": [1, {huge}, 2.5]}}'.encode()  # type: ignore[method-assign]
    assert connect().ask(ASK).body == {"records": [1, huge, 2.5]}


@pytest.mark.parametrize("url", ["http://desk.example.com", "ftp://127.0.0.1", "desk.example.com"])
def test_a_secret_never_travels_in_the_open(clock: SteppedClock, url: str) -> None:
    with pytest.raises(SourceError, match="https"):
        Client(Account(url, "ann", SECRET), {"Authorization": SECRET}, clock=clock)


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://ann:{SECRET}@desk.example.com", f"http://{SECRET}@127.0.0.1", f"ann:{SECRET}@desk.example.com"),
        *(
            f"https://ann:{SECRET}/x@desk.example.com",
            f"https://ann:{SECRET}?@desk.example.com",
            f"https://ann:{SECRET}",
        ),
        *(f"https://desk.example.com?key={SECRET}", f"https://desk.example.com/#{SECRET}"),
        *(f"https://[{SECRET}", f"https://desk.example.com/\u2100{SECRET}@x", f"https://ann:{SECRET}\u2100desk"),
    ],
)
def test_an_address_with_a_login_in_it_is_refused_and_never_repeated(
    clock: SteppedClock, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    caplog.set_level(logging.DEBUG)
    for options in ({}, {"timeout_seconds": "none"}):
        with pytest.raises(SourceError, match="login and secret into their own fields") as raised:
            Client(Account(url, "ann", "other", options), {"Authorization": "other\n"}, clock=clock)
        assert SECRET not in "".join(traceback.format_exception(raised.value)) + caplog.text


@pytest.mark.parametrize(("megabytes", "is_taken"), [(0.001, False), (0.01, True)])
def test_an_answer_that_is_too_long_says_which_option_lets_it_in(
    desk: DeskServer, connect: Callable[..., Client], megabytes: float, is_taken: bool
) -> None:
    desk._page = lambda stream, after: b'"' + b"x" * 2_000 + b'"'  # type: ignore[method-assign]
    client = connect(options={"answer_megabytes": megabytes})
    if is_taken:
        assert client.ask(ASK).body == "x" * 2_000
    else:
        with pytest.raises(SourceError, match=r"longer than 0.001 MB\n.*\banswer_megabytes higher"):
            client.ask(ASK)


@pytest.mark.parametrize("path", ["https://elsewhere.example/x", "//elsewhere.example/x"])
def test_a_secret_goes_to_its_own_desk_only(connect: Callable[..., Client], path: str) -> None:
    with pytest.raises(SourceError, match="below the base URL"):
        connect().ask(Request(path))


def test_no_message_repeats_the_secret(
    desk: DeskServer, clock: SteppedClock, connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    account = Account(desk.url, "ann", SECRET, {"other": SECRET})
    said = [repr(account), str(account)]
    makers = [
        lambda: connect().ask(ASK),
        lambda: Client(account, {"Authorization": f"{SECRET}\u00e9\n"}, clock=clock),
        lambda: Client(account, {"Authorization": f"{SECRET}\r\nX: y"}, clock=clock).ask(ASK),
    ]
    for status, maker in [(403, makers[0]), (500, makers[0]), (429, makers[0]), (200, makers[1]), (200, makers[2])]:
        desk.faults = [Fault(status, body=SECRET.encode())] * (TRIES if status != 200 else 0)
        try:
            maker()
        except (SourceError, HoldError) as error:
            said += [str(error), repr(error), "".join(traceback.format_exception(error))]
    assert len(said) == 2 + 5 * 3
    assert [text for text in [*said, caplog.text] if SECRET in text] == []
