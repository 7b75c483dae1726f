"""Assess: what given measurements cost under given terms, without a warehouse.

Both are files. Terms are a contract (YAML) or the terms that `penalties.assess` takes (JSON); measurements are YAML or
JSON. Numbers stay the characters that were written until they are exact.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from deskledger import contract as contracts
from deskledger import penalties
from deskledger.contract.document import read_document
from deskledger.contract.problems import one_of, suggestion
from deskledger.contract.quantities import exact_text, seconds_of
from deskledger.contract.terms import Version
from deskledger.errors import ContractError, DeskledgerError, StatementError
from deskledger.penalties import Assessment
from deskledger.penalties.measure import measure
from deskledger.penalties.schedule import holds

# What a file of measurements may say beside `measures`: `expected` is for its reader, the others for the engine.
_ABOUT = frozenset({"contract", "period", "charges", "caps_used", "measures", "expected"})
_PASSED = frozenset({"history", "points_history", "contract_month", "events", "picked", "claim", "claims", "invoice"})
_UNITS = {"share": "pct", "share_met": "pct", "count": "count"}
_HISTORY = {"failed": 1, "met": 0, "no_data": None}


@dataclass(frozen=True)
class Reported:
    """A service level without a price: its exact value (None without data), its objective, and whether it is met."""

    service_level: str
    title: str
    clause: str
    value: Fraction | None
    operator: str
    target: Fraction
    is_met: bool | None


@dataclass(frozen=True)
class Assessed:
    """What was assessed: whose terms, of which version (None where the file has none), and what came of it.

    `reported` are the measured service levels that no penalty prices; `units` says for each service level what its
    numbers are: `pct`, `seconds` or `count` (empty for terms that are no contract).
    """

    title: str
    version: int | None
    assessment: Assessment
    reported: tuple[Reported, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)


def assess(terms: Path, measurements: Path, version: int | None = None) -> Assessed:
    """The money of `measurements` under `terms`; of a contract under its version of this number (None: the newest).

    Raises ContractError for terms that do not hold, StatementError for measurements that do not fit them.
    """
    measured = _read(measurements)
    measured = measured.get("measurements", measured)
    try:
        if terms.suffix == ".json":
            whole = _read(terms)
            return Assessed(terms.stem, None, penalties.assess(whole.get("contract", whole), measured))
        contract = contracts.load(terms)
        number = contract.versions[-1].number if version is None else version
        own = next((each for each in contract.versions if each.number == number), None)
        if own is None:
            raise ContractError(
                f"there is no version {number}", where=contract.file, remedy="name one of the file's versions"
            )
        where = str(measurements)
        form = _measured(own, measured, where)
        found = penalties.assess(_priced(own, measured, where), form)
        units = {level.name: _UNITS.get(level.measure.statistic, "seconds") for level in own.service_levels}
        return Assessed(contract.title, number, found, _reported(own, form["measures"]), units)
    except DeskledgerError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StatementError(
            f"terms and measurements are not in the form that can be assessed: {error!r}",
            where=f"{terms}, {measurements}",
            remedy="docs/contracts.md shows the form of measurements; write numbers as text or plain decimals",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StatementError(f"it cannot be read: {error.strerror}", where=str(path), remedy="check the path") from None
    if path.suffix != ".json":
        return dict(read_document(content, str(path)).value)
    try:
        whole = json.loads(content, parse_float=Decimal)
    except ValueError as error:
        raise StatementError(f"it is not JSON: {error}", where=str(path), remedy="correct it there") from None
    if not isinstance(whole, dict):
        raise StatementError("it holds no block of values", where=str(path), remedy="write one JSON object")
    return whole


def _priced(version: Version, measured: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The version's penalties with each base's amount, by the kind of charge, and what caps had used."""
    terms = dict(version.penalties)
    charges = measured.get("charges") or {}
    bases = {}
    for base, source in terms.pop("bases").items():
        if source["charge"] not in charges:
            raise StatementError(
                f"no_base: there is no charge of kind {source['charge']!r}, the base {base!r} of the penalties",
                where=where,
                remedy=f"add `charges: {{{source['charge']}: 10000.00}}`, with the amount that was invoiced",
            )
        bases[base] = charges[source["charge"]]
    used = measured.get("caps_used") or {}
    caps = [
        {**{key: value for key, value in cap.items() if key != "per"}, "used": used.get(cap["id"], "0")}
        for cap in terms.pop("caps", ())
    ]
    return {**terms, "bases": bases, "caps": caps}


def _measured(version: Version, measured: Mapping[str, Any], where: str) -> dict[str, Any]:
    for word in sorted(set(measured) - _ABOUT - _PASSED):
        known = _ABOUT | _PASSED
        remedy = f"{suggestion(word, known)}the words known here are {one_of(known)}"
        raise StatementError(f"unknown word `{word}`", where=where, remedy=remedy)
    levels = {level.name for level in version.service_levels}
    measures = measured.get("measures") or {}
    for name in sorted(set(measures) - levels):
        remedy = f"{suggestion(name, levels)}use {one_of(levels)}"
        raise StatementError(f"there is no service level `{name}`", where=where, remedy=remedy)
    # What no penalty prices needs no measurement; what one prices and nothing measured is told by the engine.
    passed = {key: measured[key] for key in _PASSED if key in measured}
    if "history" in passed:
        passed["history"] = {
            term: [_HISTORY.get(month, month) for month in months] for term, months in passed["history"].items()
        }
    events = {"events": version.penalties["events"]} if "events" in version.penalties else {}
    return {**events, **passed, "measures": {name: _form(given) for name, given in measures.items()}}


def _reported(version: Version, measures: Mapping[str, Any]) -> tuple[Reported, ...]:
    priced = {term["measure"] for term in version.penalties["terms"]}
    found = []
    for level in version.service_levels:
        if level.name in priced or level.name not in measures:
            continue
        term: dict[str, Any] = {"id": level.name, "schedule": {"kind": "threshold"}, "window_agg": level.window_mode}
        if level.measure.subject == "csat" and version.csat is not None:
            term["csat"] = {"which": level.measure.name, "denominator": version.csat.denominator}
        value = measure(term, measures[level.name], None).value
        is_met = None if value is None else holds(value, level.operator, level.target)
        found.append(Reported(level.name, level.title, level.clause, value, level.operator, level.target, is_met))
    return tuple(found)


def _form(given: Any) -> Any:
    """A measurement in the engine's own units: times in seconds, `null` as nothing measured."""
    if not isinstance(given, Mapping):
        return None if given == "null" else given
    form = {key: None if value == "null" else value for key, value in given.items()}
    if _is_time(value := form.get("value")):
        form["value"] = exact_text(seconds_of(str(value)))
    for word, read in (("items", _item), ("months", _form)):
        if isinstance(parts := form.get(word), list):
            form[word] = [read(part) for part in parts]
    return form


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    times = {word for word in ("late", "accrued") if _is_time(item.get(word))}
    rest = {key: value for key, value in item.items() if key not in times}
    return {**rest, **{f"{word}_seconds": exact_text(seconds_of(item[word])) for word in times}}


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and value != "null" and any(letter.isalpha() for letter in value)
