"""Make the tables of one model fit together: ids joined, zero rows left out, numbers in range."""

from typing import NamedTuple

import numpy as np

from cosines._arrays import require, row_blocks
from cosines.audit._lazy import over_blocks
from cosines.audit._tables import Table, counts_of, quoted, strings

# Rows read at a time from other people's factors, which may be larger than memory.
BLOCK = 16384
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
# In these ranges products of four numbers stay far from overflow, and rows far from vanishing.
SAFE = {FLOAT32: (1e-15, 1e15), FLOAT64: (1e-70, 1e70)}
SWAPPED = "; as many as the other factors have rows: are items and users swapped?"


class Model(NamedTuple):
    """Factors of one model, checked.

    Attributes
    ----------
    items : Table
    P : ndarray, shape (n, k), or None
        Users' factors; they may have zero rows.
    item_bias : ndarray of float64, shape (p,), or None
    user_bias : ndarray of float64, shape (n,), or None
    notes : tuple of str
        Whole sentences on how input was understood, and what was joined, left out or rescaled.
    user_ids : ndarray of str, shape (n,), or None
    """

    items: Table
    P: np.ndarray | None
    item_bias: np.ndarray | None
    user_bias: np.ndarray | None
    notes: tuple
    user_ids: np.ndarray | None = None


def model_from(names, items, users, item_bias, user_bias, drop_zero_rows, described=None, table_name=""):
    """Put tables of one model together, check them, and note what was done.

    Parameters
    ----------
    names : sequence of str
        What errors call items, users and their biases.
    items : Table
    users, item_bias, user_bias : Table or None
        Factors of a bias have shape (m,).
    drop_zero_rows : bool
    described : Table, optional
        Says more of the items.
    table_name : str

    Returns
    -------
    Model
    """
    _refuse_columns(names, items, users)
    p, n = items.factors.shape[0], None if users is None else users.factors.shape[0]
    items = checked(names[0], items, n)
    if described is not None:
        items = _joined(names[0], items, table_name, described, n)
    item_bias, said = _bias(names[2], item_bias, names[0], items, n)
    user_bias, too = _bias(names[3], user_bias, names[1], users, p)
    notes = [*items.notes, *(() if users is None else users.notes), *said, *too]
    items, item_bias, largest, said = _without_zero_rows(names[0], items, item_bias, drop_zero_rows)
    notes += [*said, *_remarks(names[0], items)]
    B, exponent, said = _in_range(names[0], items.factors, largest)
    notes += said
    P = None if users is None else users.factors
    if P is not None:
        largest = _largest(names[1], P).max(keepdims=True)
        require(largest.all(), names[1], "factors that are not all zero", "zeros only")
        P, more, said = _in_range(names[1], P, largest)
        exponent, notes = exponent + more, [*notes, *said]
    # Biases are on the scale of the predictions.
    with np.errstate(over="ignore"):
        item_bias, user_bias = (bias if bias is None else vector(name, np.ldexp(bias, exponent))
                                for name, bias in zip(names[2:], (item_bias, user_bias)))
    return Model(items._replace(factors=B), P, item_bias, user_bias, tuple(notes),
                 None if users is None else users.ids)


def checked(where, table, n=None, **given):
    """A table with `given` ids, labels and counts, all as long as its factors.

    `n` is the number of rows on the other side, for a more precise error.
    """
    given = {role: counts_of(where, values) if role == "counts" else strings(where, role, values)
             for role, values in given.items() if values is not None}
    table = table._replace(**given)
    for role, values in _said(table).items():
        if table.factors is not None:
            _require_length(f"{where}: {role}", len(values), table.factors.shape[0], n)
    return table


def vector(where, values):
    """One finite number per row, in float64."""
    values = np.asarray(real(where, values))
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{where}: must hold one number per row, got shape {values.shape}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{where}: NaN or infinite numbers, first in row {bad[0]}")
    return values.astype(np.float64)


