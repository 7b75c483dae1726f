"""Landed records as rows of text: a ticket's state and each of its transactions are rows of the events."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from deskledger.sources.request_tracker.columns import COLUMNS, custom_fields, stream_name

STATE = 2**40  # the sequence of a ticket's state: after every transaction of its instant
NOTHING = "(none)"  # what a custom field has, or had, that has no value
_NEVER = "1970-01-01"
_DATES = ("Due", "Starts", "Started", "Resolved")


def rows_of(stream: str, records: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """One row a record, in order, with exactly `columns`."""
    streams = {stream_name(kind, each): each for kind in ("changes", "ratings") for each in custom_fields(columns)}
    about = streams.get(stream, "")
    told = [_row(stream, record if isinstance(record, dict) else {}, about) for record in records]
    return pd.DataFrame({name: [row.get(name, "") for row in told] for name in columns}, dtype="str")


def _row(stream: str, record: dict[str, Any], about: str) -> dict[str, str]:
    if stream in {"tickets", "deleted"}:
        return _state(record)
    if stream == "queues":
        return {"Queue": _text(record.get("id")), **_texts(record, ("Name", "Description"))}
    if stream == "desk_counts":
        columns = {"Counted": "what", "CountedAt": "counted_at", "LastTicket": "last_ticket", "Tickets": "tickets"}
        return {ours: _text(record.get(name)) for ours, name in columns.items()}
    if stream == "agents":
        return {"Agent": _text(record.get("id")), **_texts(record, ("Privileged", "Group"))}
    if stream == "dues":
        return {**_transaction(record, about), "Metric": "due", "Instance": "1", "Kind": "due"}
    return _transaction(record, about)


def _state(record: dict[str, Any]) -> dict[str, str]:
    row = {
        "Ticket": _text(record.get("id")),
        "Sequence": str(STATE),
        "At": _text(record.get("LastUpdated")),
        "Queue": _inner(record, "Queue"),
        "Owner": _inner(record, "Owner"),
        **_texts(record, ("Created", "Status", "Priority", "SLA")),
        **{name: _instant(record.get(name)) for name in _DATES},
    }
    fields = record.get("CustomFields")
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict):
            values = field.get("values")
            said = ", ".join(map(_text, values)) if isinstance(values, list) else _text(values)
            row[f"CF.{_text(field.get('name'))}"] = said or NOTHING
    return row


def _transaction(record: dict[str, Any], about: str) -> dict[str, str]:
    kind, field, ticket = (_text(record.get(name)) for name in ("Type", "Field", "ObjectId"))
    old, new = _text(record.get("OldValue")), _text(record.get("NewValue"))
    row = {
        "Ticket": ticket,
        "Sequence": _text(record.get("id")),
        "At": _text(record.get("Created")),
        "Actor": _inner(record, "Creator"),
    }
    if kind == "CustomField":
        return {**row, f"CF.{about}": new or NOTHING, f"OldCF.{about}": old or NOTHING, f"Rating.{about}": new}
    if kind == "Status":
        return {**row, "Status": new, "OldStatus": old, "Activity": "Deleted" if new == "deleted" else ""}
    if kind in {"Correspond", "Comment"}:
        return {**row, "Activity": kind}
    if kind == "AddLink" and field == "MergedInto":
        # Both tickets have the transaction: it is the other one that was merged away.
        target = new.rpartition("/")[2]
        return {**row, "Activity": "Merged", "Target": target} if target != ticket else row
    if field in _DATES:
        return {**row, field: _instant(new), f"Old{field}": _instant(old)}
    return {**row, field: new, f"Old{field}": old} if field in COLUMNS and f"Old{field}" in COLUMNS else row


def _texts(record: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    return {name: _text(record.get(name)) for name in names}


def _inner(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return _text(value.get("id")) if isinstance(value, dict) else ""


def _instant(value: Any) -> str:
    """An instant as the desk's records have it: transactions write it without its zone, which is UTC; 1970 is never."""
    text = _text(value)
    if text.startswith(_NEVER):
        return ""
    return f"{text.replace(' ', 'T')}Z" if " " in text else text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, sort_keys=True)
