"""Factors from other people's files, checked once; vectors for other people's indexes.

A matrix that passes has finite numbers, no zero items, and ids that are strings. Ambiguous input is
refused with one line; the notes say how the rest was understood.
"""

import os
from pathlib import Path
from zipfile import is_zipfile

import numpy as np

from cosines._arrays import require, row_blocks
from cosines.audit._fitting import BLOCK, Model, checked, model_from, real, vector
from cosines.audit._tables import Columns, Table, counts_of, described_by, strings, table_of
from cosines.audit._text import beginning, one_line, read_text
from cosines.audit._word2vec import read_words, refuse_pickle

__all__ = ["BLOCK", "Model", "Table", "blocks_of", "embed", "model_of", "read_factors", "read_model", "read_vector",
           "write_vectors"]
# No embedding in use has more columns: a matrix with more is a catalogue on its side, and no Gram matrix fits.
MOST_COLUMNS = 16384
MOST_DENSE = 2**27  # entries of a sparse matrix that may be written out: 1 GB
NUMPY, TEXT = (".npy", ".npz"), (".csv", ".tsv", ".csv.gz", ".tsv.gz")
WORDS, WORDS_BINARY = (".txt", ".vec", ".txt.gz", ".vec.gz"), (".bin", ".bin.gz")
PICKLED = (".kv", ".model", ".pkl", ".pickle", ".joblib")
# What Spark calls the folders in which it saves a model's factors.
SPARK = {"item_factors": "itemFactors", "user_factors": "userFactors"}


def read_model(items, users="", table="", item_bias="", user_bias="", drop_zero_rows=False):
    """Read a model from files and check that they fit, before any work starts.

    ================  ===============================================================================
    ``.npy``          the matrix, memory-mapped
    ``.npz``          the array "item_factors" ("user_factors"), else "factors", else the only matrix;
                      optionally the vectors "ids", "labels" and "counts". SciPy's sparse ones, too
    ``.csv, .tsv``    a column per dimension, or one of lists; separated by , ; or tab, also ``.gz``.
                      Names in the first line say which column holds ids, labels, counts
    ``.parquet``      the same columns (needs pandas and pyarrow); a folder of such files, or one with
                      folders "itemFactors" and "userFactors", as Spark saves a model
    ``.txt, .vec``    words and vectors, as word2vec, fastText and GloVe write them, also ``.gz``;
    ``.bin``          word2vec's binary. Words are ids
    ================  ===============================================================================

    Python objects are never unpickled.

    Parameters
    ----------
    items, users : str or Path
        Without users, empty.
    table : str or Path
        A file with ids, labels or counts of items. It is joined by ids, where the items have some.
    item_bias, user_bias : str or Path
        Files with one number per item or user, joined by ids where both have some.
    drop_zero_rows : bool
        Leave items with a zero row out, everywhere; otherwise they are refused.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        In one line that begins with the file's name.
    """
    B = read_factors(items, "item_factors")
    P = read_factors(users, "user_factors") if users else None
    described = _read(table, "", described_by) if table else None
    biases = [read_vector(path, name) if path else None
              for path, name in ((item_bias, "item_bias"), (user_bias, "user_bias"))]
    names = [str(path) for path in (items, users, item_bias, user_bias)]
    return model_from(names, B, P, *biases, drop_zero_rows, described, str(table))


def model_of(B, P=None, item_bias=None, user_bias=None, ids=None, labels=None, counts=None, drop_zero_rows=False,
             where=""):
    """Check arrays that are factors of one model.

    Parameters
    ----------
    B : array_like, shape (p, k)
        Lists, a DataFrame (an index that is not a mere numbering becomes the ids), gensim's KeyedVectors, a
        SciPy matrix of modest size; or an object that gives its rows by slices in float32 or float64, and is not
        copied: a memory map, a Dask array.
    P : array_like, shape (n, k), optional
    item_bias, user_bias : array_like, shape (p,) and (n,), optional
    ids, labels, counts : array_like, shape (p,), optional
    drop_zero_rows : bool
        As in `read_model`.
    where : str
        What errors and notes begin with.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        In one line that begins with "items", "users" or the name of the bias.
    """
    names = [f"{where}{name}" for name in ("items", "users", "item_bias", "user_bias")]
    items, users = _taken(names[0], B), None if P is None else _taken(names[1], P)
    given = {role: strings(names[0], role, values) for role, values in (("ids", ids), ("labels", labels))
             if values is not None}
    if counts is not None:
        given["counts"] = counts_of(names[0], counts)
    biases = [None if bias is None else Table(vector(name, bias))
              for name, bias in zip(names[2:], (item_bias, user_bias), strict=True)]
    return model_from(names, items._replace(**given), users, *biases, drop_zero_rows)


