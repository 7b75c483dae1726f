"""What differs between two wordings of a contract version, clause by clause, as the file words it: money first."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]

# Subjects in the order that a reader of money asks for them, each with the blocks of the file that it takes in.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "money": ("penalties", "currency", "engagement", "opening", "restates"),
    "what is promised": ("service_levels", "csat", "exclusions"),
    "how it is measured": ("clocks", "calendars", "scope", "period", "sources"),
    "names and dates": (),
}
_NOUNS = {
    "terms": "penalty",
    "caps": "cap",
    "bases": "base",
    "pools": "pool",
    "service_levels": "service level",
    "clocks": "clock",
    "calendars": "calendar",
    "targets": "target",
    "bands": "band",
    "ladder": "step",
}
# How deep in the file a thing with a name of its own stands: where it is wholly new or gone it is told in one line.
_NAMED = {"penalties": 3, "service_levels": 2, "clocks": 2, "calendars": 2}
_EDGES = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_ANSWERS = ("within", "until", "day_end", "calendar")


@dataclass(frozen=True)
class Change:
    """One difference: the subject it belongs to, its clause, what it is about, and both wordings.

    `old` is None for what is new, `new` for what is gone.
    """

    subject: str
    clause: str | None
    about: str
    old: str | None
    new: str | None


def differences(old: str, new: str) -> list[Change]:
    """Every difference between two canonical terms (`version_terms`), money first, then in the order of the file."""
    before, after = _leaves(old), _leaves(new)
    changes = []
    for path in dict.fromkeys([*_collapsed(before, after), *_collapsed(after, before)]):
        was, is_now = _said(before, path), _said(after, path)
        if was == is_now or path == ("number",):
            continue
        clause = _clause(after, path) or _clause(before, path)
        changes.append(Change(_subject(path), clause, _about(path), was, is_now))
    order = list(SUBJECTS)
    return sorted(changes, key=lambda change: order.index(change.subject))


def as_lines(changes: Sequence[Change]) -> list[str]:
    """The differences for a reader: a heading for each subject, under it each clause's old and new words."""
    lines: list[str] = []
    subject = None
    for change in changes:
        if change.subject != subject:
            subject = change.subject
            lines.append(f"{subject[0].upper()}{subject[1:]}")
        lines.append(f"  {f'clause {change.clause}, ' if change.clause else ''}{change.about}")
        lines.append(f"    was:  {change.old if change.old is not None else '(not there)'}")
        lines.append(f"    is:   {change.new if change.new is not None else '(taken out)'}")
    return lines


@dataclass(frozen=True)
class _Leaf:
    words: str
    clause: str | None


def _leaves(terms: str) -> dict[Path, _Leaf]:
    whole = json.loads(terms)
    return dict([*_walk(whole["version"], (), None), *_walk(whole["contract"], (), None)])


def _walk(value: Any, path: Path, clause: str | None) -> Iterator[tuple[Path, _Leaf]]:
    if isinstance(value, dict):
        clause = value.get("clause", clause) if isinstance(value.get("clause"), str) else clause
        for key, item in value.items():
            yield from _walk(item, (*path, key), clause)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        taken: set[str] = set()
        for number, item in enumerate(value, start=1):
            label = _label(item, number)
            if label in taken:
                label = f"{label} ({number})"
            taken.add(label)
            yield from _walk(item, (*path, label), clause)
    else:
        yield path, _Leaf(_words(value), clause)


def _label(item: Mapping[str, Any], number: int) -> str:
    """What a reader calls one of several blocks: its id, the tickets it is for, its edges, or its place."""
    if isinstance(item.get("id"), str):
        return str(item["id"])
    edges = ", ".join(f"{sign} {item[edge]}" for edge, sign in _EDGES.items() if edge in item)
    if edges or set(item) == {"consequence"}:
        return edges or "any"
    if any(word in item for word in _ANSWERS):
        conditions = [f"{key} {_words(item[key])}" for key in sorted(item) if key not in _ANSWERS]
        return ", ".join(conditions) or "all others"
    return str(number)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_words(item)}" for key, item in value.items()) or "none"
    return str(value)


def _collapsed(own: Mapping[Path, _Leaf], other: Mapping[Path, _Leaf]) -> Iterator[Path]:
    """The paths of `own`; of a named thing that `other` has not at all, its name instead of all that it holds."""
    for path in own:
        depth = _NAMED.get(path[0], 0) if len(path) > 1 else 0
        name = path[:depth]
        is_whole = depth and len(path) > depth and not any(each[:depth] == name for each in other)
        yield name if is_whole else path


def _said(leaves: Mapping[Path, _Leaf], path: Path) -> str | None:
    if path in leaves:
        return leaves[path].words
    inside = [
        f"{_about(each[len(path) :])} {leaf.words}"
        for each, leaf in leaves.items()
        if each[: len(path)] == path and each[-1] not in {"id", "clause"}
    ]
    return "; ".join(inside) or None


def _clause(leaves: Mapping[Path, _Leaf], path: Path) -> str | None:
    return next((leaf.clause for each, leaf in leaves.items() if each[: len(path)] == path), None)


def _subject(path: Path) -> str:
    return next((subject for subject, blocks in SUBJECTS.items() if path[0] in blocks), "names and dates")


def _about(path: Path) -> str:
    """A path in words: "penalty late: consequence, pct of base"."""
    parts = [part for part in path if part != "penalties"] or list(path)
    words: list[str] = []
    while parts:
        noun = _NOUNS.get(parts[0])
        if noun is not None and len(parts) > 1:
            words.append(f"{noun} {parts[1]}")
            parts = parts[2:]
        else:
            words.append(parts[0].replace("_", " "))
            parts = parts[1:]
    return ", ".join(words)
