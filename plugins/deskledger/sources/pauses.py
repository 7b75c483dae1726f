"""How long a desk wants to be left alone, as the headers of its answers say."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

LONGEST = timedelta(days=366)
_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_RESET = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_LISTED = re.compile(r"remaining=(\d+)\b.*\bresets?=(\d+)")


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Seconds of the header Retry-After, whether it counts them or names an instant; None where it says nothing.

    `now` is by the desk's own clock, or by ours where the desk, having none, dates no answer (RFC 9110, 6.6.1).
    """
    if response.status_code != 429 and response.status_code < 500:
        return None
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return min(float(text), LONGEST.total_seconds())
    try:
        return max((parsedate_to_datetime(text).astimezone(UTC) - now).total_seconds(), 0.0)
    except ValueError:
        return None


def budget_pause(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds until the account has a budget again; None where it still has one, or nothing is said.

    `now` as in `retry_after`.
    """
    for name, value in headers.items():
        listed = _LISTED.search(value) if "ratelimit" in name else None
        if listed and int(listed[1]) == 0:
            return float(listed[2])
    if next((headers[name] for name in _REMAINING if name in headers), "").strip() != "0":
        return None
    text = next((headers[name] for name in _RESET if name in headers), "").strip()
    if re.fullmatch(r"\d{1,10}", text):
        # Seconds from now, or since 1970: the vendors differ.
        return float(text) if int(text) < 10**9 else max(float(text) - now.timestamp(), 1.0)
    try:
        return max((datetime.fromisoformat(text) - now).total_seconds(), 1.0)
    except (ValueError, TypeError):
        return None
