"""Tables as pandas and spreadsheets write them: which line is names, which column is ids.

All cells are text until it is known what they are: an id "00007" or "NA" stays what it is. A table
that can be read in two ways is refused with a line that says how to decide it.
"""

import re
from typing import NamedTuple

import numpy as np

from cosines._arrays import require

MISSING = {"", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "-nan"}
# "movie_id", "movieId", "MovieID", "item id", and in lower case only what people number; not "width", "grid", "valid".
AN_ID = re.compile(r"(?i:(?:.*[\W_])?(?:id|ids|idx|index|key|uid|uuid|guid)|"
                   r"(?:item|user|movie|product|track|song|artist|book|doc|document|article|video|node|"
                   r"word|entity|customer|business|asset|content|news|post|sku)id|unnamed: ?\d+.*)|.*[a-z0-9]I[dD]")
LABELS, COUNTS = ("label", "labels", "title", "name"), ("count", "counts")
COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*")
LONGEST_ID, LONGEST_LABEL = 1000, 300


class Table(NamedTuple):
    """The users or items of a file, one row each; a field that the file lacks is None.

    Attributes
    ----------
    factors : ndarray, shape (m, k), or an object that gives its rows by slices
        float32 or float64, finite.
    ids, labels : ndarray of str, shape (m,)
    counts : ndarray of float64, shape (m,)
    notes : tuple of str
        Whole sentences on how the file was understood.
    """

    factors: np.ndarray | None = None
    ids: np.ndarray | None = None
    labels: np.ndarray | None = None
    counts: np.ndarray | None = None
    notes: tuple = ()


class Columns(NamedTuple):
    """Columns of a table: `values` are an array of numbers, or a list of text or of lists, each.

    `odd` are columns that were written as whole numbers, where all others of numbers have a decimal point.
    """

    where: str
    names: list | None
    values: list
    notes: tuple = ()
    odd: tuple = ()

    def called(self, j):
        """What an error calls a column."""
        return called(self.names, j)


def quoted(text):
    """Somebody else's text inside a sentence: on one line, not too long."""
    text = str(text)
    return f'"{repr(text if len(text) <= 40 else text[:37] + "...")[1:-1]}"'


def table_of(columns):
    """Columns as factors, ids, labels and counts: each column is one of them, or the file is refused.

    Parameters
    ----------
    columns : Columns

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        In one line, if the role of a column is ambiguous or unknown.
    """
    where, values = columns.where, columns.values
    table = described_by(columns)
    roles = _roles(columns)
    _refuse_other_labels(columns, roles.get("labels"))
    taken = set(roles.values())
    rest = [j for j in range(len(values)) if j not in taken]
    lists = [j for j in rest if _of_lists(values[j])]
    texts = [j for j in rest if isinstance(values[j], list) and j not in lists]
    if columns.names is None and len(texts) == 1 and len(rest) > 1 and not _has_numbers(values[texts[0]]):
        table = table._replace(ids=strings(where, "ids", values[texts[0]]), notes=(
            *table.notes, f"{where}: {columns.called(texts[0])}, which holds text, was taken as ids."))
        rest.remove(texts.pop())
    for j in texts:
        _refuse_text(columns, j)
    require(rest, where, "a file with a column per dimension", "none")
    if lists:
        require(len(rest) == 1, where, 'a file whose columns beside one of lists are called "id", "label" or "count"',
                ", ".join(columns.called(j) for j in rest if j != lists[0]))
        return table._replace(factors=_from_lists(columns, lists[0]))
    factors = np.column_stack([values[j] for j in rest])
    _refuse_hidden_ids(columns, rest, factors)
    return table._replace(factors=factors)


def described_by(columns):
    """Ids, labels and counts alone; other columns are not looked at.

    Parameters
    ----------
    columns : Columns

    Returns
    -------
    Table
        Without factors.
    """
    where, roles = columns.where, _roles(columns)
    taken = {role: columns.values[j] for role, j in roles.items()}
    notes = [f"{where}: {columns.called(j)} was taken as {role}." for role, j in roles.items()]
    if "ids" in taken:
        _refuse_doubtful_ids(columns, roles["ids"])
        taken["ids"] = strings(where, "ids", taken["ids"])
    if "labels" in taken:
        taken["labels"] = strings(where, "labels", taken["labels"])
    if "counts" in taken:
        taken["counts"] = counts_of(where, taken["counts"])
    return Table(notes=(*columns.notes, *notes), **taken)


def counts_of(where, counts):
    """Counts as float64, finite and ``>= 0``, or one line."""
    try:
        if isinstance(counts, list) and any(isinstance(one, str) for one in counts):
            counts = [number(one) for one in counts]  # stricter than NumPy
        counts = np.asarray(counts).astype(np.float64)
    except (TypeError, ValueError):
        counts = np.array([np.nan])
    if counts.ndim != 1 or not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"{where}: counts must be numbers >= 0, one per row")
    return counts


