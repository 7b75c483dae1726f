"""The blocks of a mapping file: what a column means, and which files each section reads."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from deskledger.model import PRIORITIES, STANDING_FIELDS, STATUSES, timezones

ISO = "iso8601"
FIELDS = ("priority", "team", "account", "product", "agent")
MOST_ACTIVITIES = 9  # as many as have a place in the order of a row's events (timeline.SLOTS)

Status = Literal["new", "open", "waiting_on_customer", "waiting_on_third_party", "resolved", "closed"]
Role = Literal["agent", "customer", "third_party", "system"]
# What a row can say besides its snapshot. Snapshot kinds (status, priority, …) come from their own columns.
ActivityKind = Literal["reply", "note", "escalation", "eta", "acknowledgement", "merged", "deleted"]
DatedKind = Literal["status", "reply", "acknowledgement", "escalation", "merged", "deleted"]


def _instant_format(text: str) -> str:
    if text != ISO and "%" not in text:
        raise ValueError(f"{text!r} is neither {ISO} nor a format such as %d/%m/%Y %H:%M")
    if text != ISO:
        example = datetime(2026, 12, 25, 10, tzinfo=UTC).strftime(text)
        try:
            datetime.strptime(example, text).replace(tzinfo=UTC)
        except (ValueError, re.error):
            raise ValueError(f"{text!r} has a directive that reads nothing, or one twice") from None
    return text


def _zone(name: str) -> str:
    if name not in timezones():
        raise ValueError(f"{name!r} is no zone of the tz database; write for example Europe/Madrid or Etc/UTC")
    return name


def _age(text: object) -> object:
    if text == "never":
        return None
    match = re.fullmatch(r"(\d+)(h|d)", str(text))
    if not match:
        raise ValueError(f"{text!r} is neither never nor an age such as 36h or 3d")
    return timedelta(**{{"h": "hours", "d": "days"}[match[2]]: int(match[1])})


def _day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{text!r} is no day such as 2026-12-25") from None


Day = Annotated[date, BeforeValidator(_day)]
Zone = Annotated[str, AfterValidator(_zone)]
Age = Annotated[timedelta | None, BeforeValidator(_age)]
InstantFormat = Annotated[str, AfterValidator(_instant_format)]
Files = Annotated[list[str], Field(min_length=1)]


class Part(BaseModel):
    """Base of every block: unknown keys are refused, values are not bent into other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StatusColumn(Part):
    """The column of the ticket's status. A word of `null` says nothing: the last known status holds.

    `initial` is the status from creation until the first row, when that row is later than the creation. `before` is
    the column in which a row that changes it says what it was before: then that is what the ticket was created with,
    or, where no change comes first, what a row says that has no word there (the ticket's present state).
    """

    column: str
    before: str | None = None
    words: dict[str, Status | None]
    initial: Status = "new"


class FieldColumn(Part):
    """A snapshot column: a change is an event. `words` closes the vocabulary; without it the desk's words stand.

    A missing value keeps what was known (`when_missing: keep`) or says that there is none any more (`clear`); a word
    of `cleared` says so too, where rows tell changes only and are silent of the rest. `before` as in StatusColumn.
    """

    column: str
    before: str | None = None
    words: dict[str, str | None] | None = None
    when_missing: Literal["keep", "clear"] = "keep"
    cleared: list[str] = []


class AttributeColumn(Part):
    """A column that stands on the ticket only; `words` translates, words that it does not name stand as they are."""

    column: str
    words: dict[str, str | int | bool | None] | None = None


class DatedColumn(Part):
    """A column that names an instant: evidence of what happened then, in rows that are not older than it."""

    column: str
    kind: DatedKind
    value: str | None = None
    actor_role: Role | None = None
    is_public: bool | None = None

    @model_validator(mode="after")
    def _status_is_known(self) -> "DatedColumn":
        if self.kind == "status" and self.value not in STATUSES:
            raise ValueError(f"value {self.value!r} is no status; take one of {', '.join(STATUSES)}")
        return self


class RoleColumn(Part):
    column: str
    words: dict[str, Role | None]


class AgentRoles(Part):
    """Roles by the section `agents`: its records tell in the column `agents` what somebody is, `words` translates.

    Who is in no record of it, or there with another word, is one of the `others`; `ids` are those who are nobody: the
    desk's own automations.
    """

    agents: str
    words: dict[str, Role]
    others: Role
    ids: dict[str, Role] = {}


