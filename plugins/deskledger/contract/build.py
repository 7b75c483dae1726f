"""From a file's checked shape to the frozen terms that the engine takes."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger.contract import checks, schema, terms
from deskledger.contract.definitions import DEFINITIONS
from deskledger.contract.engagement import answers_of
from deskledger.contract.file_schema import ContractFile
from deskledger.contract.file_schema import Version as VersionBlock
from deskledger.contract.first_terms import Opening
from deskledger.contract.penalty_schema import Penalties
from deskledger.contract.quantities import exact_text
from deskledger.contract.review_schema import Review

_CLOCK_CHOICES = ("cycles", "retarget", "at_close", "attribution", "pause", "holders", "counts")
_CLOCK_EVENTS = ("start", "stop", "reset", "cancel", "resume")


def build_contract(shape: ContractFile, file: str, sha256: str, written: str, backs_line: int) -> terms.Contract:
    """The contract of a file without faults; `written` is the canonical form of its words."""
    return terms.Contract(
        name=shape.contract,
        title=shape.title,
        currency=shape.currency,
        parties=dict(shape.parties),
        sources=tuple(shape.sources),
        scope=shape.scope.filter() if shape.scope else {},
        period=terms.Period(
            timezone=shape.period.timezone,
            start_day=shape.period.start_day,
            close_after=shape.period.close_after,
            survey_wait=shape.period.survey_wait,
        ),
        versions=tuple(_version(block, shape.currency) for block in shape.versions),
        file=file,
        sha256=sha256,
        written=written,
        backs=shape.backs,
        opening=_opening(shape.opening) if shape.opening else None,
        backs_line=backs_line,
        ends_on=shape.ends_on,
        review=_review(shape.review),
    )


def _version(block: VersionBlock, currency: str) -> terms.Version:
    levels = {name: _service_level(name, level) for name, level in block.service_levels.items()}
    return terms.Version(
        number=block.number,
        effective_from=block.effective_from,
        author=block.author,
        restates=tuple(block.restates),
        calendars={name: _calendar(calendar) for name, calendar in block.calendars.items()},
        clocks=tuple(_clock(name, clock) for name, clock in block.clocks.items()),
        csat=_csat(block.csat) if block.csat else None,
        service_levels=tuple(levels.values()),
        penalties=_shared(block, _penalties(block.penalties, levels, block.csat, currency)),
        engagement=_engagement(block),
        exclusions=tuple(
            terms.Reason(name, reason.clause, reason.title, reason.effect) for name, reason in block.exclusions.items()
        ),
    )


def _review(block: Review | None) -> terms.Review:
    if block is None:
        return terms.Review()
    number, _, unit = (block.within or "").partition(" ")
    return terms.Review(
        within=timedelta(seconds=int(number)) if unit == "s" else None,
        within_open_days=int(number) if unit == "business days" else None,
        calendar=block.calendar,
        then=block.then or "nothing",
        to=block.to,
        clause=block.clause,
        authority=tuple(
            terms.Authority(
                None if line.approvers is None else tuple(line.approvers),
                None if line.up_to is None else terms.money(line.up_to),
            )
            for line in block.authority
        ),
        second_above_amount=None if block.second_above is None else terms.money(block.second_above),
    )


def _opening(opening: Opening) -> terms.OpeningBalances:
    words = {"failed": 1, "met": 0, "no_data": None}
    return terms.OpeningBalances(
        until=opening.until,
        history={name: tuple(words[month] for month in months) for name, months in opening.history.items()},
        points=tuple(opening.points),
        caps_used=dict(opening.caps_used),
        rolling={
            name: tuple((Fraction(month.num), month.den) for month in months)
            for name, months in opening.rolling.items()
        },
        late=dict(opening.late),
    )


def _engagement(block: VersionBlock) -> dict[str, Any]:
    if block.engagement is None:
        return {}
    answers = answers_of(block.engagement, block.service_levels, block.clocks)
    return {"level": block.engagement.level, "shared_pct": block.engagement.shared, "answers": answers}


def _shared(block: VersionBlock, priced: dict[str, Any]) -> dict[str, Any]:
    """The penalties, with those of shared service levels reduced to the provider's part."""
    answers = _engagement(block).get("answers", {})
    for term in priced["terms"]:
        if answers.get(term["measure"]) == "shared" and block.engagement is not None:
            part = Fraction(str(block.engagement.shared)) / 100
            term["multiplier"] = exact_text(Fraction(term.get("multiplier", "1")) * part)
    return priced


def _calendar(calendar: schema.Calendar) -> dict[str, Any]:
    if calendar.always:
        return {"timezone": calendar.timezone, "always": True}
    hours = {day: intervals for days, intervals in calendar.weekly.items() for day in days}
    given: dict[str, Any] = {
        "timezone": calendar.timezone,
        "weekly": {day: hours.get(day, []) for day in schema.WEEKDAYS},
        "holidays": [day.isoformat() for day in calendar.holidays],
        "special_days": {day.isoformat(): intervals for day, intervals in calendar.special_days.items()},
    }
    if calendar.country:
        given["country"] = calendar.country
    if calendar.region:
        given["region"] = calendar.region
    return given


