"""What the findings are made from: scores, readings, lists of neighbours.

The scalings need k x k Gram matrices only; matrices as long as the catalogue are read by blocks
(``blocks``).
"""

import csv
from typing import NamedTuple

import numpy as np

from cosines import symmetries
from cosines._arrays import require, require_known
from cosines.audit._lazy import over_blocks
from cosines.audit.blocks import (
    Beside,
    GramAndNorms,
    all_unit,
    directions,
    first_alike,
    gram_and_norms,
    mean_row,
    memberships,
    nearest_with_cosines,
    row_norms,
    rows_at,
    shared_memberships,
    unit_gram,
)
from cosines.audit.files import BLOCK, Model
from cosines.scalings import AS_TRAINED, PREDICTIONS, scaling, scalings

# Biases come as files of their own, whatever the score.
SCORES = tuple(score for score in symmetries.SCORES if score != "biases")

RECOGNISED = 1e-3  # largest relative deviation of a Gram matrix or a length from what it is taken for
SPARE = 5  # candidates beyond the list, so that ties at its end are seen
N_PAIRS = 10_000

SAID = {
    "dot": "the model scores by the dot product of user and item",
    "ranking": "training compared scores of one user's items only (a ranking or softmax loss)",
    "cosine": "the model scores by the cosine of user and item",
}


class Finding(NamedTuple):
    """One thing that was measured.

    `value` is between `low` and `high` (95 %) where it was measured on a sample; all three and
    `threshold` may be None. `meaning` and `advice` are whole sentences; the latter may be empty.
    `ok` tells whether the value is on the good side of its threshold; None where there is no such side.
    """

    key: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float | None
    meaning: str
    advice: str = ""
    ok: bool | None = None


class Neighbours(NamedTuple):
    """The nearest items of one, by name, nearest first: `lists` of (name, whether as trained too)."""

    item: str
    lists: dict


class Reading(NamedTuple):
    """A way to embed the items: rows of ``(matrix - shift) T``; T and shift may be None."""

    matrix: np.ndarray
    T: np.ndarray | None
    shift: np.ndarray | None


class Geometry(NamedTuple):
    """A model's Gram matrices and readings.

    `items` are the items' Gram matrix and norms as they are, `alone` the Gram matrix of one item of
    each direction, `H` that of the users (None without), `spectrum` that of what effective
    dimensions are counted of; `first` tells for each item the first of its direction, and
    `precision` is the rounding unit of the factors.
    """

    model: Model
    score: str
    readings: dict
    items: GramAndNorms
    alone: np.ndarray
    H: np.ndarray | None
    spectrum: np.ndarray
    first: np.ndarray
    precision: float


class Measured(NamedTuple):
    """What the findings are made from: a `Geometry`, and lists of neighbours of the `queries`.

    `lists` holds for each reading the candidates, and how much of each is in the list of `n`;
    `nearest` the cosine of each query, as trained, with its nearest item.
    """

    model: Model
    score: str
    readings: dict
    items: GramAndNorms
    alone: np.ndarray
    H: np.ndarray | None
    spectrum: np.ndarray
    first: np.ndarray
    precision: float
    distinct: np.ndarray
    queries: np.ndarray
    lists: dict
    nearest: np.ndarray
    n: int

    def counted(self, a, b):
        """Share of each query's list under reading `a` that is in that under `b`."""
        return shared_memberships(self.lists[a], self.lists[b], self.n)

    def corrected(self, share):
        """Shares corrected for those that random lists have in common."""
        return corrected_for_chance(share, self.n, len(self.distinct))


def corrected_for_chance(share, n, m):
    """Shares of lists of `n` out of `m` items less what random lists have in common: 0 by chance, 1 if equal."""
    chance = n / (m - 1)
    return (share - chance) / (1 - chance) if chance < 1 else np.full_like(share, np.nan)


def scoring(model, score=None):
    """How the model scores, whether that is assumed, and a sentence that says so.

    Parameters
    ----------
    model : Model
    score : str, optional
        One of `SCORES`.

    Returns
    -------
    score : str
    assumed : bool
    statement : str
    """
    matrices = [M for M in (model.items.factors, model.P) if M is not None]
    if score is not None:
        require_known("score", score, SCORES)
        statement = f"Given: {SAID[score]}."
    elif all(all_unit(M, RECOGNISED) for M in matrices):
        return "cosine", True, (f"Assumed: {SAID['cosine']}, because all rows have unit length. If they got it only "
                                "after training, give --score dot and the factors before that.")
    else:
        statement = f"Assumed: {SAID['dot']}{with_biases(model)}."
    return score or "dot", score is None, statement


def with_biases(model):
    biases = [name for name, bias in (("item's", model.item_bias), ("user's", model.user_bias)) if bias is not None]
    return f", plus the {' and the '.join(biases)} bias" if biases else ""


