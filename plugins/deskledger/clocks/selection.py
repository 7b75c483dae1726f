"""Which of a ticket's cycles a clock counts: all of them, the first, the last or the worst."""

from collections.abc import Sequence

import pandas as pd

from deskledger.contract.terms import ClockTerms


def select_cycles(cycles: pd.DataFrame, clocks: Sequence[ClockTerms]) -> pd.DataFrame:
    """The rows of a cycle frame that count under each clock's `cycles` rule, in their order.

    The choice is made per ticket and clock among the cycles that are not cancelled. The worst is a breached one before
    any other, then the one with the most time over (or the least left under) its target, then the earliest. Clocks
    that count all cycles, and clocks not given, keep every row.
    """
    rules = {clock.name: clock.cycles for clock in clocks}
    rule = cycles["clock"].astype("str").map(rules)
    live = cycles["state"] != "cancelled"
    kept = ~rule.isin(["first", "last", "worst"])
    chosen = []
    for name, order in (("first", ["cycle"]), ("last", ["cycle"]), ("worst", ["_is_kept", "_left_us", "cycle"])):
        mine = cycles[(rule == name) & live]
        ranked = mine.assign(
            _is_kept=mine["state"] != "breached", _left_us=mine["target_us"].fillna(0) - mine["elapsed_us"]
        ).sort_values(order, ascending=name != "last", kind="stable")
        chosen.append(ranked.drop_duplicates(["clock", "ticket_key"]).index)
    for index in chosen:
        kept |= cycles.index.isin(index)
    return cycles[kept]
