"""The generated scene: the same for the same seed, possible in every row, and of the shape that docs/demo.md says."""

from pathlib import Path

import holidays
import pandas as pd
import pytest

from deskledger.sources import demo
from deskledger.sources.demo import dirt, files, scene
from deskledger.sources.event_log import fates, mapping, normalise
from deskledger.sources.event_log.sections import RoleColumn

SMALL = {"seed": 7, "tickets_per_month": 300}


def read(folder: Path, pattern: str) -> pd.DataFrame:
    parts = [
        pd.read_csv(path, dtype=str, keep_default_na=False).assign(file=path.name)
        for path in sorted(folder.glob(pattern))
    ]
    return pd.concat(parts, ignore_index=True)


def instants(texts: pd.Series) -> pd.Series:
    return pd.to_datetime(texts, utc=True, format="ISO8601")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, demo.Summary]:
    folder = tmp_path_factory.mktemp("small")
    return folder, demo.generate(folder, **SMALL)


@pytest.fixture(scope="module")
def events(small: tuple[Path, demo.Summary]) -> pd.DataFrame:
    """The clean rows in order of ticket and sequence, with instants beside the texts."""
    folder, summary = small
    rows = read(folder, "tickets-*.csv.gz")
    rows = rows[~rows["ticket"].isin(list(summary.dirt.values()))]
    rows = rows.assign(occurred=instants(rows["at"]), created=instants(rows["created_at"]), seq=rows["seq"].astype(int))
    return rows.sort_values(["ticket", "seq"], ignore_index=True)


@pytest.fixture(scope="module")
def surveys(small: tuple[Path, demo.Summary]) -> pd.DataFrame:
    return read(small[0], "surveys-*.csv")


def test_the_same_seed_gives_the_same_bytes(small: tuple[Path, demo.Summary], tmp_path: Path) -> None:
    folder, summary = small
    assert demo.generate(tmp_path, **SMALL) == summary
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(summary.files)
    for name in summary.files:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_another_seed_gives_another_scene(small: tuple[Path, demo.Summary], tmp_path: Path) -> None:
    demo.generate(tmp_path, seed=8, tickets_per_month=300)
    name = "tickets-2026-01.csv.gz"
    assert (tmp_path / name).read_bytes() != (small[0] / name).read_bytes()


def test_a_file_a_history_month_then_one_a_day(small: tuple[Path, demo.Summary]) -> None:
    partitions = ["2026-01", "2026-02", "2026-03", *(f"2026-04-{day:02d}" for day in range(1, 11))]
    expected = {"accounts.csv", "teams.csv", "agents.csv", "charges.csv"}
    expected |= {f"tickets-{each}.csv.gz" for each in partitions} | {f"surveys-{each}.csv" for each in partitions}
    assert set(small[1].files) == expected


@pytest.mark.parametrize(
    ("months", "extra_days", "partitions"),
    [
        (("2026-01",), 0, ["2026-01"]),
        (("2025-12", "2026-01"), 1, ["2025-12", "2026-01", "2026-02-01"]),
    ],
)
def test_months_and_days_are_arguments(
    tmp_path: Path, months: tuple[str, ...], extra_days: int, partitions: list[str]
) -> None:
    demo.generate(tmp_path, seed=1, tickets_per_month=50, months=months, extra_days=extra_days)
    assert sorted(path.name for path in tmp_path.glob("tickets-*")) == [f"tickets-{each}.csv.gz" for each in partitions]


def test_a_scene_that_ends_within_the_outage_is_written(tmp_path: Path) -> None:
    summary = demo.generate(tmp_path, **SMALL, months=["2026-03"], extra_days=10)
    assert summary.files[-2:] == ("tickets-2026-04-10.csv.gz", "surveys-2026-04-10.csv")


def test_months_with_a_gap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without gaps"):
        demo.generate(tmp_path, months=("2026-01", "2026-03"))


def test_a_file_holds_the_rows_of_its_month_or_day_in_madrid(events: pd.DataFrame, surveys: pd.DataFrame) -> None:
    local = events["occurred"].dt.tz_convert("Europe/Madrid").dt.strftime("%Y-%m-%d")
    partition = events["file"].str.removeprefix("tickets-").str.removesuffix(".csv.gz")
    assert all(day.startswith(name) for day, name in zip(local, partition, strict=True))
    decisive = instants(surveys["responded_at"].where(surveys["responded_at"] != "", surveys["sent_at"]))
    local = decisive.dt.tz_convert("Europe/Madrid").dt.strftime("%Y-%m-%d")
    partition = surveys["file"].str.removeprefix("surveys-").str.removesuffix(".csv")
    assert all(day.startswith(name) for day, name in zip(local, partition, strict=True))


