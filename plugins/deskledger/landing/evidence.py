"""Evidence: the tickets, events and segments behind a statement, as Parquet files named by their content.

They lie in a local folder, or in object storage where `DESKLEDGER_EVIDENCE` is a URL, as landing's pages do.

The ledger keeps each file's name, hash and number of rows. A file that it does not name (its run was killed before the
draft was written) is harmless: nothing lists the folder, and the next run gives the same content the same name.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from deskledger.errors import LandingError
from deskledger.landing import place
from deskledger.model import Table, conform
from deskledger.settings import settings

_SUFFIX = ".parquet"
_LEVEL = 3  # of zstd: higher ones take twice the time for a tenth less

_TYPES: dict[str, pa.DataType] = {
    "key": pa.int64(),
    "month": pa.int32(),
    "text": pa.string(),
    "word": pa.string(),
    "instant": pa.timestamp("us", "UTC"),
    "integer": pa.int64(),
    "flag": pa.bool_(),
}


@dataclass(frozen=True)
class EvidenceFile:
    """A file of evidence: the table that it holds (`kind`), its path in the evidence folder, its SHA-256, its rows."""

    kind: str
    path: str
    sha256: str
    rows: int


def folder() -> Path:
    """Where the files lie."""
    return place.opened(settings().evidence)


def write(folder: Path, table: Table, parts: Iterable[pd.DataFrame]) -> EvidenceFile:
    """Keep the rows of `parts` as one file; each part has the columns of `table` and becomes a row group.

    Equal parts give equal bytes, and the same name (of one version of the Parquet writer). The file appears whole or
    not at all, and stays through a loss of power. What lies there under the name of the same content is replaced: it
    may have been damaged.
    """
    if not isinstance(folder, Path):
        with TemporaryDirectory(prefix="deskledger-evidence-") as made:
            kept = write(Path(made), table, parts)
            place.write_whole(folder / kept.path, (Path(made) / kept.path).read_bytes())
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([pa.field(column.name, _TYPES[column.kind]) for column in table.columns])
    rows = 0
    scratch = folder / f".{table.name}.{uuid4().hex}"
    try:
        with scratch.open("x+b") as file:
            with pq.ParquetWriter(file, schema, compression="zstd", compression_level=_LEVEL) as writer:
                for part in parts:
                    writer.write_table(_arrow(conform(table, part), schema))
                    rows += len(part)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = file_digest(file, "sha256").hexdigest()
        relative = f"{digest[:2]}/{digest}{_SUFFIX}"
        home = (folder / relative).parent
        home.mkdir(exist_ok=True)
        scratch.replace(folder / relative)
        _keep_names(home)
        _keep_names(folder)
    finally:
        scratch.unlink(missing_ok=True)
    return EvidenceFile(table.name, relative, digest, rows)


def read(folder: Path, file: EvidenceFile, table: Table) -> pd.DataFrame:
    """The rows of a file, with the dtypes of `table`. Raises LandingError where it is missing or was changed."""
    content = _checked(folder, file)
    stored = pq.read_table(pa.BufferReader(content))
    return conform(table, stored.to_pandas(types_mapper=_EXTENSIONS.get))


def check(folder: Path, file: EvidenceFile) -> None:
    """Raise LandingError where a file is missing, or is not what was written."""
    _checked(folder, file)


def is_whole(folder: Path, file: EvidenceFile) -> bool:
    """Whether a file is there and is what was written; an object storage that cannot be asked is an error, not a no."""
    try:
        return sha256(place.read(folder / file.path)).hexdigest() == file.sha256
    except OSError:
        return False


def _keep_names(folder: Path) -> None:
    """Have the disk keep the folder's entries: a file that is safe under no name is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(folder: Path, file: EvidenceFile) -> bytes:
    path = folder / file.path
    remedy = "restore the evidence folder from its backup; the ledger has the hash of every file that belongs there"
    try:
        content = place.read(path)
    except FileNotFoundError:
        raise LandingError(f"the frozen {file.kind} rows are missing", where=str(path), remedy=remedy) from None
    except OSError as error:
        raise LandingError(
            f"the frozen {file.kind} rows cannot be read: {error.strerror}", where=str(path), remedy=remedy
        ) from None
    if sha256(content).hexdigest() != file.sha256:
        raise LandingError(
            f"the frozen {file.kind} rows are not what was written: their hash differs", where=str(path), remedy=remedy
        )
    return content


_EXTENSIONS = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def _arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """The rows without anything of pandas: no index, no categories in whatever order they were met."""
    columns = [pa.array(frame[field.name], from_pandas=True) for field in schema]
    return pa.table([column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)
