"""Raw pages on disk: written once under the hash of their content, checked when read, swept when nothing names them."""

import gzip
import os
import zlib
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from deskledger.errors import LandingError

_SUFFIX = ".page.gz"
_OWNER = "warehouse.id"


def claim(landing: Path, warehouse_id: str) -> None:
    """Makes sure that the landing folder is this warehouse's; the first one that lands there owns it.

    Raises LandingError for another's: its pages would look like nobody's here, and be swept.
    """
    path = landing / _OWNER
    if not path.exists():
        landing.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{_OWNER}.{os.getpid()}")
        scratch.write_text(f"{warehouse_id}\n", encoding="ascii")
        scratch.replace(path)
    owner = path.read_text(encoding="utf-8").strip()
    if owner != warehouse_id:
        raise LandingError(
            f"the landing folder belongs to the warehouse {owner}, this one is {warehouse_id}",
            where=str(path),
            remedy="go back to that warehouse (DESKLEDGER_WAREHOUSE, or the connection), or give this one a folder of"
            " its own (DESKLEDGER_LANDING); only if that warehouse is gone for good, move its folder away",
        )


def write(folder: Path, content: bytes) -> tuple[str, str]:
    """Keeps a page and gives its sha256 (of the content, unpacked) and its path relative to `folder`.

    The file appears whole or not at all; the same content is kept once.
    """
    digest = sha256(content).hexdigest()
    relative = f"{digest[:2]}/{digest}{_SUFFIX}"
    path = folder / relative
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        with scratch.open("wb") as file:
            # mtime=0: equal content gives equal bytes. Level 3 packs nearly as well as 9 in a third of the time.
            file.write(gzip.compress(content, compresslevel=3, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    return digest, relative


def read(folder: Path, relative: str, digest: str) -> bytes:
    """A page's content. Raises LandingError where it is missing or is not what was written."""
    path = folder / relative
    remedy = "restore the landing folder from its backup; the warehouse still has what was loaded from the page"
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise LandingError("the page is missing", where=str(path), remedy=remedy) from None
    except (OSError, EOFError, zlib.error) as error:
        raise LandingError(f"the page is damaged: {error}", where=str(path), remedy=remedy) from None
    if sha256(content).hexdigest() != digest:
        raise LandingError("the page is not what was written: its hash differs", where=str(path), remedy=remedy)
    return content


def sweep(folder: Path, referenced: Iterable[str], before: datetime) -> list[str]:
    """Removes the pages written before `before` that no manifest row names, left by a killed run; gives their paths.

    The caller holds the source's lock: a page without a row is then nobody's. Its age leaves time to notice a mistake.
    """
    known = set(referenced)
    swept = []
    for path in sorted(folder.glob(f"*/*{_SUFFIX}*")):  # hidden ones too: a page that was never finished
        relative = path.relative_to(folder).as_posix()
        if relative not in known and path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)
            swept.append(relative)
    return swept