@pytest.mark.parametrize("tickets_per_month", [200, 800])
def test_the_scale_is_an_argument(tmp_path: Path, tickets_per_month: int) -> None:
    summary = demo.generate(tmp_path, seed=3, tickets_per_month=tickets_per_month, extra_days=0)
    expected = 3 * tickets_per_month  # Poisson: its standard deviation is the root
    assert abs(summary.tickets - expected) < 4 * expected**0.5


def test_sequence_rises_by_one_and_time_never_runs_back(events: pd.DataFrame) -> None:
    by_ticket = events.groupby("ticket")
    assert (events["seq"] == by_ticket.cumcount() + 1).all()
    assert (by_ticket["occurred"].diff().dropna() >= pd.Timedelta(0)).all()


def test_nothing_happens_before_its_ticket_and_the_first_row_is_the_creation(events: pd.DataFrame) -> None:
    assert (events["occurred"] >= events["created"]).all()
    first = events[events["seq"] == 1]
    assert (first["occurred"] == first["created"]).all()
    assert set(first["state"]) == {"New"}
    assert set(first["agent"]) == {""}


def test_every_word_is_one_that_the_mapping_knows(events: pd.DataFrame) -> None:
    terms = mapping.load(Path(__file__).parents[2] / "mappings" / "demo.yaml").events
    assert terms.activity is not None
    assert isinstance(terms.actor.role, RoleColumn)
    assert set(events["state"]) == set(terms.status.words)
    assert set(events["activity"]) == {"", *terms.activity.words}
    assert set(events["actor_role"]) == set(terms.actor.role.words)
    assert set(events["priority"]) == {"P1", "P2", "P3", "P4"}


def test_the_mapping_reads_columns_that_the_files_have(small: tuple[Path, demo.Summary]) -> None:
    terms = mapping.load(Path(__file__).parents[2] / "mappings" / "demo.yaml")
    assert set(terms.columns_of("events")) <= set(files.TICKET_COLUMNS)
    for section, name in [
        ("survey_answers", "surveys-2026-01.csv"),
        ("accounts", "accounts.csv"),
        ("teams", "teams.csv"),
        ("agents", "agents.csv"),
        ("charges", "charges.csv"),
    ]:
        assert set(terms.columns_of(section)) <= set(pd.read_csv(small[0] / name, nrows=0).columns), section


def test_a_state_follows_only_states_that_lead_to_it(events: pd.DataFrame) -> None:
    before = events.groupby("ticket")["state"].shift()
    moves = set(zip(before, events["state"], strict=True)) - {(state, state) for state in scene.STATES}
    moves = {(old, new) for old, new in moves if isinstance(old, str)}
    assert moves == {
        ("New", "In Progress"),
        ("New", "Closed"),  # merged or deleted before anybody took it
        ("In Progress", "Closed"),
        ("In Progress", "Awaiting Customer"),
        ("Awaiting Customer", "In Progress"),
        ("In Progress", "Awaiting Vendor"),
        ("Awaiting Vendor", "In Progress"),
        ("In Progress", "Resolved"),
        ("Resolved", "Reopened"),
        ("Reopened", "Resolved"),
        ("Resolved", "Closed"),
    }


def test_agents_work_in_their_own_country_hours_unless_it_is_urgent(
    small: tuple[Path, demo.Summary], events: pd.DataFrame
) -> None:
    people = pd.read_csv(small[0] / "agents.csv").merge(pd.read_csv(small[0] / "teams.csv"), on=["team", "country"])
    work = events[events["actor_role"] == "agent"].merge(
        people, left_on="actor", right_on="agent", suffixes=("", "_of")
    )
    assert len(work) == (events["actor_role"] == "agent").sum()
    assert set(work["country"]) == {"ES", "IN"}
    outside = []
    for (zone, country, opens, closes), rows in work.groupby(["timezone", "country", "opens", "closes"]):
        local = rows["occurred"].dt.tz_convert(zone)
        free = holidays.country_holidays(country, subdiv={"ES": "MD", "IN": "MH"}[country], years=2026)
        clock = local.dt.strftime("%H:%M:%S")
        at_work = (local.dt.weekday < 5) & ~local.dt.date.isin(list(free)) & (clock >= opens) & (clock < closes)
        outside.append(rows[~at_work])
    called = pd.concat(outside)
    assert set(called["priority"]) == {"P1"}  # somebody was on call, and nothing else was done out of hours


