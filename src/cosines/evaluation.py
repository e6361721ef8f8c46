"""What a similarity is worth: clusters found, neighbours shared, held-out accuracy, intervals."""

import numpy as np
from scipy import stats

from cosines._arrays import require, require_count, square_array


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
    within, across = _sorted_pairs(S, cluster)
    # Each pair within a cluster beats the pairs across that are below it, and half of its ties.
    below = np.searchsorted(across, within)
    tied = across.take(below, mode="clip") == within
    ties = np.searchsorted(across, within[tied], "right") - below[tied]
    return float((below.sum() + ties.sum() / 2) / (within.size * across.size))


def nearest(S, n=10):
    """The `n` items most similar to each item, the most similar first.

    Parameters
    ----------
    S : array_like, shape (p, p)
        Similarities; no item is its own neighbour.
    n : int
        1..p-1.

    Returns
    -------
    ndarray of int, shape (p, n)
        Of items that are equally similar, the first ones.

    Raises
    ------
    ValueError
        If `S` is not square and finite, or `n` is out of range.
    """
    S = square_array("S", S).copy()
    require_count("n", n, 1, len(S) - 1)
    np.fill_diagonal(S, -np.inf)
    return top(S, n)


def top(scores, n=10):
    """The `n` largest entries of each row, the largest first.

    Parameters
    ----------
    scores : ndarray, shape (m, p)
        For example users' scores of items; ``-inf`` where a column must not be found.
    n : int
        1..p.

    Returns
    -------
    ndarray of int, shape (m, n)
        Columns; of equal entries the first ones, so that every machine finds the same.

    Raises
    ------
    ValueError
        If `n` is out of range.
    """
    p = scores.shape[1]
    require_count("n", n, 1, p)
    least = np.partition(scores, p - n, axis=1)[:, p - n, None]
    found = scores >= least
    if np.count_nonzero(found) > n * len(scores):  # more are equal to the last than fit
        above, ties = scores > least, scores == least
        ties &= np.cumsum(ties, axis=1) <= n - above.sum(axis=1, keepdims=True)
        found = above | ties
    found = np.flatnonzero(found).reshape(len(scores), n) % p
    falling = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, falling, axis=1)


