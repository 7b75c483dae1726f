"""Business time: how many open microseconds lie between two instants, and where a target of open time ends."""

from deskledger.business_time.calendar import NEVER, AtClose, BusinessCalendar, DayEnd

__all__ = ["NEVER", "AtClose", "BusinessCalendar", "DayEnd"]
