"""Clustered user-item interactions, as in Section 4 of Steck et al. (2024).

Items belong to clusters, users prefer some clusters to others, and popularity follows power laws.
Steck et al. leave some choices open; each is a parameter of `Simulation` here, with a default and
a reason, and notebook 03 lists them.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import sparse

from cosines._arrays import require, require_count, require_known, require_number, row_blocks

# Users are drawn in blocks of this size, each from a random stream of its own: the data depend
# neither on how many blocks are drawn nor on how many threads draw them.
BLOCK = 500
# Within a block, so many users at a time that their keys fit in a CPU's cache.
USERS_IN_CACHE = 50


@dataclass(frozen=True)
class Simulation:
    """Parameters of the simulation; the defaults reproduce the experiment of Steck et al.

    Parameters
    ----------
    n_users, n_items, n_clusters : int
        Rows and columns of ``X``, and the number ``C`` of item clusters.
    item_exponent : (float, float)
        Each cluster's power-law exponent is uniform between these two, ``0 <= low <= high``.
    user_exponent : float
        Exponent of the power law of the number of items per user, ``>= 0``.
    cluster_concentration : float
        Open in the original. Cluster probabilities ``p_c ~ Dirichlet(concentration, ...)``. The
        default makes clusters of unequal size, none of them tiny.
    preference_concentration : float
        Open in the original. A user's preferences ``p_uc ~ Dirichlet(concentration, ...)``; at the
        default 1 every mixture of clusters is equally likely.
    item_popularity : {"ranked", "drawn"}
        Open in the original. ``"ranked"``: the item of rank r in its cluster has popularity
        ``r ** -beta_c``. ``"drawn"``: it is a draw from the power law on 1..p.
    items_per_user : (int, int) or None
        Open in the original. Range of the number of items per user; ``None`` stands for 1..p.
    seed : int
        It determines everything random. Items do not depend on `n_users`, nor does a user on
        the number of users drawn afterwards.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    n_users: int = 20_000
    n_items: int = 1_000
    n_clusters: int = 5
    item_exponent: tuple[float, float] = (0.25, 1.5)
    user_exponent: float = 0.5
    cluster_concentration: float = 10.0
    preference_concentration: float = 1.0
    item_popularity: str = "ranked"
    items_per_user: tuple[int, int] | None = None
    seed: int = 0

    def __post_init__(self):
        for name in ("n_users", "n_items", "n_clusters"):
            require_count(name, getattr(self, name))
        require_count("seed", self.seed, low=0)
        low, high = _pair("item_exponent", self.item_exponent)
        require_number("item_exponent[0]", low)
        require_number("item_exponent[1]", high)
        require(low <= high, "item_exponent", "a pair with 0 <= low <= high", self.item_exponent)
        require_number("user_exponent", self.user_exponent)
        for name in ("cluster_concentration", "preference_concentration"):
            require_number(name, getattr(self, name))
            require(getattr(self, name) > 0, name, "a number > 0", getattr(self, name))
        require_known("item_popularity", self.item_popularity, ("ranked", "drawn"))
        if self.items_per_user is not None:
            low, high = _pair("items_per_user", self.items_per_user)
            require_count("items_per_user[1]", high, 1, self.n_items)
            require_count("items_per_user[0]", low, 1, high)


@dataclass(frozen=True)
class Interactions:
    """A simulated data set.

    Attributes
    ----------
    X : scipy.sparse.csr_array, shape (n, p)
        1.0 where the user interacted with the item.
    cluster : ndarray of int, shape (p,)
        Each item's cluster, 0..C-1: the ground truth.
    popularity : ndarray, shape (p,)
        Baseline popularity ``p_i > 0``, not normalised.
    exponent : ndarray, shape (C,)
        Each cluster's power-law exponent ``beta_c``.
    """

    X: sparse.csr_array
    cluster: np.ndarray
    popularity: np.ndarray
    exponent: np.ndarray

    @property
    def order(self):
        """Items by cluster and, within it, by falling popularity: the order of Figure 1."""
        return np.lexsort((-self.popularity, self.cluster))


def simulate(simulation):
    """Draw the items and all users of `simulation` (Section 4).

    Parameters
    ----------
    simulation : Simulation

    Returns
    -------
    Interactions
    """
    exponent, cluster, popularity = _items(simulation)
    X = sparse.vstack(list(simulate_blocks(simulation)), format="csr")
    return Interactions(X, cluster, popularity, exponent)


