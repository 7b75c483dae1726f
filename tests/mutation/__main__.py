"""`python -m tests.mutation [ROOM ...] [--only TEXT] [--every N]`: mutation testing of the engine (docs/mutation.md).

Prints the figures of each room and the survivors; ends with 1 where one survives that docs/mutation.md does not argue.
"""

import argparse
import contextlib
import io
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.mutation.run import OPTIONS, MutantRun

_ROOT = Path(__file__).parents[2]
_ARGUED = _ROOT / "docs" / "mutation.md"
_ROOMS = {
    "business_time": (
        ("business_time/*.py",),
        ("tests/unit/business_time", "tests/golden/test_golden_business_time.py"),
    ),
    "penalties": (("penalties/*.py",), ("tests/unit/penalties", "tests/golden/test_golden_penalties.py")),
    "csat": (("csat.py",), ("tests/unit/test_csat.py", "tests/golden/test_golden_penalties.py")),
    "contract": (("contract/periods.py", "contract/quantities.py"), ("tests/unit/contract",)),
    "kpis": (("kpis/*.py",), ("tests/unit/kpis",)),
    "clocks": (("clocks/*.py",), ("tests/unit/clocks", "tests/golden/test_golden_ticket_clocks.py")),
}


def main() -> int:
    """Run the rooms named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", choices=[*_ROOMS, []], metavar="ROOM")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with this text in their names")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th mutant: a sample")
    asked = parser.parse_args()
    # The same examples in every run; the smallest failing example is of no interest here.
    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
    )
    settings.load_profile("mutants")
    argued = set(re.findall(r"^- `(.+)`$", _ARGUED.read_text(encoding="utf-8"), flags=re.MULTILINE))
    table, strangers = [], []
    for room in asked.rooms or _ROOMS:
        run = _run(room, asked.only, asked.every)
        count = Counter(result for _, result in run.results)
        noticed = count["noticed"] + count["timed out"]
        table.append((room, len(run.results), noticed, count["survived"], count["timed out"]))
        strangers += [m.name for m, result in run.results if result == "survived" and m.name not in argued]
    print(f"{'room':<15}{'mutants':>9}{'noticed':>9}{'survived':>10}{'of the noticed timed out':>26}{'noticed %':>11}")
    for room, mutants, noticed, survived, late in table:
        print(f"{room:<15}{mutants:>9}{noticed:>9}{survived:>10}{late:>26}{100 * noticed / max(mutants, 1):>11.1f}")
    for name in strangers:
        print(f"survived, not argued in docs/mutation.md: {name}")
    return 1 if strangers else 0


def _run(room: str, only: str, every: int) -> MutantRun:
    patterns, tests = _ROOMS[room]
    plugins = _ROOT / "plugins"
    files = sorted(path for pattern in patterns for path in (plugins / "deskledger").glob(pattern))
    run = MutantRun(plugins, files, only, every)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main([*OPTIONS, *tests], plugins=[run])
    if code != pytest.ExitCode.OK:
        raise SystemExit(said.getvalue())
    print(f"\n{room}: done", file=sys.stderr)
    return run


if __name__ == "__main__":
    sys.exit(main())
