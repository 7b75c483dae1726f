"""Money from measurements, exact to the cent, with a trace that can be followed by hand."""

from deskledger.penalties.assess import assess
from deskledger.penalties.result import Assessment, Line, TraceRow

__all__ = ["Assessment", "Line", "TraceRow", "assess"]
