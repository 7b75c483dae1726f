"""The warehouse: PostgreSQL, its schema, and bulk transfer in and out. Nothing here knows what a ticket is for."""

from deskledger.warehouse.connection import open_warehouse
from deskledger.warehouse.migrations import migrate, pending

__all__ = ["migrate", "open_warehouse", "pending"]
