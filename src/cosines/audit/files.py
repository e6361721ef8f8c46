"""Factors from other people's files, and vectors for other people's indexes."""

import csv
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from cosines._arrays import require, row_blocks

# Rows of other people's factors, which may be longer than the memory.
BLOCK = 16384
DESCRIPTIONS = ("id", "label", "count")


class Table(NamedTuple):
    """What a file holds of users or items, one row each; what it does not say is None."""

    factors: np.ndarray | None = None
    ids: np.ndarray | None = None
    labels: np.ndarray | None = None
    counts: np.ndarray | None = None


def read_factors(path, name="factors"):
    """Read a matrix of factors, with ids, labels and counts where the file has them.

    ==========  =====================================================================================
    ``.npy``    the matrix
    ``.npz``    the array `name`, else "factors", else the only matrix in it; optionally the vectors
                "ids", "labels" and "counts"
    ``.csv``    a column per dimension; with a first line of names, columns "id", "label" and "count"
    ``.parquet``  the same columns, or one column of lists (needs pyarrow)
    ==========  =====================================================================================

    Python objects are never unpickled.

    Parameters
    ----------
    path : str or Path
    name : str

    Returns
    -------
    Table
        Factors in float32 or float64, as the file has them.

    Raises
    ------
    ValueError
        In one line: if the file is not there or not of its format, has no matrix of finite numbers,
        or its vectors are not as long as the matrix.
    """
    path = Path(path)
    table = _READERS[_kind(path, _READERS)](path, name)
    require(table.factors is not None, str(path), "a file with a column per dimension", "none")
    factors = _numbers(path, table.factors)
    for name, values in table._asdict().items():
        length = len(factors) if values is None else len(values)
        require(length == len(factors), f"{path}: {name}", f"of length {len(factors)}, one per row", length)
    return table._replace(factors=factors, counts=_counts(path, table.counts))


def read_descriptions(path, length):
    """Read ids, labels and counts of items, in the order of the rows of their factors.

    Parameters
    ----------
    path : str or Path
        A ``.csv`` or ``.parquet`` file with any of the columns "id", "label" and "count"; others
        are not looked at.
    length : int
        Number of items.

    Returns
    -------
    Table
        Without factors.

    Raises
    ------
    ValueError
        In one line: if the file is not there, is not such a table, or has another number of rows.
    """
    path = Path(path)
    frame = _frame(path, _kind(path, (".csv", ".parquet")), header=0)
    require(len(frame) == length, str(path), f"a table of {length} rows, one per item", len(frame))
    ids, labels, counts = _described(frame)
    found = any(values is not None for values in (ids, labels, counts))
    require(found, str(path), 'a table with a column "id", "label" or "count"', list(frame.columns)[:5])
    return Table(None, ids, labels, _counts(path, counts))


def write_vectors(path, B, T):
    """Write the embedding ``B T`` as a ``.npy`` file, by blocks, in the precision of `B`; all or nothing.

    Parameters
    ----------
    path : str or Path
    B : array_like, shape (p, k)
    T : ndarray, shape (k, r)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        dtype = embed(B[:1], T).dtype
        vectors = np.lib.format.open_memmap(unfinished, "w+", dtype, (B.shape[0], T.shape[1]))
        for rows in blocks_of(B.shape[0]):
            vectors[rows] = embed(B[rows], T)
        vectors.flush()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def embed(rows, T):
    """A block of rows times `T`, in the precision of the rows: float32 stays float32."""
    rows = np.asarray(rows)
    return rows @ T.astype(np.result_type(rows.dtype, np.float32))


def blocks_of(m):
    """Slices of at most `BLOCK` rows that cover `m` rows in order."""
    return row_blocks(m, BLOCK)


def _kind(path, kinds):
    """The ending of a file that is there."""
    kind = path.suffix.lower()
    require(kind in kinds, "file", " or ".join(kinds), str(path))
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    return kind


def _numbers(path, factors):
    """The matrix as float32 or float64 (half precision becomes float32), all finite."""
    try:
        factors = np.asarray(factors)
        if factors.dtype.kind not in "fiu":
            raise TypeError
        if factors.dtype not in (np.float32, np.float64):
            factors = factors.astype(np.float32 if factors.dtype == np.float16 else np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{path}: text or objects where numbers belong") from None
    if factors.ndim != 2 or 0 in factors.shape:
        raise ValueError(f"{path}: factors must be a matrix, one row each, got shape {factors.shape}")
    for rows in blocks_of(len(factors)):
        bad = np.flatnonzero(~np.isfinite(factors[rows]).all(axis=1))
        if bad.size:
            raise ValueError(f"{path}: NaN or infinite numbers, first in row {rows.start + bad[0]}")
    return factors


def _counts(path, counts):
    if counts is None:
        return None
    try:
        counts = np.asarray(counts).astype(np.float64)
    except (TypeError, ValueError):
        counts = np.array([np.nan])
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"{path}: counts must be numbers >= 0")
    return counts


def _read_numpy(path, name):
    """A ``.npy`` or ``.npz`` file, without unpickling anything."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return Table(loaded)
        with loaded as archive:
            found = _matrix_name(path, archive, name)
            vectors = [archive[key] if key in archive.files else None for key in ("ids", "labels", "counts")]
            return Table(archive[found], *vectors)
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        if str(error).startswith(str(path)):
            raise
        pickled = "pickle" in str(error)
        why = "holds pickled objects, which are never loaded" if pickled else "not a NumPy file"
        raise ValueError(f"{path}: {why}") from None


