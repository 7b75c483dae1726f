"""What is wrong with a contract file: collected first, told all at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

from deskledger.errors import ContractError


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of a file: its line, what is wrong there and what to do about it."""

    line: int
    what: str
    remedy: str


def refusal(file: str, problems: Iterable[Problem]) -> ContractError:
    """One error that tells every problem of `file`, in the order of its lines, each with line and remedy."""
    first, *others = sorted(set(problems))
    what, remedy = first.what, first.remedy
    for problem in others:
        what = f"{what}\nWhat to do: {remedy}\n{file}:{problem.line}: {problem.what}"
        remedy = problem.remedy
    return ContractError(what, where=f"{file}:{first.line}", remedy=remedy)


def fault(what: str, remedy: str) -> PydanticCustomError:
    """A validator's objection that carries its own remedy."""
    return PydanticCustomError("term", "{what}", {"what": what, "remedy": remedy})


def suggestion(word: str, known: Iterable[str]) -> str:
    """ "did you mean `x`? " for the nearest known word, or nothing."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`? " if near else ""


def one_of(known: Iterable[str]) -> str:
    """The known words as a list for a message."""
    words = sorted(known)
    return ", ".join(f"`{word}`" for word in words) if words else "none are defined"
