"""Commands to ask for an exclusion or waiver, to record a claim, and to rule on each.

A name given here is as good as who may run them.
"""

import argparse
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_RULINGS = {
    "approve": "grant a request that somebody else made",
    "reject": "refuse a request",
    "withdraw": "take your own request back",
    "revoke": "take an approved request back, for the next draft",
}


def add(commands: Any) -> None:
    """Add `requests` and what it does to the parser's commands."""
    requests = commands.add_parser("requests", help="exclusions, waivers, claims and choices: ask, grant or refuse")
    acts = requests.add_subparsers(title="acts", required=True)

    exclude = _asking(acts, "exclude", "set tickets or answers aside from service levels, for a reason of the contract")
    exclude.add_argument("reason", help="one of the version's `exclusions:`, such as force_majeure")
    exclude.add_argument("--ticket", action="append", default=[], help="the helpdesk's own id; may be given again")
    exclude.add_argument(
        "--cycle", type=_cycle, metavar="N@vM", help="only cycle N of the one ticket, measured under version M: 1@v2"
    )
    exclude.add_argument("--survey", action="append", default=[], help="the survey's id: its answer is set aside")
    exclude.add_argument("--service-level", action="append", default=[], help="default: all of them")
    exclude.add_argument("--source", help="where several sources have the same id")
    exclude.set_defaults(run=_exclude)

    waive = _asking(acts, "waive", "give up the credit of a line, or a part of it")
    waive.add_argument("line", help="the line's term, as in the draft's lines")
    waive.add_argument("--amount", type=_amount, help="at most this much; default: all of it")
    waive.set_defaults(run=_waive)

    incomplete = _asking(acts, "waive-incomplete", "let incomplete tickets or quarantined rows block posting no longer")
    incomplete.add_argument("--ticket", action="append", default=[], help="an incomplete ticket's id")
    incomplete.add_argument("--row", action="append", default=[], help="id of a row in quarantine; `all`: every one")
    incomplete.add_argument("--source", help="where the contract has several sources")
    incomplete.set_defaults(run=_waive_incomplete)

    claim = _asking(acts, "claim", "put on record that the customer claimed the month's credits")
    claim.add_argument("--on", required=True, type=_day, metavar="DAY", help="when it was claimed: 2026-02-27")
    claim.add_argument("--line", action="append", default=[], help="only this line's credit; default: all")
    claim.set_defaults(run=_claim)

    choose = _asking(acts, "choose", "put on record which credit of an event the customer takes")
    choose.add_argument("line", help="the line's term, as in the draft's lines")
    choose.set_defaults(run=_choose)

    for ruling, words in _RULINGS.items():
        parser = acts.add_parser(ruling, help=words)
        parser.add_argument("request", help="its id, such as ALDER-2026-03-R1")
        parser.add_argument("--as", dest="by", required=True, metavar="NAME", help="who rules")
        parser.add_argument("--comment", default="", help="why; needed to reject or revoke")
        parser.set_defaults(run=_rule, ruling=ruling)

    listing = acts.add_parser("list", help="every request about a contract's month")
    listing.add_argument("month", help="such as alder|2026-03")
    listing.set_defaults(run=_list)


def _asking(acts: Any, name: str, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = acts.add_parser(name, help=words)
    parser.add_argument("month", help="the contract's month, such as alder|2026-03")
    parser.add_argument("--as", dest="by", required=True, metavar="NAME", help="who asks")
    parser.add_argument("--because", required=True, metavar="WORDS", help="what happened")
    parser.add_argument("--evidence", required=True, metavar="TEXT", help="the proof: a text, or its address")
    parser.add_argument("--evidence-sha256", metavar="HASH", help="of what the address held")
    return parser


def _amount(written: str) -> Decimal:
    try:
        amount = Decimal(written)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite():
        raise argparse.ArgumentTypeError(f"{written!r} is no amount, such as 250.00")
    return amount


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written!r} is no day, such as 2026-02-27") from None


