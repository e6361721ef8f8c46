"""Audit item embeddings that somebody trained: how much do their cosines depend on the scaling?

``P`` (n, k) holds the users' factors, ``X A`` in the paper, and ``B`` (p, k) the items'. Only the
product ``P B^T`` predicts, and ``P M``, ``B M^-T`` predict the same for any invertible M. All that the
usual choices of M need are the two k x k Gram matrices ``P^T P`` and ``B^T B``; whatever is as long
as the catalogue is read in blocks of rows.
"""

from typing import NamedTuple

import numpy as np

from cosines._arrays import finite_array, refuse_zero_rows, require, require_count
from cosines.audit.files import Table, blocks_of, embed, read_descriptions, read_factors
from cosines.evaluation import overlap
from cosines.scalings import AS_TRAINED, BALANCED, DOUBLE, PREDICTIONS, scalings
from cosines.similarity import unit_rows

# The verdict's thresholds, on the mean share of neighbours that the embedding as trained has in common
# with another scaling. The first is a convention: of a list of ten, two may change. The second asks
# whether training has balanced the factors, not whether lists look alike, and so is closer to one: a
# converged ALS reaches 0.99 (tests/test_libraries.py), an accident 0.92 (notebook 14).
STABLE = 0.8
BALANCED_ENOUGH = 0.95


class GramAndNorms(NamedTuple):
    """`gram` (k, k), ``M^T M`` in float64, and `norms` (m,) of the rows of a matrix M."""

    gram: np.ndarray
    norms: np.ndarray


class Audit(NamedTuple):
    """What `audit` found.

    Attributes
    ----------
    items, users : GramAndNorms
        `users` is None where user factors are unknown.
    transforms : dict of str to ndarray, shape (k, r)
        T for each scaling: items are embedded as ``B T``.
    queries : ndarray of int, shape (q,)
        Items whose neighbours were looked for.
    neighbours : dict of str to ndarray of int, shape (q, n)
    overlap : dict of str to ndarray, shape (q,)
        Share of each query's neighbours as trained that another scaling finds too.
    verdict : str
        "stable", "scaling-dependent", "arbitrary" or, without users, possibly "undecided".
    reasons : list of str
    """

    items: GramAndNorms
    users: GramAndNorms | None
    transforms: dict
    queries: np.ndarray
    neighbours: dict
    overlap: dict
    verdict: str
    reasons: list


def read_model(item_factors, user_factors="", item_table=""):
    """Read items and users from files and check that they fit, before any work starts.

    Parameters
    ----------
    item_factors, user_factors : str or Path
        For `read_factors`; without users, empty.
    item_table : str or Path
        For `read_descriptions`, or empty.

    Returns
    -------
    items : Table
    P : ndarray, shape (n, k), or None

    Raises
    ------
    ValueError
        In one line, as `read_factors`, `read_descriptions` and `check_factors` do.
    """
    items = read_factors(item_factors, "item_factors")
    P = read_factors(user_factors, "user_factors").factors if user_factors else None
    check_factors(items.factors, P)
    if item_table:
        described = read_descriptions(item_table, len(items.factors))._asdict()
        items = items._replace(**{name: values for name, values in described.items() if values is not None})
    return items, P