def test_arrivals_follow_the_hour_and_the_weekday(events: pd.DataFrame) -> None:
    local = events.loc[events["seq"] == 1, "created"].dt.tz_convert("Europe/Madrid")
    assert (local.dt.hour.between(9, 12)).sum() > 5 * (local.dt.hour.between(1, 4)).sum()
    a_weekday, a_weekend_day = (local.dt.weekday < 5).sum() / 5, (local.dt.weekday >= 5).sum() / 2
    assert a_weekday > 3 * a_weekend_day > 0


def test_nobody_writes_before_the_first_day_of_their_own_zone(events: pd.DataFrame) -> None:
    created = events.groupby("account")["created"].min()
    assert created["alder-retail"] >= pd.Timestamp("2026-01-01", tz="Europe/Madrid")
    assert created["brisa-stores"] >= pd.Timestamp("2026-01-01", tz="America/New_York")


def test_levels_only_go_up_as_the_escalations_say(events: pd.DataFrame) -> None:
    level = events["support_level"].astype(int)
    before = level.groupby(events["ticket"]).shift()
    risen = level > before
    assert (level >= before.fillna(1)).all()
    assert (events.loc[risen, "activity"] == "escalated").all()
    says = events.loc[risen, "activity_value"].str.removesuffix(" undue")
    goes = "L" + before[risen].astype(int).astype(str) + ">L" + level[risen].astype(str)
    assert (says == goes).all()
    assert set(events.loc[events["activity"] == "escalated", "activity_value"]) == set(scene.ESCALATIONS)


def test_priorities_change_both_ways(events: pd.DataFrame) -> None:
    number = events["priority"].str[1].astype(int)
    step = number.groupby(events["ticket"]).diff()
    assert {-1.0, 1.0} <= set(step.dropna()) <= {-1.0, 0.0, 1.0}


def test_some_etas_are_missed_and_most_are_kept(events: pd.DataFrame) -> None:
    resolved = events[events["state"] == "Resolved"].groupby("ticket")["occurred"].first()
    etas = events[events["activity"] == "eta"].join(resolved.rename("resolved"), on="ticket").dropna(subset="resolved")
    promised = instants(etas["activity_value"])
    assert (promised > etas["occurred"]).all()
    assert 0.7 < (promised >= etas["resolved"]).mean() < 0.97


def test_merges_name_a_ticket_of_the_same_account(events: pd.DataFrame) -> None:
    account = events.groupby("ticket")["account"].first()
    merged = events[events["activity"] == "merged"]
    assert len(merged) > 0
    assert (merged["activity_value"].map(account) == merged["account"]).all()
    assert (merged["activity_value"] != merged["ticket"]).all()


def test_a_few_tickets_are_open_at_the_end(events: pd.DataFrame) -> None:
    last = events.groupby("ticket")["state"].last()
    assert 0 < (~last.isin(["Resolved", "Closed"])).mean() < 0.1


def test_about_15_pct_of_the_surveys_are_answered_and_some_twice(surveys: pd.DataFrame) -> None:
    sent, answered = surveys[surveys["answer"] == "sent"], surveys[surveys["answer"] == "1"]
    assert sent["survey"].is_unique
    assert set(answered["survey"]) <= set(sent["survey"])
    assert 0.11 < len(answered) / len(sent) < 0.19
    again = surveys[surveys["answer"] == "2"]
    assert 0 < len(again) < 0.15 * len(answered)
    assert set(again["survey"]) <= set(answered["survey"])


def test_surveys_follow_resolutions_and_answers_follow_surveys(events: pd.DataFrame, surveys: pd.DataFrame) -> None:
    resolved = events[events["state"] == "Resolved"].groupby("ticket")["occurred"].last()
    of_clean = surveys[surveys["ticket"].isin(resolved.index)]
    wait = instants(of_clean["sent_at"]) - of_clean["ticket"].map(resolved)
    assert set(wait) == {pd.Timedelta(hours=24)}
    answered = surveys[surveys["answer"] != "sent"]
    assert (instants(answered["responded_at"]) > instants(answered["sent_at"])).all()
    assert set(answered["rating"]) == {"1", "2", "3", "4", "5"}
    assert (surveys.loc[surveys["answer"] == "sent", ["rating", "responded_at"]] == "").all().all()


