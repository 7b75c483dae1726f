"""Records and rows balance, or the load is refused."""

import pytest

from deskledger.errors import QualityError
from deskledger.quality.balance import Produced, Records


def test_records_that_add_up_pass() -> None:
    Records(extracted=10, loaded=4, unchanged=3, superseded=2, quarantined=1).check("desk 2026-03-01 ticket_event")


@pytest.mark.parametrize("extracted", [9, 11])
def test_a_record_too_many_or_too_few_is_refused(extracted: int) -> None:
    with pytest.raises(QualityError) as error:
        Records(extracted, loaded=4, unchanged=3, superseded=2, quarantined=1).check("desk 2026-03-01 ticket_event")
    assert str(error.value).startswith(
        f"desk 2026-03-01 ticket_event: {extracted} records landed,"
        " but 4 loaded + 3 unchanged + 2 superseded + 1 quarantined = 10"
    )


@pytest.mark.parametrize("held", [0, 2])
def test_produced_rows_balance_on_their_own(held: int) -> None:
    Produced(made=11, held=1, inserted=4, updated=3, unchanged=2, superseded=1, deleted=7).check("desk")
    with pytest.raises(QualityError, match=f"11 rows were made, but 10 merged \\+ {held} quarantined"):
        Produced(made=11, held=held, inserted=4, updated=3, unchanged=2, superseded=1, deleted=7).check("desk")
