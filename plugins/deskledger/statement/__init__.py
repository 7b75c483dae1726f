"""Statements: what a contract's month came to, exactly, with the tickets behind every figure."""

from deskledger.statement.assessment import Opening, PastMonth
from deskledger.statement.compose import Statement, compose
from deskledger.statement.cycles import contract_cycles
from deskledger.statement.inputs import Inputs, read_inputs
from deskledger.statement.levels import LevelResult, MonthFigures, measurements

__all__ = [
    "Inputs",
    "LevelResult",
    "MonthFigures",
    "Opening",
    "PastMonth",
    "Statement",
    "compose",
    "contract_cycles",
    "measurements",
    "read_inputs",
]
