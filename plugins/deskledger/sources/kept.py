"""What is kept of a desk's raw records: the fields that its stream names, people and texts set apart.

A record's field is named by its path (desk.Field); what no field names is noted. What somebody wrote and who somebody
is leave the record here, and a token takes their place before anything is written.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deskledger.errors import SourceError
from deskledger.sources.desk import Field

ENOUGH = 10  # values of a field that is not required; fewer of another kind may be one record's own fault
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # what JSON can carry and PostgreSQL cannot
_KINDS = {bool: "flag", int: "integer", float: "number", str: "text", dict: "object", list: "list", type(None): "null"}


@dataclass
class _Node:
    """A place in the records: a field, or what is below it."""

    leaf: Field | None = None
    below: dict[str, "_Node"] = field(default_factory=dict)


@dataclass
class _Count:
    """How often a field's place was there, how often the field was (not null), and how often in a kind it may have."""

    places: int = 0
    present: int = 0
    fitting: int = 0


@dataclass
class Kept:
    """The kept part of some records. `noted` has each path that no field names, with the kinds of its values."""

    records: list[Any]
    noted: dict[str, set[str]] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    counts: dict[str, _Count] = field(default_factory=dict)
    personal: list[tuple[Any, str | int, str, str]] = field(default_factory=list)  # container, key, kind, value

    def values(self) -> list[tuple[str, str]]:
        """The people and texts (kind, value) that stood in the records, each once."""
        return list(dict.fromkeys((kind, value) for _, _, kind, value in self.personal))

    def replace(self, tokens: Mapping[tuple[str, str], str]) -> None:
        """Puts a token in the place of each person and text."""
        for container, key, kind, value in self.personal:
            container[key] = tokens[kind, value]


def keep(fields: Sequence[Field], records: Sequence[Any]) -> Kept:
    """The records with what the fields name, in order; until `replace`, None stands for every person and text.

    A value of a kind that its field does not have stays where that is harmless (a single value of a plain field), and
    is otherwise replaced by its kind: what the mapping's rules refuse later must be a row, not a crash.
    """
    root = _tree(fields)
    kept = Kept([], counts={each.path: _Count() for each in fields})
    for record in records:
        cut: dict[str, Any] = {}
        if isinstance(record, dict):
            _keep_object(root, record, cut, "", kept)
        kept.records.append(cut)
    return kept


def check(stream: str, fields: Sequence[Field], kept: Kept) -> None:
    """Raises SourceError where a required field has vanished, or a field has another kind in all records."""
    faults = []
    for each in fields:
        count = kept.counts[each.path]
        if each.required and count.places and not count.present:
            faults.append(f"{each.path} is gone from all of them")
        elif not count.fitting and count.present >= (1 if each.required else ENOUGH):
            found = ", ".join(sorted(kept.kinds[each.path] - {"null"}))
            faults.append(f"{each.path} is {found}, not {' or '.join(sorted(each.kinds))}")
    if faults:
        raise SourceError(
            f"the desk's records have changed; of the {len(kept.records)} on this page " + "; ".join(faults),
            where=stream,
            remedy="nothing of the page was kept. If the desk has changed for good, its room under sources/ must learn"
            " the new form first; if not, ask the desk's vendor",
        )


def _tree(fields: Sequence[Field]) -> _Node:
    root = _Node()
    for each in fields:
        node = root
        for step in re.findall(r"\[\]|[^.\[\]]+", each.path):
            node = node.below.setdefault(step, _Node())
        node.leaf = each
    return root


def _keep_object(node: _Node, value: dict[str, Any], cut: dict[str, Any], path: str, kept: Kept) -> None:
    for name, below in node.below.items():
        if below.leaf is not None:
            kept.counts[below.leaf.path].places += 1
            if value.get(name) is not None:
                kept.counts[below.leaf.path].present += 1
    for name, inner in value.items():
        _keep_value(node.below.get(name), inner, cut, name, f"{path}.{name}" if path else name, kept)


def _keep_value(node: _Node | None, value: Any, container: Any, key: str | int, path: str, kept: Kept) -> None:
    kind = _KINDS[type(value)]
    if node is None:
        kept.noted.setdefault(_sound(path)[:200], set()).add(kind)
        return
    if node.leaf is not None:
        container[key] = _keep_field(node.leaf, value, kind, container, key, kept)
    elif kind == "object" and "[]" not in node.below:
        container[key] = {}
        _keep_object(node, value, container[key], path, kept)
    elif kind == "list" and "[]" in node.below:
        inner = container[key] = [None] * len(value)
        below, below_path = node.below["[]"], f"{path}[]"
        if below.leaf is not None and value:
            kept.counts[below.leaf.path].places += 1
        for index, each in enumerate(value):
            if below.leaf is not None and each is not None:
                kept.counts[below.leaf.path].present += 1
            _keep_value(below, each, inner, index, below_path, kept)
    else:
        container[key] = None if kind == "null" else f"({kind})"
        if kind != "null":
            kept.noted.setdefault(_sound(path)[:200], set()).add(kind)


def _keep_field(each: Field, value: Any, kind: str, container: Any, key: str | int, kept: Kept) -> Any:
    kept.kinds.setdefault(each.path, set()).add(kind)
    fits = kind in each.kinds or (kind == "integer" and "number" in each.kinds)
    if fits and kind != "null":
        kept.counts[each.path].fitting += 1
    if kind == "null":
        return None
    if not fits and kind in {"object", "list"}:
        return f"({kind})"
    if each.keep == "plain":
        return _map_text(value, _sound)
    if value == "":
        return ""
    text = value if kind == "text" else json.dumps(value, sort_keys=True)
    kept.personal.append((container, key, each.keep, _sound(text)))
    return None


def _map_text(value: Any, function: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return function(value)
    if isinstance(value, dict):
        return {function(name): _map_text(inner, function) for name, inner in value.items()}
    if isinstance(value, list):
        return [_map_text(inner, function) for inner in value]
    return value


def _sound(text: str) -> str:
    return _NO_TEXT.sub("\ufffd", text)