def strings(where, role, values):
    """Ids or labels as an array of strings; whole numbers without a decimal point.

    Ids that are missing or longer than `LONGEST_ID` are refused; labels are cut at `LONGEST_LABEL`.
    """
    dates = getattr(getattr(values, "dtype", None), "kind", "") == "M"
    values = values.tolist() if hasattr(values, "tolist") and not dates else list(values)
    one_each = not values or np.ndim(values[0]) == 0
    require(one_each, f"{where}: {role}", "one text or number per row", "an array each")
    texts = [_string(one) for one in values]
    if role == "labels":
        texts = ["" if one is None else one for one in texts]
        texts = [one if len(one) <= LONGEST_LABEL else f"{one[:LONGEST_LABEL - 1]}…" for one in texts]
    bad = next((row for row, one in enumerate(texts) if one is None or len(one) > LONGEST_ID), None)
    if bad is not None:
        raise ValueError(f"{where}: {role} must be text or numbers of at most {LONGEST_ID} characters, "
                         f"got {quoted(values[bad])} in row {bad}")
    return np.array(texts, dtype=str)


def number(cell, decimal="."):
    """The finite number that a cell of text holds, or NaN."""
    # Python would take 1_000 for a thousand.
    if "_" in cell or (decimal == "," and "." in cell):
        return np.nan
    try:
        value = float(cell.replace(",", ".") if decimal == "," else cell)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def numbers_in(cells, decimal):
    """What `number` makes of cells, faster where nothing is odd about them."""
    if decimal == "." and "_" not in "".join(cells):
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
            return np.where(np.isfinite(values), values, np.nan)
        except ValueError:
            pass
    return np.array([number(cell, decimal) for cell in cells], dtype=np.float64)


def refuse_cell(where, cell):
    raise ValueError(f"{where}: {quoted(cell)} is not a finite number")


def called(names, j):
    return f"column {quoted(names[j])}" if names and names[j] not in ("", None) else f"column {j + 1}"


def role_of(name, j, width):
    """The role that the name of a column states, or None."""
    name = str(name).strip()
    if AN_ID.fullmatch(name) or (name == "" and j == 0 and width > 1):
        return "ids"
    return "labels" if name.lower() in LABELS else "counts" if name.lower() in COUNTS else None


def _roles(columns):
    """Which column holds the ids, the labels, the counts, by their names."""
    found = {}
    for j, name in enumerate(columns.names or ()):
        role = role_of(name, j, len(columns.names))
        if role:
            found.setdefault(role, []).append(j)
    found.get("labels", []).sort(key=lambda j: LABELS.index(str(columns.names[j]).strip().lower()))
    for role in ("ids", "counts"):
        both = [columns.called(j) for j in found.get(role, [])]
        if len(both) > 1:
            raise ValueError(f"{columns.where}: {' and '.join(both[:3])} may both be {role}: "
                             "leave one out, or rename it")
    return {role: found[role][0] for role in ("ids", "labels", "counts") if role in found}


def _refuse_other_labels(columns, chosen):
    """Raise for a second column of labels, or for numbers in one that is not called so."""
    for j, name in enumerate(columns.names or ()):
        if role_of(name, j, len(columns.names)) == "labels":
            sure = str(name).strip().lower().startswith("label") or not only_numbers(columns.values[j])
            if j != chosen or not sure:
                raise ValueError(f"{columns.where}: {columns.called(j)} may be labels or a dimension: "
                                 "rename it, or leave it out")


def _refuse_doubtful_ids(columns, j):
    """Raise if a column with the name of ids, or with none, holds numbers as a dimension does."""
    name, cells = str(columns.names[j]).strip(), [str(cell) for cell in columns.values[j]]
    if name.lower() == "id" or not all(COMMA_NUMBER.fullmatch(cell) or not np.isnan(number(cell)) for cell in cells):
        return
    numbers = np.array([number(cell) for cell in cells])  # with a comma: NaN
    doubt = "" if (numbers == np.rint(numbers)).all() else "fractions"
    if not doubt and name == "" and not (len(set(cells)) == len(cells) and all(map(str.isdecimal, cells))):
        doubt = "without a name, and not a numbering"
    if doubt:
        raise ValueError(f'{columns.where}: {columns.called(j)} may be ids or a dimension ({doubt}): '
                         'call it "id", rename it, or leave it out')


def _refuse_text(columns, j):
    """Raise for a column of text where factors belong: tell a bad cell from a column of another kind."""
    values = columns.values[j]
    bad = next(row for row, cell in enumerate(values) if not isinstance(cell, str) or np.isnan(number(cell)))
    if _has_numbers(values):
        refuse_cell(f"{columns.where}: row {bad}, {columns.called(j)}", values[bad])
    raise ValueError(f'{columns.where}: {columns.called(j)} holds text where numbers belong ({quoted(values[bad])}): '
                     'call it "id" or "label", or leave it out')


