"""Records of ticket files and event files as the rows that sources/canonical/mapping.yaml reads."""

import numpy as np
import pandas as pd

# Which column of the rows a kind of event changes; the other kinds are activities.
_CHANGES = {"status": "status", "assignment": "agent"} | {
    each: each for each in ("priority", "team", "account", "product")
}
_STATE = str(2**40)  # a ticket's own row comes after every event of its instant
_NONE = "(none)"
_VISIBLE = {"true": ", public", "false": ", internal", "": ""}


def from_tickets(record: pd.DataFrame) -> dict[str, np.ndarray]:
    """A ticket's row tells its state as of updated_at: what no event ever changed has been so since its creation."""
    return {
        **{name: _text(record, name) for name in record.columns},
        "occurred_at": _text(record, "updated_at"),
        "seq": np.full(len(record), _STATE, dtype=object),
    }


def from_events(record: pd.DataFrame) -> dict[str, np.ndarray]:
    """An event's row tells one change or one thing that was done; a kind that is none fails the activity's words."""
    kind, value, previous = (_text(record, name) for name in ("kind", "value", "previous_value"))
    row = {name: _text(record, name) for name in ("ticket_id", "occurred_at", "seq", "actor_id", "actor_role")}
    row["created_at"] = np.where(kind == "created", row["occurred_at"], "")
    for told, column in _CHANGES.items():
        is_told = kind == told
        # Nothing before a status is the ticket's first one; nothing before anything else is nothing. A ticket always
        # has a status: `(none)` is none of its words.
        none_before = "new" if told == "status" else _NONE
        row[column] = np.where(is_told, np.where(value == "", _NONE, value), "")
        row[f"{column}_before"] = np.where(is_told, np.where(previous == "", none_before, previous), "")
    is_change = np.isin(kind, [*_CHANGES, "created"])
    is_public = _text(record, "is_public")
    shown = np.array([_VISIBLE.get(each.lower(), f", is_public {each}") for each in is_public], dtype=object)
    plain = np.isin(kind, ["merged", "deleted"])  # nobody reads them: they are seen by their effect
    row["kind"] = np.where(is_change, "", np.where(plain, kind, np.where(kind == "", _NONE, kind + shown)))
    row["value"] = np.where(is_change, "", value)
    return row


def _text(record: pd.DataFrame, name: str) -> np.ndarray:
    if name not in record:
        return np.full(len(record), "", dtype=object)
    return record[name].astype(str).to_numpy(object)
