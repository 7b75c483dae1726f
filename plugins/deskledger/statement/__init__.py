"""Statements: what a contract's month came to, exactly, with the tickets behind every figure."""

from deskledger.statement.assessment import Opening, PastMonth
from deskledger.statement.compose import Statement, compose
from deskledger.statement.cycles import contract_cycles
from deskledger.statement.exclusions import Granted, granted, refuse_other_terms
from deskledger.statement.held import Held, RawColumn, RawColumns
from deskledger.statement.inputs import Inputs, data_cutoff, read_inputs
from deskledger.statement.late import charged_before, newly_priced, tickets_charged, under_version
from deskledger.statement.levels import LevelResult, measurements
from deskledger.statement.month_figures import MonthFigures

__all__ = [
    "Granted",
    "Held",
    "Inputs",
    "LevelResult",
    "MonthFigures",
    "Opening",
    "PastMonth",
    "RawColumn",
    "RawColumns",
    "Statement",
    "charged_before",
    "compose",
    "contract_cycles",
    "data_cutoff",
    "granted",
    "measurements",
    "newly_priced",
    "read_inputs",
    "refuse_other_terms",
    "tickets_charged",
    "under_version",
]
