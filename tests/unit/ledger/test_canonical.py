"""One way to write a thing down: the same thing, the same hash; another thing, another."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256

import pandas as pd
import pytest

from deskledger import model
from deskledger.ledger import canonical, digest, frame_digest


def test_canonical_json_is_sorted_tight_and_exact() -> None:
    thing = {"b": Decimal("10.50"), "a": [Fraction(1, 3), None, True], "ñ": frozenset({"z", "a"}), "n": 3}
    written = '{"a":["1/3",null,true],"b":"10.50","n":3,"ñ":["a","z"]}'
    assert canonical(thing) == written
    assert digest(thing) == sha256(written.encode()).hexdigest()


def test_an_instant_is_the_same_in_whatever_zone_it_is_told() -> None:
    madrid = datetime(2026, 3, 31, 23, 30, tzinfo=timezone(timedelta(hours=2)))
    assert canonical(madrid) == canonical(madrid.astimezone(UTC)) == '"2026-03-31T21:30:00+00:00"'


@pytest.mark.parametrize("value", [0.1, {"amount": 1.0}, [float("nan")]])
def test_a_float_is_refused_because_it_may_be_money(value: object) -> None:
    with pytest.raises(TypeError, match="float has no canonical form"):
        canonical(value)


def evidence(**changes: object) -> pd.DataFrame:
    row = {
        "evidence_no": 1, "service_level": "r", "fate": "met", "is_numerator": True, "is_denominator": True,
        "ticket_key": 2**62, "ticket_id": "T1", "elapsed_us": 7, "due_at": pd.Timestamp("2026-03-01T00:00:00.000001Z"),
    }  # fmt: skip
    return model.conform(model.EVIDENCE, pd.DataFrame([{**row, **changes}]))


def test_the_same_rows_have_the_same_hash_in_whatever_dtypes_they_come() -> None:
    plain = evidence()
    other = plain.assign(fate=plain["fate"].astype("object"), ticket_id=plain["ticket_id"].astype("category"))
    other["due_at"] = other["due_at"].astype("datetime64[ns, UTC]")
    assert frame_digest(other) == frame_digest(plain)


@pytest.mark.parametrize(
    "change",
    [
        {"elapsed_us": 8},
        {"elapsed_us": None},
        {"ticket_id": "T2"},
        {"ticket_id": None},
        {"ticket_id": ""},
        {"is_numerator": False},
        {"due_at": pd.Timestamp("2026-03-01T00:00:00.000002Z")},
        {"due_at": pd.NaT},
        {"ticket_key": 2**62 + 1},
        {"team": "T1", "ticket_id": None},
    ],
)
def test_any_change_gives_another_hash(change: dict[str, object]) -> None:
    if "due_at" in change and change["due_at"] is pd.NaT:
        changed = evidence()
        changed["due_at"] = changed["due_at"].mask([True])
    else:
        changed = evidence(**change)
    assert frame_digest(changed) != frame_digest(evidence())


def test_text_cannot_slip_from_one_row_to_the_next() -> None:
    two = pd.concat([evidence(ticket_id="a"), evidence(ticket_id="b")])
    other = pd.concat([evidence(ticket_id="a\x1eb"), evidence(ticket_id="")])
    assert frame_digest(two) != frame_digest(other)


def test_no_rows_have_a_hash_too() -> None:
    assert frame_digest(model.empty(model.EVIDENCE)) != frame_digest(evidence())
