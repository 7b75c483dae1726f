"""Surveys: sent to a sample of resolved tickets, answered by few, by the unhappy more often, by some of them twice."""

import numpy as np
import pandas as pd

from deskledger.sources.demo import people, scene
from deskledger.sources.demo.life import Desk

_HOUR = 3600

# What people write, by rating from 1 to 5. Some of it is hostile to careless readers: mark-up, a formula, quotes.
COMMENTS = (
    ("Nobody called me back.", "Third time this month, <b>third</b>!", "=SUM(1,1) is what I had to teach them", ""),
    ("Too slow; we had to chase.", "Solved, but the shop stood still for a day", "La respuesta llegó tarde", ""),
    ("OK", "", "", "It works again, not sure why"),
    ("Good, thanks", "", "", 'Quick, though "quick" took a morning'),
    ("Excellent!", "", "", "¡Muchas gracias, Pilar!", "Perfect, as always"),
)


def surveys(rng: np.random.Generator, desk: Desk, ticket_ids: np.ndarray) -> pd.DataFrame:
    """One row a sent survey (answer "sent") and one an answer, with `at`: the instant that decides the row's file.

    Columns as in surveys-*.csv; instants are seconds UTC (-1: none), `rating` 0 where there is none.
    """
    habits = desk.habits
    is_sent = (desk.last_resolved >= 0) & (rng.random(desk.size) < habits.surveyed)
    is_sent &= desk.account != scene.INTERNAL
    sent = np.flatnonzero(is_sent)
    sent_at = desk.last_resolved[sent] + habits.survey_after_hours * _HOUR
    rating = _ratings(rng, desk, sent)
    likelihood = np.array(habits.answered_by_rating)[rating - 1]
    answers = rng.random(sent.size) < likelihood
    again = answers & (rng.random(sent.size) < habits.answered_twice)
    first_at = sent_at + np.minimum(
        rng.lognormal(np.log(habits.answer_hours * _HOUR), habits.answer_spread, sent.size), 27 * 24 * _HOUR
    ).astype(np.int64)
    second_at = first_at + rng.integers(6 * _HOUR, 60 * _HOUR, sent.size)
    second = np.clip(rating + rng.choice((-2, -1, 1, 2), sent.size), 1, 5)
    choice = rng.random(sent.size)
    parts = [
        _part(sent, sent_at, "sent", np.full(sent.size, -1), np.zeros(sent.size, dtype=np.int64), choice),
        _part(sent[answers], sent_at[answers], "1", first_at[answers], rating[answers], choice[answers]),
        _part(sent[again], sent_at[again], "2", second_at[again], second[again], choice[again]),
    ]
    rows = pd.concat(parts, ignore_index=True)
    ticket = rows["ticket"].to_numpy()
    rows["survey"] = np.char.replace(ticket_ids[ticket], "MS", "SV")
    rows["team"] = np.array([team.name for team in scene.TEAMS])[desk.team[ticket]]
    rows["agent"] = people.agent_names()[desk.agent[ticket]]
    rows["ticket"] = ticket_ids[ticket]
    rows["at"] = np.where(rows["responded_at"] >= 0, rows["responded_at"], rows["sent_at"])
    return rows.sort_values(["at", "survey", "answer"], kind="stable", ignore_index=True)


def _ratings(rng: np.random.Generator, desk: Desk, tickets: np.ndarray) -> np.ndarray:
    """1..5: the later the work and the more often it came back, the worse."""
    mood = rng.normal(0.0, 1.0, tickets.size)
    mood -= desk.habits.rating_by_lateness * np.log(desk.lateness[tickets])
    mood -= desk.habits.rating_by_reopening * desk.is_reopened[tickets]
    return 1 + np.searchsorted(np.array(desk.habits.rating_cuts), mood)


def _part(
    ticket: np.ndarray, sent_at: np.ndarray, answer: str, at: np.ndarray, rating: np.ndarray, choice: np.ndarray
) -> pd.DataFrame:
    comment = np.full(ticket.size, "", dtype=object)
    for index, pool in enumerate(COMMENTS):
        mine = rating == index + 1
        comment[mine] = np.array(pool, dtype=object)[(choice[mine] * len(pool)).astype(np.int64)]
    return pd.DataFrame(
        {
            "ticket": ticket,
            "sent_at": sent_at,
            "answer": answer,
            "responded_at": at,
            "rating": rating,
            "comment": comment,
        }
    )
