"""Which changes of a source file count as mutants, and which are left alone."""

from pathlib import Path

import pytest

from tests.mutation.operators import mutants_of


def _changes(tmp_path: Path, source: str) -> set[str]:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    return {mutant.name.removeprefix("module.py ") for mutant in mutants_of(path, "module.py")[1]}


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("return a < b", {"comparison: a < b -> a <= b"}),
        ("return a == b", {"comparison: a == b -> a != b"}),
        ("return a - b", {"arithmetic: a - b -> a + b"}),
        ("return a and b", {"and/or: a and b -> a or b"}),
        ("return not a", {"sign or negation: not a -> a"}),
        ("return a[7]", {"number: 7 -> 8"}),
        ("return f(True)", {"boolean: True -> False"}),
        ("return f(a, b)", {"swapped arguments: f(a, b) -> f(b, a)"}),
        ("return equal(a, b)", set()),
        ("return min(a, b)", {"opposite: min -> max"}),
        ("return a.searchsorted(b, side='left')", {"side: 'left' -> 'right'"}),
        ("return a if b else a", {"negated condition: b -> not b"}),
        ("return a['key']", {"string: 'key' -> 'XXkey'"}),
        ("f(a)", {"removed statement: f(a)"}),
        ("a += b", {"removed statement: a += b", "arithmetic: a += b -> a -= b"}),
        ("a = f(a)", {"removed statement: a = f(a)"}),
    ],
)
def test_a_line_of_a_function_and_its_mutants(tmp_path: Path, line: str, changes: set[str]) -> None:
    end = "" if line.startswith("return") else "\n    return a"
    assert _changes(tmp_path, f"def g(a, b):\n    {line}{end}") == {f"g: {each}" for each in changes}


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    '''Text'''",
        "def f(a: list['x'] = None) -> dict['y', int]:\n    return a",
        "def f():\n    assert 1 < 2",
        "def f(a):\n    return 'text for people'",
        "def f(a):\n    return f'text{a:04d}'",
        "@cache(maxsize=1)\ndef f(a):\n    return a",
        "from a import b\n__all__ = ['b']",
        "def f(a):\n    b = a\n    return b",
    ],
)
def test_texts_annotations_and_decorators_are_left_alone(tmp_path: Path, source: str) -> None:
    assert not _changes(tmp_path, source)


def test_what_an_error_says_is_left_alone_but_not_whether_it_is_raised(tmp_path: Path) -> None:
    found = _changes(tmp_path, "def f(a):\n    if a > 1:\n        raise ValueError('bad', a + 1)")
    assert found == {
        "f: comparison: a > 1 -> a >= 1",
        "f: negated condition: a > 1 -> not a > 1",
        "f: number: 1 -> 2",
        "f: removed statement: raise ValueError('bad', a + 1)",
    }


def test_defaults_classes_and_constants_are_mutated_where_they_stand(tmp_path: Path) -> None:
    source = "LIMIT = 3\nclass C:\n    size = 4\n    def f(self, a=5):\n        return a"
    assert _changes(tmp_path, source) == {
        "module: number: 3 -> 4",
        "module: number: 4 -> 5",
        "C.f: number: 5 -> 6",
    }


def test_equal_changes_of_one_function_are_numbered(tmp_path: Path) -> None:
    assert _changes(tmp_path, "def f(a):\n    return g(a, 1)(a[1])") == {
        "f: number: 1 -> 2",
        "f: number: 1 -> 2 (2)",
        "f: swapped arguments: g(a, 1) -> g(1, a)",
    }
