"""Extracts the source `desk` in a process of its own, to be killed: now, and nothing else, as argument."""

import sys
from datetime import datetime

from deskledger.steps import desks
from deskledger.steps.extract import extract

desks.ROOMS["zendesk"] = "tests.warehouse.small_desk"

if __name__ == "__main__":
    print(extract("desk", "2026-04-01", datetime.fromisoformat(sys.argv[1])))
