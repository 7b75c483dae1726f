"""YAML that remembers its lines: keys are taken as written, a key given twice is refused."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deskledger.errors import MappingError

MAX_DEPTH = 24


@dataclass(frozen=True)
class Document:
    """A parsed file: its data, and the line of every place in it."""

    path: Path
    data: Any
    lines: dict[tuple[Any, ...], int]

    def where(self, *location: Any) -> str:
        """`file:line` of a place, or of the nearest place around it that the file has."""
        place = tuple(step for step in location if step != "[key]")
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path.name}:{self.lines.get(place, 1)}"


class _Loader(yaml.CSafeLoader):
    """Keys are the desk's words: `Yes`, `-100` and `2024-01-01` stay text, and none may come twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Hashable, Any] = {}
        for key, value in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            seen[key.value] = self.construct_object(value, deep=True)
        return seen


def read_document(path: Path) -> Document:
    """The file's data and lines.

    Raises MappingError where it is not UTF-8, not YAML, has aliases, is nested too deeply, or is not one block of keys.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"cannot be read: {error}", where=path.name, remedy="save it as UTF-8 text") from None
    try:
        _refuse_tricks(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        data = None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise MappingError(
            f"is not YAML: {getattr(error, 'problem', None) or error}",
            where=f"{path.name}:{mark.line + 1 if mark else 1}",
            remedy="indent with spaces, quote words that contain `: ` or begin with `*`, give each key once",
        ) from None
    if not isinstance(data, dict):
        raise MappingError("is not a block of `key: value`", where=f"{path.name}:1", remedy="begin with `source: …`")
    lines: dict[tuple[Any, ...], int] = {}
    _collect(root, (), lines)
    return Document(path, data, lines)


def _refuse_tricks(text: str) -> None:
    """What no mapping needs: a few nested aliases grow to gigabytes, and very deep nesting ends the process."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not taken", problem_mark=mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="blocks are nested too deeply", problem_mark=mark)


def _collect(node: yaml.Node | None, place: tuple[Any, ...], lines: dict[tuple[Any, ...], int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[*place, key.value] = key.start_mark.line + 1
            _collect(value, (*place, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[*place, number] = value.start_mark.line + 1
            _collect(value, (*place, number), lines)
