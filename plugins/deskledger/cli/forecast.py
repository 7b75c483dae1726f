"""A running month's outlook: a page for a terminal, CSV files, or data."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from deskledger.cli.explain_words import duration, harmless, instant, spoken
from deskledger.cli.output import records, write_csv
from deskledger.statement.forecast import LevelForecast
from deskledger.steps.forecast import MonthForecast

_TOLD = 20  # tickets printed; the files have all
_LEVEL = (
    "contract", "period", "as_of", "name", "title", "clause", "objective", "statistic", "is_priced", "counted", "now",
    "to_come", "low", "likely", "high", "chance_met", "spare", "months", "is_drawn",
)  # fmt: skip
_TICKET = (
    "contract", "period", "as_of", "source", "ticket_id", "version", "clock", "cycle", "service_levels", "team",
    "agent", "priority", "status", "holder", "started_at", "due_at", "left_us", "target_us", "elapsed_us", "cost",
    "currency",
)  # fmt: skip


def as_data(found: MonthForecast) -> dict[str, Any]:
    """The outlook in plain types: amounts and exact numbers as text, durations in microseconds."""
    told = {name: getattr(found, name) for name in MonthForecast.__dataclass_fields__ if name != "outlook"}
    return told | {
        "levels": [asdict(level) for level in found.outlook.levels],
        "money": asdict(found.outlook.money),
        "tickets": records(found.outlook.tickets),
    }


def write(found: MonthForecast, folder: Path) -> list[Path]:
    """Two CSV files in the folder: service levels, and the tickets that can still be saved."""
    common = {"contract": found.contract, "period": found.period, "as_of": found.as_of.isoformat()}
    levels = [{**asdict(level), **common, "months": " ".join(level.months)} for level in found.outlook.levels]
    tickets = [{**row, **common, "currency": found.currency} for row in records(found.outlook.tickets)]
    stem = f"forecast-{found.contract}-{found.period}"
    return [
        write_csv(folder, f"{stem}-levels.csv", _LEVEL, levels),
        write_csv(folder, f"{stem}-tickets.csv", _TICKET, tickets),
    ]


def as_text(found: MonthForecast) -> str:
    """The outlook as a page: levels, money, and the tickets that can still be saved."""
    zone = ZoneInfo(found.timezone)
    money, currency = found.outlook.money, found.currency
    lines = [
        f"{found.title}: {found.period}, as of {instant(found.as_of.astimezone(zone))}",
        f"The month ends {instant(found.ends_at.astimezone(zone))}. Intervals hold four of five ways that it may go.",
        "",
        f"  {'service level':<34} {'objective':>12} {'so far':>10} {'at the end':>23} {'chance':>7}  may still miss",
        *(_level(level) for level in found.outlook.levels),
        "",
        f"  credit if the month ended now   {money.now:>16,} {currency}",
        f"  expected                        {money.expected:>16,} {currency}",
        f"  four of five between            {money.low:>16,} and {money.high:,} {currency}",
        f"  every level at its good end     {money.best:>16,} {currency}",
        f"  every level at its bad end      {money.worst:>16,} {currency}",
    ]
    lines += [f"  assumed: {each}" for each in found.assumed]
    if found.incomplete_tickets:
        lines.append(f"  {found.incomplete_tickets:,} tickets or rows are incomplete and not in these figures")
    unlearned = [level.title for level in found.outlook.levels if level.is_drawn and not level.months]
    if unlearned:
        lines.append(f"  no month before to learn from, so that almost anything is possible: {', '.join(unlearned)}")
    lines += ["", *_tickets(found, zone)]
    return "\n".join(harmless(line).rstrip() for line in lines)


def _level(level: LevelForecast) -> str:
    now = _shown(level.now, level.statistic)
    ends = f"{_shown(level.low, level.statistic)} to {_shown(level.high, level.statistic)}"
    chance = "-" if level.chance_met is None else f"{int(level.chance_met * 100)} %"
    if not level.is_drawn:
        ends, chance = "not drawn", "-"
    spare = (
        "" if level.spare is None else f"{level.spare:,} of {level.to_come:,}" if level.spare >= 0 else "out of reach"
    )
    objective = f"{level.objective.split()[0]} {_shown(Fraction(level.objective.split()[1]), level.statistic)}"
    return f"  {level.title[:34]:<34} {objective:>12} {now:>10} {ends:>23} {chance:>7}  {spare}"


def _shown(value: Fraction | None, statistic: str) -> str:
    """A value to read, cut and never rounded up: a share to two decimals, a time to the second."""
    if value is None:
        return "no data"
    if statistic in {"mean", "percentile"}:
        return duration(int(value) * 1_000_000)
    if statistic == "count":
        return str(int(value))
    hundredths = int(value * 100)
    return f"{hundredths // 100}.{hundredths % 100:02} %" if hundredths % 100 else f"{hundredths // 100} %"


def _tickets(found: MonthForecast, zone: ZoneInfo) -> Iterator[str]:
    rows = records(found.outlook.tickets)
    if not rows:
        yield "No running ticket comes due in this month."
        return
    noun = "ticket" if len(rows) == 1 else "tickets"
    yield f"{len(rows):,} running {noun} can still be saved, the next one due first:"
    yield f"  {'due':<26} {'left':>11} {'one more miss':>14}  ticket"
    for row in rows[:_TOLD]:
        due: datetime = row["due_at"]
        left = "-" if row["left_us"] is None else duration(row["left_us"])
        cost = "-" if row["cost"] is None else f"{row['cost']:,}"
        held = ", ".join(each for each in (row["team"], row["agent"]) if each)
        side = "" if row["holder"] in {None, "provider"} else f", held by the {spoken(row['holder'])}"
        told = f"{row['ticket_id']} {row['priority'] or ''} {spoken(row['clock'])}, {held or 'nobody'}{side}"
        yield f"  {instant(due.astimezone(zone), year=False):<26} {left:>11} {cost:>14}  {told}"
    if len(rows) > _TOLD:
        yield f"  and {len(rows) - _TOLD:,} more (--csv FOLDER or --json has all)"