def _cycle(written: str) -> tuple[int, int | None]:
    found = re.fullmatch(r"([1-9][0-9]*)(?:@v([0-9]+))?", written)
    if found is None:
        raise argparse.ArgumentTypeError(f"{written!r} is no cycle, such as 1@v2")
    return int(found[1]), int(found[2]) if found[2] else None


def _asked(arguments: argparse.Namespace) -> Any:
    from deskledger.steps.requests import Asked

    return Asked(
        key=arguments.month,
        by=arguments.by,
        explanation=arguments.because,
        evidence=arguments.evidence,
        evidence_sha256=arguments.evidence_sha256,
    )


def _exclude(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    cycle, cycle_version = arguments.cycle or (None, None)
    made = step.exclude(
        _asked(arguments),
        arguments.reason,
        datetime.now(UTC),
        tickets=arguments.ticket,
        cycle=cycle,
        cycle_version=cycle_version,
        surveys=arguments.survey,
        service_levels=arguments.service_level,
        source=arguments.source,
    )
    return _tell(made)


def _waive(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    return _tell(step.waive_credit(_asked(arguments), arguments.line, datetime.now(UTC), amount=arguments.amount))


def _waive_incomplete(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    now = datetime.now(UTC)
    return _tell(
        step.waive_incomplete(
            _asked(arguments), now, tickets=arguments.ticket, rows=arguments.row, source=arguments.source
        )
    )


def _claim(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    return _tell(step.claim(_asked(arguments), arguments.on, datetime.now(UTC), lines=arguments.line))


def _choose(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    return _tell(step.choose(_asked(arguments), arguments.line, datetime.now(UTC)))


def _rule(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    now = datetime.now(UTC)
    return _tell(step.rule_on(arguments.request, arguments.ruling, arguments.comment, arguments.by, now))


def _list(arguments: argparse.Namespace) -> int:
    from deskledger.steps import requests as step

    found = step.requests_of(arguments.month)
    for each in found:
        _tell(each)
    if not found:
        print(f"Nobody asked for anything of {arguments.month}.")
    return 0


def _tell(row: Mapping[str, Any]) -> int:
    print(f"{row['request_id']}: {row['kind'].replace('_', ' ')}, {row['state']}")
    print(f"  {_about(row)}")
    print(f"  because {row['explanation']} (evidence: {row['evidence']})")
    print(f"  asked by {row['requested_by']}, {row['requested_at']:%Y-%m-%d %H:%M} UTC")
    if row["ruled_by"]:
        comment = f": {row['ruling_comment']}" if row["ruling_comment"] else ""
        print(f"  {row['state']} by {row['ruled_by']}, {row['ruled_at']:%Y-%m-%d %H:%M} UTC{comment}")
    if row["state"] in {"approved", "revoked"}:
        print(f"  the draft of {row['contract']}|{row['period']} is stale: the next one follows within the hour")
    return 0


def _about(row: Mapping[str, Any]) -> str:
    from deskledger.reports.requests import subject_named

    if row["kind"] == "credit_waiver":
        return f"{row['amount']} {row['currency']} of {row['line']}"
    if row["kind"] == "claim":
        (claimed_on,) = {each["claimed_on"] for each in row["subjects"]}
        return f"claimed on {claimed_on}: {', '.join(each['line'] or 'every line' for each in row['subjects'])}"
    if row["kind"] == "choice":
        return ", ".join(f"{each['line']} for {each['event']}" for each in row["subjects"])
    named = [subject_named(each) for each in row["subjects"]]
    shown = ", ".join(named[:10]) + (f" and {len(named) - 10} more" if len(named) > 10 else "")
    levels = ", ".join(row["service_levels"]) or "every service level"
    return f"{row['reason']}: {shown}, from {levels}" if row["kind"] == "exclusion" else shown