def notes_on(model, score):
    """How the input was understood."""
    notes = list(model.notes)
    if score == "cosine" and with_biases(model):
        notes.append("Biases were not used: no cosine of two items depends on them.")
    elif score == "ranking" and model.user_bias is not None:
        notes.append("The users' biases were not used: they drop out of every comparison of one user's scores.")
    B, P = model.items.factors, model.P
    if P is not None and P.shape == B.shape and np.array_equal(P[:9], B[:9]):
        notes.append("Users and items begin with the same rows: if a file was given twice by mistake, "
                     "this is the audit of another model than yours.")
    if score != "cosine" and model.P is not None:
        notes += [f"Column {column} of the {whose} (from 0) holds one value: the {others}' is a bias that is part of these "
                  f"cosines. To read items without it, leave it out of both files{give}."
                  for M, whose, others, give in ((model.P, "users", "items", " and give it as --item-bias"),
                                                 (model.items.factors, "items", "users", " and give it as --user-bias"))
                  for column in _constant_columns(M)]
    if score != "cosine" and model.P is None and with_biases(model):
        notes.append("Biases were not used: without users there are no predictions.")
    elif predicting(model, score)[0] is not model.items.factors:
        notes.append("Biases are part of the predictions and of prediction space; the items as trained, "
                     "item-whitened and balanced are read without them.")
    return tuple(notes)


def _constant_columns(M):
    """Numbers of columns, other than zero, with one value throughout."""
    first = np.asarray(M[:1])[0]
    same = (first != 0) & (M.shape[0] > 1)
    for found in over_blocks(_same_as, M, BLOCK, first) if same.any() else ():
        same &= found
        if not same.any():
            break
    return np.flatnonzero(same).tolist()


def _same_as(block, rows, first):
    return (block == first).all(axis=0)


def predicting(model, score):
    """Items and users whose inner products are the scores: with columns for biases where there are any.

    Parameters
    ----------
    model : Model
        With users.
    score : str
        One of `SCORES`. To a ranking, users' biases are invisible, and to a cosine all biases.

    Returns
    -------
    items, users : array_like, shape (p, k + b), (n, k + b)
    """
    B, P = model.items.factors, model.P
    items, users = [], []
    if P is not None and score != "cosine" and model.item_bias is not None:
        items.append(np.asarray(model.item_bias))
        users.append(np.broadcast_to(1.0, P.shape[0]))
    if P is not None and score == "dot" and model.user_bias is not None:
        items.append(np.broadcast_to(1.0, B.shape[0]))
        users.append(np.asarray(model.user_bias))
    return (Beside(B, tuple(items)), Beside(P, tuple(users))) if items else (B, P)


# Measuring


def silent(step):
    """Report no progress."""


def geometry_of(model, score):
    """Gram matrices and readings of a model, with items of one direction counted once.

    Parameters
    ----------
    model : Model
    score : str
        One of `SCORES`.

    Returns
    -------
    Geometry
    """
    B = model.items.factors
    eps = [float(np.finfo(M.dtype).eps) for M in (B, model.P) if M is not None and M.dtype.kind == "f"]
    precision = max(eps, default=float(np.finfo(np.float64).eps))
    items = gram_and_norms(B, "item factors")
    require(bool(items.norms.all()), "item factors", "without zero rows, which have no cosine",
            f"{np.count_nonzero(items.norms == 0)}: rows {np.flatnonzero(items.norms == 0)[:5].tolist()}")
    first = first_alike(B) if score != "ranking" else first_alike(
        B, mean_row(B), np.sqrt(np.trace(items.gram) / len(items.norms)))
    among = first == np.arange(len(first))
    # Duplicates count once, in Gram matrices too.
    alone = items.gram if among.all() else gram_and_norms(B, "item factors", among=among).gram
    readings, H, spectrum = _readings(model, score, alone, among, precision)
    return Geometry(model, score, readings, items, alone, H, spectrum, first, precision)


def measure(seen, n_queries, n_neighbours, chosen=None, progress=silent):
    """All lists of neighbours, and the chosen items' by name.

    Parameters
    ----------
    seen : Geometry
    n_queries, n_neighbours, chosen, progress
        As in `cosines.audit.findings.audit`.

    Returns
    -------
    Measured
    tuple of Neighbours
    """
    model, first = seen.model, seen.first
    distinct = np.unique(first)
    require(len(distinct) > 1, "item factors", "of at least two directions", f"{len(first)} items of one")
    n = min(n_neighbours, len(distinct) - 1)
    q = min(n_queries, len(distinct))
    queries = distinct[np.linspace(0, len(distinct) - 1, q).round().astype(int)]
    if chosen is None:
        chosen = _from_most_to_least(seen.items.norms if model.items.counts is None else np.asarray(model.items.counts))
    wanted = np.union1d(queries, first[chosen])
    asked = np.searchsorted(wanted, queries)
    candidates = min(n + SPARE, len(distinct) - 1)
    lists, side_by_side, nearest = {}, {}, None
    among = first == np.arange(len(first))
    for name, (matrix, T, shift) in seen.readings.items():
        progress(f"neighbours, {name}")
        found, cosines = nearest_with_cosines(matrix, T, wanted, candidates, shift, among)
        lists[name] = found[asked], memberships(cosines[asked], n)
        nearest = cosines[asked, 0] if nearest is None else nearest
        side_by_side[name] = found[np.searchsorted(wanted, first[chosen]), :n]
    measured = Measured(*seen, distinct, queries, lists, nearest, n)
    return measured, tuple(_named(model.items, chosen, side_by_side))


