"""Deskledger: helpdesk tickets in; approved SLA penalty statements and monthly service reports out."""

__version__ = "0.1.0"
