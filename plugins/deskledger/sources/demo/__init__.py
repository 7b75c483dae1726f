"""The demo source: a seeded generator of the scene, which writes export files that are read like anyone's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from deskledger.sources.demo import arrivals, dirt, files, people, scene, stages, surveys
from deskledger.sources.demo.life import Desk
from deskledger.sources.demo.scene import Habits

MONTHS = ("2026-01", "2026-02", "2026-03")


@dataclass(frozen=True)
class Summary:
    """What was written: file names in order, and how much is in them; `dirt` names the ticket of each spoilt row."""

    files: tuple[str, ...]
    tickets: int
    events: int
    surveys_sent: int
    answers: int
    charges: int
    dirt: dict[str, str]


@dataclass(frozen=True)
class Acted:
    """The scene when it is over: the desk, what happened on it (files.happened), its surveys (surveys.surveys)."""

    span: arrivals.Span
    desk: Desk
    ids: np.ndarray
    rows: dict[str, np.ndarray]
    surveys: pd.DataFrame


def act(
    seed: int, tickets_per_month: int, months: Sequence[str], extra_days: int, habits: Habits | None = None
) -> Acted:
    """Lets the scene happen. Raises ValueError for months with gaps."""
    span = arrivals.span(tuple(months), extra_days)
    # One stream a subject, so that a change in one does not move the others.
    streams = [np.random.Generator(np.random.PCG64(each)) for each in np.random.SeedSequence(seed).spawn(4)]
    habits = habits or Habits()
    created, account = arrivals.arrivals(streams[0], span, habits, tickets_per_month)
    desk = Desk(streams[1], span, habits, created, account)
    stages.live(desk)
    ids = files.ticket_ids(desk.size)
    answers = surveys.surveys(streams[2], desk, ids)
    return Acted(span, desk, ids, files.happened(streams[3], desk, ids), answers)


def generate(
    folder: Path,
    *,
    seed: int = 1,
    tickets_per_month: int = 10_000,
    months: Sequence[str] = MONTHS,
    extra_days: int = 10,
    habits: Habits | None = None,
) -> Summary:
    """Writes the scene's export files into `folder`: one a history month, then one a day for `extra_days`.

    The same arguments give the same bytes. Rows after the last day have not happened yet: their tickets are open.
    Raises ValueError for months with gaps.
    """
    acted = act(seed, tickets_per_month, months, extra_days, habits)
    span, desk, ids = acted.span, acted.desk, acted.ids
    answers = files.survey_rows(acted.surveys, span)
    later = next((name for name in span.partitions if name not in span.months), None)
    rows, spoilt = dirt.soil(files.ticket_rows(desk, acted.rows, ids), span.months[-1], later)
    tables = {
        "accounts.csv": people.account_table(),
        "teams.csv": people.team_table(),
        "agents.csv": people.agent_table(),
        "charges.csv": charges(span.months),
    }
    for partition in dict.fromkeys(span.partitions):
        tables[f"tickets-{partition}.csv.gz"] = rows.loc[rows["partition"] == partition, files.TICKET_COLUMNS]
        tables[f"surveys-{partition}.csv"] = answers.loc[answers["partition"] == partition, files.SURVEY_COLUMNS]
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        files.write_csv(folder / name, table)
    return Summary(
        files=tuple(tables),
        tickets=desk.size,
        events=len(rows),
        surveys_sent=int((answers["answer"] == "sent").sum()),
        answers=int((answers["answer"] != "sent").sum()),
        charges=len(tables["charges.csv"]),
        dirt=spoilt,
    )


def charges(months: Sequence[str]) -> pd.DataFrame:
    """charges.csv: the monthly fee of each contract, imported by one person and approved by another."""
    return pd.DataFrame(
        [
            {
                "contract": contract,
                "period": month,
                "kind": "monthly_fee",
                "amount": amount,
                "currency": currency,
                "invoice_number": f"MS-{contract[:1].upper()}-{month.replace('-', '')}",
                "imported_by": "lucia.ortega",
                "approved_by": "anand.kulkarni",
            }
            for month in months
            for contract, (amount, currency) in scene.FEES.items()
        ]
    )
