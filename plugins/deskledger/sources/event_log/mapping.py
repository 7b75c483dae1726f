"""What the columns of an export mean: mappings/<source>.yaml as checked, frozen data.

Every fault of a file is reported at once, each with its file and line and what to do about it.
"""

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator

from deskledger.errors import MappingError
from deskledger.model import CANONICAL
from deskledger.sources.event_log.lines import Document, read_document
from deskledger.sources.event_log.sections import (
    Age,
    AgentRoles,
    Day,
    Events,
    Extract,
    FiguresSection,
    Part,
    Retention,
    TableSection,
    Zone,
)

TABLES = ("survey_answers", "accounts", "teams", "agents", "charges", "desk_counts", "desk_figures")
TABLE_NAMES = {section: section.removesuffix("s") for section in TABLES}

DESKS = ("zendesk", "request_tracker")  # readers that ask the desk over HTTP; the others read files of the inbox

_CANONICAL_WORDS = Path(__file__).parents[1] / "canonical" / "mapping.yaml"


class Mapping(Part):
    """One export: where its rows are, what its words mean, and from when on it counts as complete or stale."""

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    title: str = ""
    reader: Literal["event_log", "canonical", *DESKS]  # type: ignore[valid-type]
    timezone: Zone
    missing: list[str] = Field(default_factory=list)
    watermark: Literal["last_event", "file_day", "file_month", "extracted"]
    stale_after: Age = None
    unusual_days: dict[Day, str] = Field(default_factory=dict)  # not compared with other days, and the reason
    extract: Extract | None = None
    retention: Retention = Retention()
    events: Events
    survey_answers: TableSection | None = None
    accounts: TableSection | None = None
    teams: TableSection | None = None
    agents: TableSection | None = None
    charges: TableSection | None = None
    desk_counts: TableSection | None = None
    desk_figures: FiguresSection | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def sections(self) -> "dict[str, Events | TableSection]":
        """The sections that the file has, by name, events first."""
        named: dict[str, Events | TableSection | None] = {name: getattr(self, name) for name in ("events", *TABLES)}
        return {name: section for name, section in named.items() if section is not None}

    def columns_of(self, section: str) -> list[str]:
        """The columns of the export that a section needs."""
        part = self.sections[section]
        if isinstance(part, Events):
            return part.columns
        role = self.events.actor.role
        also = [role.agents] if section == "agents" and isinstance(role, AgentRoles) else []
        return list(dict.fromkeys([*part.columns.values(), *also]))

    @model_validator(mode="after")
    def _roles_have_their_agents(self) -> "Mapping":
        actor = self.events.actor
        if isinstance(actor.role, AgentRoles) and not (actor.id and self.agents):
            raise ValueError("events.actor.role by `agents` needs events.actor.id and the section agents")
        return self

    @model_validator(mode="after")
    def _keys_are_not_personal(self) -> "Mapping":
        for name, section in self.sections.items():
            keys = section.keys if isinstance(section, Events) else {section.columns.get("ticket_id", "")}
            wrong = sorted(keys & set(section.personal))
            if wrong:
                raise ValueError(f"{name}.personal: {', '.join(wrong)} says which ticket and when; it stays as it is")
        return self

    @model_validator(mode="after")
    def _desks_are_extracted(self) -> "Mapping":
        is_desk = self.reader in DESKS
        if is_desk and self.extract is None:
            raise ValueError(f"reader {self.reader} asks the desk; say since when: extract: {{since: 2025-01-01}}")
        if not is_desk and self.extract is not None:
            raise ValueError(f"extract is for {' and '.join(DESKS)}; reader {self.reader} reads files")
        if is_desk != (self.watermark == "extracted"):
            raise ValueError(f"watermark extracted goes with {' and '.join(DESKS)}, and they with it")
        if is_desk and any(section.personal for section in self.sections.values()):
            raise ValueError(f"personal is for exports; of {self.reader} the desk's room knows what is personal")
        return self

    @model_validator(mode="after")
    def _tables_have_their_columns(self) -> "Mapping":
        for name in TABLES:
            section: TableSection | None = getattr(self, name)
            if section is None:
                continue
            needed, allowed = table_columns(name)
            wrong = [column for column in section.columns if column not in allowed]
            absent = [column for column in needed if column not in section.columns]
            if wrong:
                raise ValueError(f"{name}.columns: {', '.join(wrong)} unknown; known are {', '.join(allowed)}")
            if absent:
                raise ValueError(f"{name}.columns: {', '.join(absent)} not given")
        return self


def table_columns(section: str) -> tuple[list[str], list[str]]:
    """The canonical columns that a table section must give, and all that it may."""
    table = CANONICAL[TABLE_NAMES[section]]
    rename = {"ticket_key": "ticket_id"}
    allowed = [rename.get(column.name, column.name) for column in table.columns if column.name != "source"]
    needed = [rename.get(c.name, c.name) for c in table.columns if not c.nullable and c.name != "source"]
    return needed, allowed


def load(path: Path) -> Mapping:
    """The mapping in one file.

    Raises MappingError with every fault of the file, each with its line and remedy.
    """
    document = read_document(path)
    try:
        mapping = Mapping.model_validate(_with_words(document.data))
    except ValidationError as error:
        raise _as_mapping_error(document, error) from None
    if mapping.source != path.stem:
        raise MappingError(
            f"source is {mapping.source!r} but the file is named {path.name}",
            where=document.where("source"),
            remedy=f"name the file {mapping.source}.yaml or write `source: {path.stem}`",
        )
    return mapping


def _with_words(data: dict[str, Any]) -> dict[str, Any]:
    """The file's data; where canonical files are read, with their words, which are the same for everybody."""
    if data.get("reader") != "canonical":
        return data
    base = read_document(_CANONICAL_WORDS).data
    sections = {
        name: {**base[name], **given} for name, given in data.items() if name in base and isinstance(given, dict)
    }
    return {**base, **data, **sections}


def load_all(folder: Path) -> tuple[list[Mapping], list[MappingError]]:
    """Every mapping of a folder, by name; a bad file gives its error and the others go on."""
    mappings, errors = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            mappings.append(load(path))
        except MappingError as error:
            errors.append(error)
    return mappings, errors


def _as_mapping_error(document: Document, error: ValidationError) -> MappingError:
    faults: dict[str, str] = {}  # a union reports each of its branches: one line a place is enough
    for fault in error.errors(include_url=False):
        where = document.where(*fault["loc"])
        faults.setdefault(where, f"{_path(fault['loc'])}: {_sentence(dict(fault))}")
    (first_where, first), *rest = faults.items()
    what = "\n".join([first, *(f"{where}: {sentence}" for where, sentence in rest)])
    return MappingError(
        what, where=first_where, remedy="correct the lines above; docs/your-own-desk.md names every key"
    )


def _path(location: tuple[Any, ...]) -> str:
    return ".".join(str(step) for step in location if step != "[key]") or "the file"


def _sentence(fault: dict[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key"
    if fault["type"] == "missing":
        return "not given"
    if fault["type"] == "literal_error":
        given = "" if fault["loc"][-1] == "[key]" else f" (given: {fault['input']!r})"
        return f"must be one of {fault['ctx']['expected']}{given}"
    return str(fault["msg"]).removeprefix("Value error, ")