def real(where, M):
    """Real numbers in float32 or float64. An object that gives such rows by slices is not copied."""
    dtype = getattr(M, "dtype", None)
    if not isinstance(M, np.ndarray) and hasattr(M, "shape") and isinstance(dtype, np.dtype) and dtype in SAFE:
        return M
    try:
        masked = np.ma.is_masked(M)
        array = np.asarray(M)
        if array.dtype.kind not in "fiu":
            raise TypeError
        if array.dtype not in SAFE:
            single = array.dtype.kind == "f" and array.itemsize <= 4
            with np.errstate(over="ignore"):
                array = array.astype(FLOAT32 if single else FLOAT64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{where}: text, objects or rows of different lengths where numbers belong") from None
    if masked:
        raise ValueError(f"{where}: has masked (missing) entries")
    return array


def _refuse_columns(names, items, users):
    """Raise unless items and users have the same number of columns; say what looks transposed."""
    if users is None or users.factors.shape[1] == items.factors.shape[1]:
        return
    B, P = items.factors.shape, users.factors.shape
    looks = [(names[1], P)] if P[0] == B[1] else [(names[0], B)] if P[1] == B[0] else []
    looks = looks or ([(names[0], B), (names[1], P)] if P[0] == B[0] else [])
    hint = "".join(f"; {name} looks transposed: {shape[0]:,} rows of {shape[1]:,} columns" for name, shape in looks)
    raise ValueError(f"{names[1]}: must have {B[1]:,} columns, as {names[0]}, got {P[1]:,}{hint}")


def _require_length(where, length, wanted, other=None):
    """Raise unless there is one value per row; say whether they would fit the other side."""
    if length != wanted:
        hint = SWAPPED if length == other else ""
        raise ValueError(f"{where} must be of length {wanted:,}, one per row, got {length:,}{hint}")


def _joined(where, items, name, described, n):
    """Items with what a table says of them: by ids where the items have some, else by position."""
    if items.ids is not None and described.ids is None:
        raise ValueError(f'{name}: must have a column "id", as {where} has ids, got none')
    rows, said = _matching(name, described, where, items, n)
    given = _said(_rows_of(described, rows))
    if items.ids is None:
        and_ids = ", and gave it its ids" if "ids" in given else ""
        said = [f"{name}: was laid beside {where} row by row, as that has no ids{and_ids}."]
    said += [f"{name}: its {role} replaced those of {where}." for role in ("labels", "counts")
             if role in given and getattr(items, role) is not None]
    return items._replace(**{**given, "ids": given.get("ids") if items.ids is None else items.ids},
                          notes=(*items.notes, *described.notes, *said))


def _bias(name, bias, where, side, other):
    """A bias in the order of its side's rows, and notes."""
    if bias is None:
        return None, ()
    require(side is not None, name, "given together with the users' factors", "no users")
    rows, said = _matching(name, bias, where, side, other)
    return bias.factors[rows], (*bias.notes, *said)


def _matching(name, table, where, side, other):
    """Rows of a table that belong to the rows of `side`: by ids if both have some, else by position."""
    ids, length = side.ids, side.factors.shape[0]
    if ids is None or table.ids is None:
        some = next(values for values in table[:4] if values is not None)
        _require_length(name, len(some), length, other)
        only = where if table.ids is None else name
        one_sided = (ids is None) != (table.ids is None)
        return np.arange(length), [f"{name}: was laid beside {where} row by row, as only {only} has ids."] * one_sided
    unique, rows, times = np.unique(table.ids, return_index=True, return_counts=True)
    if times.max() > 1:
        raise ValueError(f"{name}: must have every id once, got {np.sum(times > 1):,} that occur again, "
                         f"such as {quoted(unique[times.argmax()])}")
    at = np.minimum(np.searchsorted(unique, ids), unique.size - 1)
    missing = np.flatnonzero(unique[at] != ids)
    if missing.size:
        such = ", ".join(quoted(ids[row]) for row in missing[:3])
        hint = SWAPPED if len(table.ids) == other else ""
        raise ValueError(f"{name}: must have every id of {where}, lacks {missing.size:,} of {length:,}, such as "
                         f"{such} (its first is {quoted(table.ids[0])}){hint}")
    ignored = len(table.ids) - np.unique(at).size
    return rows[at], [f"{name}: was joined to {where} by ids.",
                      *[f"{name}: {ignored:,} rows of other ids were ignored."] * bool(ignored)]


def _said(table):
    """Ids, labels and counts that a table has."""
    return {role: values for role, values in table._asdict().items()
            if role in ("ids", "labels", "counts") and values is not None}


def _rows_of(table, rows):
    """Chosen rows of ids, labels and counts."""
    return table._replace(**{role: values[rows] for role, values in _said(table).items()})


def _without_zero_rows(where, items, bias, drop):
    """Items and their bias without zero rows, the largest number of each row left, and notes."""
    B, largest, notes = items.factors, _largest(where, items.factors), ()
    keep = np.flatnonzero(largest)
    zero = largest.size - keep.size
    if zero and not drop:
        raise ValueError(f"{where}: {zero:,} of {largest.size:,} items have a zero row, which has no cosine (first in "
                         f"row {largest.argmin()}): --drop-zero-rows (drop_zero_rows=True) leaves them out")
    if keep.size < 2:
        raise ValueError(f"{where}: at least two items that are not zero are needed, got {keep.size}")
    if zero:
        notes = (f"{where}: {zero:,} of {largest.size:,} items have a zero row and were left out.",)
        B = np.concatenate([np.asarray(B[rows])[largest[rows] > 0] for rows in row_blocks(len(largest), BLOCK)])
        ids = keep.astype(str) if items.ids is None else items.ids[keep]  # else their places would be lost
        items, bias = _rows_of(items, keep)._replace(factors=B, ids=ids), None if bias is None else bias[keep]
    return items, bias, largest[keep], notes


def _remarks(where, items):
    """Notes on what looks odd but may be right."""
    p, k = items.factors.shape
    if p < k:
        yield f"{where}: fewer items ({p:,}) than dimensions ({k:,}): is the file transposed?"
    if items.ids is not None:
        unique, times = np.unique(items.ids, return_counts=True)
        if times.max() > 1:
            yield (f"{where}: ids occur more than once: {np.sum(times > 1):,} of them, such as "
                   f"{quoted(unique[times.argmax()])} ({times.max():,} times).")


def _largest(where, M):
    """The largest absolute number of each row; raise if one is not finite."""
    return np.concatenate(list(over_blocks(_largest_of, M, BLOCK, where)))


def _largest_of(block, rows, where):
    largest = np.maximum(block.max(axis=1), -block.min(axis=1)).astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(largest))
    if bad.size:
        column = np.flatnonzero(~np.isfinite(block[bad[0]]))[0]
        raise ValueError(f"{where}: NaN or infinite numbers, first in row {rows.start + bad[0]}, column {column}")
    return largest


def _in_range(where, M, largest):
    """A matrix times a power of two, so that no product overflows or vanishes; mostly as it is.

    `largest` holds the largest numbers of rows that have to stay in range.

    Returns
    -------
    M : array_like
    exponent : int
    notes : list of str
    """
    low, high, dtype = largest.min(), largest.max(), np.dtype(M.dtype)
    if SAFE[dtype][0] <= low and high <= SAFE[dtype][1]:
        return M, 0, []
    between = f"the largest numbers of rows lie between {low:.2g} and {high:.2g}"
    apart = np.log2(high) - np.log2(low)
    fitting = [one for one in (dtype, FLOAT64) if apart <= np.log2(SAFE[one][1]) - np.log2(SAFE[one][0])]
    if not fitting:
        raise ValueError(f"{where}: {between}, too far apart")
    exponent = -round((np.log2(low) + np.log2(high)) / 2)
    scaled = np.concatenate([np.ldexp(np.asarray(M[rows], fitting[0]), exponent)
                             for rows in row_blocks(M.shape[0], BLOCK)])
    return scaled, exponent, [f"{where}: {between}; all were multiplied by 2^{exponent}, which changes no cosine."]
