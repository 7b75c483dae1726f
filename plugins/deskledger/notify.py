"""Telling people: the log and a file outbox always, mail when Airflow knows a mail server. No secret in any of them.

A channel that is down never hides what it was to tell: its own failure is logged, and the other channels go on.
Configuration is the environment and Airflow's connections: `DESKLEDGER_NOTIFY_TO` names the addresses, the connection
`deskledger_smtp` (or the one that `DESKLEDGER_SMTP_CONNECTION` names) the server.
"""

import json
import logging
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from deskledger.settings import settings

_log = logging.getLogger(__name__)

MAX_BODY = 20_000
_HIDDEN = "***"
_SECRETS = (
    # user:password@host in an address
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), _HIDDEN),
    # Authorization: Basic …, Bearer …
    (re.compile(r"(?i)\b(authorization\s*[:=]\s*)(?:\w+\s+)?\S+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {_HIDDEN}"),
    # password=…, "api_key": "…", token …
    (
        re.compile(
            r"(?i)(\b[\w-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)[\"']?\s*[:=]\s*)"
            r"(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
        ),
        rf"\1{_HIDDEN}",
    ),
)


def redact(text: str) -> str:
    """`text` without what looks like a secret: passwords in addresses, authorization headers, `token=…` and its kin."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def send(event: str, subject: str, body: str, now: datetime, to: Sequence[str] = ()) -> list[str]:
    """Tell of `event` through every channel there is; the names of those that took it ("log", "outbox", "mail").

    `to` are mail addresses in place of DESKLEDGER_NOTIFY_TO. Never raises: it is called while something else is
    failing.
    """
    subject = " ".join(redact(subject).split())[:300]
    body = redact(body)[:MAX_BODY]
    _log.warning("%s: %s\n%s", event, subject, body)
    told = ["log"]
    for name, channel in (("outbox", _to_outbox), ("mail", _to_mail)):
        try:
            if channel(event, subject, body, now, to):
                told.append(name)
        except Exception as failure:
            _log.error(
                "notify: the %s did not take %s: %s", name, event, redact(f"{type(failure).__name__}: {failure}")
            )
    return told


def outbox() -> Path:
    """The folder of the file channel: one JSON object a line, one file a day (UTC)."""
    return settings().state / "outbox"


def _to_outbox(event: str, subject: str, body: str, now: datetime, to: Sequence[str]) -> bool:
    folder = outbox()
    folder.mkdir(parents=True, exist_ok=True)
    at = now.astimezone(UTC)
    told = {"at": at.isoformat(), "event": event, "subject": subject, "body": body}
    line = json.dumps({**told, "to": list(to)} if to else told, ensure_ascii=False)
    # One write of one line: processes that append at once do not mix their lines.
    with (folder / f"{at:%Y-%m-%d}.jsonl").open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())
    return True


def _to_mail(event: str, subject: str, body: str, now: datetime, to: Sequence[str]) -> bool:
    to = to or [address.strip() for address in os.environ.get("DESKLEDGER_NOTIFY_TO", "").split(",") if address.strip()]
    if not to:
        return False
    hook = _smtp_hook()
    if hook is None:
        return False
    with hook as connected:
        connected.send_email_smtp(
            to=to,
            subject=subject,
            html_content=f"<pre>{escape(body)}\n\n{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC</pre>",
            from_email=connected.from_email or "deskledger@localhost",
            custom_headers={"X-Deskledger-Event": re.sub(r"[^\w.-]", "_", event)},
        )
    return True


def _smtp_hook() -> Any:
    """Airflow's SMTP hook on our connection, or None when Airflow or the connection is not there."""
    name = os.environ.get("DESKLEDGER_SMTP_CONNECTION", "deskledger_smtp")
    try:
        from airflow.providers.smtp.hooks.smtp import SmtpHook
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException
    except ImportError:
        return None
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None
    return SmtpHook(smtp_conn_id=name)