def _readings(model, score, gram, among, precision):
    """Every reading that can be known, the users' Gram matrix, and that of what the items span."""
    B, P = model.items.factors, model.P
    trained = {AS_TRAINED: Reading(B, None, None)}
    if score == "cosine":
        return trained, None, unit_gram(B)
    k = B.shape[1]
    rows, users = predicting(model, score)
    shift = mean_row(rows, among) if score == "ranking" else None
    of_items = shift if shift is None else shift[:k]
    whole = gram if rows is B and shift is None else gram_and_norms(rows, "item factors", shift, among).gram
    H = None if P is None else gram_and_norms(users, "user factors").gram
    transforms = scalings(whole[:k, :k], None if H is None else H[:k, :k], precision)
    readings = {name: Reading(B, T, of_items) for name, T in transforms.items() if name != AS_TRAINED}
    if H is None:
        return trained | readings, None, gram
    T = scaling(PREDICTIONS, whole, H, precision)
    readings[PREDICTIONS] = Reading(rows, T, shift)
    return trained | readings, H, T.T @ whole @ T


def _named(items, chosen, side_by_side):
    """Neighbours of the chosen items by name, five each."""
    known = next((names for names in (items.labels, items.ids) if names is not None), None)

    def name(row):
        return str(row if known is None else known[row])

    for position, row in enumerate(chosen):
        as_trained = set(side_by_side[AS_TRAINED][position].tolist())
        yield Neighbours(name(row), {
            reading: tuple((name(item), item in as_trained) for item in found[position, :5].tolist())
            for reading, found in side_by_side.items()})


def chosen_rows(chosen, items, n=4):
    """Row numbers of the items named in `chosen`, or of `n` from the most to the least popular.

    Parameters
    ----------
    chosen : str
        Ids (row numbers from 0, where there are no ids) with commas in between, or empty. An id with
        a comma in it stands in double quotes.
    items : Table
        Without counts, the norm stands in for popularity.
    n : int

    Returns
    -------
    ndarray of int
        Ascending.

    Raises
    ------
    ValueError
        If an id is not there.
    """
    p = items.factors.shape[0]
    if not chosen.strip():
        return _from_most_to_least(row_norms(items.factors) if items.counts is None else np.asarray(items.counts), n)
    wanted = [name.strip() for name in next(csv.reader([chosen], skipinitialspace=True)) if name.strip()]
    ids = map(str, range(p) if items.ids is None else items.ids)
    rows = {name: row for row, name in enumerate(ids) if name in wanted}
    missing = [name for name in wanted if name not in rows]
    known = f"ids of items, such as {str(items.ids[0])!r}" if items.ids is not None else f"row numbers in 0..{p - 1}"
    require(not missing, "chosen", known, missing[:5])
    return np.unique([rows[name] for name in wanted])


def _from_most_to_least(size, n=4):
    """Rows of `n` items, evenly spaced by rank of size; ascending."""
    order = np.argsort(-size, kind="stable")
    return np.sort(order[np.linspace(0, len(size) - 1, min(n, len(size))).astype(int)])


def mean_interval(values, population):
    """Mean of a sample from `population` values, with its 95 % interval.

    Parameters
    ----------
    values : ndarray, shape (q,)
        Drawn without replacement: where all are known, the interval is a point.
    population : int

    Returns
    -------
    mean, low, high : float
    """
    q = len(values)
    mean = float(np.mean(values))
    error = 1.96 * float(np.std(values)) / np.sqrt(max(q - 1, 1)) * np.sqrt(max(1 - q / population, 0))
    return mean, float(mean - error), float(mean + error)


def random_pairs(distinct):
    """Pairs of different items, the same at every run: shape (m, 2)."""
    pairs = np.random.default_rng(0).integers(0, len(distinct), size=(N_PAIRS, 2))
    return distinct[pairs[pairs[:, 0] != pairs[:, 1]]]


def rows_of(matrix, pairs):
    """Rows of the first and of the second of each pair; each row is read once."""
    return list(rows_at(matrix, pairs.T))


def cosines_of_pairs(measured, pairs):
    """Cosines of pairs under each reading: dict of str to ndarray, shape (m,)."""
    cosines = {}
    for name, (matrix, T, shift) in measured.readings.items():
        first, second = (directions(rows, T, shift).astype(np.float64) for rows in rows_of(matrix, pairs))
        cosines[name] = np.einsum("ij,ij->i", first, second)
    return cosines


def key_of(name):
    """The name of a reading as part of a finding's key."""
    return name.replace(" ", "-")