def _clock(name: str, clock: schema.Clock) -> terms.ClockTerms:
    parts: dict[str, Any] = dict(DEFINITIONS[clock.use]) if clock.use else {}
    for word in _CLOCK_EVENTS:
        matches = getattr(clock, word)
        if matches is not None:
            parts[word] = tuple(_event_match(match) for match in matches)
    for word in _CLOCK_CHOICES:
        choice = getattr(clock, word)
        if choice is not None:
            parts[word] = choice
    if clock.targets is not None:
        parts["targets"] = tuple(_target(target) for target in clock.targets)
    if clock.resume_within is not None:
        parts["resume_within_us"] = clock.resume_within // timedelta(microseconds=1)
    if clock.held_by is not None:
        parts["held_by"] = tuple(terms.HolderRule(rule.filter(), rule.side, rule.name) for rule in clock.held_by)
    if clock.calendars is not None:
        parts["calendars"] = tuple(terms.CalendarChoice(each.filter(), each.calendar) for each in clock.calendars)
    else:
        parts["calendars"] = (terms.CalendarChoice({}, str(clock.calendar)),)
    return terms.ClockTerms(name=name, clause=clock.clause, **parts)


def _event_match(match: schema.EventMatch) -> terms.EventMatch:
    return terms.EventMatch(
        kind=match.kind,
        values=match.value,
        previous_values=match.previous_value,
        actor_roles=match.actor_role,
        is_public=match.is_public,
        is_change=match.is_change,
    )


def _target(target: schema.Target) -> terms.Target:
    open_us, open_days = target.within or (None, None)
    return terms.Target(target.filter(), open_us, open_days, until=target.until, day_end=target.day_end)


def _csat(csat: schema.Csat) -> terms.CsatTerms:
    return terms.CsatTerms(
        clause=csat.clause,
        good=csat.good,
        neutral=csat.neutral,
        poor=csat.poor,
        denominator=csat.denominator,
        answers=csat.answers,
        attribution=csat.attribution,
        acknowledged=csat.acknowledged,
    )


def _service_level(name: str, level: schema.ServiceLevel) -> terms.ServiceLevel:
    statistic = checks.statistic_of(level)
    percentile = Fraction(statistic[1:]) if statistic.startswith("p") else None
    if level.clock is not None:
        measured = terms.Measure(
            subject="clock",
            name=level.clock,
            statistic="percentile" if percentile is not None else statistic,  # type: ignore[arg-type]
            percentile=percentile,
            side=level.side,
        )
    elif level.csat is not None:
        measured = terms.Measure(subject="csat", name=level.csat, statistic="share", side=level.side)
    else:
        measured = terms.Measure(subject="kpi", name=str(level.kpi), statistic=statistic, side=level.side)  # type: ignore[arg-type]
    return terms.ServiceLevel(
        name=name,
        clause=level.clause,
        measure=measured,
        operator=level.objective.operator,
        target=Fraction(level.objective.quantity.text),
        population=level.population.filter() if level.population else {},
        window_months=level.window.months if level.window else 1,
        window_mode=level.window.mode if level.window else "pooled",
        title=level.title,
        minimum_sample=_minimum_sample(level.minimum_sample) if level.minimum_sample else None,
    )


def _minimum_sample(written: schema.MinimumSample) -> terms.MinimumSample:
    return terms.MinimumSample(written.answers, written.otherwise, written.months or 1, written.to)


def _penalties(
    block: Penalties | None, levels: Mapping[str, terms.ServiceLevel], csat: schema.Csat | None, currency: str
) -> dict[str, Any]:
    if block is None:
        return {"currency": currency, "bases": {}, "terms": []}
    priced: dict[str, Any] = {"currency": currency, **block.model_dump(exclude_none=True, exclude={"pools", "events"})}
    if block.events:
        priced["events"] = {term: event for event, named in block.events.items() for term in named}
    for term in priced["terms"]:
        level = levels[term["measure"]]
        schedule = term["schedule"]
        if schedule["kind"] in {"threshold", "shortfall"}:
            schedule.setdefault("op", level.operator)
            schedule.setdefault("target", _exact(level.target))
        elif schedule["kind"] == "expected_min":
            schedule.setdefault("op", level.operator)
        elif schedule["kind"] == "per_item":
            schedule["unit_seconds"] = schedule.pop("unit")
        if level.measure.subject == "csat" and csat is not None:
            term["csat"] = {"which": level.measure.name, "denominator": csat.denominator}
        if level.minimum_sample is not None:
            term["gate"] = {**(term.get("gate") or {}), "min_den": level.minimum_sample.answers}
        if level.window_months > 1:
            term["window_agg"] = level.window_mode
        if level.measure.statistic not in {"share", "share_met"}:
            # Percentages may be rounded before they are compared; a time or a count never is.
            term["unit"] = "count" if level.measure.statistic == "count" else "seconds"
    return priced


def _exact(number: Fraction) -> str:
    decimal = Decimal(number.numerator) / Decimal(number.denominator)
    return format(decimal.normalize(), "f")
