"""The mutants of one source file: small changes of its syntax tree that a test should notice.

Not mutated: docstrings, annotations, decorators, imports, assertions, what a `raise` says, and texts for people
(strings with a space in them, and the fixed parts of f-strings).
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FLIPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_PAIRS = ("left right", "first last", "ffill bfill", "min max", "minimum maximum", "any all", "floor ceil")
_OPPOSITE = {one: other for pair in _PAIRS for one, other in (pair.split(), pair.split()[::-1])}
_COMMUTATIVE = {"maximum", "minimum", "max", "min", "union1d", "broadcast_arrays", "equal", "not_equal"}
_SKIPPED = {"annotation", "returns", "decorator_list", "ctx", "op", "ops", "bases", "format_spec", "args"}
_CONDITIONS = (ast.If, ast.While, ast.IfExp)


@dataclass(frozen=True)
class Mutant:
    """One change: in `parent` (a node of the tree) `field` becomes `new`, or its item `index` where it is a list."""

    file: str
    function: str | None  # the outermost one that holds it; None at the module's own level
    operator: str
    change: str
    number: int  # of equal changes in one function
    lines: range  # a test that runs none of them cannot notice
    definition: ast.FunctionDef | None  # of the function, where the change is in a default of its arguments
    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST

    is_in_class: bool  # at a class's own level

    @property
    def name(self) -> str:
        """What identifies it, also after other code has moved."""
        again = f" ({self.number})" if self.number > 1 else ""
        return f"{self.file} {self.function or 'module'}: {self.change}{again}"

    def apply(self) -> None:
        """Change the tree that it was found in, for good."""
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            getattr(self.parent, self.field)[self.index] = self.new


def mutants_of(path: Path, file: str) -> tuple[ast.Module, list[Mutant]]:
    """The tree of a source file and its mutants, in the order of the source; `file` is how the file is called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    finder = _Finder(file)
    finder.children(tree)
    return tree, finder.found


class _Finder:
    def __init__(self, file: str) -> None:
        self.found: list[Mutant] = []
        self._file = file
        self._seen: Counter[tuple[str | None, str]] = Counter()
        self._classes: list[str] = []
        self._function: ast.FunctionDef | None = None
        self._statement: ast.stmt | None = None
        self._is_default = False

    def children(self, parent: ast.AST) -> None:
        for field, value in ast.iter_fields(parent):
            if field in _SKIPPED and not (field == "args" and isinstance(parent, ast.Call)):
                continue
            if isinstance(value, list):
                for index, node in enumerate(value):
                    self._visit(node, parent, field, index)
            else:
                self._visit(value, parent, field, None)

    def _visit(self, node: Any, parent: ast.AST, field: str, index: int | None) -> None:
        if not isinstance(node, ast.AST) or _is_left_alone(node):
            return
        before = self._statement
        if isinstance(node, ast.stmt):
            self._statement = node
        for operator, new in _changes(node, parent, field, self._function is not None):
            self._add(node, operator, ast.copy_location(new, node), parent, field, index)
        if isinstance(node, ast.FunctionDef):
            self._enter(node)
        elif isinstance(node, ast.ClassDef):
            self._classes.append(node.name)
            self.children(node)
            self._classes.pop()
        elif not isinstance(node, ast.Raise):
            self.children(node)
        self._statement = before

    def _enter(self, node: ast.FunctionDef) -> None:
        outer, self._function = self._function, self._function or node
        self._is_default = outer is None
        for field in ("defaults", "kw_defaults"):
            for index, default in enumerate(getattr(node.args, field)):
                self._visit(default, node.args, field, index)
        self._is_default = False
        self.children(node)
        self._function = outer

    def _add(self, node: Any, operator: str, new: ast.AST, parent: ast.AST, field: str, index: int | None) -> None:
        function = ".".join([*self._classes, self._function.name]) if self._function else None
        change = f"{operator}: {_text(node)}" + ("" if isinstance(new, ast.Pass) else f" -> {_text(new)}")
        self._seen[function, change] += 1
        number = self._seen[function, change]
        lines = range(self._statement.lineno if self._statement else 1, (node.end_lineno or node.lineno) + 1)
        if self._is_default and self._function:
            lines = range(self._function.lineno, (self._function.end_lineno or 0) + 1)
        self.found.append(
            Mutant(
                self._file, function, operator, change, number, lines,
                self._function if self._is_default else None, parent, field, index, new,
                self._function is None and bool(self._classes),
            )
        )  # fmt: skip


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
        return True
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _changes(node: ast.AST, parent: ast.AST, field: str, in_function: bool) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.stmt) and in_function and _may_go(node, parent, field):
        yield "removed statement", ast.Pass()
    if isinstance(node, ast.Continue):
        yield "loop", ast.Break()
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            ops = [*node.ops[:index], _FLIPPED[type(op)](), *node.ops[index + 1 :]]
            yield "comparison", _with(node, ops=ops)
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _FLIPPED:
        yield "arithmetic", _with(node, op=_FLIPPED[type(node.op)]())
    if isinstance(node, ast.BoolOp):
        yield "and/or", _with(node, op=_FLIPPED[type(node.op)]())
    if isinstance(node, ast.UnaryOp):
        yield "sign or negation", node.operand
    if isinstance(node, ast.Constant):
        yield from _constant(node, parent, field)
    if isinstance(node, ast.Attribute | ast.Name):
        yield from _opposite_name(node)
    if isinstance(node, ast.Call):
        yield from _swapped(node)
    if _is_condition(parent, field) and not _flips_as_a_whole(node):
        yield "negated condition", ast.UnaryOp(ast.Not(), node)


