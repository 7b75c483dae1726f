"""The columns that a mapping may name, and the streams that custom fields have of their own."""

import re
from collections.abc import Iterable

# The columns beside those of custom fields; docs/desks/request-tracker.md says what each is.
COLUMNS = (
    *("Ticket", "Sequence", "At", "Created", "Actor", "Activity", "Target"),
    *("Status", "OldStatus", "Queue", "OldQueue", "Owner", "OldOwner", "Priority", "OldPriority"),
    *("SLA", "OldSLA", "Due", "OldDue", "Starts", "Started", "Resolved"),
    *("Name", "Description", "Agent", "Privileged", "Group"),
    *("Metric", "Instance", "Kind"),
    *("Counted", "CountedAt", "LastTicket", "Tickets"),
)


def custom_fields(columns: Iterable[str]) -> set[str]:
    """The custom fields that columns are about."""
    parted = [each.partition(".") for each in columns]
    return {name for prefix, _, name in parted if prefix in {"CF", "OldCF", "Rating"} and name}


def stream_name(kind: str, field: str) -> str:
    """The stream of a custom field: `changes_customer_no` for the changes of "Customer No."."""
    return f"{kind}_{re.sub(r'[^a-z0-9]+', '_', field.lower()).strip('_')}"
