"""A Zendesk account on loopback, made of the demo scene: for `make demo`, for tests, and for trying a mapping out.

`python -m deskledger.sources.demo.zendesk_server --help` starts one by itself; `running` starts one in this process.
It answers as the vendor documents, at an hour that its owner sets, and misbehaves as often as it is told to.
"""

from deskledger.sources.demo.zendesk_server.faults import Faults
from deskledger.sources.demo.zendesk_server.server import LOGIN, SECRET, Server, running
from deskledger.sources.demo.zendesk_server.store import Store

__all__ = ["LOGIN", "SECRET", "Faults", "Server", "Store", "running"]
