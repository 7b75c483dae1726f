"""What must hold of the terms of a month's close. Each check yields faults as (path in the file, what, remedy)."""

from collections.abc import Iterator, Sequence

from deskledger.contract.checks import Fault
from deskledger.contract.file_schema import Version
from deskledger.contract.problems import one_of, suggestion
from deskledger.contract.review_schema import Review


def check_review(review: Review | None, versions: Sequence[Version]) -> Iterator[Fault]:
    """A deadline says what happens at it; open days have a calendar in every version; every amount has an approver."""
    if review is None:
        return
    path = ("review",)
    if (review.within is None) != (review.then is None):
        missing, given = ("then", "within") if review.then is None else ("within", "then")
        what = f"`{given}` is given without `{missing}`: what happens at which deadline must both be said"
        yield (*path, given), what, f"add `{missing}:` (`within: 5 business days`, `then: remind`)"
    if review.then == "deemed_approved" and review.clause is None:
        what = "a draft that nobody approved would be posted, and no clause says so"
        yield (*path, "then"), what, "add the `clause:` that deems it approved, or use `then: escalate`"
    if (review.then == "escalate") != (review.to is not None):
        what = "`escalate` and `to` belong together: whom it is escalated to"
        yield (*path, "to" if review.to else "then"), what, "add `to:` with a name, or use `then: remind`"
    is_open_days = review.within is not None and review.within.endswith("business days")
    if is_open_days and review.calendar is None:
        yield (*path, "within"), "business days are not said on which calendar", "add `calendar:`, one of the versions'"
    if review.calendar is not None and not is_open_days:
        yield (*path, "calendar"), "the calendar is not used", "write `within:` in business days, or remove `calendar`"
    for version in versions if review.calendar is not None else ():
        if review.calendar not in version.calendars:
            known = version.calendars
            remedy = f"{suggestion(str(review.calendar), known)}use {one_of(known)}, or define it there too"
            what = f"version {version.number} has no calendar `{review.calendar}`"
            yield (*path, "calendar"), what, remedy
    if review.authority and not any(each.up_to is None for each in review.authority):
        what = "nobody may approve more than the highest amount, so a dearer month could never be posted"
        yield (*path, "authority"), what, "let one line have no `up_to`, such as `- {approvers: [finance.director]}`"
    unlimited = [each.approvers for each in review.authority if each.up_to is None]
    named = {name.strip().casefold() for approvers in unlimited for name in approvers or ()}
    if review.second_above is not None and unlimited and None not in unlimited and len(named) < 2:
        what = f"two persons approve more than {review.second_above}, and only one may approve any amount"
        yield (*path, "second_above"), what, "name a second one in a line of `authority` without `up_to`"
