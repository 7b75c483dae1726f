"""Commands on the quarantine: what is kept out and why, one row in full, and the replay of what was mended."""

import argparse
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any


def add(commands: Any) -> None:
    """Add `quarantine` and what it does to the parser's commands."""
    quarantine = commands.add_parser("quarantine", help="rows that were kept out: list them, look at one, replay them")
    acts = quarantine.add_subparsers(title="acts", required=True)

    listing = acts.add_parser("list", help="the rows that are kept out, newest first, and how many by rule")
    _filters(listing)
    listing.add_argument("--all", action="store_true", help="those that were let in since, too")
    listing.add_argument("--most", type=int, default=20, metavar="N", help="rows to print; default: %(default)s")
    listing.add_argument("--json", action="store_true", help="as data, with the rows as they are kept")
    listing.set_defaults(run=_list)

    show = acts.add_parser("show", help="one row: its record as it landed, file and line, rule and remedy")
    show.add_argument("id", help="its id, or the beginning of it")
    show.add_argument("--json", action="store_true", help="as data")
    show.set_defaults(run=_show)

    replay = acts.add_parser("replay", help="read the landed pages again after a mapping or suite was mended, and load")
    _filters(replay)
    replay.set_defaults(run=_replay)


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", help="only this source's")
    parser.add_argument("--rule", help="only those that break this rule, such as status_unknown")
    parser.add_argument("--ticket", help="only this ticket's: the helpdesk's own id")
    parser.add_argument(
        "--since", type=_since, metavar="DAY", help="only those kept out since this day (UTC) or instant"
    )


def _since(written: str) -> datetime:
    try:
        if len(written) == len("2026-04-01"):
            return datetime.combine(date.fromisoformat(written), time(), UTC)
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        message = f"{written!r} is neither a day such as 2026-04-01 nor an instant such as 2026-04-01T00:00+02:00"
        raise argparse.ArgumentTypeError(message)
    return instant


def _wanted(arguments: argparse.Namespace) -> Any:
    from deskledger.quality.held import Wanted

    named = {name: getattr(arguments, name) for name in ("source", "rule", "ticket", "since")}
    return Wanted(**named, with_released=getattr(arguments, "all", False))


def _list(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import as_json
    from deskledger.steps.quarantine import listing

    found = listing(_wanted(arguments), arguments.most)
    print(as_json(found) if arguments.json else list_text(found))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import as_json
    from deskledger.steps.quarantine import show

    found = show(arguments.id)
    print(as_json(found) if arguments.json else show_text(found))
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import say
    from deskledger.steps.quarantine import replay

    done = replay(_wanted(arguments), datetime.now(UTC))
    print(replay_text(done))
    for error in done.failed:
        say(str(error))
    return 1 if done.failed else 0


def list_text(found: Mapping[str, Any]) -> str:
    """One line a row, then one line a rule with its rows and tickets."""
    shown, rules = found["entries"], found["rules"]
    if not rules:
        return "Nothing is in quarantine."
    lines = [f"{'id':<9} {'kept out':<17} {'source':<12} {'ticket':<14} {'rule':<24} what"]
    for row in shown:
        at, ticket = f"{row['quarantined_at']:%Y-%m-%d %H:%M}", row["ticket_id"] or "–"
        state = "" if row["replayed_at"] is None else f" (let in {row['replayed_at']:%Y-%m-%d})"
        what = _short(row["message"])
        lines.append(f"{row['id'][:8]:<9} {at:<17} {row['source']:<12} {ticket:<14} {row['rule']:<24} {what}{state}")
    total = sum(rule["rows"] for rule in rules)
    lines += ["" if len(shown) == total else f"… {total - len(shown):,} more (--most)", "by rule"]
    for rule in rules:
        name = f"{rule['source']:<12} {rule['table_name']:<14} {rule['rule']:<24} {rule['severity']:<9}"
        lines.append(f"{name} {rule['rows']:>8,} rows {rule['tickets']:>8,} tickets  since {rule['since']:%Y-%m-%d}")
    return _text(lines)


def show_text(found: Mapping[str, Any]) -> str:
    """Everything known of one row, a line each."""
    state = "kept out" if found["replayed_at"] is None else f"let in on {found['replayed_at']:%Y-%m-%d %H:%M} UTC"
    place = "" if found["page_sha256"] is None else f"page {found['page_sha256'][:16]}, record {found['record_no']}"
    facts = {
        "id": found["id"],
        "source": f"{found['source']}, landed under {found['partition']}",
        "ticket": found["ticket_id"] or "none that is known",
        "rule": f"{found['rule']} ({found['severity']}; {found['suite']}, of {found['table_name']})",
        "what": found["message"],
        "to do": found["remedy"],
        "state": f"{state}; quarantined {found['quarantined_at']:%Y-%m-%d %H:%M} UTC by the run {found['run_id']}",
        **({"where": place} if place else {}),
    }
    lines = [f"{name:<10} {value}" for name, value in facts.items()]
    raw, is_landed = found["raw"], found["raw"] is not None
    lines += ["", "the record as it landed" if is_landed else f"the row as it is kept ({found['raw_missing']})"]
    lines += [f"  {name:<22} {'' if value is None else value}" for name, value in (raw or found["record"]).items()]
    if found["files"]:
        lines += ["", "files that have a row of the ticket"]
        lines += [f"  {file['name']} (landed {file['landed_at']:%Y-%m-%d})" for file in found["files"]]
    return _text(lines)


def replay_text(done: Any) -> str:
    """A line a source with the rows in quarantine before and after, then what is to be measured again."""
    if not done.before:
        return "Nothing is in quarantine that was asked for."
    lines = [f"{'source':<12} {'partitions':>10} {'in quarantine':>14} {'still there':>12} {'rows changed':>13}"]
    for source, before in done.before.items():
        read, after, changed = len(done.partitions[source]), done.after[source], done.changed[source]
        lines.append(f"{source:<12} {read:>10,} {before:>14,} {after:>12,} {changed:>13,}")
    if done.days:
        months = ", ".join(day[:7] for day in done.days)
        lines += ["", f"To be measured again: {months}. Trigger the DAG measure with the month as its partition key;"]
        lines += ["the DAG replay does this and that in one."]
    return _text(lines)


def _short(message: str, width: int = 100) -> str:
    return message if len(message) <= width else f"{message[: width - 1]}…"


def _text(lines: list[str]) -> str:
    from deskledger.cli.explain_words import harmless

    return "\n".join(harmless(line).rstrip() for line in lines)  # a value's own line break is no line of ours
