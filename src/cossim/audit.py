"""Audit item embeddings that somebody trained: how much do their cosines depend on the scaling?

``P`` (n, k) holds the users' factors, ``X A`` in the paper, and ``B`` (p, k) the items'. Only the
product ``P B^T`` predicts, and ``P M``, ``B M^-T`` predict the same for any invertible M. All that the
usual choices of M need are the two k x k Gram matrices ``P^T P`` and ``B^T B``; whatever is as long
as the catalogue is read in blocks of rows.
"""

from typing import NamedTuple

import numpy as np

from cossim._require import finite_array, require, require_count
from cossim.factor_files import Table, embed, read_descriptions, read_factors, row_blocks

AS_TRAINED = "as trained"
BALANCED = "balanced"
ITEM_WHITENED = "item-whitened"
PREDICTIONS = "prediction space"

# The verdict's thresholds, on the mean share of neighbours that the embedding as trained has in common
# with another scaling. The first is a convention: of a list of ten, two may change. The second asks
# whether training has balanced the factors, not whether lists look alike, and so is closer to one: a
# converged ALS reaches 0.99 (tests/test_libraries.py), an accident 0.92 (notebook 08).
STABLE = 0.8
BALANCED_ENOUGH = 0.95


class Moments(NamedTuple):
    """`gram` (k, k), ``M^T M`` in float64, and `norms` (m,) of the rows of a matrix M."""

    gram: np.ndarray
    norms: np.ndarray


