"""The quality page: what became of each source's records. One file, no script, nothing fetched; all text escaped."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from deskledger.reports.page import environment

_TONES = {"critical": "breached", "warning": "warned", "info": "no_data"}


def render(found: Mapping[str, Any], rendered_at: datetime) -> str:
    """The page of what `steps.quality.overview` gives."""
    return (
        environment()
        .get_template("quality.html.j2")
        .render(
            sources=[{**each, "suites": _suites(each["suites"])} for each in found["sources"]],
            cycles=_suites(found["cycles"]),
            rendered_at=rendered_at,
            tones=_TONES,
        )
    )


def _suites(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each suite's rules, broken ones first, with how many rows broke them and some of those."""
    return [
        {
            **verdict,
            "rows": verdict["statistics"]["rows"],
            "rules": sorted(
                (
                    {"unexpected": None, "examples": [], **rule, "examples_told": _told(rule.get("examples", []))}
                    for rule in verdict["statistics"]["rules"]
                ),
                key=lambda rule: bool(rule["success"]),
            ),
        }
        for verdict in verdicts
    ]


def _told(examples: Iterable[Mapping[str, str]]) -> str:
    return "; ".join(" ".join(f"{name} {value}" for name, value in example.items()) for example in examples)