def overlap(first, second):
    """Share of each list of `first` that is also in the list of `second` in the same row.

    Parameters
    ----------
    first, second : ndarray of int, shape (m, n)
        For example neighbours under two similarities.

    Returns
    -------
    ndarray, shape (m,)
        Between 0 and 1; the order within a list does not matter.

    Raises
    ------
    ValueError
        If shapes differ.
    """
    require(second.shape == first.shape, "second", f"of shape {first.shape}", second.shape)
    return (first[:, :, None] == second[:, None, :]).any(axis=2).mean(axis=1)


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
        Cluster labels; both kinds of pair must occur.

    Returns
    -------
    float
        Between 0 and 1; chance is the share of pairs within clusters.

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or only one kind of pair occurs.
    """
    within, across = _sorted_pairs(S, cluster)
    found, others = (pairs.size - np.searchsorted(pairs, within) for pairs in (within, across))
    return float(np.mean(found / (found + others)))


def neighbour_precision(S, cluster, n=10):
    """For each item, the share of its nearest neighbours that are of its own cluster.

    Parameters
    ----------
    S : array_like, shape (p, p)
        Similarities; no item is its own neighbour.
    cluster : array_like, shape (p,)
    n : int
        1..p-1.

    Returns
    -------
    ndarray, shape (p,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or `n` is out of range.
    """
    cluster = np.asarray(cluster)
    found = nearest(S, n)
    require(cluster.shape == (len(found),), "cluster", f"of length {len(found)}", cluster.shape)
    return (cluster[found] == cluster[:, None]).mean(axis=1)


def ranking_accuracy(scores, hidden, n=20):
    """Recall@n and NDCG@n of each user's hidden items among her best-scored ones.

    ``recall@n`` divides the number of hidden items among the first n by the most that fit there;
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
    hit = np.take_along_axis(hidden, top(scores, n), axis=1)
    discount = 1 / np.log2(np.arange(2, n + 2))
    return hit.sum(axis=1) / most, hit @ discount / np.cumsum(discount)[most - 1]


def hide(X, rng, share=0.2):
    """Hide some of each user's items at random, to be found again by a model that sees the rest.

    Parameters
    ----------
    X : sparse array, shape (m, p)
        0/1.
    rng : numpy.random.Generator
    share : float
        Probability of an item to be hidden.

    Returns
    -------
    shown, hidden : ndarray, shape (at most m, p)
        Of the users who have some of each.
    """
    X = X.toarray()
    hidden = (X > 0) & (rng.random(X.shape) < share)
    shown = X - hidden
    both = hidden.any(axis=1) & shown.any(axis=1)
    return shown[both], hidden[both]


def held_out_accuracy(shown, hidden, A, B, n=20):
    """Mean recall@n and NDCG@n of the scores ``x^T A B^T``, among items not shown.

    Parameters
    ----------
    shown, hidden : ndarray, shape (m, p)
        From `hide`.
    A, B : ndarray, shape (p, k)
    n : int
        1..p.

    Returns
    -------
    ndarray, shape (2,)
        Between 0 and 1.
    """
    found = ranking_accuracy(np.where(shown > 0, -np.inf, shown @ A @ B.T), hidden, n)
    return np.mean(found, axis=1)


def accuracy_grid(shown, hidden, decomposition, weights, ks, lams, n=20):
    """Mean NDCG@n of the scores ``x^T V_k dMat(w) V_k^T``, among items not shown, for each k and lam.

    Scores are sums over latent dimensions, so those of a larger k continue those of a smaller one.

    Parameters
    ----------
    shown, hidden : ndarray, shape (m, p)
        From `hide`.
    decomposition : Spectrum
        With at least as many singular values as the largest of `ks`.
    weights : function of sigma and lam
        `shrinkage` for Eq. 1, `soft_threshold` for Eq. 2.
    ks : sequence of int
        Rising.
    lams : sequence of float
    n : int
        1..p.

    Returns
    -------
    ndarray, shape (number of ks, number of lams)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `ks` do not rise from at least 1 to at most the number of singular values.
    """
    sigma, V = decomposition
    require((np.diff([0, *ks, len(sigma) + 1]) > 0).all(), "ks", f"rising in 1..{len(sigma)}", list(ks))
    P, found = shown @ V, np.empty((len(ks), len(lams)))
    for column, lam in enumerate(lams):
        Pw, scores = P * weights(sigma, lam), np.where(shown > 0, -np.inf, 0)
        for row, (start, stop) in enumerate(zip([0, *ks], ks, strict=False)):
            scores += Pw[:, start:stop] @ V[:, start:stop].T
            found[row, column] = ranking_accuracy(scores, hidden, n)[1].mean()
    return found


def bootstrap_interval(values, resamples=10_000, seed=0):
    """Mean with its 95 % percentile bootstrap interval (Efron, Annals of Statistics 7, 1979).

    Parameters
    ----------
    values : ndarray, shape (m,)
        Of independent draws.
    resamples : int
    seed : int

    Returns
    -------
    list of float
        Mean, lower and upper end.
    """
    resampled = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    return [values.mean(), *np.quantile(values[resampled].mean(axis=1), [0.025, 0.975])]


def resampled_interval(values, test_share):
    """Mean over random splits with its 95 % interval (Nadeau and Bengio, Machine Learning 52, 2003).

    Training sets of the splits overlap, so that their values are not independent: the variance of
    the mean is taken as ``(1/J + test_share) s^2``, and Student's t has J - 1 degrees of freedom.

    Parameters
    ----------
    values : ndarray, shape (J,)
        One from each split of the same data.
    test_share : float
        Size of a test set over that of its training set; with 0, values count as independent.

    Returns
    -------
    list of float
        Mean, lower and upper end.
    """
    error = np.sqrt((1 / len(values) + test_share) * np.var(values, ddof=1))
    return [values.mean(), *values.mean() + error * stats.t.ppf([0.025, 0.975], len(values) - 1)]


def verdict(low, high):
    """What the interval of a difference says: "holds", "reversed", or "undecided" if 0 lies within."""
    return "holds" if low > 0 else "reversed" if high < 0 else "undecided"


def _sorted_pairs(S, cluster):
    """Rising similarities of the pairs of different items within a cluster, and of those across."""
    S, same = square_array("S", S), np.equal.outer(cluster, cluster)
    require(same.shape == S.shape, "cluster", f"of length {len(S)}", np.shape(cluster))
    require(len(S) > 1, "S", "of at least two items", S.shape)
    above = np.triu(np.ones(S.shape, dtype=bool), k=1)
    pairs = np.sort(S[above & same]), np.sort(S[above & ~same])
    bound = "such that pairs within and across clusters occur"
    require(all(map(len, pairs)), "cluster", bound, np.unique(cluster))
    return pairs
