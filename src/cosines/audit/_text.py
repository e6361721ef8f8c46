"""Text as pandas and spreadsheets write it: the separator, the decimal sign, names in the first line.

Numbers are parsed last, and one by one as Python reads them, so that each is the one that was written.
"""

import csv
import gzip
import os
import re
import zlib
from itertools import chain, islice

import numpy as np

from cosines._arrays import require
from cosines.audit._tables import (
    COMMA_NUMBER,
    Columns,
    called,
    data_like,
    is_list,
    number,
    numbers_in,
    only_numbers,
    quoted,
    refuse_cell,
    role_of,
)

SAMPLE = 100  # lines that tell the separator, the decimal sign, and columns of text from numbers
CHUNK = 4096  # lines that are parsed at a time
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
UNENDED = "{}: the last line has no end: is the file whole?"
THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")


def read_text(path, with_factors=True):
    """Read a ``.csv`` or ``.tsv`` file, as it is or as ``.gz``; separator and decimal sign are recognised.

    Parameters
    ----------
    path : Path
    with_factors : bool
        If false, columns whose names state no role are not checked.

    Returns
    -------
    Columns
        ``names`` is None where the first line is a row.

    Raises
    ------
    ValueError
        In one line, if it is no such file, has lines of different lengths, or its first line may be
        names or a row.
    """
    separator = _separator(path, with_factors)
    sample = list(islice(_lines(path, separator), SAMPLE))
    first = sample[0][1]
    below = list(zip(*(cells for _, cells in sample[1:]))) or [()] * len(first)
    named = [role_of(name, j, len(first)) for j, name in enumerate(first)]
    decimal = _decimal(path, [cells for role, cells in zip(named, below) if not role and with_factors])
    kept = [bool(role) or not with_factors or any(np.isnan(number(cell, decimal)) for cell in cells) or not cells
            for role, cells in zip(named, below)]
    values = _values(path, separator, decimal, kept, first)
    names, notes = _first_line(path, first, below, values)
    if names is None:
        values = [_with_first(path, first, j, column, decimal) for j, column in enumerate(values)]
    require(len(values[0]), str(path), "a table with rows", "names of columns only")
    roles = named if names else [None] * len(values)
    values = [_parsed(column, decimal, role) for column, role in zip(values, roles)]
    numeric = [j for j, role in enumerate(roles) if not role and isinstance(values[j], np.ndarray)]
    points = [j for j in numeric if _with_points(below[j])]
    odd = [j for j in numeric if all(re.fullmatch(r"\s*[+-]?\d+\s*", cell) for cell in below[j])]
    alone = len(points) > 0 and len(points) + len(odd) == len(numeric)
    if ends_within_a_line(path):
        notes = (*notes, UNENDED.format(path))
    return Columns(str(path), names, values, notes, tuple(odd) if alone else ())


def _lines(path, separator):
    """Pairs of a line's number and its cells, all of one length; empty lines at the end are left out."""
    width, empty = None, None
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        with opened(path, "rt", encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            for cells in reader:
                if not cells or (len(cells) > 1 and not any(cells)):
                    empty = empty or reader.line_num
                    continue
                if empty:
                    raise ValueError(f"line {empty} is empty")
                width = width or len(cells)
                if len(cells) != width:
                    raise ValueError(f"line {reader.line_num} has another number of columns ({len(cells)}) "
                                     f"than the first ({width})")
                yield reader.line_num, cells
        if width is None:
            raise ValueError("is empty")
    except UnicodeError:
        raise ValueError(f"{path}: not a table of UTF-8 text (begins with {beginning(path)})") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: not a whole .gz file: {one_line(error)}") from None
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: not a table of one shape: {one_line(error)}") from None


def ends_within_a_line(path):
    """Whether an unpacked file ends within a line, as one that was cut off does."""
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - 2, 0))
        end = file.read().strip(b"\0")
    return path.suffix.lower() != ".gz" and end[-1:] not in (b"\n", b"\r")


def beginning(path):
    """The first characters of a file, for an error."""
    with path.open("rb") as file:
        return quoted(file.read(14).decode("latin-1"))


