"""Reports: what a manager and finance receive of a draft or posted statement. Decides nothing."""

from deskledger.reports import quality
from deskledger.reports.export import lines_csv, tickets_csv, trace_csv
from deskledger.reports.page import render
from deskledger.reports.record import StatementRecord

__all__ = ["StatementRecord", "lines_csv", "quality", "render", "tickets_csv", "trace_csv"]