class Audit(NamedTuple):
    """What `audit` found.

    Attributes
    ----------
    items, users : Moments
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

    items: Moments
    users: Moments | None
    transforms: dict
    queries: np.ndarray
    neighbours: dict
    overlap: dict
    verdict: str
    reasons: list


def load(item_factors, user_factors="", item_table=""):
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


def choose(chosen, items, n=4):
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
        size = items.counts if items.counts is not None else moments(items.factors).norms
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
    items = moments(B, "item factors")
    users = None if P is None else moments(P, "user factors")
    require_count("n_neighbours", n_neighbours, 1, p - 1)
    transforms = scalings(items.gram, None if users is None else users.gram, _precision(B))
    rng = np.random.default_rng(seed)
    queries = np.sort(rng.choice(p, size=min(n_queries, p), replace=False))
    neighbours = {name: nearest(B, T, queries, n_neighbours) for name, T in transforms.items()}
    overlap = {name: list_overlap(neighbours[AS_TRAINED], found)
               for name, found in neighbours.items() if name != AS_TRAINED}
    verdict, reasons = judge({name: float(shared.mean()) for name, shared in overlap.items()})
    return Audit(items, users, transforms, queries, neighbours, overlap, verdict, reasons)


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
    blocks = row_blocks(B.shape[0])
    zero = np.flatnonzero(np.concatenate([~np.asarray(B[rows]).any(axis=1) for rows in blocks]))
    if zero.size:
        raise ValueError(f"item factors must be without zero rows, which have no cosine, got {zero.size}: "
                         f"rows {zero[:5].tolist()}{' and so on' if zero.size > 5 else ''}")


def moments(M, argument="M"):
    """Gram matrix and row norms of `M` in float64, by blocks of rows.

    Parameters
    ----------
    M : array_like, shape (m, k)
        Needs nothing but a shape and slices of rows that NumPy can read.
    argument : str
        What an error calls the matrix.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        If an entry is not finite.
    """
    gram, norms = np.zeros((M.shape[1], M.shape[1])), np.empty(M.shape[0])
    for rows in row_blocks(M.shape[0]):
        block = finite_array(argument, M[rows], ndim=2).astype(np.float64)
        gram += block.T @ block
        norms[rows] = np.linalg.norm(block, axis=1)
    return Moments(gram, norms)


def scalings(item_gram, user_gram=None, precision=np.finfo(np.float64).eps):
    """Matrices T for which the items ``B T`` belong to equally optimal solutions.

    Users are then ``P T^-T``, and predictions stay what they were. T is given up to a rotation, which
    no cosine sees. With ``H = P^T P``, the eigenvalues s^2 and eigenvectors W of ``H^(1/2) B^T B
    H^(1/2)``, and ``B^T B = R dMat(l) R^T``:

    ================  =========================  ==============================================
    as trained        I
    balanced          H^(1/2) W dMat(s)^(-1/2)   Gram matrices of users and items are equal
    item-whitened     R dMat(l)^(-1/2)           that of the items is I
    prediction space  H^(1/2)                    that of the users is I: "user-whitened" as well
    ================  =========================  ==============================================

    Directions in which a Gram matrix vanishes are left out: they predict nothing.

    Parameters
    ----------
    item_gram : ndarray, shape (k, k)
    user_gram : ndarray, shape (k, k), optional
        Without it only the embedding as trained and the item-whitened one are known.
    precision : float
        Rounding unit of the factors.

    Returns
    -------
    dict of str to ndarray, shape (k, r)
        From the flattest weighting of latent dimensions to the steepest, after "as trained".
    """
    squares, R = _spectrum(item_gram, precision)
    found = {AS_TRAINED: np.eye(len(item_gram)), ITEM_WHITENED: R / np.sqrt(squares)}
    if user_gram is not None:
        squares, R = _spectrum(user_gram, precision)
        root = R * np.sqrt(squares) @ R.T
        squares, W = _spectrum(root @ item_gram @ root, precision)
        found |= {BALANCED: root @ W / squares**0.25, PREDICTIONS: root}
    return found


def weights(T, reference):
    """How strongly the embedding ``B T`` weighs each direction of ``B reference``.

    Row norms of ``reference^+ T``, divided by their geometric mean. With the balanced transform as
    the reference, directions are the singular vectors of ``P B^T``, largest first, and weights are
    the diagonal of ``D^-1`` in the paper's Eq. 3: all 1 where B is balanced up to a factor, as at
    the optimum of any objective that penalises ``||P||^2`` and ``||B||^2``. Rotations of the
    embedding do not change them.

    Parameters
    ----------
    T : ndarray, shape (k, r)
    reference : ndarray, shape (k, m)
        Both from `scalings`.

    Returns
    -------
    ndarray, shape (m,)
    """
    lengths = np.linalg.norm(np.linalg.pinv(reference) @ T, axis=1)
    return lengths / np.exp(np.log(lengths).mean())


def nearest(B, T, queries, n=10):
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
    Q = _unit(B[queries], T)
    cosines = np.full((len(q), n), -np.inf, dtype=Q.dtype)
    indices = np.full((len(q), n), -1)
    for rows in row_blocks(B.shape[0]):
        S = Q @ _unit(B[rows], T).T
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


def list_overlap(first, second):
    """Share of each list of `first` that the list of `second` beside it holds as well.

    Parameters
    ----------
    first, second : ndarray of int, shape (q, n)

    Returns
    -------
    ndarray, shape (q,)
    """
    return (first[:, :, None] == second[:, None, :]).any(axis=2).mean(axis=1)


def hubness(neighbours, p):
    """How unevenly items occur as neighbours.

    Parameters
    ----------
    neighbours : ndarray of int, shape (q, n)
    p : int
        Items in the catalogue.

    Returns
    -------
    skewness : float
        Third standardised moment of the number of lists an item is in (Radovanovic et al., JMLR
        2010): the larger, the more some items crowd the lists.
    by_chance : float
        The same if every list were drawn at random. With few lists and many items it is large.
    largest : float
        Share of the lists that the most frequent neighbour is in.
    """
    q, n = neighbours.shape
    occurrences = np.bincount(neighbours.ravel(), minlength=p)
    deviation = occurrences - occurrences.mean()
    spread = deviation.std()
    skewness = np.mean(deviation**3) / spread**3 if spread > 0 else 0.0
    share = n / p
    by_chance = (1 - 2 * share) / np.sqrt(q * share * (1 - share)) if share < 1 else 0.0
    return float(skewness), float(by_chance), float(occurrences.max() / q)


def norms_under(B, T):
    """Row norms of ``B T``, by blocks of rows: shape (p,)."""
    return np.concatenate([np.linalg.norm(embed(B[rows], T), axis=1) for rows in row_blocks(B.shape[0])])


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


def judge(shared):
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


def _spectrum(gram, precision):
    """Eigenvalues above the rounding error, descending, and their eigenvectors."""
    squares, R = np.linalg.eigh(gram)
    noise = len(gram) * max(np.finfo(np.float64).eps, precision**2)
    kept = squares > noise * squares[-1]
    require(bool(kept.any()), "factors", "not zero altogether", float(squares[-1]))
    return squares[kept][::-1], R[:, kept][:, ::-1]


def _precision(B):
    """Rounding unit of the numbers in `B`."""
    return float(np.finfo(B.dtype).eps) if B.dtype.kind == "f" else float(np.finfo(np.float64).eps)


def _unit(rows, T):
    """Rows of ``rows T`` at unit length; zero rows stay zero."""
    embedded = embed(rows, T)
    norms = np.linalg.norm(embedded, axis=1, keepdims=True)
    return np.divide(embedded, norms, where=norms > 0, out=np.zeros_like(embedded))