def chosen_rows(chosen, items, n=4):
    """Row numbers of the items named in `chosen`, or of `n` from the most to the least popular.

    Parameters
    ----------
    chosen : str
        Ids (row numbers from 0, where there are no ids) with commas in between, or empty.
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
    p = len(items.factors)
    if not chosen.strip():
        size = items.counts if items.counts is not None else gram_and_norms(items.factors).norms
        return np.sort(np.argsort(-size, kind="stable")[np.linspace(0, p - 1, min(n, p)).astype(int)])
    ids = [str(name) for name in (range(p) if items.ids is None else items.ids)]
    rows = {name: row for row, name in enumerate(ids)}
    wanted = [name.strip() for name in chosen.split(",") if name.strip()]
    missing = [name for name in wanted if name not in rows]
    known = "ids of items" if items.ids is not None else f"row numbers in 0..{p - 1}"
    require(not missing, "chosen", known, missing[:5])
    return np.unique([rows[name] for name in wanted])


def audit(B, P=None, n_queries=1000, n_neighbours=10, seed=0):
    """Compare item neighbours between equally optimal scalings of one model.

    Parameters
    ----------
    B : array_like, shape (p, k)
        Item factors. Any array that gives its rows by slices will do, such as a memory map.
    P : array_like, shape (n, k), optional
        User factors.
    n_queries : int
        Items whose neighbours are looked for, drawn without replacement; all if there are fewer.
    n_neighbours : int
        1..p-1.
    seed : int

    Returns
    -------
    Audit

    Raises
    ------
    ValueError
        If the numbers of columns differ, entries are not finite, or an item's row is zero.
    """
    check_factors(B, P)
    p = B.shape[0]
    items = gram_and_norms(B, "item factors")
    users = None if P is None else gram_and_norms(P, "user factors")
    require_count("n_neighbours", n_neighbours, 1, p - 1)
    transforms = scalings(items.gram, None if users is None else users.gram, _precision(B))
    rng = np.random.default_rng(seed)
    queries = np.sort(rng.choice(p, size=min(n_queries, p), replace=False))
    neighbours = {name: nearest_under(B, T, queries, n_neighbours) for name, T in transforms.items()}
    kept = {name: overlap(neighbours[AS_TRAINED], found)
            for name, found in neighbours.items() if name != AS_TRAINED}
    verdict, reasons = verdict_on({name: float(shared.mean()) for name, shared in kept.items()})
    return Audit(items, users, transforms, queries, neighbours, kept, verdict, reasons)


def check_factors(B, P=None):
    """Raise unless `B` and `P` can be the factors of one model.

    A user without a single interaction may have a zero row, which changes nothing. An item may not.

    Raises
    ------
    ValueError
        If they are no matrices, the numbers of columns differ, or an item's row is zero.
    """
    for argument, M in (("item factors", B), ("user factors", P)):
        shape = getattr(M, "shape", np.shape(M))
        matrix = M is None or (len(shape) == 2 and min(shape) > 0)
        require(matrix, argument, "a non-empty matrix, one row each", shape)
    if P is not None:
        k = B.shape[1]
        require(P.shape[1] == k, "user factors", f"of {k} columns, as the item factors", P.shape)
    require(B.shape[0] > 1, "item factors", "of at least two items", B.shape)
    zero = np.concatenate([~np.asarray(B[rows]).any(axis=1) for rows in blocks_of(B.shape[0])])
    refuse_zero_rows("item factors", ~zero[:, None])


def gram_and_norms(M, argument="M"):
    """Gram matrix and row norms of `M` in float64, by blocks of rows.

    Parameters
    ----------
    M : array_like, shape (m, k)
        Needs nothing but a shape and slices of rows that NumPy can read.
    argument : str
        What an error calls the matrix.

    Returns
    -------
    GramAndNorms

    Raises
    ------
    ValueError
        If an entry is not finite.
    """
    gram, norms = np.zeros((M.shape[1], M.shape[1])), np.empty(M.shape[0])
    for rows in blocks_of(M.shape[0]):
        block = finite_array(argument, M[rows], ndim=2).astype(np.float64)
        gram += block.T @ block
        norms[rows] = np.linalg.norm(block, axis=1)
    return GramAndNorms(gram, norms)


def nearest_under(B, T, queries, n=10):
    """The `n` items of largest cosine with each query item under the embedding ``B T``.

    By blocks of rows, in the precision of B; memory does not grow with the catalogue.

    Parameters
    ----------
    B : array_like, shape (p, k)
    T : ndarray, shape (k, r)
    queries : ndarray of int, shape (q,)
        Ascending.
    n : int
        1..p-1.

    Returns
    -------
    ndarray of int, shape (q, n)
        Nearest first; an item is not a neighbour of its own.
    """
    q = np.arange(len(queries))
    Q = directions(B[queries], T)
    cosines = np.full((len(q), n), -np.inf, dtype=Q.dtype)
    indices = np.full((len(q), n), -1)
    for rows in blocks_of(B.shape[0]):
        S = Q @ directions(B[rows], T).T
        own = (queries >= rows.start) & (queries < rows.stop)
        S[q[own], queries[own] - rows.start] = -np.inf
        # Most blocks improve few lists: look only at columns that beat some query's worst.
        better = np.flatnonzero((S > cosines.min(axis=1, keepdims=True)).any(axis=0))
        S = np.hstack([cosines, S[:, better]])
        new = np.broadcast_to(rows.start + better, (len(q), better.size))
        candidates = np.hstack([indices, new])
        keep = np.argpartition(-S, n - 1, axis=1)[:, :n]
        cosines, indices = np.take_along_axis(S, keep, 1), np.take_along_axis(candidates, keep, 1)
    order = np.argsort(-cosines, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1)


def norms_under(B, T):
    """Row norms of ``B T``, by blocks of rows: shape (p,)."""
    return np.concatenate([np.linalg.norm(embed(B[rows], T), axis=1) for rows in blocks_of(B.shape[0])])


def popularity_share(norms, counts):
    """Share of the variance of log norms that a straight line in log popularity explains.

    Parameters
    ----------
    norms : array_like, shape (p,)
        Positive.
    counts : array_like, shape (p,)
        Interactions of each item, ``>= 0``; one is added before the logarithm.

    Returns
    -------
    float
        Between 0 and 1; 0 where either is constant.
    """
    x, y = np.log1p(counts), np.log(norms)
    x, y = x - x.mean(), y - y.mean()
    scale = (x @ x) * (y @ y)
    return float((x @ y) ** 2 / scale) if scale > 0 else 0.0


def verdict_on(shared):
    """Verdict on cosines of the embedding as trained, with its reasons.

    Parameters
    ----------
    shared : dict of str to float
        Mean overlap of neighbours as trained with those under each other scaling of `scalings`.

    Returns
    -------
    verdict : str
        - "stable" if under every other scaling at least ``STABLE`` of the neighbours stay;
        - "scaling-dependent" if not, but something singles this scaling out: it shares
          ``BALANCED_ENOUGH`` of its neighbours with the balanced one, where equal penalties on both
          factors lead, or ``STABLE`` with the space of predictions;
        - "arbitrary" if nothing does.
        Without users: "undecided" in place of the first, "scaling-dependent" in place of the others.
    reasons : list of str
        Whole sentences.
    """
    worst = min(shared, key=shared.get)
    reasons = [_sentence(f"under the scaling that changes most ({worst})", shared[worst], STABLE, "stable")]
    stays = shared[worst] >= STABLE
    if PREDICTIONS not in shared:
        known = "other scalings may change the neighbours" if stays else "it may as well be arbitrary"
        reasons.append("Without user factors the balanced scaling and the space of predictions cannot be "
                       f"computed, nor can one tell whether training fixed the scaling: {known}.")
        return ("undecided" if stays else "scaling-dependent"), reasons
    reasons += [
        _sentence("under balanced factors, where equal penalties on users and items lead",
                  shared[BALANCED], BALANCED_ENOUGH, "that training may have fixed the scaling"),
        _sentence("in the space of predictions, which no scaling changes",
                  shared[PREDICTIONS], STABLE, "that cosines say what the model predicts"),
    ]
    if stays:
        return "stable", reasons
    singled_out = shared[BALANCED] >= BALANCED_ENOUGH or shared[PREDICTIONS] >= STABLE
    return ("scaling-dependent" if singled_out else "arbitrary"), reasons


def _sentence(where, share, threshold, meaning):
    """One reason of the verdict: what was measured, and what it would take."""
    sign = "at least" if share >= threshold else "below"
    return (f"Of ten neighbours as trained, {10 * share:.2f} stay {where}: "
            f"{sign} the {10 * threshold:g} that mean {meaning}.")


def _precision(B):
    """Rounding unit of the numbers in `B`."""
    return float(np.finfo(B.dtype).eps) if B.dtype.kind == "f" else float(np.finfo(np.float64).eps)


def directions(rows, T):
    """Rows of ``rows T`` at unit length; an item that T takes to zero is nobody's neighbour."""
    embedded = embed(rows, T)
    some = embedded.any(axis=1)
    embedded[some] = unit_rows(embedded[some]) if some.any() else 0
    return embedded
