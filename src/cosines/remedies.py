"""Remedies of Section 3 that change the data: normalise before learning.

Projecting back to the space of predictions is in ``similarity``; notebook 07 trains with respect to
the cosine.
"""

import numpy as np
from scipy.optimize import brentq

from cosines._arrays import finite_array, require, require_count, square_array
from cosines.factorization import shrinkage


def centred_gram(gram, total, n):
    """Gram matrix of the centred columns of X: n times their covariance matrix.

    Its `unit_diagonal` is their correlation matrix, the Gram matrix of standardised columns up to n.

    Parameters
    ----------
    gram : array_like, shape (p, p)
        ``X^T X``.
    total : array_like, shape (p,)
        Sum of each column. For 0/1 data it is the diagonal of `gram`.
    n : int
        Rows of X.

    Returns
    -------
    ndarray, shape (p, p)

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or a column is constant: centred, it is zero.
    """
    gram, total = square_array("gram", gram), finite_array("total", total, ndim=1)
    require(total.shape == gram.shape[:1], "total", f"of length {len(gram)}", total.shape)
    require_count("n", n)
    centred = gram - np.outer(total, total) / n
    constant = np.flatnonzero(np.diag(centred) <= 1e-12 * np.diag(gram))
    require(constant.size == 0, "X", "without constant columns", constant[:5].tolist())
    return centred


def unit_diagonal(gram):
    """Gram matrix of the columns of X after scaling each to unit length: their raw cosines.

    For 0/1 data this is inverse-propensity weighting of items: a one of an item with G_ii users
    enters with weight 1 / sqrt(G_ii), and its square with 1 / G_ii.

    Parameters
    ----------
    gram : array_like, shape (p, p)
        ``X^T X``, with a positive diagonal.

    Returns
    -------
    ndarray, shape (p, p)

    Raises
    ------
    ValueError
        If `gram` is not square, has entries that are not finite, or a column of X is zero.
    """
    gram = square_array("gram", gram)
    squares = np.diag(gram)
    zero = np.flatnonzero(squares <= 0)
    require(zero.size == 0, "X", "without zero columns", zero[:5].tolist())
    return gram / np.sqrt(np.outer(squares, squares))


def positive_pmi(count, power=0.75):
    """Positive pointwise mutual information, which negative sampling with one negative factorises implicitly.

    ``M_ij = max(0, log(P(i, j) / (P(i) Q(j))))`` where negatives are drawn from ``Q(j)`` proportional
    to ``P(j) ** power`` (Levy and Goldberg, NeurIPS 2014).

    Parameters
    ----------
    count : array_like, shape (p, p)
        How often i and j occur together, ``>= 0``; the diagonal is not used.
    power : float
        1 is the plain PMI, 3/4 the choice of word2vec.

    Returns
    -------
    ndarray, shape (p, p)
        With a zero diagonal; symmetric for ``power = 1``.

    Raises
    ------
    ValueError
        If counts are negative, or an item occurs with no other.
    """
    count = square_array("count", count).copy()
    np.fill_diagonal(count, 0)
    require(bool((count >= 0).all()), "count", ">= 0", float(count.min()))
    total = count.sum(axis=1)
    require(bool((total > 0).all()), "count", "positive somewhere in each row", float(total.min()))
    noise = total**power / np.sum(total**power)
    # The share of j among the companions of i, against its share among the negatives.
    ratio = count / total[:, None] / noise
    return np.log(np.maximum(ratio, 1))


def matched_penalty(sigma, degrees, weights=shrinkage):
    """The lam at which the weights of latent dimensions add up to `degrees`.

    Normalised data have other singular values; the same sum of weights makes penalties comparable.

    Parameters
    ----------
    sigma : array_like, shape (k,)
        Singular values kept, positive.
    degrees : float
        Between 0 and k, exclusive.
    weights : function of sigma and lam
        `shrinkage` for Eq. 1, `soft_threshold` for Eq. 2.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `sigma` is not positive or `degrees` is out of range.
    """
    sigma = finite_array("sigma", sigma, ndim=1)
    require(bool((sigma > 0).all()), "sigma", "positive", float(sigma.min()))
    require(0 < degrees < len(sigma), "degrees", f"in (0, {len(sigma)})", degrees)

    squares = 2 * np.log(sigma)
    low, high = squares.min() - 40, squares.max() + 40
    return float(np.exp(brentq(lambda t: weights(sigma, np.exp(t)).sum() - degrees, low, high)))