class Actor(Part):
    """Who made the row: a column of ids, and a role: a column with words, one by `agents`, or one for every row."""

    id: str | None = None
    role: RoleColumn | AgentRoles | Role | None = None


class ActivityWord(Part):
    kind: ActivityKind
    is_public: bool | None = None
    value: str | None = None


class Activity(Part):
    """A column that says what else the row is: a reply, a note, an ETA. A word of `null` says nothing more."""

    column: str
    value: str | None = None
    words: dict[str, ActivityWord | None]


class Section(Part):
    """Which files of the inbox, and how they are written.

    `personal` names columns of the export, read or not, that say who somebody is (`person`) or what somebody wrote
    (`text`): a token stands for each value before the page is kept.
    """

    files: Files
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    instant_format: InstantFormat = ISO
    personal: dict[str, Literal["person", "text"]] = {}


class Events(Section):
    """The event log: one row a status change or audit update."""

    ticket_id: str
    sequence: str
    occurred_at: str
    created_at: str
    status: StatusColumn
    fields: dict[Literal[FIELDS], FieldColumn] = {}  # type: ignore[valid-type]
    attributes: dict[Literal[STANDING_FIELDS], AttributeColumn] = {}  # type: ignore[valid-type]
    dated: list[DatedColumn] = []
    actor: Actor = Actor()
    activity: Activity | None = None
    activities: list[Activity] = []  # for rows that tell several at once, each in a column of its own

    @model_validator(mode="after")
    def _activities_do_not_meet(self) -> "Events":
        kinds = [{word.kind for word in each.words.values() if word} for each in self.told]
        twice = sorted({kind for number, one in enumerate(kinds) for other in kinds[:number] for kind in one & other})
        if twice:
            raise ValueError(f"{', '.join(twice)} in several columns; one column tells each kind of activity")
        if len(self.told) > MOST_ACTIVITIES:
            raise ValueError(f"{len(self.told)} columns of activities; at most {MOST_ACTIVITIES} are taken")
        return self

    @model_validator(mode="after")
    def _priorities_are_known(self) -> "Events":
        priority = self.fields.get("priority")
        wrong = (
            sorted({str(word) for word in (priority.words or {}).values()} - {*PRIORITIES, "None"}) if priority else []
        )
        if wrong:
            raise ValueError(f"fields.priority.words gives {', '.join(wrong)}; priorities are {', '.join(PRIORITIES)}")
        return self

    @property
    def keys(self) -> set[str]:
        """The columns that say which update of which ticket a row is."""
        return {self.ticket_id, self.sequence, self.occurred_at, self.created_at}

    @property
    def told(self) -> list[Activity]:
        """The columns of activities, `activity` first."""
        return [*([self.activity] if self.activity else []), *self.activities]

    @property
    def columns(self) -> list[str]:
        """Every column of the export that the mapping reads, once."""
        named: list[str | None] = [self.ticket_id, self.sequence, self.occurred_at, self.created_at, self.status.column]
        named.append(self.status.before)
        named += [name for each in self.fields.values() for name in (each.column, each.before)]
        named += [each.column for each in self.attributes.values()]
        named += [each.column for each in self.dated]
        named.append(self.actor.id)
        if isinstance(self.actor.role, RoleColumn):
            named.append(self.actor.role.column)
        for each in self.told:
            named += [each.column, each.value]
        return list(dict.fromkeys(name for name in named if name))


class TableSection(Section):
    """An export of one canonical table: canonical column -> column of the export."""

    columns: dict[str, str]


class FiguresSection(TableSection):
    """The desk's own SLA figures. `clocks` says which clocks of contracts each of its metrics is held against."""

    clocks: dict[str, Annotated[list[str], Field(min_length=1)]] = {}


class Extract(Part):
    """How a desk is asked over HTTP. The first pull begins at `since`, a day in the mapping's zone.

    `pool` is the Airflow pool that keeps the requests to one account apart, if somebody has made one. `gone` are fields
    ("tickets.priority") that the desk told of every record once, and tells no more: without a word, that is refused.
    """

    since: date
    pool: str = "default_pool"
    gone: list[str] = []


class Retention(Part):
    """How long pseudonyms can be resolved: people after they were last seen, texts after they were first seen."""

    person: Age = None
    text: Age = None
