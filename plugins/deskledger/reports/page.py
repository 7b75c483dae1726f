"""The statement as one self-contained page. Everything that comes from tickets or people is escaped."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from deskledger.reports.record import StatementRecord
from deskledger.reports.view import view


def render(record: StatementRecord, rendered_at: Any) -> str:
    """The report as HTML: one file, no script, nothing fetched."""
    return environment().get_template("statement.html.j2").render(view(record, rendered_at))


def environment() -> Environment:
    """How every page is made: what comes from tickets or people is escaped, what is not given is an error."""
    return Environment(
        loader=PackageLoader("deskledger.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
