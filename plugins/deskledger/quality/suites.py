"""Suites from expectations/<table>.json run by Great Expectations on a frame: which rows fail which rule.

A rule about rows (severity critical) sends its rows to quarantine, or, where a table is judged as a whole (`refuse`),
refuses it; a rule about the table, or one that could not be evaluated, refuses the load. Rules of severity warning and
info are counted, with examples, and stop nothing.
"""

import gc
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskledger.errors import QualityError

ROW = "row_id"  # the unique index that failing rows are named by
EXAMPLES = 3  # failing rows that are kept of each rule
COLLECT_FROM_ROWS = 10_000  # in a table; smaller ones may wait for the collector


@dataclass
class Verdict:
    """What a suite says of a table. `failures` has row (position), rule, severity, message: critical rules only.

    `statistics` has `rows`, and `rules`: each with rule, severity, success, message, and for rules about rows the
    number of `unexpected` ones and `examples` of them.
    """

    suite: str
    rows: int
    failures: pd.DataFrame
    statistics: dict[str, Any] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        return self.failures.empty

    def counted(self, severity: str) -> int:
        """How many times a row broke a rule of this severity."""
        return sum(rule.get("unexpected", 0) for rule in self.statistics["rules"] if rule["severity"] == severity)

    def failed_rows(self) -> np.ndarray:
        """Where at least one critical rule fails."""
        failed = np.zeros(self.rows, dtype=bool)
        failed[self.failures["row"].to_numpy(np.int64)] = True
        return failed


class RefusedError(QualityError):
    """A table that is right as a whole, or not at all, is not; `verdict` says by which rules."""

    verdict: Verdict | None = None  # none in another process, where the message is all that arrives


def check(folder: Path, name: str, frame: pd.DataFrame, named_by: Sequence[str] = ()) -> Verdict:
    """Judges `frame` by the suite of this name. A table without rows breaks no rule about rows.

    `named_by` are the columns that examples of failing rows are told by.

    Raises QualityError where the suite is not valid, a rule about the table fails, or a rule cannot be evaluated.
    """
    suite = _suite(folder / f"{name}.json")
    failures, faults, rules = [], [], []
    if frame.empty:
        rules = [_kept(each.configuration) for each in suite.expectations if _is_of_rows(each.expectation_type)]
        suite.expectations = [each for each in suite.expectations if not _is_of_rows(each.expectation_type)]
    for result in _validate(suite, frame) if suite.expectations else ():
        config = result.expectation_config
        rule, severity = _rule(config), _severity(config)
        broken = _exception(result.exception_info)
        by_row = "unexpected_count" in result.result or (result.success and _is_of_rows(config.type))
        told = {"rule": rule, "severity": severity, "success": bool(result.success), "message": _message(config)}
        rules.append(told)
        if broken:
            faults.append(f"{rule}: cannot be evaluated: {broken}")
        elif by_row:
            rows = [each[ROW] for each in result.result.get("unexpected_index_list") or []]
            told |= {"unexpected": len(rows), "examples": _examples(frame, rows, named_by)}
            if severity == "critical" and len(rows):
                failures.append(
                    pd.DataFrame({"row": rows, "rule": rule, "severity": severity, "message": told["message"]})
                )
        elif not result.success and severity == "critical":
            faults.append(f"{rule}: {_message(config)} (observed {result.result.get('observed_value')})")
    if faults:
        raise QualityError(
            "; ".join(faults),
            where=f"expectations/{name}.json on {len(frame)} rows",
            remedy="nothing was written: mend the export or its mapping, or the suite if it asks for too much",
        )
    found = pd.concat(failures, ignore_index=True) if failures else _no_failures()
    return Verdict(name, len(frame), found, {"rows": len(frame), "rules": rules})


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """One suite's verdicts on the blocks of a table as one: counts add up, the first examples stand.

    The `row` of its failures counts within each block.
    """
    first = verdicts[0]
    rules = [dict(rule) for rule in first.statistics["rules"]]
    named = {rule["rule"]: rule for rule in rules}
    for verdict in verdicts[1:]:
        for more in verdict.statistics["rules"]:
            rule = named[more["rule"]]
            rule["success"] &= more["success"]
            if "unexpected" in rule:
                rule["unexpected"] += more.get("unexpected", 0)
                rule["examples"] = [*rule["examples"], *more.get("examples", ())][:EXAMPLES]
    rows = sum(verdict.rows for verdict in verdicts)
    failures = pd.concat([verdict.failures for verdict in verdicts], ignore_index=True)
    return Verdict(first.suite, rows, failures, {"rows": rows, "rules": rules})


def refuse(verdict: Verdict, where: str, remedy: str) -> None:
    """Raises RefusedError where a row breaks a critical rule: for tables that are right as a whole, or not at all."""
    broken = [rule for rule in verdict.statistics["rules"] if rule["severity"] == "critical" and not rule["success"]]
    if broken:
        refused = RefusedError(
            "; ".join(
                f"{rule['rule']}: {rule['message']} ({rule['unexpected']} of {verdict.rows} rows, such as"
                f" {', '.join(words(example) for example in rule['examples'])})"
                for rule in broken
            ),
            where=where,
            remedy=remedy,
        )
        refused.verdict = verdict
        raise refused