def read_factors(path, name="factors"):
    """Read one matrix of factors, with ids, labels and counts where the file has them, as `read_model` does.

    Parameters
    ----------
    path : str or Path
    name : str
        Of the array, in an archive.

    Returns
    -------
    Table
        Factors in float32 or float64, as the file has them. `read_model` checks that they are finite.
    """
    table = _read(path, name, table_of)
    return table._replace(factors=_matrix(str(path), table.factors))


def read_vector(path, name="bias"):
    """Read one number per row, with ids where the file has them.

    Parameters
    ----------
    path : str or Path
        ``.npy`` or ``.npz`` of shape (p,) or (p, 1); another file with one column of numbers.
    name : str
        Of the array, in an archive.

    Returns
    -------
    Table
        Its factors have shape (p,), in float64.
    """
    table = _read(path, name, table_of)
    return table._replace(factors=vector(str(path), table.factors))


def write_vectors(path, B, T, shift=None):
    """Write ``(B - shift) T`` as a ``.npy`` file, by blocks, in the precision of `B`; all or nothing.

    Parameters
    ----------
    path : str or Path
    B : array_like, shape (p, k)
        Needs nothing but a shape and slices of rows.
    T : ndarray, shape (k, r)
    shift : ndarray, shape (k,), optional
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    form = {"descr": np.lib.format.dtype_to_descr(embed(B[:1], T, shift).dtype), "fortran_order": False,
            "shape": (B.shape[0], T.shape[1])}
    try:
        with unfinished.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, form)
            for rows in blocks_of(B.shape[0]):
                file.write(np.ascontiguousarray(embed(B[rows], T, shift)).data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def embed(rows, T, shift=None):
    """A block of rows, less `shift`, times `T`, in the precision of the rows: float32 stays float32."""
    rows = np.asarray(rows)
    dtype = np.result_type(rows.dtype, np.float32)
    rows = rows if shift is None else rows - np.asarray(shift, dtype)
    return rows @ T.astype(dtype)


def blocks_of(m):
    """Slices of at most `BLOCK` rows that cover `m` rows in order."""
    return row_blocks(m, BLOCK)


# One file


def _read(path, name, meaning):
    """What a file holds; `meaning` is `table_of` or `described_by`, for columns."""
    path = Path(path)
    try:
        path = _found(path, name)
        kind = path.name.lower()
        if kind.endswith(NUMPY):
            table = _read_numpy(path, name, meaning is table_of)
        elif kind.endswith((*WORDS, *WORDS_BINARY)):
            table = read_words(path, kind.endswith(WORDS_BINARY))
        elif kind.endswith(TEXT):
            table = meaning(read_text(path, meaning is table_of))
        else:
            table = meaning(_read_parquet(path))
    except PermissionError:
        raise ValueError(f"{path}: no permission to read it") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {one_line(error)}") from None
    said = any(values is not None for values in table[:4])
    require(said, str(path), 'a table with a column "id", "label" or "count"', "none of them")
    return table


def _found(path, name=""):
    """A file that is there and has an ending that says what it is, or a folder of .parquet files."""
    try:
        path = path.expanduser()
    except RuntimeError:  # no home folder
        pass
    if path.is_dir():
        return _folder(path, name)
    if not path.is_file():
        raise ValueError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
    if path.name.lower().endswith(PICKLED):
        refuse_pickle(path)
    kinds = (*NUMPY, *TEXT, ".parquet", *WORDS, *WORDS_BINARY)
    require(path.name.lower().endswith(kinds), "file", " or ".join(kinds), str(path))
    return path


def _folder(path, name):
    """A folder of .parquet files, at most one folder deeper; of Spark's two in a model, the one of `name`."""
    sides = [side for side in SPARK.values() if (path / side).is_dir()]
    if sides:
        require(SPARK.get(name) in sides, str(path), "the folder of one side of Spark's model", " and ".join(sides))
        path = path / SPARK[name]
    if not any(next(path.glob(pattern), None) for pattern in ("*.parquet", "*/*.parquet")):
        raise ValueError(f"{path}: is a folder without .parquet files")
    return path


def _read_numpy(path, name, with_factors=True):
    """A ``.npy`` or ``.npz`` file, without unpickling anything."""
    with path.open("rb") as file:
        magic = file.read(6)
    array = magic == b"\x93NUMPY"
    if magic[:1] == b"\x80" and magic[1:2] in b"\2\3\4\5":
        raise ValueError(f"{path}: holds pickled objects, which are never loaded")
    if not array and not is_zipfile(path):
        cut = "cut off" if magic[:4] == b"PK\3\4" else f"begins with {beginning(path)}" if magic else "is empty"
        raise ValueError(f"{path}: not a NumPy file ({cut})")
    try:
        if array:
            return Table(np.load(path, mmap_mode="r", allow_pickle=False) if with_factors else None)
        with np.load(path, allow_pickle=False) as archive:
            return _from_archive(path, archive, name, with_factors)
    except OSError:
        raise
    except Exception as error:  # whatever a damaged file makes a reader say
        if str(error).startswith(str(path)):
            raise
        if "Object arrays cannot be loaded" in str(error) or "Python objects in dtype" in str(error):
            raise ValueError(f"{path}: holds pickled objects, which are never loaded") from None
        raise ValueError(f"{path}: not a whole NumPy file: {one_line(error)}") from None


