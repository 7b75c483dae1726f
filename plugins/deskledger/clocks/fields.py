"""What is true of a ticket after each of its events: field values, filters, status, holder; and which events match."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from deskledger.clocks.block import Block
from deskledger.clocks.history import Codes, History
from deskledger.contract.terms import ClockTerms, EventMatch, Filter, Side
from deskledger.errors import ContractError
from deskledger.model import STATUSES

# Ticket fields whose changes are events: field -> kind of event. Any other field stands on the ticket unchanged.
EVENT_FIELDS = {
    "account": "account",
    "team": "team",
    "agent": "assignment",
    "product": "product",
    "priority": "priority",
    "status": "status",
    "escalation": "escalation",
}

SIDES: tuple[Side, ...] = ("provider", "customer", "third_party")
DEFAULT_HOLDERS: Mapping[str, Side] = {"waiting_on_customer": "customer", "waiting_on_third_party": "third_party"}


class Vocabulary:
    """The words of the event values and of the ticket columns, coded together; one for all blocks of a run."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._fields: dict[str, Codes] = {}
        self._statics: dict[str, Codes] = {}
        self.kinds = {word: code for code, word in enumerate(history.kind.words)}

    def words(self, field: str) -> tuple[str, ...]:
        """The words that the codes of a field stand for."""
        return self._field(field).words

    def accepted(self, field: str, values: frozenset[str]) -> np.ndarray:
        """Which codes of a field are one of `values`, with a last place for missing ones."""
        return self._field(field).accepted(values)

    def snapshot(self, field: str) -> np.ndarray:
        """The field's code on each ticket row, in ticket order."""
        return self._field(field).codes

    def _field(self, field: str) -> Codes:
        """Codes of the ticket column; an event field's words begin with the words of the event values."""
        if field not in self._fields:
            column = self._static(field)
            if field not in EVENT_FIELDS:
                self._fields[field] = column
            else:
                values = self._history.value.words
                places = {word: code for code, word in enumerate(values)}
                extra = [word for word in column.words if word not in places]
                places.update({word: len(values) + number for number, word in enumerate(extra)})
                kind = np.min_scalar_type(-len(places) - 1)  # signed, as narrow as they fit
                table = np.array([*(places[word] for word in column.words), -1], dtype=kind)
                self._fields[field] = Codes(table[column.codes], (*values, *extra))
        return self._fields[field]

    def _static(self, field: str) -> Codes:
        tickets = self._history.tickets
        if field in tickets:
            codes = Codes.of(tickets[field])
            return Codes(codes.codes[self._history.ticket_order], codes.words)
        if field in EVENT_FIELDS:
            return Codes(np.full(len(tickets), -1, dtype=np.int8), ())
        raise ContractError(
            f"a filter names {field!r}, which tickets do not have",
            remedy=f"Use a ticket column or one of {', '.join(EVENT_FIELDS)}.",
        )


_Holding = tuple[tuple[Any, ...], ...]  # what decides who holds a ticket


