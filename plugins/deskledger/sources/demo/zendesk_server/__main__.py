"""`python -m deskledger.sources.demo.zendesk_server`: the account by itself, until it is interrupted."""

import argparse
import signal
import sys
import threading
from contextlib import suppress
from datetime import datetime
from types import FrameType

from deskledger.sources.demo.zendesk_server import Faults, Server, Store


def main() -> int:
    parser = argparse.ArgumentParser(prog="zendesk_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of loopback; a free one by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tickets-per-month", type=int, default=10_000)
    parser.add_argument("--now", help="the desk's clock, ISO 8601 with offset; PUT /clock moves it; the scene's end")
    parser.add_argument("--faults", type=float, default=0.0, help="share of answers that are none, or bad (0 to 1)")
    parser.add_argument("--while-stdin", action="store_true", help="end with the standard input, so with who holds it")
    given = parser.parse_args()
    store = Store.make(seed=given.seed, tickets_per_month=given.tickets_per_month)
    now = datetime.fromisoformat(given.now) if given.now else None
    server = Server(store, now=now, faults=Faults(given.faults), port=given.port)
    signal.signal(signal.SIGTERM, _end)
    if given.while_stdin:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    print(server.base_url, flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()
    return 0


def _end_with_stdin(server: Server) -> None:
    sys.stdin.read()
    server.shutdown()


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
