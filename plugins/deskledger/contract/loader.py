"""Contract files to terms: all faults of a file at once, and one bad file never stops the others."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deskledger.contract import checks
from deskledger.contract.build import build_contract
from deskledger.contract.checks import Fault
from deskledger.contract.clock_checks import check_clock_events, check_holders, check_promises
from deskledger.contract.document import Document, read_document
from deskledger.contract.file_schema import ContractFile, Version
from deskledger.contract.first_checks import check_engagement, check_opening
from deskledger.contract.penalty_checks import check_penalties
from deskledger.contract.period_checks import check_periods
from deskledger.contract.problems import Problem, one_of, refusal, suggestion
from deskledger.contract.review_checks import check_review
from deskledger.contract.sample_checks import check_samples
from deskledger.contract.statement_checks import check_clock_names, check_statement
from deskledger.contract.terms import Contract
from deskledger.contract.written import written_form
from deskledger.errors import ContractError

_PARTIES = ("customer", "provider")


def load(path: Path | str) -> Contract:
    """The contract in one YAML file.

    Raises ContractError that names the file and, for every fault, line, clause and remedy. Faults of shape (unknown
    words, bad durations) are told together; what holds between terms is judged once the shape is right.
    """
    path = Path(path)
    file = _shown(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ContractError(
            f"the contract cannot be read: {error.strerror}", where=file, remedy="check the path and its permissions"
        ) from None
    return parse(content, file)


def parse(content: bytes, file: str) -> Contract:
    """The contract in the bytes of a file that messages call `file`; `sha256` is of exactly these bytes."""
    document = read_document(content, file)
    shape = _shape(document)
    problems = [document.problem(*fault) for fault in _check(shape)]
    if problems:
        raise refusal(file, problems)
    written = written_form(document.value)
    return build_contract(shape, file, sha256(content).hexdigest(), written, document.line(("backs",)))


def load_all(folder: Path | str) -> tuple[list[Contract], list[ContractError]]:
    """Every contract of a folder's *.yaml files by name, and the errors of the files that hold none.

    A name in two files refuses the later file: which of them the parties signed cannot be known.
    """
    contracts: dict[str, Contract] = {}
    errors = [
        ContractError("a contract in this file would be overlooked", where=_shown(path), remedy="name it *.yaml")
        for path in sorted(Path(folder).glob("*.yml"))
    ]
    for path in sorted(Path(folder).glob("*.yaml")):
        try:
            contract = load(path)
            if contract.name in contracts:
                raise ContractError(
                    f"the contract `{contract.name}` is already in {contracts[contract.name].file}",
                    where=f"{contract.file}:1",
                    remedy="keep one file a contract; new terms are a new version in the same file",
                )
        except ContractError as error:
            errors.append(error)
        else:
            contracts[contract.name] = contract
    faults = [fault for name in contracts if (fault := _backing_fault(contracts, name, errors)) is not None]
    for name, refused in faults:
        del contracts[name]
        errors.append(refused)
    return list(contracts.values()), errors


def _backing_fault(
    contracts: Mapping[str, Contract], name: str, refused: Sequence[ContractError]
) -> tuple[str, ContractError] | None:
    """Why a contract cannot back the one that it names: there is none of that name, or the chain comes back to it.

    A file refused for faults of its own may hold the one that is named: that stops nothing here.
    """
    contract, passed = contracts[name], [name]
    while (upstream := contracts[passed[-1]].backs) in contracts and upstream not in passed:
        passed.append(str(upstream))
    if upstream == name:
        what = f"a contract cannot back itself: {' > '.join([*passed, name])}"
        remedy = "let the chain end at the contract with the customer, which backs none"
    elif len(passed) == 1 and upstream and not any(f"/{upstream}." in str(each.where) for each in refused):
        what = f"there is no contract `{upstream}` for it to back"
        remedy = f"{suggestion(upstream, contracts)}name the contract with the customer: {one_of(contracts)}"
    else:
        return None
    return name, ContractError(what, where=f"{contract.file}:{contract.backs_line}", remedy=remedy)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a contract file, for editors: which words exist and where. Values are judged by `load`."""
    return ContractFile.model_json_schema() | {"title": "Deskledger contract"}


