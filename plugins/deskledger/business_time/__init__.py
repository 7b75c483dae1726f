"""Business time: how many open microseconds lie between two instants, and where a target of open time ends."""

from deskledger.business_time.calendar import END_US, NEVER, AtClose, BusinessCalendar, DayEnd
from deskledger.business_time.hours import listed_terms

__all__ = ["END_US", "NEVER", "AtClose", "BusinessCalendar", "DayEnd", "listed_terms"]