def _may_go(node: ast.stmt, parent: ast.AST, field: str) -> bool:
    """Calls, raises, returns before the end, and assignments without which the function still has every name."""
    if isinstance(node, ast.Expr | ast.Raise | ast.AugAssign | ast.Continue | ast.Break):
        return True
    if isinstance(node, ast.Return):
        return not (isinstance(parent, ast.FunctionDef) and node is parent.body[-1])
    return isinstance(node, ast.Assign) and (
        not isinstance(node.targets[0], ast.Name | ast.Tuple) or _reassigns(node, parent, field)
    )


def _reassigns(node: ast.Assign, parent: ast.AST, field: str) -> bool:
    names = {each.id for each in ast.walk(node.targets[0]) if isinstance(each, ast.Name)}
    used = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
    return names <= used or isinstance(parent, ast.If)


def _constant(node: ast.Constant, parent: ast.AST, field: str) -> Iterator[tuple[str, ast.Constant]]:
    value = node.value
    if isinstance(value, bool):
        if not (isinstance(parent, ast.keyword) and parent.arg == "strict"):
            yield "boolean", ast.Constant(not value)
    elif isinstance(value, int | float):
        yield "number", ast.Constant(value + 1)
    elif isinstance(value, str) and not isinstance(parent, ast.JoinedStr):
        if value in _OPPOSITE:
            yield "side", ast.Constant(_OPPOSITE[value])
        elif not any(character.isspace() for character in value):
            yield "string", ast.Constant("XX" + value)


def _opposite_name(node: ast.Attribute | ast.Name) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Attribute) and node.attr in _OPPOSITE:
        yield "opposite", _with(node, attr=_OPPOSITE[node.attr])
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in {"min", "max", "any", "all"}:
        yield "opposite", _with(node, id=_OPPOSITE[node.id])


def _swapped(node: ast.Call) -> Iterator[tuple[str, ast.Call]]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in _COMMUTATIVE:
        return
    for index, (one, other) in enumerate(zip(node.args, node.args[1:], strict=False)):
        if ast.dump(one) != ast.dump(other):
            args = [*node.args[:index], other, one, *node.args[index + 2 :]]
            yield "swapped arguments", _with(node, args=args)


def _is_condition(parent: ast.AST, field: str) -> bool:
    return (isinstance(parent, _CONDITIONS) and field == "test") or field == "ifs"


def _flips_as_a_whole(node: ast.AST) -> bool:
    """Whether another operator already turns the condition into its contrary."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn)
    return isinstance(node, ast.UnaryOp | ast.Constant)


def _with(node: Any, **fields: Any) -> Any:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _text(node: ast.AST) -> str:
    line = " ".join(ast.unparse(node).split())
    return line if len(line) <= 100 else line[:97] + "..."
