"""Factors that predict the same: items ``B T`` and users ``P T^-T``, for any invertible T.

Only the product of the factors predicts, so T is free under every objective of the product alone
(Eq. 1). A rotation, times any number, changes no cosine; other T do. D of Eq. 3 is
``T = dMat(1 / d)``; the T that training or people choose have names, in `SCALINGS`.
"""

import numpy as np

from cosines._arrays import finite_array, refuse_zero_rows, require, require_known, square_array

AS_TRAINED = "as trained"
ITEM_WHITENED = "item-whitened"
BALANCED = "balanced"
PREDICTIONS = "prediction space"
# From the flattest weighting of latent dimensions to the steepest, after "as trained".
SCALINGS = (AS_TRAINED, ITEM_WHITENED, BALANCED, PREDICTIONS)
DOUBLE = float(np.finfo(np.float64).eps)


def transform(factors, T):
    """Factors that predict the same: ``A T^-T`` and ``B T``.

    Parameters
    ----------
    factors : Factors
        Of k columns.
    T : array_like, shape (k, k)
        Invertible. A diagonal one, ``dMat(1 / d)``, is `rescale` by `d` (Eq. 3).

    Returns
    -------
    Factors

    Raises
    ------
    ValueError
        If T has another shape or is singular to working precision.
    """
    T = square_array("T", T)
    k = factors.A.shape[1]
    require(len(T) == k, "T", f"of shape {(k, k)}", T.shape)
    require(np.linalg.cond(T) < 1 / DOUBLE, "T", "invertible", "a singular matrix")
    return factors._replace(A=np.linalg.solve(T, factors.A.T).T, B=factors.B @ T)


def scaling(name, item_gram, user_gram=None, precision=DOUBLE):
    """The matrix T of a named scaling: items are embedded as ``B T``, users as ``P T^-T``.

    T is determined up to a rotation, which changes no cosine. With ``N = (P^T P)^(1/2)``, the eigenvalues
    s^2 and eigenvectors R of ``N B^T B N``, and ``B^T B = Q dMat(l) Q^T`` (Proposition 16):

    ================  =========================  ==============================================
    as trained        I
    item-whitened     Q dMat(l)^(-1/2)           the Gram matrix of the items is I
    balanced          N R dMat(s)^(-1/2)         Gram matrices of users and items are equal
    prediction space  N                          the Gram matrix of the users is I ("user-whitened")
    ================  =========================  ==============================================

    Directions in which a Gram matrix vanishes are left out: they predict nothing.

    Parameters
    ----------
    name : str
        One of `SCALINGS`.
    item_gram : ndarray, shape (k, k)
        ``B^T B``.
    user_gram : ndarray, shape (k, k), optional
        ``P^T P``; the last two need it.
    precision : float
        Rounding unit of the factors.

    Returns
    -------
    ndarray, shape (k, r)

    Raises
    ------
    ValueError
        If the name is unknown, the user Gram matrix is missing, or a Gram matrix is zero.
    """
    require_known("scaling", name, SCALINGS)
    if name == AS_TRAINED:
        return np.eye(len(item_gram))
    if name == ITEM_WHITENED:
        squares, Q = _spectrum(item_gram, precision)
        return Q / np.sqrt(squares)
    require(user_gram is not None, "user_gram", f"given for the scaling {name!r}", user_gram)
    root = prediction_space(user_gram, precision)
    if name == PREDICTIONS:
        return root
    squares, R = _spectrum(root @ item_gram @ root, precision)
    return root @ R / squares**0.25


def scalings(item_gram, user_gram=None, precision=DOUBLE):
    """Every scaling that can be known, by name and in the order of `SCALINGS`.

    Parameters and errors are those of `scaling`. Without users, only "as trained" and
    "item-whitened" are known.

    Returns
    -------
    dict of str to ndarray, shape (k, r)
    """
    known = SCALINGS if user_gram is not None else (AS_TRAINED, ITEM_WHITENED)
    return {name: scaling(name, item_gram, user_gram, precision) for name in known}


