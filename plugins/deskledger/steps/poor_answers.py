"""Every poor answer is told to the team's lead the same day (DESIGN, "CSAT, KPIs"): once, and without its comment."""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger import notify
from deskledger.contract import Contract
from deskledger.errors import ContractError, DeskledgerError
from deskledger.settings import settings
from deskledger.statement.population import within
from deskledger.steps.watch import PoorAnswers, watch_of
from deskledger.warehouse import open_warehouse

_log = logging.getLogger(__name__)

_NEWS = text("""
select
    answer.source,
    answer.survey_id,
    answer.answer_id,
    answer.rating,
    answer.responded_at,
    coalesce(answer.team, ticket.team) as answering_team,
    ticket.*
from core.survey_answer as answer
inner join core.ticket as ticket on answer.ticket_key = ticket.ticket_key
where
    answer.source = any(:sources)
    and answer.rating = any(:poor)
    and answer.responded_at > :since
    and answer.responded_at <= :now
    and not exists (
        select 1
        from quality.poor_answer_told as told
        where
            told.contract = :contract
            and told.source = answer.source
            and told.survey_id = answer.survey_id
            and told.answer_id = answer.answer_id
    )
order by answer.responded_at, answer.survey_id, answer.answer_id
""")
_CLAIM = text("""
insert into quality.poor_answer_told (contract, source, survey_id, answer_id, told_at)
select
    :contract,
    claimed.*,
    :now
from unnest(cast(:sources as text []), cast(:surveys as text []), cast(:answers as text [])) as claimed
on conflict do nothing
returning source, survey_id, answer_id
""")


def tell(now: datetime) -> int:
    """Tell each team's lead of the poor answers that nobody was told of yet, one message a team; how many answers.

    What is poor is the contract's choice; an answer counts here whether or not the statement will count it. Answers
    older than `tell_within` of watch/ are left alone. Two runs at once tell nobody twice: the second waits for what
    the first notes. A run that is killed between telling and noting tells again: better twice than never. The
    contracts go on when one cannot be told; its DeskledgerError is raised at the end.
    """
    loaded, refused = contracts.load_all(settings().contracts)
    for error in refused:
        _log.error("contract left out: %s", error)
    told, failed = 0, []
    for contract in loaded:
        try:
            told += _tell_contract(contract, now)
        except DeskledgerError as error:
            failed.append(error)
    if failed:
        raise failed[0] if len(failed) == 1 else DeskledgerError("\n".join(str(error) for error in failed))
    return told


def _tell_contract(contract: Contract, now: datetime) -> int:
    try:
        csat = contracts.version_at(contract, now).csat
    except ContractError:
        return 0  # not in force yet
    if csat is None:
        return 0
    rules = watch_of(contract.name).poor_answers
    with open_warehouse().begin() as connection:
        news = _claimed(connection, contract, sorted(csat.poor), rules, now)
        for team, answers in news.groupby("answering_team", dropna=False):
            _send(contract, None if pd.isna(team) else str(team), answers, rules, now)
    return len(news)


def _claimed(
    connection: Connection, contract: Contract, poor: list[int], rules: PoorAnswers, now: datetime
) -> pd.DataFrame:
    """The poor answers in the contract's scope that this transaction, and no other, is to tell."""
    bound = {"contract": contract.name, "sources": list(contract.sources), "poor": poor, "now": now}
    rows = connection.execute(_NEWS, {**bound, "since": now - rules.tell_within})
    columns = list(dict.fromkeys(rows.keys()))
    found = pd.DataFrame([dict(row) for row in rows.mappings()], columns=columns)
    found = found[within(found, contract.scope)]
    keys = {"surveys": found["survey_id"].tolist(), "answers": found["answer_id"].tolist()}
    claim = {"contract": contract.name, "sources": found["source"].tolist(), **keys, "now": now}
    won = {tuple(row) for row in connection.execute(_CLAIM, claim)}
    mine = [key in won for key in zip(found["source"], found["survey_id"], found["answer_id"], strict=True)]
    return found[np.array(mine, dtype=bool)]


def _send(contract: Contract, team: str | None, answers: pd.DataFrame, rules: PoorAnswers, now: datetime) -> None:
    zone = ZoneInfo(contract.period.timezone)
    lines = [
        f"{ticket}: {rating} of 5, given {at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        for ticket, rating, at in zip(answers["ticket_id"], answers["rating"], answers["responded_at"], strict=True)
    ]
    number = f"{len(lines)} poor {'answer' if len(lines) == 1 else 'answers'}"
    notify.send(
        event="poor_answers",
        subject=f"Deskledger: {number} for {team or 'no team'} ({contract.title})",
        # The customer's words are personal data, and logs keep this text: they are read where they were written.
        body="\n".join([*lines, "What to do: read the answer in the helpdesk, and speak with the customer."]),
        now=now,
        to=rules.team_leads.get(team or "", ()),
    )