def _from_archive(path, archive, name, with_factors):
    """The matrix of an archive, with the vectors that belong to it."""
    if {"format", "shape", "data"} <= set(archive.files):
        from scipy.sparse import load_npz

        return Table(_dense(str(path), load_npz(path)))
    factors = archive[_array_name(path, archive, name)] if with_factors else None
    # In an archive of a whole model, these are the items'.
    whose = name.partition("_")[0]
    both = whose == "user" and "item_factors" in archive.files
    found = {role: next((archive[key] for key in (f"{whose}_{role}", *(() if both else (role,)))
                         if key in archive.files), None) for role in ("ids", "labels", "counts")}
    return checked(str(path), Table(factors), **found)


def _array_name(path, archive, name):
    """Which array of the archive holds the factors."""
    for key in (name, "factors", "bias") if name.endswith("bias") else (name, "factors"):
        if key in archive.files:
            return key
    dimensions = (1, 2) if name.endswith("bias") else (2,)
    fitting = [key for key in archive.files if archive[key].ndim in dimensions
               and key not in ("ids", "labels", "counts")]
    kind = "vector" if 1 in dimensions else "matrix"
    bound = f'an archive with an array "{name}" or "factors", or with one {kind} only'
    require(len(fitting) == 1, str(path), bound, archive.files[:9])
    return fitting[0]


def _read_parquet(path):
    try:
        import pandas

        return _columns(str(path), pandas.read_parquet(path))
    except ImportError:
        raise ValueError(f"{path}: reading .parquet needs pandas and pyarrow: pip install pandas pyarrow") from None
    except Exception as error:  # whatever a damaged file makes a reader say
        what = "a folder of .parquet files of one kind" if path.is_dir() else f"a .parquet file (begins with {beginning(path)})"
        raise ValueError(f"{path}: not {what}: {one_line(error)}") from None


# Arrays and data frames


def _columns(where, frame):
    """Columns of a pandas data frame; an index that is no mere numbering comes first, as a column "index"."""
    columns = [frame.iloc[:, j] for j in range(frame.shape[1])]
    names = [str(name) for name in frame.columns]
    if type(frame.index).__name__ != "RangeIndex":
        columns.insert(0, frame.index)
        names.insert(0, "index")
    values = [_values(column) for column in columns]
    kinds = [one.dtype.kind if isinstance(one, np.ndarray) else "" for one in values]
    odd = tuple(j for j, kind in enumerate(kinds) if kind in "iu" and kind and "f" in kinds)
    return Columns(where, names, values, odd=odd)


def _values(column):
    """Numbers of a pandas column as an array, anything else as a list."""
    if getattr(column.dtype, "kind", "O") not in "fiu":
        return column.tolist()
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    # Of pandas' own types, whole numbers stay whole (they may be long ids); the missing become NaN.
    return column.to_numpy(np.float64, na_value=np.nan) if column.hasnans else np.array(column.tolist())


def _taken(where, M):
    """A matrix that somebody has in Python, with ids where it is a data frame."""
    if hasattr(M, "iloc"):
        table = table_of(_columns(where, M if M.ndim == 2 else M.to_frame()))
        return table._replace(factors=_matrix(where, table.factors))
    if hasattr(M, "toarray") and hasattr(M, "nnz"):
        M = _dense(where, M)
    if hasattr(M, "index_to_key") and hasattr(M, "vectors"):  # gensim's KeyedVectors
        return Table(_matrix(where, M.vectors), strings(where, "ids", M.index_to_key))
    return Table(_matrix(where, M))


def _dense(where, M):
    entries = M.shape[0] * M.shape[1]
    require(entries <= MOST_DENSE, where, f"dense, or sparse with at most {MOST_DENSE:,} entries written out", entries)
    return M.toarray()


def _matrix(where, M):
    """A matrix in float32 or float64 (half precision becomes float32), as it is where it can be."""
    M = real(where, M)
    shape = tuple(M.shape)
    known = all(isinstance(size, (int, np.integer)) and size > 0 for size in shape)
    if len(shape) != 2 or not known:
        raise ValueError(f"{where}: factors must be a matrix, one row each, got shape {shape}")
    looks = f": it looks transposed, {shape[0]:,} rows of {shape[1]:,} columns" if shape[1] > shape[0] else ""
    if shape[1] > MOST_COLUMNS:
        raise ValueError(f"{where}: factors must have at most {MOST_COLUMNS:,} columns, got {shape[1]:,}{looks}")
    return M
