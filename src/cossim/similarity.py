"""Cosine similarity of embeddings."""

import numpy as np

from cossim._require import finite_array, require


def cosine(M, N=None):
    """Cosine of the angle between every row of `M` and every row of `N`.

    ``Omega_M M N^T Omega_N`` in the paper's Eq. 4, where Omega scales rows to unit length.

    Parameters
    ----------
    M : array_like, shape (m, k)
    N : array_like, shape (n, k), optional
        By default `M` itself.

    Returns
    -------
    ndarray, shape (m, n)
        Between -1 and 1, up to rounding.

    Raises
    ------
    ValueError
        If the numbers of columns differ, entries are not finite, or a row is zero and so has no
        direction.
    """
    M = unit_rows(M, "M")
    N = M if N is None else unit_rows(N, "N")
    require(N.shape[1] == M.shape[1], "N", f"of {M.shape[1]} columns, as M", N.shape)
    return M @ N.T


def unit_rows(M, argument="M"):
    """Rows of `M` scaled to unit Euclidean length: ``Omega M``.

    Parameters
    ----------
    M : array_like, shape (m, k)
    argument : str
        What an error calls the array.

    Returns
    -------
    ndarray, shape (m, k)

    Raises
    ------
    ValueError
        If an entry is not finite or a row is zero.
    """
    M = finite_array(argument, M, ndim=2)
    # Scaled by the largest entry first, so that squares neither overflow nor underflow.
    largest = np.abs(M).max(axis=1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    require(zero.size == 0, argument, "without zero rows (they have no cosine)", zero[:5].tolist())
    M = M / largest
    return M / np.linalg.norm(M, axis=1, keepdims=True)
