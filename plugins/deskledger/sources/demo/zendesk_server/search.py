"""How many tickets a search finds: by their creation alone, and never a deleted one."""

import re
from datetime import datetime

from deskledger.sources.demo import scene
from deskledger.sources.demo.zendesk_server.store import Store

_WORD = re.compile(r"created(>=|<)(\S+)")


def tickets_found(store: Store, query: str, now: int) -> int:
    """The number of tickets that the desk has at `now`. Raises ValueError for words that it does not understand."""
    rows, created = store.acted.rows, store.acted.desk.created
    is_found = created <= now
    kind, *words = query.split() or [""]
    if kind != "type:ticket":
        raise ValueError(query)
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None:
            raise ValueError(word)
        bound = datetime.fromisoformat(match[2]).timestamp()
        is_found &= created >= bound if match[1] == ">=" else created < bound
    is_found[rows["ticket"][(rows["activity"] == scene.DELETED) & (rows["at"] <= now)]] = False
    return int(is_found.sum())
