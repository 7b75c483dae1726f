"""What to do about a row that breaks a rule of the reader (rows, tables): who can mend it, and where."""

from fnmatch import fnmatch

_WORD = "add the word to mappings/{source}.yaml (null: it says nothing), then replay"
_AGAIN = (
    "have the record exported again: a later file's row takes its place; or correct mappings/{source}.yaml and replay"
)
# The first pattern that fits a rule's name holds.
_REMEDIES = (
    ("*_unknown", _WORD),
    ("*_unreadable", "translate the word in mappings/{source}.yaml, then replay"),
    ("event_before_ticket", "ask the desk which of the two instants is right, and have the record exported again"),
    ("*_not_an_instant", _AGAIN),
    ("*_not_a_number", _AGAIN),
    ("*_not_an_amount", _AGAIN),
    ("*_missing", "a broken line, or no record at all: have it exported again"),
)


def remedy(source: str, rule: str) -> str | None:
    """What to do about a row of the source that breaks the rule; None for a rule that is not the reader's."""
    fitting = (words for pattern, words in _REMEDIES if fnmatch(rule, pattern))
    found = next(fitting, None)
    return found and found.format(source=source)