def one_line(error):
    """The first line of what another library says, not too long."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]


def _separator(path, with_factors):
    """The separator under which lines have one length, and most cells are numbers."""
    shares, errors, sample_of = {}, {}, {}
    for separator in SEPARATORS:
        try:
            sample = list(islice(_lines(path, separator), SAMPLE))
        except ValueError as error:
            errors[separator] = error
            continue
        cells = list(chain.from_iterable(cells for _, cells in sample[1:] or sample))
        sample_of[separator] = sample
        if len(sample[0][1]) > 1:
            shares[separator] = sum(map(data_like, cells)) / len(cells)
    if errors and not shares:
        # The separator of the first line decides which error helps.
        with_names = sorted(errors, key=lambda one: one in str(beginning(path)), reverse=True)
        raise errors[with_names[0]]
    if with_factors and set(shares) == {","} and _may_be_decimals(sample_of[","]):
        raise ValueError(f"{path}: may be two columns of whole numbers or one with decimal commas: "
                         "name the columns, or write numbers with a decimal point")
    best = [separator for separator, share in shares.items() if share == max(shares.values())]
    require(len(best) < 2, str(path), "a table with one kind of separator",
            " or ".join(SEPARATORS[separator] for separator in best))
    return best[0] if best else ","


def _may_be_decimals(sample):
    """Whether lines of two cells may be numbers with a decimal comma: "-0" and "9374"."""
    named = not all(re.fullmatch(r"[+-]?\d+", cell) for _, cells in sample[:1] for cell in cells)
    lines = [",".join(cells) for _, cells in sample[named:]]
    if not lines or not all(re.fullmatch(r"\s*[+-]?\d+,\d+", line) for line in lines):
        return False
    # Below the names of two columns, require digits that nobody writes as a whole number.
    if named and any(role_of(name, j, 2) and name for j, name in enumerate(sample[0][1])):
        return False
    return not named or any(re.fullmatch(r"-0,\d+|.*,(0\d+|\d{7,})", line) for line in lines)


def _decimal(path, columns):
    """The decimal sign: a comma, if there is one in a number and no point in any."""
    cells = list(chain.from_iterable(columns))
    commas = [cell for cell in cells if COMMA_NUMBER.fullmatch(cell)]
    if not commas or any("." in cell and not np.isnan(number(cell)) for cell in cells):
        return "."
    if all(map(THOUSANDS.fullmatch, commas)):
        raise ValueError(f"{path}: {quoted(commas[0])} may be {commas[0].replace(',', '.').strip()} or "
                         f"{commas[0].replace(',', '').strip()}: write numbers with a decimal point")
    return ","


def _values(path, separator, decimal, kept, first):
    """Columns below the first line: lists of text where `kept`, arrays of numbers otherwise."""
    texts, blocks = [[] for _ in kept], []
    names = None if any(map(_is_fraction, first)) else first
    lines = islice(_lines(path, separator), 1, None)
    while chunk := list(islice(lines, CHUNK)):
        block = []
        for j, cells in enumerate(zip(*(cells for _, cells in chunk))):
            if kept[j]:
                texts[j].extend(cells)
                continue
            values = numbers_in(cells, decimal)
            if np.isnan(values).any():
                bad = int(np.flatnonzero(np.isnan(values))[0])
                refuse_cell(f"{path}: line {chunk[bad][0]}, {called(names, j)}", cells[bad])
            block.append(values)
        blocks.append(block)
    numbers = iter([np.concatenate(parts) for parts in zip(*blocks)])
    return [text if keep else next(numbers) for text, keep in zip(texts, kept)]


def _first_line(path, first, below, values):
    """Names of columns and notes, or None where the first line is a row like the others."""
    names = [cell.strip() for cell in first]
    texts = [j for j, cell in enumerate(names) if not data_like(cell)]
    digits = [j for j, cell in enumerate(names) if re.fullmatch(r"\d+", cell)]
    counting = [int(names[j]) for j in digits] in (list(range(len(digits))), list(range(1, len(digits) + 1)))
    known = [bool(role_of(cell, j, len(names))) for j, cell in enumerate(names)]
    fractional = bool(digits) and all(_any_fraction(values[j]) or _with_points(below[j]) for j in digits)
    doubt = (f"{path}: the first line, {quoted(','.join(first))}, may be names of columns or a row: "
             "name the columns (id,f0,f1,...), or leave that line out")
    if len(texts) == len(names):
        return names, ()
    if any(_is_fraction(cell) or is_list(cell) for cell in names):
        return None, ()
    if texts:
        sure = len(texts) > 1 or counting or all(known[j] for j in texts)
        if (sure and any(only_numbers(values[j]) for j in texts)) or (
                counting and fractional and all(known[j] for j in texts)):
            return names, ()
        raise ValueError(doubt)
    if digits and counting and names[0] == "" and len(digits) == len(names) - 1:
        return names, ()
    if not digits or not len(values[0]):
        return None, ()
    if len(digits) < len(names):
        raise ValueError(doubt)
    if counting and fractional and len(digits) > 2:
        return names, (f"{path}: the first line, {quoted(','.join(first))}, was taken as names of columns.",)
    written = all(_with_points(below[j]) for j in digits)
    if counting or (fractional and len(set(names)) == len(names)) or (written and set(names) != {"0"}):
        raise ValueError(doubt)
    return None, ()


def _with_first(path, first, j, column, decimal):
    """A column with the first line's cell on top, where that is no name."""
    if isinstance(column, list):
        return [first[j], *column]
    value = number(first[j], decimal)
    if np.isnan(value):
        refuse_cell(f"{path}: line 1, {called(None, j)}", first[j])
    return np.concatenate([[value], column])


def _parsed(column, decimal, role):
    """Text that holds nothing but numbers as numbers, unless its name says what it is."""
    if isinstance(column, np.ndarray) or (role and role != "counts"):
        return column
    values = numbers_in(column, decimal)
    return column if np.isnan(values).any() else values


def _is_fraction(cell):
    """Whether a cell is a number that is no name of a column: with a sign, point or exponent."""
    return not re.fullmatch(r"\s*\d+\s*", cell) and (not np.isnan(number(cell)) or bool(COMMA_NUMBER.fullmatch(cell)))


def _with_points(cells):
    """Whether all cells are written as fractions, 3.0 included."""
    return bool(cells) and all(re.search(r"[.,eE]", cell) for cell in cells)


def _any_fraction(values):
    return isinstance(values, np.ndarray) and bool((values != np.rint(values)).any())
