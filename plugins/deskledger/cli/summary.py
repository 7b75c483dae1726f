"""What a run came to, for a person at a terminal: each contract's months, their state and money."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine, text

from deskledger.settings import Settings


@dataclass(frozen=True)
class Month:
    """The newest draft of one contract's month, how it stands, and what holds it up (None: nothing does)."""

    contract: str
    period: str
    state: str
    draft: int
    currency: str
    credit_amount: Decimal
    failed_levels: int
    levels: int
    decided_by: str | None
    held_up: str | None


_MONTHS = text("""
with drafts as (
    select distinct on (contract, period) *
    from ledger.draft_state
    order by contract, period, (state = 'posted') desc, number desc
),

levels as (
    select
        draft_id,
        count(*) as levels,
        count(*) filter (where status = 'breached') as failed_levels
    from ledger.draft_level
    group by draft_id
)

select
    drafts.contract,
    drafts.period,
    drafts.state,
    drafts.number as draft,
    drafts.currency,
    drafts.credit_amount,
    coalesce(levels.failed_levels, 0) as failed_levels,
    coalesce(levels.levels, 0) as levels,
    drafts.decided_by,
    held_up.reason as held_up
from drafts
left join levels on drafts.draft_id = levels.draft_id
left join ledger.held_up as held_up on drafts.contract = held_up.contract and drafts.period = held_up.period
order by drafts.contract, drafts.period
""")


def months(engine: Engine) -> list[Month]:
    """Every contract month that has a draft, oldest first within its contract."""
    with engine.connect() as connection:
        return [Month(**row) for row in connection.execute(_MONTHS).mappings()]


def print_months(engine: Engine) -> None:
    """The months as a table, and the posted total of each currency."""
    found = months(engine)
    if not found:
        print("No statement has been drafted yet.")
        return
    print(f"{'contract':<12} {'month':<8} {'state':<10} {'service levels met':>18} {'credit':>16}  decided by")
    for month in found:
        met = f"{month.levels - month.failed_levels} of {month.levels}"
        credit = f"{month.credit_amount:,.2f} {month.currency}"
        print(
            f"{month.contract:<12} {month.period:<8} {month.state.replace('_', ' '):<10} {met:>18} {credit:>16}"
            f"  {month.decided_by or '-'}"
        )
        if month.held_up:
            print(f"{'':<13}waits: {month.held_up}")
    for currency in sorted({month.currency for month in found}):
        posted = sum(
            (month.credit_amount for month in found if month.state == "posted" and month.currency == currency),
            Decimal(),
        )
        print(f"posted in all: {posted:,.2f} {currency}")


def print_places(settings: Settings, *, url: str | None, passwords: dict[str, str]) -> None:
    """Where statements and reports lie, and how to open the UI."""
    print(f"statements and reports  {settings.reports}/<contract>/<month>/")
    for page in sorted(settings.reports.glob("*/*/*.html")):
        print(f"                        {page.relative_to(settings.reports)}")
    print("ledger                  `deskledger status`, or the schema `ledger` of the warehouse")
    if url:
        print(f"Airflow                 {url}")
        for user, password in passwords.items():
            print(f"                        {user} / {password}")
    else:
        print("Airflow                 `make up` leaves the UI on loopback and prints its address and logins")