def _matrix_name(path, archive, name):
    """Which array of the archive holds the factors."""
    for key in (name, "factors"):
        if key in archive.files:
            return key
    matrices = [key for key in archive.files if archive[key].ndim == 2]
    bound = f'an archive with an array "{name}" or "factors", or with one matrix only'
    require(len(matrices) == 1, str(path), bound, archive.files)
    return matrices[0]


def _read_csv(path, name):
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        first = next(csv.reader(file), [])
    counting = [[str(i + start) for i in range(len(first))] for start in (0, 1)]
    if first and first in counting:
        raise ValueError(f"{path}: the first line, {','.join(first[:3])},..., may be names of columns or an item: "
                         "name the columns (f0,f1,...), or leave that line out")
    return _factors_of(path, _frame(path, ".csv", header=None if all(map(_is_number, first)) else 0))


def _read_parquet(path, name):
    return _factors_of(path, _frame(path, ".parquet"))


def _factors_of(path, frame):
    ids, labels, counts = _described(frame)
    rest = frame.drop(columns=[column for column in frame.columns if str(column).lower() in DESCRIPTIONS])
    identifiers = [position for position, column in enumerate(rest.columns) if _may_be_ids(rest, column)]
    if identifiers:
        name = str(rest.columns[identifiers[0]])
        name = f'column "{name}"' if not name.startswith("Unnamed") and name != "0" else "the first column"
        raise ValueError(f'{path}: {name} may be ids or a dimension: call it "id", or leave it out')
    if rest.shape[1] == 1 and len(rest) and isinstance(rest.iloc[0, 0], (list, np.ndarray)):
        lengths = {np.size(row) for row in rest.iloc[:, 0]}
        require(len(lengths) == 1, str(path), "a file whose rows are of one length", sorted(lengths)[:5])
        return Table(np.stack(rest.iloc[:, 0].to_list()), ids, labels, counts)
    text = [str(column) for column in rest.columns if rest[column].dtype.kind not in "fiu"]
    if text:
        raise ValueError(f"{path}: text where numbers belong, in column {text[0]}")
    return Table(rest.to_numpy() if rest.shape[1] else None, ids, labels, counts)


def _frame(path, kind, **how):
    """A data frame of the file. Pandas is looked for only here: other formats do without."""
    import pandas

    try:
        if kind == ".csv":
            return pandas.read_csv(path, encoding="utf-8-sig", **how)
        return pandas.read_parquet(path)
    except ImportError:
        raise ValueError(f"{path}: reading .parquet needs pyarrow (pip install pyarrow)") from None
    except (ValueError, OSError) as error:
        first_line = (str(error).strip().splitlines() or ["empty"])[0]
        raise ValueError(f"{path}: not a {kind} file: {first_line}") from None


def _described(frame):
    """Columns "id", "label" and "count", whatever their case; None where missing."""
    columns = {str(column).lower(): column for column in frame.columns}
    return [frame[columns[name]].to_numpy() if name in columns else None for name in DESCRIPTIONS]


def _may_be_ids(frame, column):
    """Whether a column has the name of an index, or is the only kind of column to number the rows."""
    name = str(column).lower()
    if name.endswith("id") or name in ("index", "idx", "key") or name.startswith("unnamed:"):
        return True
    whole = frame[column].dtype.kind in "iu" and frame[column].is_unique and len(frame) > 2
    return whole and all(frame[other].dtype.kind == "f" for other in frame.columns if other != column)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


_READERS = {".npy": _read_numpy, ".npz": _read_numpy, ".csv": _read_csv, ".parquet": _read_parquet}