def _refuse_hidden_ids(columns, rest, factors):
    """Raise for columns among the dimensions that number the rows, or are named or written otherwise."""
    nameless = [j for j in rest if columns.names and str(columns.names[j]).strip() == ""]
    require(not nameless, columns.where, "a table with names for all columns", ", ".join(map(columns.called, nameless)))
    stems = [_stem(columns.names[j]) for j in rest] if columns.names else []
    most = max((stem for stem in stems if stem is not None), key=stems.count, default=None)
    named = [j for j, stem in zip(rest, stems) if stem == most and most is not None]
    other = next((j for j in rest if j not in named), None)
    if 2 * len(named) >= len(rest) > len(named) > 0:
        raise ValueError(f'{columns.where}: {columns.called(other)} is named otherwise than the dimensions '
                         f'({columns.called(named[0])}, ...): call it "id", "label" or "count", or leave it out')
    if len(factors) < 2 or len(rest) < 2 or (other is None and most):
        return
    whole = (factors == np.rint(factors)).all(axis=0)
    rows = np.arange(len(factors))
    for j, column in ((rest[i], factors[:, i]) for i in np.flatnonzero(whole)):
        numbered = np.array_equal(column, rows) or np.array_equal(column, rows + 1)
        odd = (j in columns.odd and np.ptp(column) > 0) or (not whole.all() and np.unique(column).size == len(column))
        if numbered or odd:
            raise ValueError(f'{columns.where}: {columns.called(j)} may be ids or a dimension (whole numbers): '
                             'call it "id", leave it out, or name all dimensions f0, f1, ...')


def _from_lists(columns, j):
    """The matrix whose rows are lists in one column, numbers or text."""
    if all(isinstance(cell, np.ndarray) and cell.dtype.kind == "f" and cell.shape == columns.values[j][0].shape
           for cell in columns.values[j]):  # as from .parquet: no need to look at each
        return np.stack(columns.values[j])
    rows = [_list(columns, j, row, cell) for row, cell in enumerate(columns.values[j])]
    lengths = sorted({len(row) for row in rows})
    require(len(lengths) == 1, f"{columns.where}: {columns.called(j)}", "lists of one length", lengths[:5])
    return np.stack(rows)


def _list(columns, j, row, cell):
    """One list: a sequence, "[0.1, 0.2]", or "[0.1 0.2]" as NumPy prints it."""
    where = f"{columns.where}: row {row}, {columns.called(j)}"
    if not isinstance(cell, str):
        try:
            values = np.asarray(cell)
            values = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
        except (TypeError, ValueError):
            values = np.zeros(0)
        if values.ndim != 1 or not values.size or values.dtype.kind != "f":
            raise ValueError(f"{where} must be a list of numbers, got {quoted(cell)}")
        return values
    inner = re.sub(r"np\.float\d+\(([^()]*)\)", r"\1", cell.strip())
    inner = inner[1:-1] if is_list(inner) else ""
    parts = inner.split(",") if "," in inner else inner.split()
    values = np.array([number(part) for part in parts])
    if not parts or np.isnan(values).any():
        raise ValueError(f"{where}: {quoted(cell)} is not a list of finite numbers")
    return values


def _string(value):
    """One id or label as text, None if it is missing."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if value is None or str(value) in ("nan", "<NA>", "NaT"):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def data_like(cell):
    """Whether a cell could stand in a row of numbers: a number, one that is missing, or a list."""
    return (not np.isnan(number(cell)) or bool(COMMA_NUMBER.fullmatch(cell)) or is_list(cell)
            or cell.strip().lower() in MISSING)


def is_list(cell):
    cell = cell.strip()
    return (cell[:1], cell[-1:]) in (("[", "]"), ("(", ")"))


def only_numbers(values):
    """Whether a column holds numbers only, as such or as text."""
    cells = () if isinstance(values, np.ndarray) else values
    return len(values) > 0 and not any(not isinstance(cell, str) or np.isnan(number(cell)) for cell in cells)


def _stem(name):
    """What stands before the number in the name of a dimension: "f" in "f0"; None where there is none."""
    found = re.fullmatch(r"[#\s]*(.*?)\d+", str(name))
    return found[1] if found else None


def _of_lists(values):
    """Whether a column holds lists: its first cell does."""
    if not isinstance(values, list) or not values:
        return False
    return is_list(values[0]) if isinstance(values[0], str) else np.ndim(values[0]) == 1


def _has_numbers(values):
    """Whether text stands among numbers: words may be "1984", but not one in ten."""
    cells = [cell for cell in values if isinstance(cell, str)]
    odd = sum(not np.isnan(number(cell)) or cell.strip().lower() in MISSING for cell in cells)
    return 10 * odd >= max(len(values), 1)