def test_the_unhappy_answer_more_often_than_they_are(tmp_path: Path) -> None:
    def poor_share(habits: scene.Habits, name: str) -> float:
        demo.generate(tmp_path / name, seed=5, tickets_per_month=1000, extra_days=0, habits=habits)
        rating = read(tmp_path / name, "surveys-*.csv")["rating"]
        return float(rating[rating != ""].isin(["1", "2"]).mean())

    everyone = scene.Habits(answered_by_rating=(1.0,) * 5)
    assert poor_share(scene.Habits(), "some") > poor_share(everyone, "all")


def test_each_contract_is_charged_each_month_by_two_people(small: tuple[Path, demo.Summary]) -> None:
    charges = pd.read_csv(small[0] / "charges.csv", dtype=str)
    found = set(zip(charges["contract"], charges["period"], charges["kind"], charges["currency"], strict=True))
    months = ("2026-01", "2026-02", "2026-03")
    assert found == {
        (name, month, "monthly_fee", unit) for name, unit in (("alder", "EUR"), ("brisa", "USD")) for month in months
    }
    assert (charges["imported_by"] != charges["approved_by"]).all()
    assert charges["amount"].str.fullmatch(r"\d+\.\d\d").all()


def test_the_dirt_is_five_rows_of_the_last_month_outside_all_contracts(tmp_path: Path) -> None:
    summary = demo.generate(tmp_path, seed=2, tickets_per_month=1500)
    rows = read(tmp_path, "tickets-*.csv.gz")
    assert list(summary.dirt) == list(dirt.KINDS)
    assert len(set(summary.dirt.values())) == len(dirt.KINDS)
    unknown = rows[~rows["state"].isin(list(scene.STATES))]
    unparsable = rows[pd.to_datetime(rows["at"], utc=True, format="ISO8601", errors="coerce").isna()]
    rest = rows.drop(unparsable.index)
    early = rest[instants(rest["at"]) < instants(rest["created_at"])]
    twice = rows[rows.duplicated()]
    found = {"unknown status": unknown, "unparsable instant": unparsable, "event before its ticket": early}
    for kind, spoilt in {**found, "row written twice": twice}.items():
        assert list(spoilt["ticket"]) == [summary.dirt[kind]], kind
        assert list(spoilt["account"]) == ["meridian-internal"], kind
        assert list(spoilt["file"]) == ["tickets-2026-03.csv.gz"], kind
    corrected = rows[rows.duplicated(["ticket", "seq", "at"], keep=False) & ~rows.duplicated(keep=False)]
    assert list(corrected["ticket"]) == [summary.dirt["row corrected later"]] * 2
    assert list(corrected["file"]) == ["tickets-2026-03.csv.gz", "tickets-2026-04-01.csv.gz"]
    assert corrected["severity"].nunique() == 2
    assert summary.events == len(rows)


def test_nothing_is_corrected_later_when_nothing_comes_later(tmp_path: Path) -> None:
    summary = demo.generate(tmp_path, seed=2, tickets_per_month=1500, extra_days=0)
    assert list(summary.dirt) == [kind for kind in dirt.KINDS if kind != "row corrected later"]


def test_each_kind_of_dirt_has_the_fate_that_is_said_of_it(tmp_path: Path) -> None:
    summary = demo.generate(tmp_path, seed=2, tickets_per_month=1500)
    rows = read(tmp_path, "tickets-*.csv.gz")
    place = rows["file"].rank(method="dense").astype(int)
    origin = pd.DataFrame(
        {
            "page_sha256": rows["file"],
            "record_no": rows.index,
            "file": rows["file"],
            "line": rows.index,
            "landed_order": place,
            "is_extracted": True,
        }
    )
    terms = mapping.load(Path(__file__).parents[2] / "mappings" / "demo.yaml")
    settled = pd.Series(fates.FATES)[normalise.normalise(terms, rows, origin).fates].to_numpy()
    unusual = rows[settled != "loaded"].assign(fate=settled[settled != "loaded"])
    expected = {(summary.dirt[kind], fate) for kind, fate in dirt.KINDS.items()}
    assert set(zip(unusual["ticket"], unusual["fate"], strict=True)) == expected
    assert len(unusual) == len(dirt.KINDS)
