"""What is kept of a desk's raw records: the fields that its stream names, people and texts set apart.

A record's field is named by its path (desk.Field); what no field names is noted. What somebody wrote and who somebody
is leave the record here, and a token takes their place before anything is written.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deskledger.errors import SourceError
from deskledger.sources.desk import Field, JsonKind

ENOUGH = 10  # values of a field that is not required; fewer of another kind may be one record's own fault
# Records that all had a field, and then as many on one page of which none has it: it has vanished. Fewer may be of a
# kind of their own that never has it.
ALWAYS = 100
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # what JSON can carry and PostgreSQL cannot
_KINDS = {bool: "flag", int: "integer", float: "number", str: "text", dict: "object", list: "list", type(None): "null"}


@dataclass
class _Count:
    """How often a field's place was there, the field in it (null or not), a value, and one of a kind it may have."""

    places: int = 0
    told: int = 0
    present: int = 0
    fitting: int = 0
    kinds: set[str] = field(default_factory=set)


@dataclass
class _Node:
    """A place in the records: a field, or what is below it; `containers` counts the objects or lists there."""

    leaf: Field | None = None
    below: dict[str, "_Node"] = field(default_factory=dict)
    containers: int = 0
    count: _Count = field(default_factory=_Count)

    @property
    def is_required(self) -> bool:
        """Whether this or anything below it is."""
        return self.leaf.required if self.leaf else any(each.is_required for each in self.below.values())

    @property
    def kinds(self) -> frozenset[JsonKind]:
        """What may stand here."""
        return self.leaf.kinds if self.leaf else frozenset({"list" if "[]" in self.below else "object"})


@dataclass
class Kept:
    """The kept part of some records. `noted` has each path that no field names, with the kinds of its values."""

    records: list[Any]
    noted: dict[str, set[str]] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    places: dict[str, _Node] = field(default_factory=dict)  # by path, fields and what they are in
    told: dict[str, tuple[int, int]] = field(default_factory=dict)  # by field: how many could tell it, how many did
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
    root, kept = _tree(fields), Kept([])
    for record in records:
        cut: dict[str, Any] = {}
        if isinstance(record, dict):
            _keep_object(root, record, cut, "", kept)
        kept.records.append(cut)
    _count(root, "", kept)
    for path, node in kept.places.items():
        if node.leaf is not None and not path.endswith("[]"):
            # What a field outside lists is in may vanish with it: then too its record does not tell it.
            kept.told[path] = (node.count.places if "[]" in path else root.containers, node.count.told)
    return kept


def check(stream: str, kept: Kept, always: Collection[str] = (), gone: Collection[str] = ()) -> list[str]:
    """Raises SourceError where a field has vanished, or has another kind in all records.

    A required field has vanished where no record has it; another one, which `always` names because all records before
    had it, where none of ALWAYS records has it, unless it is known to be `gone`: of fewer it is given back as missing.
    What fields are in is looked at in the same way: it is required where one of them is. A required field that is there
    and empty (null) in the only record of a page is that record's own fault, and its row says so.
    """
    missing = []
    faults, remedy = [], _CHANGED
    for path, node in kept.places.items():
        count, is_required = node.count, node.is_required
        if is_required and not count.present and count.places > ("null" in count.kinds):
            faults.append(f"{path} is gone from all of them")
        elif not count.fitting and count.present >= (1 if is_required else ENOUGH):
            found = ", ".join(sorted(count.kinds - {"null"}))
            faults.append(f"{path} is {found}, not {' or '.join(sorted(node.kinds))}")
        elif path not in always or path in gone or path not in kept.told or count.told:
            continue
        elif kept.told[path][0] >= ALWAYS:
            faults.append(f"{path}, which all had before, is gone from all of them")
            remedy = f"{_CHANGED}. What it tells no more for good: gone: [{stream}.{path}] under extract in the mapping"
        elif kept.told[path][0]:
            missing.append(path)
    if faults:
        raise SourceError(
            f"the desk's records have changed; of the {len(kept.records)} on this page " + "; ".join(faults),
            where=stream,
            remedy=remedy,
        )
    return missing


