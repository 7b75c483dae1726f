"""The calendar of arrivals: a non-homogeneous Poisson process by hour, weekday, holiday and account."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from deskledger.sources.demo.hours import public_holidays
from deskledger.sources.demo.scene import ACCOUNTS, DESK_ZONE, Habits


@dataclass(frozen=True)
class Span:
    """The days of the scene: local midnights of the desk's zone, in seconds UTC, one more than there are days.

    `month_of_day` numbers each day's month from 0; `partitions` names the file of each day: its month while the day is
    history, the day itself afterwards.
    """

    days: pd.DatetimeIndex
    midnights: np.ndarray
    month_of_day: np.ndarray
    partitions: list[str]
    months: tuple[str, ...]

    @property
    def start(self) -> int:
        return int(self.midnights[0])

    @property
    def end(self) -> int:
        return int(self.midnights[-1])

    def day_of(self, at: np.ndarray) -> np.ndarray:
        """The index of the day that holds each instant."""
        return np.searchsorted(self.midnights, at, side="right") - 1

    def margin(self, days: int) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last naive day, with `days` more on both sides: lives run beyond the files."""
        return self.days[0] - pd.Timedelta(days=days), self.days[-1] + pd.Timedelta(days=days)


def span(months: tuple[str, ...], extra_days: int) -> Span:
    """The scene's days: the given consecutive months ("2026-01") and `extra_days` after them."""
    first = pd.Period(months[0], "M")
    if [str(first + offset) for offset in range(len(months))] != list(months):
        raise ValueError(f"months must follow each other without gaps: {', '.join(months)}")
    start, history_end = first.start_time, pd.Period(months[-1], "M").end_time.normalize()
    days = pd.date_range(start, history_end + pd.Timedelta(days=extra_days), freq="D")
    edges = pd.date_range(days[0], days[-1] + pd.Timedelta(days=1), freq="D")
    midnights = edges.tz_localize(DESK_ZONE).tz_convert("UTC").tz_localize(None)
    month_of_day = ((days.year - first.year) * 12 + days.month - first.month).to_numpy()
    names = np.where(days <= history_end, days.strftime("%Y-%m"), days.strftime("%Y-%m-%d"))
    return Span(days, midnights.to_numpy("datetime64[s]").astype(np.int64), month_of_day, names.tolist(), months)


def arrivals(
    rng: np.random.Generator, scene: Span, habits: Habits, tickets_per_month: int
) -> tuple[np.ndarray, np.ndarray]:
    """Creation instants (seconds UTC, ascending) and account indices of all tickets.

    The rate is constant within an hour: the customer's own hour and weekday count, less on the customer's holidays.
    Each whole calendar month expects `tickets_per_month`.
    """
    hours = np.arange(scene.start, scene.end, 3600)
    weights = np.stack([_weights(hours, scene, habits, index) for index in range(len(ACCOUNTS))], axis=1)
    month_of_hour = scene.month_of_day[scene.day_of(hours)]
    days_in_month = scene.days.days_in_month.to_numpy()[scene.day_of(hours)]
    for month in np.unique(month_of_hour):
        inside = month_of_hour == month
        covered = np.count_nonzero(inside) / (24 * days_in_month[inside][0])  # a month of extra days is a part of one
        weights[inside] *= tickets_per_month * min(covered, 1.0) / weights[inside].sum()
    counts = rng.poisson(weights).ravel()
    cell = np.repeat(np.arange(counts.size), counts)
    at = hours[cell // len(ACCOUNTS)] + rng.integers(0, 3600, cell.size)
    order = np.argsort(at, kind="stable")
    return at[order], (cell % len(ACCOUNTS))[order]


def _weights(hours: np.ndarray, scene: Span, habits: Habits, account: int) -> np.ndarray:
    """Relative demand of one account in each hour."""
    customer = ACCOUNTS[account]
    local = pd.DatetimeIndex(hours.astype("datetime64[s]")).tz_localize("UTC").tz_convert(customer.timezone)
    closed = public_holidays(customer.country, customer.subdivision, *scene.margin(2))
    by_hour = np.array(habits.hour_weights)[local.hour] * np.array(habits.weekday_weights)[local.weekday]
    by_hour = np.where(local.strftime("%Y-%m-%d").isin(list(closed)), by_hour * habits.holiday_demand, by_hour)
    begins = scene.days[0].tz_localize(customer.timezone)  # a contract begins at its customer's own midnight
    by_hour = np.where(local >= begins, by_hour, 0.0)
    return by_hour * (customer.share / by_hour.sum())
