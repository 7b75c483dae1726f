"""A contract file as text: every value stays the characters that its author wrote, with the line it stands on.

Numbers never become floats: `99.95` reaches the terms as those five characters. What could say something else than
it shows (anchors, aliases, tags, a key given twice) or exhaust a machine (size, nesting) is refused.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from deskledger.contract.problems import Problem, refusal

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24

Path = tuple[str | int, ...]


class Block(dict[str, Any]):
    """A mapping of the file that knows its own path, so that a fault found in it can be traced to a line."""

    path: Path = ()


class Document:
    """The file's value (`Block`, list and str only) and where each part of it stands."""

    def __init__(self, file: str, value: Any, lines: dict[Path, int]) -> None:
        self.file = file
        self.value = value
        self._lines = lines

    def nearest(self, path: Sequence[str | int]) -> Path:
        """The longest real path along `path`; parts that name nothing in the file are passed over."""
        found: Path = ()
        for part in path:
            if (*found, part) in self._lines:
                found = (*found, part)
        return found

    def line(self, path: Sequence[str | int]) -> int:
        """The line of what `path` names, or of the nearest thing around it."""
        return self._lines[self.nearest(path)]

    def clause(self, path: Sequence[str | int]) -> str | None:
        """The clause of the signed contract that `path` lies in, where the file names one."""
        found: str | None = None
        here = self.value
        for part in self.nearest(path):
            here = here[part]
            if isinstance(here, Block) and isinstance(here.get("clause"), str):
                found = here["clause"]
        return found

    def problem(self, path: Sequence[str | int], what: str, remedy: str) -> Problem:
        clause = self.clause(path)
        return Problem(self.line(path), f"clause {clause}: {what}" if clause else what, remedy)


def read_document(content: bytes, file: str) -> Document:
    """The document in `content`, named `file` in messages.

    Raises ContractError: not UTF-8, not YAML, too large, too deep, empty, several documents, anchors, tags, a key
    given twice or that is not plain text.
    """
    if len(content) > MAX_BYTES:
        raise refusal(
            file,
            [Problem(1, f"the file is larger than {MAX_BYTES // 1024} KiB", "split it: one file holds one contract")],
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refusal(file, [Problem(line, "the file is not UTF-8 text", "save it as UTF-8")]) from None
    try:
        _refuse_tricks(text, file)
        root = yaml.compose(text, Loader=yaml.CBaseLoader)
    except yaml.MarkedYAMLError as error:
        raise refusal(file, [_syntax_problem(error, text)]) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        what = f"a character that YAML does not allow (U+{ord(str(error.character)):04X})"
        raise refusal(file, [Problem(line, what, "remove it")]) from None
    if not isinstance(root, yaml.MappingNode):
        raise refusal(
            file, [Problem(1, "the file holds no contract", "begin with `contract: name`, one block a subject")]
        )
    lines: dict[Path, int] = {(): 1}
    problems: list[Problem] = []
    value = _plain(root, (), lines, problems)
    if problems:
        raise refusal(file, problems)
    return Document(file, value, lines)


def _refuse_tricks(text: str, file: str) -> None:
    depth = 0
    documents = 0
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            remedy = "write the terms out where they apply, without `&` and `*` (quote text that begins so)"
            raise refusal(file, [Problem(line, "anchors and aliases are not accepted", remedy)])
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"}:
            raise refusal(file, [Problem(line, f"the tag `{tag}` is not accepted", "remove the `!` word")])
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise refusal(file, [Problem(line, "a second document begins here", "keep one contract a file")])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise refusal(file, [Problem(line, "blocks are nested too deeply", "no term needs that: flatten it")])


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    rows = text.splitlines()
    row = rows[number] if number < len(rows) else ""
    what = f"this is not YAML: {error.problem or error.context}"
    if ": >" in row or ": <" in row or ": %" in row:
        return Problem(number + 1, what, 'put the value in quotes, as in `objective: ">= 95 %"`')
    if "\t" in row:
        return Problem(number + 1, what, "indent with spaces, never with tabs")
    return Problem(number + 1, what, "check indentation, colons and quotes on this line and the one above")


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], problems: list[Problem]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*path, index] = item.start_mark.line + 1
        return [_plain(item, (*path, index), lines, problems) for index, item in enumerate(node.value)]
    block = Block()
    block.path = path
    for key_node, item in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(line, "a name must be plain text", "write `name: value`"))
            continue
        key = key_node.value
        if key in block:
            before = lines[*path, key]
            what = f"`{key}` is given twice, first on line {before}"
            problems.append(Problem(line, what, "keep one of the two"))
            continue
        lines[*path, key] = line
        block[key] = _plain(item, (*path, key), lines, problems)
    return block
