"""How well a similarity matrix finds known clusters, and how far two of them agree."""

import numpy as np

from cossim._require import finite_array, require, require_count


def cluster_auc(S, cluster):
    """ROC AUC of "same cluster" predicted by similarity, over all pairs of different items.

    The probability that a pair of items from one cluster is more similar than a pair from two
    clusters; ties count one half (the Mann-Whitney statistic).

    Parameters
    ----------
    S : array_like, shape (p, p)
        Similarities; the part above the diagonal is used.
    cluster : array_like, shape (p,)
        Cluster labels; both kinds of pair must occur.

    Returns
    -------
    float
        Between 0 and 1; 0.5 is chance.

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or only one kind of pair occurs.
    """
    found, drawn = _found_by_falling_similarity(S, cluster)
    n_same, n_different = found[-1], drawn[-1] - found[-1]
    both = n_same > 0 and n_different > 0
    require(both, "cluster", "such that pairs within and across clusters occur", np.unique(cluster))
    # Each pair across clusters is beaten by the pairs found before it, and by half of its ties.
    across = np.diff(drawn - found, prepend=0)
    before = np.concatenate([[0], found[:-1]])
    return float(across @ (found + before) / (2 * n_same * n_different))


def neighbour_overlap(S, T, n_neighbours=10):
    """Share of each item's nearest neighbours under `S` that `T` finds too, averaged over items.

    Parameters
    ----------
    S, T : array_like, shape (p, p)
        Similarities; an item is not a neighbour of its own.
    n_neighbours : int
        1..p-1.

    Returns
    -------
    float
        Between 0 (no neighbour in common) and 1 (the same neighbours).

    Raises
    ------
    ValueError
        If shapes differ, entries are not finite, or `n_neighbours` is out of range.
    """
    S, T = _square("S", S).copy(), _square("T", T).copy()
    require_count("n_neighbours", n_neighbours, 1, len(S) - 1)
    np.fill_diagonal(S, -np.inf)
    np.fill_diagonal(T, -np.inf)
    return top_overlap(S, T, n_neighbours)


def top_overlap(S, T, n):
    """Share of the `n` largest entries of each row that `S` and `T` have in common, averaged.

    Parameters
    ----------
    S, T : ndarray, shape (m, p)
        For example users' scores of items, as dot products and as cosines.
    n : int
        1..p.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If shapes differ or `n` is out of range.
    """
    require(T.shape == S.shape, "T", f"of the shape of S, {S.shape}", T.shape)
    require_count("n", n, 1, S.shape[1])
    first = np.argpartition(-S, n - 1, axis=1)[:, :n]
    second = np.argpartition(-T, n - 1, axis=1)[:, :n]
    return float((first[:, :, None] == second[:, None, :]).any(axis=2).mean())


def average_precision(S, cluster):
    """Average precision of "same cluster" predicted by similarity, over all pairs of items.

    The precision among the pairs at least as similar as a pair of one cluster, averaged over all
    pairs of one cluster (the area under the precision-recall curve as a sum of steps). Pairs of
    equal similarity enter together, so that their order does not matter.

    Parameters
    ----------
    S : array_like, shape (p, p)
        Similarities; the part above the diagonal is used.
    cluster : array_like, shape (p,)
        Cluster labels; some pair must share one.

    Returns
    -------
    float
        Between 0 and 1; chance is the share of pairs within clusters.

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or no pair shares a cluster.
    """
    found, drawn = _found_by_falling_similarity(S, cluster)
    require(found[-1] > 0, "cluster", "such that a pair shares one", np.unique(cluster))
    return float(np.diff(found, prepend=0) @ (found / drawn) / found[-1])


def neighbour_precision(S, cluster, n_neighbours=10):
    """For each item, the share of its nearest neighbours that are of its own cluster.

    Parameters
    ----------
    S : array_like, shape (p, p)
        Similarities; an item is not a neighbour of its own.
    cluster : array_like, shape (p,)
    n_neighbours : int
        1..p-1.

    Returns
    -------
    ndarray, shape (p,)

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or `n_neighbours` is out of range.
    """
    S = _square("S", S).copy()
    cluster = np.asarray(cluster)
    require(cluster.shape == S.shape[:1], "cluster", f"of length {len(S)}", cluster.shape)
    require_count("n_neighbours", n_neighbours, 1, len(S) - 1)
    np.fill_diagonal(S, -np.inf)
    nearest = np.argpartition(-S, n_neighbours - 1, axis=1)[:, :n_neighbours]
    return (cluster[nearest] == cluster[:, None]).mean(axis=1)


def ranking_accuracy(scores, hidden, n=20):
    """Recall@n and NDCG@n of each user's hidden items among her best-scored ones.

    ``recall@n`` is the share of hidden items among the first n, out of the most that fit there;
    ``NDCG@n`` discounts the hit at rank r by ``1 / log2(r + 1)`` and divides by the best possible.

    Parameters
    ----------
    scores : array_like, shape (m, p)
        Items not to be recommended have the score ``-inf``.
    hidden : ndarray of bool, shape (m, p)
        At least one true entry in each row.
    n : int
        1..p.

    Returns
    -------
    recall, ndcg : ndarray, shape (m,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If shapes differ, a user has no hidden item, or `n` is out of range.
    """
    scores, hidden = np.asarray(scores), np.asarray(hidden)
    require(scores.ndim == 2, "scores", "two-dimensional", scores.shape)
    require(hidden.shape == scores.shape, "hidden", f"of shape {scores.shape}", hidden.shape)
    require_count("n", n, 1, scores.shape[1])
    most = np.minimum(hidden.sum(axis=1), n)
    require(bool((most > 0).all()), "hidden", "true somewhere in each row", int(most.min()))
    best = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    hit = np.take_along_axis(hidden, np.take_along_axis(best, order, axis=1), axis=1)
    discount = 1 / np.log2(np.arange(2, n + 2))
    return hit.sum(axis=1) / most, hit @ discount / np.cumsum(discount)[most - 1]


def _found_by_falling_similarity(S, cluster):
    """How many pairs of one cluster are found, and how many pairs drawn, down to each similarity."""
    S = _square("S", S)
    cluster = np.asarray(cluster)
    require(cluster.shape == S.shape[:1], "cluster", f"of length {len(S)}", cluster.shape)
    require(len(S) > 1, "S", "of at least two items", S.shape)
    above = np.triu(np.ones(S.shape, dtype=bool), k=1)
    similarity, same = S[above], (cluster[:, None] == cluster)[above]
    falling = np.argsort(-similarity)
    similarity, same = similarity[falling], same[falling]
    last_of_ties = np.flatnonzero(np.append(similarity[1:] != similarity[:-1], similarity.size > 0))
    return np.cumsum(same)[last_of_ties], 1 + last_of_ties


def _square(argument, S):
    S = finite_array(argument, S, ndim=2)
    require(S.shape[0] == S.shape[1], argument, "a square matrix", S.shape)
    return S