def simulate_blocks(simulation):
    """Draw the users of `simulation` in blocks, for any number of users in constant memory.

    Parameters
    ----------
    simulation : Simulation

    Yields
    ------
    scipy.sparse.csr_array, shape (at most ``BLOCK``, p)
        Consecutive rows of the ``X`` that `simulate` returns.
    """
    _, cluster, popularity = _items(simulation)
    low, high = simulation.items_per_user or (1, simulation.n_items)
    _, user_seed = np.random.SeedSequence(simulation.seed).spawn(2)

    def draw(start, seed):
        rng = np.random.default_rng(seed)
        concentration = np.full(simulation.n_clusters, simulation.preference_concentration)
        preference = rng.dirichlet(concentration, size=BLOCK)
        k_u = power_law(rng, simulation.user_exponent, low, high, size=BLOCK)
        chosen = sample_without_replacement(rng, preference, cluster, popularity, k_u)
        return _csr(chosen[: simulation.n_users - start])

    # NumPy draws and sorts outside Python's lock. Each thread is at most one block ahead, so that
    # a slow reader does not fill the memory.
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        blocks = (pool.submit(draw, start, user_seed.spawn(1)[0])
                  for start in range(0, simulation.n_users, BLOCK))
        ahead = deque(islice(blocks, threads + 1))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(islice(blocks, 1))


def power_law(rng, exponent, low, high, size):
    """Draw whole numbers between `low` and `high` with P(r) proportional to ``r ** -exponent``.

    Parameters
    ----------
    rng : numpy.random.Generator
    exponent : float
    low, high : int
        Inclusive, ``1 <= low <= high``.
    size : int

    Returns
    -------
    ndarray of int, shape (size,)
    """
    values = np.arange(low, high + 1)
    cumulative = np.cumsum(values**-exponent)
    return values[np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")]


def sample_without_replacement(rng, preference, cluster, popularity, k_u):
    """Give every user `k_u` distinct items, with probabilities p_ui, in one exponential race.

    Drawing one item after the other, each with probability proportional to its weight among those
    left, has the same distribution as taking the `k_u` smallest of Exp(1) / weight (Efraimidis and
    Spirakis, Information Processing Letters 97, 2006).

    Parameters
    ----------
    rng : numpy.random.Generator
    preference : ndarray, shape (n, C)
        User-cluster preferences ``p_uc``.
    cluster : ndarray of int, shape (p,)
    popularity : ndarray, shape (p,)
    k_u : ndarray of int, shape (n,)
        Items per user, 1..p.

    Returns
    -------
    ndarray of bool, shape (n, p)
        Row u has exactly ``k_u[u]`` true entries; p_ui is proportional to
        ``preference[u, cluster[i]] * popularity[i]``.
    """
    # A Dirichlet draw is positive with probability one, but may underflow to zero.
    preference = np.maximum(preference, 1e-200)
    chosen = np.empty((len(preference), len(cluster)), dtype=bool)
    for rows in row_blocks(len(preference), USERS_IN_CACHE):
        weight = np.take(preference[rows], cluster, axis=1, mode="clip")
        weight *= popularity
        keys = rng.standard_exponential(weight.shape)
        keys /= weight
        ordered = keys.copy()
        for row, k in zip(ordered, k_u[rows].tolist(), strict=True):
            row.partition(k - 1)  # cheaper than to sort all rows, in spite of the loop
        chosen[rows] = keys <= np.take_along_axis(ordered, k_u[rows, None] - 1, axis=1)
    return chosen


def _items(simulation):
    """Cluster exponents (C,), item clusters (p,) and item popularities (p,)."""
    item_seed, _ = np.random.SeedSequence(simulation.seed).spawn(2)
    rng = np.random.default_rng(item_seed)
    C, p = simulation.n_clusters, simulation.n_items
    p_c = rng.dirichlet(np.full(C, simulation.cluster_concentration))
    cluster = rng.choice(C, size=p, p=p_c)
    exponent = rng.uniform(*simulation.item_exponent, size=C)
    popularity = np.empty(p)
    for c in range(C):
        members = np.flatnonzero(cluster == c)
        if simulation.item_popularity == "ranked":
            popularity[members] = (1 + rng.permutation(members.size)) ** -exponent[c]
        else:
            popularity[members] = power_law(rng, exponent[c], 1, p, size=members.size)
    return exponent, cluster, popularity


def _csr(chosen):
    """A boolean (n, p) array as a CSR array of ones."""
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(chosen, axis=1))]).astype(np.int32)
    indices = (np.flatnonzero(chosen) % chosen.shape[1]).astype(np.int32)
    return sparse.csr_array((np.ones(indices.size), indices, indptr), shape=chosen.shape)


def _pair(argument, value):
    """`value` as a pair, or a ``ValueError`` that names the argument."""
    try:
        low, high = value
    except (TypeError, ValueError):
        raise ValueError(f"{argument} must be a pair (low, high), got {value!r}") from None
    return low, high
