"""The warehouse: PostgreSQL, its schema, and bulk transfer in and out. Nothing here knows what a ticket is for."""

from deskledger.warehouse.connection import open_warehouse
from deskledger.warehouse.facts import replace_cycles
from deskledger.warehouse.load import merge, stored_months
from deskledger.warehouse.migrations import migrate, pending
from deskledger.warehouse.relation import MergeCounts
from deskledger.warehouse.transfer import copy_in, parameters_of, read_frame, stage_keys

__all__ = [
    "MergeCounts",
    "copy_in",
    "merge",
    "migrate",
    "open_warehouse",
    "parameters_of",
    "pending",
    "read_frame",
    "replace_cycles",
    "stage_keys",
    "stored_months",
]