def _shown(path: Path) -> str:
    return "/".join(path.parts[-2:])


def _shape(document: Document) -> ContractFile:
    unknown: list[tuple[tuple[str | int, ...], str, tuple[str, ...]]] = []
    shape: ContractFile | None = None
    problems: list[Problem] = []
    try:
        shape = ContractFile.model_validate(document.value, context={"unknown": unknown})
    except ValidationError as error:
        problems = [_problem(document, each) for each in error.errors(include_url=False)]
    for path, word, known in unknown:
        near = suggestion(word, known)
        problems.append(
            document.problem(path, f"unknown word `{word}`", f"{near}the words known here are {one_of(known)}")
        )
    if problems or shape is None:
        raise refusal(document.file, problems)
    return shape


def _problem(document: Document, error: Any) -> Problem:
    """One fault of shape, in the words of the file instead of the validator's."""
    location, kind, context = error["loc"], error["type"], error.get("ctx", {})
    word = location[-1] if location else "contract"
    if kind == "term":
        return document.problem(location, context["what"], context["remedy"])
    if kind == "missing":
        return document.problem(location, f"`{word}` is missing", f"add `{word}:` here")
    if kind == "literal_error":
        known = _quoted(context["expected"])
        remedy = f"{suggestion(str(error['input']), known)}use {one_of(known)}"
        return document.problem(location, f"`{error['input']}` is not a choice for `{word}`", remedy)
    if kind == "union_tag_invalid":
        known = _quoted(context["expected_tags"])
        remedy = f"{suggestion(context['tag'], known)}use {one_of(known)}"
        return document.problem((*location, "kind"), f"there is no kind `{context['tag']}`", remedy)
    if kind == "union_tag_not_found":
        return document.problem(location, "`kind` is missing", "say which kind of schedule this is")
    if kind == "list_type":
        return document.problem(location, f"`{word}` is a list", "write one item a line, each after `- `")
    if kind in {"dict_type", "model_type", "model_attributes_type"}:
        return document.problem(location, f"`{word}` is a block", "indent its `name: value` lines under it")
    return document.problem(location, f"`{word}`: {error['msg']}", "correct the value")


def _quoted(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").replace("'", "").split(", ")


def _check(shape: ContractFile) -> Iterator[Fault]:
    for party in _PARTIES:
        if party not in shape.parties:
            yield ("parties",), f"the {party} is missing", f"add `{party}:` with its name"
    if not shape.versions:
        yield ("versions",), "the contract has no version", "add the first one, with `number: 1`"
    for index, version in enumerate(shape.versions):
        path = ("versions", index)
        yield from _check_version(path, version)
        yield from check_statement(path, version, shape.period.survey_wait)
    yield from check_periods(shape)
    yield from check_clock_names(shape.versions)
    yield from check_opening(shape)
    yield from check_review(shape.review, shape.versions)


def _check_version(path: tuple[str | int, ...], version: Version) -> Iterator[Fault]:
    for name, calendar in version.calendars.items():
        yield from checks.check_calendar((*path, "calendars", name), calendar)
    for name, clock in version.clocks.items():
        yield from checks.check_clock((*path, "clocks", name), clock, version.calendars)
        yield from check_clock_events((*path, "clocks", name), clock)
        yield from check_holders((*path, "clocks", name), clock)
        yield from check_promises((*path, "clocks", name), clock, version.calendars)
    if version.csat is not None:
        yield from checks.check_csat((*path, "csat"), version.csat)
    if not version.service_levels:
        yield (*path, "service_levels"), "there is no service level", "add what the parties measure"
    faults = [
        fault
        for name, level in version.service_levels.items()
        for fault in checks.check_service_level((*path, "service_levels", name), level, version.clocks, version.csat)
    ]
    yield from faults
    if faults:
        return  # what follows would judge the objectives that were just refused
    yield from check_samples(path, version)
    if version.csat is not None:
        yield from checks.check_csat_pairs(path, version.csat, version.service_levels)
    if version.penalties is not None:
        yield from check_penalties((*path, "penalties"), version.penalties, version.service_levels)
    yield from check_engagement(path, version)
