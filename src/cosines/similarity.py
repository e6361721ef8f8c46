"""Cosine similarity of embeddings, and of predictions."""

import numpy as np

from cosines._arrays import finite_array, refuse_zero_rows, require, square_array
from cosines.scalings import prediction_space


def cosine(M, N=None):
    """Cosine of the angle between every row of `M` and every row of `N`.

    ``Omega_M M N^T Omega_N`` in Eq. 4 of Steck et al. (2024), where Omega scales rows to unit length.

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
    refuse_zero_rows(argument, M)
    # Scaled by the largest entry first, so that squares neither overflow nor underflow.
    M = M / np.abs(M).max(axis=1, keepdims=True)
    return M / np.linalg.norm(M, axis=1, keepdims=True)


def prediction_embedding(P, gram):
    """Embeddings in k dimensions with the inner products of the rows of ``P Q^T``.

    ``(P Q^T) (P Q^T)^T = P (Q^T Q) P^T``, so the rows of ``P (Q^T Q)^(1/2)`` have the inner
    products, norms and cosines that the rows of the product have, at the cost of k columns.
    Users' predictions are the rows of ``X A B^T``: ``P = X A`` and ``Q = B``. Items' are its
    columns: ``P = B`` and ``Q = X A``, with ``Q^T Q = A^T X^T X A``.

    Parameters
    ----------
    P : array_like, shape (m, k)
    gram : array_like, shape (k, k)
        ``Q^T Q``, symmetric positive semi-definite.

    Returns
    -------
    ndarray, shape (m, k)

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or `gram` is zero.
    """
    P, gram = finite_array("P", P, ndim=2), square_array("gram", gram)
    k = P.shape[1]
    require(gram.shape == (k, k), "gram", f"of shape {(k, k)}, as P has columns", gram.shape)
    return P @ prediction_space(gram)


def prediction_cosine(factors, gram):
    """Cosine of items in the space of predictions: of every two columns of ``X A B^T``.

    Equal to the cosine of the rows of ``B (A^T X^T X A)^(1/2)``. A function of the product
    ``A B^T`` alone: ``A M`` and ``B M^-T`` give the same for any invertible M.

    Parameters
    ----------
    factors : Factors
        ``A`` and ``B``, each (p, k).
    gram : array_like, shape (p, p)
        ``X^T X``.

    Returns
    -------
    ndarray, shape (p, p)

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or a column of predictions is zero.
    """
    A, B = finite_array("A", factors[0], ndim=2), finite_array("B", factors[1], ndim=2)
    gram = square_array("gram", gram)
    p = A.shape[0]
    require(B.shape == A.shape, "B", f"of the shape of A, {A.shape}", B.shape)
    require(gram.shape == (p, p), "gram", f"of shape {(p, p)}, as A has rows", gram.shape)
    return cosine(prediction_embedding(B, A.T @ gram @ A))
