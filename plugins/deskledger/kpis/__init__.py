"""KPIs of a desk over a period: pure functions, frame in, frame out. docs/kpis.md defines each for a reader.

Periods are [begin, end) in aware instants, and nothing from `end` on is looked at: a month says the same whenever it is
computed. Merged and deleted tickets count. `by` names columns; a group of rows without a value is a group too, so that
groups always add up to the whole.
"""

from deskledger.kpis.counted import (
    COUNTED,
    acknowledged,
    l3_escalations,
    management_escalations,
    open_tickets,
    reopened,
    undue_l3_escalations,
    without_eta,
)
from deskledger.kpis.demand import Limits, against_forecast
from deskledger.kpis.flow import (
    AGES,
    DeskPeriod,
    arrivals,
    backlog_parts,
    day_edges,
    open_at,
    per_interval,
)
from deskledger.kpis.shares import measurement, share, sums
from deskledger.kpis.times import rank_correlation, times

__all__ = [
    "AGES",
    "COUNTED",
    "DeskPeriod",
    "Limits",
    "acknowledged",
    "against_forecast",
    "arrivals",
    "backlog_parts",
    "day_edges",
    "l3_escalations",
    "management_escalations",
    "measurement",
    "open_at",
    "open_tickets",
    "per_interval",
    "rank_correlation",
    "reopened",
    "share",
    "sums",
    "times",
    "undue_l3_escalations",
    "without_eta",
]
