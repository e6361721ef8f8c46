"""Which cosines one and the same model can have: beyond the paper.

Rescaling the latent dimensions by an invertible diagonal D (Eq. 3) changes ``cos(b_i, b_j)``, but not
to everything for every pair; mixing them by an invertible M does. Nothing of this shows in the
predictions.
"""

import numpy as np

from cossim._require import finite_array, require


def attainable_range(u, v):
    """Infimum and supremum of the cosine of u and v under all rescalings of the dimensions.

    Over invertible diagonal D, ``cos(u D, v D)``

    - takes every value of the open interval (-1, 1) if products ``u_l v_l`` of both signs occur;
    - if all non-zero products are positive, lies between ``2 sqrt(m M) / (m + M)`` (Kantorovich's
      inequality) and 1, with m and M the extremes of ``|u_l / v_l|``: 0 and infinity where one of
      the two entries is zero; dimensions in which both are zero do not count. If all are
      negative, between -1 and minus that;
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
        zero = np.flatnonzero(~M.any(axis=1))
        require(zero.size == 0, name, "without zero rows (they have no cosine)", zero[:5].tolist())
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


def unconstrained_pairs(B):
    """Which pairs of rows of B can be given every cosine in (-1, 1) by rescaling dimensions alone.

    Parameters
    ----------
    B : array_like, shape (p, k)

    Returns
    -------
    ndarray of bool, shape (p, p)
        True where products ``b_il b_jl`` of both signs occur; see `attainable_range`.

    Raises
    ------
    ValueError
        If entries are not finite.
    """
    B = finite_array("B", B, ndim=2)
    # Counts of dimensions, exact in float32.
    positive, negative = (B > 0).astype(np.float32), (B < 0).astype(np.float32)
    same = positive @ positive.T + negative @ negative.T
    opposite = positive @ negative.T
    return (same > 0) & (opposite + opposite.T > 0)
