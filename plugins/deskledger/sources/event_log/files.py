"""What to ask: which files of the inbox belong to which section of the mapping, and which days their names cover."""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatch
from pathlib import Path

from deskledger.errors import SourceError
from deskledger.sources.event_log.mapping import Mapping

_DATED = re.compile(r"(?<!\d)(\d{4})-(\d{2})(?:-(\d{2}))?(?!\d)")


@dataclass
class Asked:
    """The inbox sorted out: files with their section, files that no pattern takes, files that several take."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    refused: list[SourceError] = field(default_factory=list)


def ask(mapping: Mapping, inbox: Path) -> Asked:
    """The files of a source's inbox by name. Hidden files and unfinished copies (.part, .tmp) are left alone."""
    asked = Asked()
    if not inbox.is_dir():
        return asked
    for path in sorted(inbox.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.suffix in {".part", ".tmp"}:
            continue
        sections = sections_of(mapping, path.name)
        if len(sections) == 1:
            asked.files.append((path, sections[0]))
        elif sections:
            asked.refused.append(
                SourceError(
                    f"the file fits the patterns of {' and '.join(sections)}",
                    where=path.name,
                    remedy=f"narrow `files:` in mappings/{mapping.source}.yaml so that one section takes it",
                )
            )
        else:
            asked.ignored.append(path.name)
    return asked


def sections_of(mapping: Mapping, name: str) -> list[str]:
    """The sections whose patterns take a file of this name."""
    return [key for key, part in mapping.sections.items() if any(fnmatch(name, each) for each in part.files)]


def days_covered(name: str) -> tuple[date, date] | None:
    """The days that a file's name speaks of, first and last: `…2026-04-01…` a day, `…2026-04…` a month."""
    match = _DATED.search(name)
    if not match:
        return None
    year, month, day = int(match[1]), int(match[2]), match[3]
    try:
        if day:
            return date(year, month, int(day)), date(year, month, int(day))
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    except ValueError:
        return None


def is_due(mapping: Mapping, name: str, day: date, now: datetime) -> bool:
    """Whether a run for `day` takes the file: names that date their content wait for their day, and for its end."""
    covered = None if mapping.watermark == "last_event" else days_covered(name)
    return covered is None or covered[1] <= min(day, _last_day_over(mapping, now))


def complete_until(
    mapping: Mapping, landed: Iterable[tuple[str, datetime]], known_until: datetime | None
) -> datetime | None:
    """The instant before which these files (name, instant of landing) make the events complete; None if they say none.

    Days must follow on each other, from `known_until` or else from the oldest name: a missing day is a gap that
    stops the watermark. A day ends in the mapping's zone; one that was not over when its file landed does not count.
    """
    covers = []
    for name, landed_at in landed:
        covered = days_covered(name) if "events" in sections_of(mapping, name) else None
        if covered:
            covers.append((covered[0], min(covered[1], _last_day_over(mapping, landed_at))))
    covers = sorted(cover for cover in covers if cover[0] <= cover[1])
    if not covers:
        return None
    until = covers[0][0] if known_until is None else known_until.astimezone(mapping.zone).date()
    for first, last in covers:
        if first > until:
            break
        until = max(until, last + timedelta(days=1))
    return datetime.combine(until, time(), mapping.zone)


def _last_day_over(mapping: Mapping, now: datetime) -> date:
    return now.astimezone(mapping.zone).date() - timedelta(days=1)
