"""The warehouse: PostgreSQL, its schema, and bulk transfer in and out. Nothing here knows what a ticket is for."""

from deskledger.warehouse.connection import open_warehouse
from deskledger.warehouse.migrations import migrate, pending
from deskledger.warehouse.transfer import copy_in, read_frame

__all__ = ["copy_in", "migrate", "open_warehouse", "pending", "read_frame"]
