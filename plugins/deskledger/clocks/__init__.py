"""SLA clocks: cycles measured from events under declared terms, and the evidence behind each."""

from deskledger.clocks.evidence import segments
from deskledger.clocks.matching import matching
from deskledger.clocks.measure import measure, measure_blocks
from deskledger.clocks.selection import select_cycles

__all__ = ["matching", "measure", "measure_blocks", "segments", "select_cycles"]