def prediction_space(user_gram, precision=DOUBLE):
    """``N = (P^T P)^(1/2)``: rows of ``B N`` have the cosines of the columns of ``P B^T`` (Proposition 3).

    Parameters
    ----------
    user_gram : ndarray, shape (k, k)
    precision : float
        Rounding unit of the factors.

    Returns
    -------
    ndarray, shape (k, k)
        Symmetric.

    Raises
    ------
    ValueError
        If the Gram matrix is zero.
    """
    squares, R = _spectrum(user_gram, precision)
    return R * np.sqrt(squares) @ R.T


def direction_weights(T, reference):
    """How strongly the embedding ``B T`` weighs each direction of ``B reference``.

    Row norms of ``reference^+ T``, divided by their geometric mean. With the balanced transform as
    the reference, directions are the singular vectors of ``P B^T``, largest first, and weights are
    the diagonal of ``D^-1`` in Eq. 3: all 1 where B is balanced up to a factor, as at
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


def attainable_range(u, v):
    """Infimum and supremum of the cosine of u and v under all rescalings of the dimensions (Eq. 3).

    Over invertible diagonal D, ``rho(e) = cos(u D^-1, v D^-1)`` with ``e_l = d_l^-2``

    - takes every value of the open interval (-1, 1) if products ``u_l v_l`` of both signs occur;
    - if some product is positive and none negative, has the supremum 1 and the infimum
      ``2 sqrt(r R) / (r + R)`` (Kantorovich's inequality), with r and R the extremes of
      ``|u_l / v_l|``: 0 and infinity where one of the two entries is zero; dimensions in which
      both are zero do not count. The infimum is attained if and only if ``0 < r``, R is finite
      and every ratio is r or R; the supremum only by proportional rows. If some product is
      negative and none positive, the range is the mirror image;
    - is 0 if no product is non-zero.

    Parameters
    ----------
    u, v : array_like, shape (..., k)
        Pairs of embeddings; signs of tiny products are taken as they are.

    Returns
    -------
    low, high : ndarray, shape (...)

    Raises
    ------
    ValueError
        If shapes differ, entries are not finite, or a row is zero and so has no cosine.
    """
    u, v = np.asarray(u), np.asarray(v)
    require(u.shape == v.shape and u.ndim > 0, "v", f"of the shape of u, {u.shape}", v.shape)
    rows = [finite_array(name, M.reshape(-1, M.shape[-1]), ndim=2) for name, M in (("u", u), ("v", v))]
    for name, M in zip("uv", rows, strict=True):
        refuse_zero_rows(name, M)
    sign = np.sign(rows[0]) * np.sign(rows[1])
    # Logarithms, because ratios may overflow. Both zero: nan, which fmax and fmin pass over.
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(np.abs(rows[0])) - np.log(np.abs(rows[1]))
        spread = np.fmax.reduce(log_ratio, axis=1) - np.fmin.reduce(log_ratio, axis=1)
    bound = 2 * np.exp(-spread / 2) / (1 + np.exp(-spread))
    positive, negative = (sign > 0).any(axis=1), (sign < 0).any(axis=1)
    low = np.where(negative, -1.0, np.where(positive, bound, 0.0))
    high = np.where(positive, 1.0, np.where(negative, -bound, 0.0))
    return low.reshape(u.shape[:-1]), high.reshape(u.shape[:-1])


def _spectrum(gram, precision):
    """Eigenvalues above the rounding error, descending, and their eigenvectors."""
    squares, R = np.linalg.eigh(gram)
    noise = len(gram) * max(np.finfo(np.float64).eps, precision**2)
    kept = squares > noise * squares[-1]
    require(bool(kept.any()), "factors", "not zero altogether", float(squares[-1]))
    return squares[kept][::-1], R[:, kept][:, ::-1]