def check_told(stream: str, records: Sequence[Any], what: str, *names: str) -> None:
    """Raises SourceError where enough records that tell a thing by one of these fields are there, and none has any."""
    if len(records) >= ENOUGH and not any(name in each for each in records for name in names):
        raise SourceError(
            f"the desk's records have changed; of the {len(records)} {what} on this page none has {' or '.join(names)}",
            where=stream,
            remedy=_CHANGED,
        )


_CHANGED = (
    "nothing of the page was kept. If the desk has changed for good, its room under sources/ must learn the new form"
    " first; if not, ask the desk's vendor"
)


def _tree(fields: Sequence[Field]) -> _Node:
    root = _Node()
    for each in fields:
        node = root
        for step in re.findall(r"\[\]|[^.\[\]]+", each.path):
            node = node.below.setdefault(step, _Node())
        node.leaf = each
    return root


def _count(node: _Node, path: str, kept: Kept) -> None:
    for name, below in node.below.items():
        at = f"{path}{name}" if name == "[]" or not path else f"{path}.{name}"
        below.count.places = node.containers
        kept.places[at] = below
        if below.leaf is not None:
            kept.kinds[at] = below.count.kinds
        _count(below, at, kept)


def _keep_object(node: _Node, value: dict[str, Any], cut: dict[str, Any], path: str, kept: Kept) -> None:
    node.containers += 1
    for name, inner in value.items():
        below = node.below.get(name)
        if below is not None and below.leaf is not None:
            below.count.told += 1
            cut[name] = _keep_field(below.leaf, below.count, inner, cut, name, kept)
        else:
            _keep_below(below, inner, cut, name, f"{path}.{name}" if path else name, kept)


def _keep_below(node: _Node | None, value: Any, container: Any, key: str | int, path: str, kept: Kept) -> None:
    """What is no field itself: what fields are below of is gone into, anything else is noted."""
    kind = _KINDS[type(value)]
    if node is not None:
        node.count.kinds.add(kind)
        node.count.present += value is not None
        node.count.fitting += kind in node.kinds
    if node is None:
        kept.noted.setdefault(_printable(path)[:200], set()).add(kind)
    elif kind == "object" and "[]" not in node.below:
        container[key] = {}
        _keep_object(node, value, container[key], path, kept)
    elif kind == "list" and "[]" in node.below:
        container[key] = [None] * len(value)
        node.containers += bool(value)
        _keep_list(node.below["[]"], value, container[key], f"{path}[]", kept)
    else:
        container[key] = None if kind == "null" else f"({kind})"
        if kind != "null":
            kept.noted.setdefault(_printable(path)[:200], set()).add(kind)


def _keep_list(node: _Node, value: list[Any], cut: list[Any], path: str, kept: Kept) -> None:
    for index, inner in enumerate(value):
        if node.leaf is not None:
            cut[index] = _keep_field(node.leaf, node.count, inner, cut, index, kept)
        else:
            _keep_below(node, inner, cut, index, path, kept)


def _keep_field(each: Field, count: _Count, value: Any, container: Any, key: str | int, kept: Kept) -> Any:
    kind = _KINDS[type(value)]
    count.kinds.add(kind)
    if value is None:
        return None
    fits = kind in each.kinds or (kind == "integer" and "number" in each.kinds)
    count.present += 1
    count.fitting += fits
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
    if text.isascii() and "\0" not in text:  # nearly all, and found out fast
        return text
    return _NO_TEXT.sub("\ufffd", text)


def _printable(path: str) -> str:
    """A name that the desk or its customer gave, for logs and terminals: what could steer one is written out."""
    return path if path.isprintable() else path.encode("unicode_escape").decode("ascii")
