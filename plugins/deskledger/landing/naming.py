"""Which people and which texts a name means, before either is erased."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

_AT_A_TIME = 10_000


@dataclass
class Named:
    """The tokens that one name means: of people who are called so, and of texts that have the name in them."""

    people: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)


def named(connection: Connection, source: str, names: Sequence[str], *, with_texts: bool) -> dict[str, Named]:
    """What each name means among a source's people and, if asked, its texts; the names as they were given.

    A person has the whole name, however it is capitalised or spaced. A text has it as whole words: "Ann" is in
    "Thanks,Ann" and not in "Annual". A name with a digit or an @ in it is also no part of a longer number or address:
    "4711" is neither in "INV-4711" nor in "4711.50", and "ann@example.com" not in "mary-ann@example.com".
    """
    wanted = [(Named(), _alike(name), _in_text(_alike(name))) for name in names]
    rows = connection.execute(
        text("select token, kind, value from personal.token where source = :source and (kind = 'person' or :texts)"),
        {"source": source, "texts": with_texts},
        execution_options={"yield_per": _AT_A_TIME},
    )
    for token, kind, value in rows:
        value = _alike(value)
        for meant, name, pattern in wanted:
            if kind == "person" and value == name:
                meant.people.add(token)
            elif kind == "text" and pattern.search(value):
                meant.texts.add(token)
    return dict(zip(names, (meant for meant, _, _ in wanted), strict=True))


def says_somebody(name: str) -> bool:
    """Whether there is a letter or a digit in it: what has none is in no person's name and around every text."""
    return any(each.isalnum() for each in name)


def _alike(written: str) -> str:
    """What two ways to write the same have in common: composed letters, one case, one space between words."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", written).casefold()).split())


def _in_text(name: str) -> re.Pattern[str]:
    before, after = r"(?<![^\W_])", r"(?![^\W_])"  # a name may stand between underlines: _Ann_
    if re.search(r"[\d@]", name):
        before, after = r"(?<!\w)(?<!\w[-.+])(?<!\d,)", r"(?!\w)(?![-.+]\w)(?!,\d)"
    return re.compile(before + re.escape(name) + after)
