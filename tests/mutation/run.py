"""Runs a module's own tests against each of its mutants, in processes forked from one that has imported everything.

A function's mutant takes the place of its code object, which every importer shares; a module's mutated constants take
the place of the imported ones; a mutated class is imported anew, with all that uses it. Only tests that run a mutated
line (or, for constants and classes, any line of the file) are tried, the quickest first, until one fails.
"""

import ast
import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from time import process_time
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings

from tests.mutation.operators import Mutant, mutants_of

_CACHED = type(lru_cache(lambda: None))
_PASSED, _FAILED, _LOST = 0, 1, 2
_IMPORT_SECONDS = 20
_EXAMPLES = 10  # of a property test: a mutant that it notices, it notices soon
OPTIONS = ["-x", "-s", "--noconftest", "-p", "no:cacheprovider", "-p", "no:timeout"]


class MutantRun:
    """A pytest plugin: in place of the plain run, the tests once with coverage, then once for each mutant.

    `results` say of each mutant whether it was noticed, survived or timed out, in the order of the source.
    """

    def __init__(self, root: Path, files: list[Path], only: str = "", every: int = 1) -> None:
        self.results: list[tuple[Mutant, str]] = []
        self._root, self._files, self._only, self._every = root, files, only, every
        self._number = 0
        self._failed = False
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a failure of the test that runs."""
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The whole run, in place of pytest's own loop."""
        if session.testsfailed:
            raise pytest.UsageError("the tests could not be collected")
        for item in session.items:
            _limit_examples(item)
        coverage = self._baseline(session.items)
        gc.freeze()
        for path in self._files:
            contexts = coverage.get_data().contexts_by_lineno(str(path))
            tree, mutants = mutants_of(path, str(path.relative_to(self._root / "deskledger")))
            for mutant in mutants:
                self._number += 1
                if self._only in mutant.name and self._number % self._every == 0:
                    result = self._try(path, tree, mutant, self._tests_of(mutant, contexts, session.items))
                    self.results.append((mutant, result))
                    mark = {"noticed": ".", "survived": "S", "timed out": "T"}[result]
                    print(mark if mark == "." else f"\n{mark} {mutant.name}", end="", file=sys.stderr, flush=True)
        return True

    def _baseline(self, items: list[pytest.Item]) -> Coverage:
        coverage = Coverage(data_file=None, config_file=False, include=[str(path) for path in self._files])
        coverage.start()
        for item in items:
            _clear_caches()
            coverage.switch_context(item.nodeid)
            begun = process_time()
            if not self._passes(item):
                raise pytest.UsageError(f"{item.nodeid} fails without any mutant")
            self._seconds[item.nodeid] = process_time() - begun
        coverage.stop()
        return coverage

    def _tests_of(self, mutant: Mutant, contexts: dict[int, list[str]], items: list[pytest.Item]) -> list[pytest.Item]:
        lines = mutant.lines if mutant.function else contexts
        met = {context for line in lines for context in contexts.get(line, ())}
        return sorted((item for item in items if item.nodeid in met), key=lambda item: self._seconds[item.nodeid])

    def _try(self, path: Path, tree: ast.Module, mutant: Mutant, items: list[pytest.Item]) -> str:
        child = os.fork()
        if child == 0:
            code = _FAILED
            with contextlib.suppress(BaseException):  # whatever a mutant raises outside a test, it was noticed
                code = self._child(path, tree, mutant, items)
            os._exit(code)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            return "timed out" if os.WTERMSIG(status) == signal.SIGPROF else "noticed"
        if os.WEXITSTATUS(status) == _LOST:
            raise RuntimeError(f"this mutant's function is not where it was looked for: {mutant.name}")
        return "noticed" if os.WEXITSTATUS(status) == _FAILED else "survived"

    def _child(self, path: Path, tree: ast.Module, mutant: Mutant, items: list[pytest.Item]) -> int:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        if not items:
            return _PASSED
        mutant.apply()
        code = compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True)
        if mutant.is_in_class:
            signal.setitimer(
                signal.ITIMER_PROF, _IMPORT_SECONDS + 5 * sum(self._seconds[each.nodeid] for each in items)
            )
            return _imported_anew(path, code, [item.nodeid for item in items])
        _replace(_module(path, self._root), mutant, code)
        _clear_caches()
        for item in items:
            signal.setitimer(signal.ITIMER_PROF, 2 + 5 * self._seconds[item.nodeid])
            if not self._passes(item):
                return _FAILED
        return _PASSED

    def _passes(self, item: pytest.Item) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self._failed


def _imported_anew(path: Path, code: CodeType, tests: list[str]) -> int:
    for name in [name for name in sys.modules if name.split(".")[0] in {"deskledger", "tests"}]:
        if not name.startswith("tests.mutation"):
            del sys.modules[name]
    loaded = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        return code if Path(self.path) == path else loaded(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    return _PASSED if pytest.main([*OPTIONS, *tests]) == 0 else _FAILED


def _module(path: Path, root: Path) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))


def _replace(module: ModuleType, mutant: Mutant, code: CodeType) -> None:
    """Give the imported function the mutant's code and defaults, or every importer the mutant's constants."""
    if mutant.function is None:
        fresh = {"__name__": module.__name__, "__file__": module.__file__}
        exec(code, fresh)
        for name, old in list(vars(module).items()):
            if not name.startswith("__") and not isinstance(old, ModuleType | FunctionType | type | _CACHED):
                for importer in [each for key, each in sys.modules.items() if key.startswith(("deskledger", "tests"))]:
                    if vars(importer).get(name) is old:
                        setattr(importer, name, fresh[name])
        return
    function = _function(module, mutant.function)
    mutated = [each for each in _codes(code) if each.co_qualname == mutant.function]
    if not mutated:
        os._exit(_LOST)
    function.__code__ = mutated[0]
    if mutant.definition is not None:
        arguments = mutant.definition.args
        function.__defaults__ = tuple(_value(each, function) for each in arguments.defaults)
        named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        function.__kwdefaults__ = {each.arg: _value(default, function) for each, default in named if default}


def _value(expression: ast.expr, function: FunctionType) -> Any:
    return eval(compile(ast.Expression(expression), "default", "eval"), function.__globals__)


def _function(module: Any, name: str) -> FunctionType:
    found = module
    for part in name.split("."):
        found = vars(found)[part]
    while not isinstance(found, FunctionType):
        inner = ("__wrapped__", "__func__", "fget", "func")
        found = next(getattr(found, word) for word in inner if getattr(found, word, None) is not None)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _limit_examples(item: pytest.Item) -> None:
    test = getattr(item, "obj", None)
    asked = getattr(test, "_hypothesis_internal_use_settings", None)
    if test is not None and asked is not None:
        fewer = settings(asked, max_examples=min(asked.max_examples, _EXAMPLES))
        test._hypothesis_internal_use_settings = fewer


def _clear_caches() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("deskledger"):
            for value in vars(module).values():
                if isinstance(value, _CACHED):
                    value.cache_clear()
