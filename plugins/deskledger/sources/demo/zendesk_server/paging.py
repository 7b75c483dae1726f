"""How the account's answers are cut into pages, and what it refuses."""

import base64
from typing import Any

import numpy as np

from deskledger.sources.demo.zendesk_server.wire import Json

LIST_PAGE = 100


class RefusedError(Exception):
    """What the desk refuses: status and a word."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


def place_of(cursor: str) -> tuple[int, int]:
    try:
        at, _, number = base64.urlsafe_b64decode(cursor).decode().partition("||")
        return int(at), int(number)
    except ValueError:
        raise RefusedError(422, "Invalid cursor") from None


def slice_of(at: np.ndarray, start: int, now: int, page: int) -> tuple[int, int]:
    """A page from an instant on, that second included; longer than `page` where one second has more."""
    begin, last = int(np.searchsorted(at, start, side="left")), int(np.searchsorted(at, now, side="right"))
    end = min(begin + page, last)
    if end > begin and at[end - 1] == at[begin]:
        end = min(last, int(np.searchsorted(at, at[begin], side="right")) + page)
    return begin, max(begin, end)


def list_page(key: str, asked: dict[str, str], size: int, make: Any) -> Json:
    limit = min(LIST_PAGE, int(asked.get("page[size]", LIST_PAGE)))
    begin = place_of(asked["page[after]"])[1] if "page[after]" in asked else 0
    end = min(begin + limit, size)
    cursor = base64.urlsafe_b64encode(f"0||{end}".encode()).decode()
    return {
        key: [make(index) for index in range(begin, end)],
        "meta": {"has_more": end < size, "after_cursor": cursor, "before_cursor": cursor},
        "links": {},
    }


def listed(key: str, asked: dict[str, str], every: list[Json]) -> Json:
    return list_page(key, asked, len(every), every.__getitem__)
