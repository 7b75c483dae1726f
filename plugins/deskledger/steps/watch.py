"""watch/: who is told of poor answers, and which days are too far from usual. Data of the desk, not of a contract."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from deskledger import kpis
from deskledger.contract.quantities import span
from deskledger.errors import DeskledgerError
from deskledger.settings import settings
from deskledger.sources.event_log.lines import read_document

_DEFAULT = "default"


def _address(text: str) -> str:
    name, at, host = text.partition("@")
    if not (name and at and host) or any(letter.isspace() or letter in ",;" for letter in text):
        raise ValueError(f"{text!r} is no mail address")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PoorAnswers(_Part):
    """How late a poor answer is still told, and the addresses of each team's lead."""

    tell_within: Annotated[timedelta, PlainValidator(span)]
    team_leads: dict[str, list[Annotated[str, AfterValidator(_address)]]]


class Cause(_Part):
    """Why the days from `first` to `last` were unusual."""

    first: date
    last: date
    cause: Annotated[str, Field(min_length=1)]


class SuddenMoves(_Part):
    """What a day is compared with, how far is too far, and what is known."""

    weeks: Annotated[int, Field(ge=1)]
    minimum_weeks: Annotated[int, Field(ge=1)]
    limit: Annotated[float, Field(gt=0)]
    causes: list[Cause]

    @property
    def limits(self) -> kpis.Limits:
        return kpis.Limits(self.weeks, self.minimum_weeks, self.limit)


class Watch(_Part):
    """One file of watch/."""

    poor_answers: PoorAnswers
    sudden_moves: SuddenMoves


def watch_of(contract: str) -> Watch:
    """The contract's own file in watch/, or default.yaml.

    Raises DeskledgerError with every fault of the file, each with its line; and where neither is there.
    """
    own = settings().watch / f"{contract}.yaml"
    path = own if own.is_file() else settings().watch / f"{_DEFAULT}.yaml"
    where = f"watch/{path.name}"
    if not path.is_file():
        raise DeskledgerError("it is not there", where=where, remedy="take the one that comes with Deskledger")
    try:
        document = read_document(path)
    except ValueError as error:  # a date such as 30 February
        raise DeskledgerError(str(error), where=where, remedy="write dates as 2026-01-31") from None
    try:
        return Watch.model_validate(document.data)
    except ValidationError as error:
        faults = [
            f"{document.where(*each['loc'])}: {'.'.join(map(str, each['loc']))}: {each['msg']}"
            for each in error.errors(include_url=False)
        ]
        remedy = "correct the lines above; watch/default.yaml explains them"
        raise DeskledgerError("\n".join(faults), where=where, remedy=remedy) from None
