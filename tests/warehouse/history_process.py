"""One task of `ingest_history` for the demo's Zendesk account, in a process of its own: the task and now as arguments.

It says when its imports are done, and at its end how much memory it had at most.
"""

import os
import sys
from datetime import datetime
from pathlib import Path

from deskledger.steps import ingest
from deskledger.steps.extract import HISTORY, extract


def peak_bytes(process: int | str = "self") -> int:
    """The most memory that a process has had (VmHWM); 0 where it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def worked_seconds(process: int) -> float:
    """The processor time that a process has taken, its threads' included; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(task: str, now: datetime) -> None:
    if task == "extract":
        extract("demo", HISTORY, now, report=lambda line: None)
    else:
        for batch in ingest.land_history("demo", now):
            ingest.load_batch("demo", batch, now)
        ingest.finish_history("demo", now)


if __name__ == "__main__":
    if sys.argv[1] == "load":
        import great_expectations  # noqa: F401 - whoever times a load does not mean this
    print("begun", flush=True)
    main(sys.argv[1], datetime.fromisoformat(sys.argv[2]))
    print(peak_bytes(), flush=True)
