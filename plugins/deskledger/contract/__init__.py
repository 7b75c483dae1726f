"""Contract terms: what the parties signed, as data (DESIGN, "Contract terms")."""

from deskledger.contract.loader import json_schema, load, load_all, parse
from deskledger.contract.periods import (
    ended_at,
    first_day,
    is_after_end,
    local_day,
    next_period,
    period_bounds,
    period_of,
    previous_period,
    version_at,
)
from deskledger.contract.terms import Contract, Version

__all__ = [
    "Contract",
    "Version",
    "ended_at",
    "first_day",
    "is_after_end",
    "json_schema",
    "load",
    "load_all",
    "local_day",
    "next_period",
    "parse",
    "period_bounds",
    "period_of",
    "previous_period",
    "version_at",
]