def words(example: Mapping[str, str]) -> str:
    """An example of a failing row, as a message names it."""
    return " ".join(f"{name} {value}" for name, value in example.items())


def _examples(frame: pd.DataFrame, rows: list[int], named_by: Sequence[str]) -> list[dict[str, str]]:
    chosen = frame.iloc[rows[:EXAMPLES]][list(named_by)]
    return [{str(name): str(value) for name, value in row.items()} for row in chosen.astype(object).to_dict("records")]


def remedy(folder: Path, name: str, rule: str) -> str | None:
    """What the suite says to do about a row that breaks its rule; None where it says nothing."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    rules = (each.get("meta", {}) for each in json.loads(path.read_text("utf-8"))["expectations"])
    return next((meta.get("remedy") for meta in rules if meta.get("rule") == rule), None)


def _is_of_rows(kind: str) -> bool:
    return not kind.startswith("expect_table_")


def _kept(config: Any) -> dict[str, Any]:
    """What is told of a rule about rows where there are none to break it."""
    told = {"rule": _rule(config), "severity": _severity(config), "success": True, "message": _message(config)}
    return told | {"unexpected": 0, "examples": []}


def _no_failures() -> pd.DataFrame:
    return pd.DataFrame({"row": pd.Series(dtype="int64"), "rule": "", "severity": "", "message": ""})


def _rule(config: Any) -> str:
    return str((config.meta or {}).get("rule") or config.type)


def _severity(config: Any) -> str:
    return str(getattr(config.severity, "value", config.severity) or "critical")


def _message(config: Any) -> str:
    return str((config.meta or {}).get("message") or config.description or _rule(config))


def _exception(info: Any) -> str | None:
    """The message of a check that raised; exception_info is flat for one metric and nested for several."""
    if not info:
        return None
    if "raised_exception" in info:
        return str(info.get("exception_message") or "unknown") if info["raised_exception"] else None
    messages = [_exception(each) for each in info.values() if isinstance(each, dict)]
    return next((each for each in messages if each), None)


def _suite(path: Path) -> Any:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise QualityError(f"the suite cannot be read: {error}", where=str(path), remedy="restore the file") from None
    with _quiet():
        from great_expectations import ExpectationSuite

        try:
            return ExpectationSuite(**content)
        except Exception as error:
            raise QualityError(f"the suite is not valid: {error}", where=str(path), remedy="correct it") from None


def prepare() -> None:
    """Loads the framework now, and not at the first check: for processes that fork others which check."""
    _frames()


@cache
def _frames() -> Any:
    """What takes a frame for a batch, in one ephemeral context a process.

    Nothing is kept, nothing is sent, nothing is drawn on the terminal.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _quiet():
        import great_expectations as gx
        from great_expectations.data_context.types import base  # this one sets a level of its own

        base.logger.setLevel(logging.ERROR)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = base.ProgressBarsConfig(globally=False)
        gc.freeze()  # what the import made stays: else each collection looks at all of it again
        asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
        return asset.add_batch_definition_whole_dataframe("whole")


def _validate(suite: Any, frame: pd.DataFrame) -> list[Any]:
    """The results of all rules: in full of the ones that a row breaks, of the others only that they hold.

    To name the rows of every rule takes twice as long as to ask which rules hold, and nearly all of them do.
    """
    from great_expectations import ExpectationSuite

    plain = _plain(frame)
    with _quiet():
        batch = _frames().get_batch({"dataframe": plain})
        first = batch.validate(suite, result_format="BOOLEAN_ONLY").results
        kept = [each for each in first if _holds(each)]
        broken = [each.expectation_config.to_domain_obj() for each in first if not _holds(each)]
        in_full = (
            batch.validate(
                ExpectationSuite(name=suite.name, expectations=broken),
                result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [ROW]},
            ).results
            if broken
            else ()
        )
    # The framework's objects hold each other, and with them the frame and what was computed of it, until the collector
    # happens to come by.
    plain.drop(columns=list(plain), inplace=True)
    if len(frame) >= COLLECT_FROM_ROWS:
        gc.collect()
    return [*kept, *in_full]


def _holds(result: Any) -> bool:
    """Whether no row breaks the rule; of one that only most rows must keep (`mostly`) the others are asked for too."""
    return bool(result.success) and "mostly" not in result.expectation_config.kwargs


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its row ids, and categories as plain objects: the checks compare words, not codes."""
    plain = {
        str(name): column.astype(object).where(column.notna(), None) if column.dtype == "category" else column
        for name, column in frame.items()
    }
    return pd.DataFrame({**plain, ROW: np.arange(len(frame))}, index=pd.RangeIndex(len(frame)))


@contextmanager
def _quiet() -> Iterator[None]:
    """The framework logs and warns about its own workings; only what it finds is wanted."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
