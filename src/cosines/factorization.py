"""The two models of Steck et al. (2024), in closed form.

Both approximate ``X`` by ``X A B^T`` and differ in what they penalise: Eq. 1 the product ``A B^T``,
Eq. 2 the factors ``X A`` and ``B``. Everything needed comes from the item Gram matrix ``X^T X``.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy import sparse
from scipy.sparse.linalg import svds

from cosines._arrays import finite_array, require, require_count, require_number, row_blocks, square_array

# float32 holds all whole numbers exactly up to here.
EXACT_FLOAT32 = 2**24
# Sums over this many rows of 0/1 stay far below that.
GRAM_ROWS = 4096
# With more columns, svds is faster: the Gram matrix costs their square, however sparse X is.
GRAM_COLUMNS = 2_000


class Spectrum(NamedTuple):
    """Singular values `sigma` (k,), descending, and right singular vectors `V` (p, k) of X."""

    sigma: np.ndarray
    V: np.ndarray


class Factors(NamedTuple):
    """`A` (p, k), which embeds users as X A, and the item embeddings `B` (p, k)."""

    A: np.ndarray
    B: np.ndarray


def item_gram(X):
    """The item Gram matrix ``X^T X``.

    Products of blocks of small whole numbers (0/1 interactions above all) are taken in float32,
    where they are exact and fast, and added up in float64: the result is the same to the bit on
    every machine. Other data are multiplied in float64.

    Parameters
    ----------
    X : array_like or sparse array, shape (n, p), or an iterable of such blocks of rows

    Returns
    -------
    ndarray, shape (p, p)

    Raises
    ------
    ValueError
        If X is not two-dimensional, has NaN or infinite entries, or its blocks differ in width.
    """
    blocks = [X] if sparse.issparse(X) or hasattr(X, "shape") or isinstance(X, list) else X
    gram = None
    for block in blocks:
        block = block.tocsr() if sparse.issparse(block) else finite_array("X", block, ndim=2)
        if gram is None:
            gram = np.zeros((block.shape[1], block.shape[1]))
        bound = f"blocks of {gram.shape[0]} columns each"
        require(block.shape[1] == gram.shape[0], "X", bound, block.shape)
        for rows in row_blocks(block.shape[0], GRAM_ROWS):
            gram += _gram_of_rows(block[rows])
    require(gram is not None, "X", "at least one block of rows", X)
    return gram


def spectrum(gram, k=None):
    """Singular values and right singular vectors of X from its Gram matrix.

    With ``X = U dMat(sigma) V^T``, ``X^T X = V dMat(sigma^2) V^T``. Squared singular values below
    p times the rounding error of their sum are zero: X is rank-deficient there. The sign of
    each singular vector is such that its largest entry is positive.

    Parameters
    ----------
    gram : array_like, shape (p, p)
        ``X^T X``, symmetric positive semi-definite.
    k : int, optional
        How many of the largest to compute, ``1 <= k <= p``; all by default.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If `gram` is not such a matrix or `k` is out of range.
    """
    gram = square_array("gram", gram)
    p = gram.shape[0]
    atol = 1e-8 * np.abs(gram).max()
    symmetric = bool((gram == gram.T).all()) or np.allclose(gram, gram.T, atol=atol)
    require(symmetric, "gram", "a symmetric matrix X^T X", gram.shape)
    require_count("k", p if k is None else k, 1, p)
    if k is None or k == p:
        squares, V = np.linalg.eigh(gram)
    else:
        squares, V = scipy.linalg.eigh(gram, subset_by_index=[p - k, p - 1])
    tolerance = p * np.finfo(np.float64).eps * max(np.trace(gram), 0)
    require(squares[0] >= -tolerance, "gram", "positive semi-definite", float(squares[0]))
    squares[squares < tolerance] = 0
    V = V[:, ::-1]
    V = V * np.sign(V[np.abs(V).argmax(axis=0), np.arange(V.shape[1])])
    return Spectrum(np.sqrt(squares[::-1]), V)


def leading_spectrum(X, k):
    """The k largest singular values of X and their right singular vectors, however wide X is.

    Up to `GRAM_COLUMNS` columns by way of the Gram matrix, beyond by ``scipy.sparse.linalg.svds``, in
    memory that grows with the entries of X only.

    Parameters
    ----------
    X : array_like or sparse array, shape (n, p)
    k : int
        ``1 <= k <= p``; beyond `GRAM_COLUMNS` columns, ``k < min(n, p)``.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If X is not finite or `k` is out of range.
    """
    p = X.shape[1]
    if p <= GRAM_COLUMNS:
        return spectrum(item_gram(X), k)
    require_count("k", k, 1, min(X.shape) - 1)
    values = X.data if sparse.issparse(X) else X
    require(bool(np.isfinite(values).all()), "X", "finite", "NaN or infinite entries")
    # A fixed starting vector keeps the last digits the same in every run.
    _, sigma, Vt = svds(X, k=k, v0=np.ones(min(X.shape)), solver="arpack")
    V = Vt[::-1].T
    return Spectrum(sigma[::-1], V * np.sign(V[np.abs(V).argmax(axis=0), np.arange(k)]))


def fit_product_penalty(decomposition, lam, k):
    """Minimise Eq. 1: ``||X - X A B^T||^2 + lam ||A B^T||^2`` over A, B of k columns.

    ``A = B = V_k dMat(1 / (1 + lam / sigma_i^2))^(1/2)`` (Eq. 5); by Eq. 3, any `rescale` of it
    is a minimiser too. Where ``sigma_i = 0`` the weight is 0, the limit from above.

    Parameters
    ----------
    decomposition : Spectrum
        Of X, with at least k singular values.
    lam : float
        Penalty, ``>= 0``.
    k : int
        Number of latent dimensions, ``1 <= k <= p``.

    Returns
    -------
    Factors

    Raises
    ------
    ValueError
        If `lam` or `k` is out of range.
    """
    sigma, V = _leading(decomposition, lam, k)
    root = np.sqrt(shrinkage(sigma, lam))
    return Factors(V * root, V * root)


def fit_factor_penalty(decomposition, lam, k):
    """Minimise Eq. 2: ``||X - X A B^T||^2 + lam (||X A||^2 + ||B||^2)`` over A, B of k columns.

    ``A = V_k dMat(sqrt((1/sigma_i) (1 - lam/sigma_i)_+))`` and
    ``B = V_k dMat(sqrt(sigma_i (1 - lam/sigma_i)_+))`` (Eq. 6): unique up to rotations. Dimensions
    with ``sigma_i <= lam`` are zero in both.

    Parameters, returned value and errors are those of `fit_product_penalty`.
    """
    sigma, V = _leading(decomposition, lam, k)
    kept = np.maximum(sigma - lam, 0)
    return Factors(V * np.sqrt(np.divide(kept, sigma**2, where=sigma > 0, out=np.zeros(k))),
                   V * np.sqrt(kept))


def shrinkage(sigma, lam):
    """Eq. 1's weights ``w_i = 1 / (1 + lam / sigma_i^2)``, in [0, 1]; 0 where ``sigma_i = 0``.

    Parameters
    ----------
    sigma : ndarray, shape (k,)
        Singular values, ``>= 0``.
    lam : float
        Penalty, ``>= 0``.

    Returns
    -------
    ndarray, shape (k,)
        ``A B^T = V_k dMat(w) V_k^T`` at the optimum.
    """
    squares = np.square(sigma)
    return np.divide(squares, squares + lam, where=squares > 0, out=np.zeros_like(squares))


def soft_threshold(sigma, lam):
    """Eq. 2's weights ``w_i = (1 - lam / sigma_i)_+``, in [0, 1]; 0 where ``sigma_i <= lam``.

    Parameters and returned value are those of `shrinkage`.
    """
    kept = np.maximum(sigma - lam, 0)
    return np.divide(kept, sigma, where=sigma > 0, out=np.zeros_like(kept))


def rescale(factors, d):
    """Rescale the latent dimensions: ``A D`` and ``B D^-1`` with ``D = dMat(d)`` (Eq. 3).

    The product A B^T stays the same; norms and cosines of the rows of A and B do not.

    Parameters
    ----------
    factors : Factors
        Of k columns.
    d : array_like, shape (k,)
        Finite and nowhere zero.

    Returns
    -------
    Factors

    Raises
    ------
    ValueError
        If `d` has the wrong length or D is singular.
    """
    d = finite_array("d", d, ndim=1)
    k = factors.A.shape[1]
    require(d.shape == (k,), "d", f"of length k = {k}", d.shape)
    require((d != 0).all(), "d", "nowhere zero (D must be invertible)", float(np.abs(d).min()))
    return Factors(factors.A * d, factors.B / d)


def product_penalty_loss(X, A, B, lam):
    """Eq. 1: ``||X - X A B^T||_F^2 + lam ||A B^T||_F^2``, computed as written.

    Parameters
    ----------
    X : array_like or sparse array, shape (n, p)
    A, B : array_like, shape (p, k)
    lam : float
        Penalty, ``>= 0``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite or `lam` is negative.
    """
    X, A, B = _loss_input(X, A, B, lam)
    return _squared(X @ A @ B.T - X) + lam * _squared(A @ B.T)


def factor_penalty_loss(X, A, B, lam):
    """Eq. 2: ``||X - X A B^T||_F^2 + lam (||X A||_F^2 + ||B||_F^2)``, computed as written.

    Parameters, returned value and errors are those of `product_penalty_loss`.
    """
    X, A, B = _loss_input(X, A, B, lam)
    P = X @ A
    return _squared(P @ B.T - X) + lam * (_squared(P) + _squared(B))


def _gram_of_rows(rows):
    """X^T X of a few rows, exactly where they are small whole numbers."""
    values = rows.data if sparse.issparse(rows) else rows
    require(bool(np.isfinite(values).all()), "X", "finite", "NaN or infinite entries")
    largest = float(np.abs(values).max(initial=0))
    whole = largest**2 * rows.shape[0] < EXACT_FLOAT32 and (values == np.rint(values)).all()
    rows = rows.astype(np.float32 if whole else np.float64)
    rows = rows.toarray() if sparse.issparse(rows) else rows
    return rows.T @ rows


def _leading(decomposition, lam, k):
    """The k leading singular values and vectors, with `lam` and `k` checked."""
    require_number("lam", lam)
    require_count("k", k, 1, len(decomposition.sigma))
    return decomposition.sigma[:k], decomposition.V[:, :k]


def _loss_input(X, A, B, lam):
    """X, A, B as arrays whose shapes fit, with `lam` checked."""
    require_number("lam", lam)
    X = X if sparse.issparse(X) else finite_array("X", X, ndim=2)
    A, B = finite_array("A", A, ndim=2), finite_array("B", B, ndim=2)
    require(A.shape[0] == X.shape[1], "A", f"of {X.shape[1]} rows, as X has columns", A.shape)
    require(B.shape == A.shape, "B", f"of the shape of A, {A.shape}", B.shape)
    return X, A, B


def _squared(M):
    """Squared Frobenius norm."""
    return float(np.vdot(M, M))