class States:
    """Step functions of one block's tickets, computed when first asked for and shared by all clocks."""

    def __init__(self, block: Block, vocabulary: Vocabulary) -> None:
        self.block = block
        self.vocabulary = vocabulary
        self._values: dict[str, np.ndarray] = {}
        self._matches: dict[EventMatch, np.ndarray] = {}
        self._filters: dict[tuple[tuple[str, frozenset[str]], ...], np.ndarray] = {}
        self._known_steps: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._changes: dict[tuple[str, ...], np.ndarray] = {}
        self._held: dict[_Holding, tuple[np.ndarray, ...]] = {}
        self._sides: dict[_Holding, np.ndarray] = {}

    def matches(self, wanted: tuple[EventMatch, ...]) -> np.ndarray:
        """The events that match any of `wanted`."""
        found = np.zeros(len(self.block), dtype=bool)
        for each in wanted:
            found |= self._match(each)
        return found

    def of_kind(self, kind: str) -> np.ndarray:
        """The events of one kind."""
        return self._match(EventMatch(kind))

    def value(self, field: str) -> np.ndarray:
        """The field's code after each event: its latest event's value, or the ticket's where it has no such event."""
        if field not in self._values:
            self._values[field] = self._spread(field, self._steps(field)[0])
        return self._values[field]

    def said(self, kind: str) -> np.ndarray:
        """The code of the value of the latest event of a kind at each event of the ticket, -1 for none yet."""
        is_said = self.of_kind(kind)
        steps = np.flatnonzero(is_said | self.block.is_first)
        codes = np.where(is_said[steps], self.block.value[steps], -1)
        return np.repeat(codes, np.diff(steps, append=len(self.block)))

    def accepted(self, field: str, values: frozenset[str]) -> np.ndarray:
        """Whether the field is one of `values` after each event."""
        return self._spread(field, self.vocabulary.accepted(field, values)[self._steps(field)[0]])

    def _steps(self, field: str) -> tuple[np.ndarray, np.ndarray]:
        """(code, events it holds for) of each step of a field, in order of events."""
        if field not in self._known_steps:
            block, snapshot = self.block, self.vocabulary.snapshot(field)[self.block.tickets]
            changes = self.of_kind(EVENT_FIELDS[field]) if field in EVENT_FIELDS else None
            steps = np.flatnonzero(block.is_first if changes is None else block.is_first | changes)
            codes = snapshot[block.ticket[steps]]
            if changes is not None:
                codes = np.where(changes[steps], block.value[steps], codes)
            self._known_steps[field] = codes, np.diff(steps, append=len(block))
        return self._known_steps[field]

    def _spread(self, field: str, of_step: np.ndarray) -> np.ndarray:
        return np.repeat(of_step, self._steps(field)[1])

    def changes_before(self, kinds: tuple[str, ...]) -> np.ndarray:
        """How many events of these kinds come before each place of the block."""
        if kinds not in self._changes:
            counts = np.zeros(len(self.block) + 1, dtype=np.int32)
            np.cumsum(self.matches(tuple(EventMatch(kind) for kind in kinds)), out=counts[1:])
            self._changes[kinds] = counts
        return self._changes[kinds]

    def meets(self, wanted: Filter) -> np.ndarray:
        """Whether the ticket matches a filter after each event."""
        key = tuple(sorted(wanted.items()))
        if key not in self._filters:
            met = np.ones(len(self.block), dtype=bool)
            for field, values in wanted.items():
                met &= self.accepted(field, values)
            self._filters[key] = met
        return self._filters[key]

    def first_match(self, filters: list[Filter]) -> np.ndarray | int:
        """The number of the first filter that holds after each event, -1 for none; one int where it never varies."""
        if not filters or not filters[0]:
            return 0 if filters else -1
        found = np.full(len(self.block), -1, dtype=np.min_scalar_type(-len(filters)))
        for number in reversed(range(len(filters))):
            found[self.meets(filters[number])] = number
        return found

    def in_status(self, statuses: frozenset[str]) -> np.ndarray:
        """Whether the ticket's status after each event is one of `statuses`."""
        return self.accepted("status", statuses)

    def side(self, clock: ClockTerms) -> np.ndarray:
        """Who holds the ticket after each event, as a place in SIDES."""
        key = _holding(clock)
        if key not in self._sides:
            side = self._side_by("status", {**DEFAULT_HOLDERS, **clock.holders})
            if clock.held_by:
                rule = self.holder_rule(clock)
                of_rule = np.array([SIDES.index(each.side) for each in clock.held_by], dtype=np.int8)
                side = np.where(rule < 0, side, of_rule[rule])
            self._sides[key] = side
        return self._sides[key]

    def holder_rule(self, clock: ClockTerms) -> np.ndarray:
        """The number of the `held_by` rule that names the holder after each event; -1 where the status does."""
        rule = self.first_match([each.when for each in clock.held_by])
        return np.broadcast_to(np.asarray(rule), len(self.block))

    def held_before(self, clock: ClockTerms) -> tuple[np.ndarray, ...]:
        """Physical time before each event, summed over the block, that the customer and third parties held a ticket."""
        key = _holding(clock)
        if key not in self._held:
            side = self.side(clock)
            sums = []
            for number in (1, 2):
                total = np.zeros(len(self.block) + 1, dtype=np.int64)
                np.cumsum(self.block.lasted_us * (side == number), out=total[1:])
                sums.append(total)
            self._held[key] = tuple(sums)
        return self._held[key]

    def _side_by(self, field: str, holders: Mapping[str, Side]) -> np.ndarray:
        named = [SIDES.index(holders.get(word, "provider")) for word in self.vocabulary.words(field)]
        return self._spread(field, np.array([*named, 0], dtype=np.int8)[self._steps(field)[0]])

    def _match(self, wanted: EventMatch) -> np.ndarray:
        if wanted not in self._matches:
            block, history = self.block, self.block.history
            met = block.kind == self.vocabulary.kinds.get(wanted.kind, -2)
            if wanted.values is not None:
                met &= history.value.accepted(wanted.values)[block.value]
            if wanted.previous_values is not None:
                told = history.previous.accepted(wanted.previous_values)[block.previous]
                known = history.value.accepted(wanted.previous_values)[self._said_before(wanted.kind)]
                met &= np.where(block.previous < 0, known, told)
            if wanted.is_change is not None:
                met &= (block.value != self._said_before(wanted.kind)) == wanted.is_change
            if wanted.actor_roles is not None:
                met &= history.role.accepted(wanted.actor_roles)[block.role]
            if wanted.is_public is not None:
                met &= _is_public(wanted.kind, block.is_public) if wanted.is_public else block.is_public == 0
            self._matches[wanted] = met
        return self._matches[wanted]

    def _said_before(self, kind: str) -> np.ndarray:
        """The code of the value of the last event of a kind before each event of the ticket, -1 for none."""
        before = np.empty(len(self.block), dtype=np.int64)
        before[1:] = self.said(kind)[:-1]
        before[self.block.is_first] = -1
        return before


def _is_public(kind: str, is_public: np.ndarray) -> np.ndarray:
    """What a customer writes or reads must be said to be public; what happens to a ticket they see, unless told not."""
    return is_public == 1 if kind in {"reply", "note"} else is_public != 0


def _holding(clock: ClockTerms) -> _Holding:
    rules = tuple((tuple(sorted(each.when.items())), each.side) for each in clock.held_by)
    return (tuple(sorted(clock.holders.items())), rules)


def check_holders(holders: Mapping[str, Side]) -> None:
    """Raise ContractError for a holder of a status that does not exist."""
    unknown = sorted(set(holders) - set(STATUSES))
    if unknown:
        raise ContractError(f"holders names no status: {', '.join(unknown)}", remedy=f"Use {', '.join(STATUSES)}.")
