"""Raw pages: written once under the hash of their content, checked when read, swept when nothing names them.

They lie in a local folder, or in object storage where `DESKLEDGER_LANDING` is a URL (s3://connection@bucket/landing,
gs://…). An ObjectStoragePath of Airflow's is then the `Path` of these functions.
"""

import gzip
import zlib
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from deskledger.errors import LandingError
from deskledger.landing import place
from deskledger.settings import settings

_SUFFIX = ".page.gz"
_OWNER = "warehouse.id"


def folder(source: str = "") -> Path:
    """Where the pages of a source lie; without a source, where all of landing lies."""
    root = place.opened(settings().landing)
    return root / source if source else root


def claim(landing: Path, warehouse_id: str) -> None:
    """Makes sure that the landing folder is this warehouse's; the first one that lands there owns it.

    Raises LandingError for another's: its pages would look like nobody's here, and be swept.
    """
    path = landing / _OWNER
    if not place.is_there(path):
        place.write_whole(path, f"{warehouse_id}\n".encode("ascii"))
    owner = place.read(path).decode("ascii").strip()
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
    if not place.is_there(path):
        # mtime=0: equal content gives equal bytes. Level 3 packs nearly as well as 9 in a third of the time.
        place.write_whole(path, gzip.compress(content, compresslevel=3, mtime=0))
    return digest, relative


def read(folder: Path, relative: str, digest: str) -> bytes:
    """A page's content. Raises LandingError where it is missing or is not what was written."""
    path = folder / relative
    remedy = "restore the landing folder from its backup; the warehouse still has what was loaded from the page"
    try:
        content = gzip.decompress(place.read(path))
    except FileNotFoundError:
        raise LandingError("the page is missing", where=str(path), remedy=remedy) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise LandingError(f"the page is damaged: {error}", where=str(path), remedy=remedy) from None
    except OSError as error:
        raise LandingError(
            f"the page cannot be read: {error.strerror or error}", where=str(path), remedy=remedy
        ) from None
    if sha256(content).hexdigest() != digest:
        raise LandingError("the page is not what was written: its hash differs", where=str(path), remedy=remedy)
    return content


def sweep(folder: Path, referenced: Iterable[str], before: datetime) -> list[str]:
    """Removes the pages written before `before` that no manifest row names, left by a killed run; gives their paths.

    The caller holds the source's lock: a page without a row is then nobody's. Its age leaves time to notice a mistake.
    """
    known = set(referenced)
    swept = []
    for path in place.listed(folder, f"*/*{_SUFFIX}*"):  # hidden ones too: a page that was never finished
        relative = f"{path.parent.name}/{path.name}"
        if relative not in known and place.written_at(path) < before.timestamp():
            place.remove(path)
            swept.append(relative)
    return swept
