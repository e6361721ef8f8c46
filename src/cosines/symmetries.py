"""What a training objective cannot see: its group, what is invariant, and what may be compared.

Factors P of users, shape (n, k), and B of items, shape (p, k). An objective that sees the scores
``P B^T`` alone cannot tell them from ``P M`` and ``B M^-T``, for any invertible M. Other objectives
see less, such as differences of a user's scores, or more, such as lengths. `SYMMETRIES` holds for
each the group that it cannot see, exactly (Theorem 9 of the write-up, with assumptions and proof);
`move` is a random element of it; `canonical` gives items whose cosines the group leaves alone.

A model with biases is one with two more columns: ``[P, user biases, 1]`` and ``[B, 1, item biases]``.
"""

from typing import NamedTuple

import numpy as np

from cosines._arrays import finite_array, require, require_known
from cosines.similarity import prediction_embedding, unit_rows

# How items are scored in training: by p_u . b_i; with biases added to it; by differences of a
# user's scores alone; by cos(p_u, b_i).
SCORES = ("dot", "biases", "ranking", "cosine")


class Symmetry(NamedTuple):
    """What one kind of objective cannot see.

    `group` and `invariant` are for reading; `score` names the canonical form whose cosines are
    invariant, one of `SCORES`.
    """

    group: str
    invariant: str
    score: str


SYMMETRIES = {
    "scores": Symmetry("any M", "scores", "dot"),
    "biases": Symmetry("any M; B + 1c, P + 1d, paid by biases", "scores with biases", "biases"),
    "weight decay": Symmetry("rotations", "all inner products", "dot"),
    "ranking": Symmetry("any M; B + 1c", "scores centred per user", "ranking"),
    "ranking with biases": Symmetry("any M; B + 1c; P + 1d, paid by biases", "scores centred per user", "biases"),
    "cosine": Symmetry("rotations; lengths of rows", "all cosines", "cosine"),
    "non-negative": Symmetry("positive D, permutations", "scores", "dot"),
}


def move(objective, P, B, rng):
    """Factors that the objective cannot tell from P and B: a random element of its group.

    Parameters
    ----------
    objective : str
        A key of `SYMMETRIES`: ``"scores"`` is any loss of the scores, squared, weighted or
        logistic; to it, ``"non-negative"`` adds the constraint on both factors and ``"biases"`` the
        two columns described above. ``"ranking"`` is any loss of differences of a user's scores,
        softmax among them, and ``"ranking with biases"`` has those columns too. ``"weight decay"``
        adds ``mu (||P||^2 + ||B||^2)`` to any of these without columns of biases or constraint,
        and ``"cosine"`` is a loss of cosines of users and items.
    P : array_like, shape (n, k)
    B : array_like, shape (p, k)
    rng : numpy.random.Generator

    Returns
    -------
    P, B : ndarray

    Raises
    ------
    ValueError
        If the objective is unknown, shapes do not fit or entries are not finite.
    """
    require_known("objective", objective, SYMMETRIES)
    P, B = _factors(P, B)
    unit = np.eye(P.shape[1])
    M = rng.normal(size=unit.shape)
    if objective in ("weight decay", "cosine"):
        M = np.linalg.qr(M)[0]
    elif objective == "non-negative":
        M = np.exp(rng.normal(size=len(unit))) * rng.permutation(unit)
    elif "biases" in objective:  # the columns of ones stay
        M[-2], M[:, -1] = unit[-2], unit[-1]
    P, B = P @ M, B @ np.linalg.inv(M).T
    if objective.startswith("ranking"):
        c = rng.normal(size=len(unit))
        B = B + c * (unit[-2] == 0 if "biases" in objective else 1)
    if objective == "cosine":
        P, B = (rows * np.exp(rng.normal(size=(len(rows), 1))) for rows in (P, B))
    return P, B


def canonical(score, P, B):
    """Embeddings of items whose cosines no invisible move of the factors changes.

    ===========  ================================================================================
    ``dot``      ``B (P^T P)^(1/2)``: cosines of the items' scores, the columns of ``P B^T``
    ``biases``   the same, of P and B less their mean rows: of the scores centred twice, for
                 which the columns of biases may be left out
    ``ranking``  the same, of B less its mean row: of the scores centred per user
    ``cosine``   rows of B at unit length
    ===========  ================================================================================

    Those of users are ``canonical(score, B, P)``, except for ``ranking``.

    Parameters
    ----------
    score : str
        One of `SCORES`.
    P : array_like, shape (n, k)
    B : array_like, shape (p, k)

    Returns
    -------
    ndarray, shape (p, k)

    Raises
    ------
    ValueError
        If the score is unknown, shapes do not fit, entries are not finite, or cosines do not
        exist: a zero row of B, or nothing left of P.
    """
    require_known("score", score, SCORES)
    P, B = _factors(P, B)
    if score == "cosine":
        return unit_rows(B, "B")
    P = P - (score == "biases") * P.mean(axis=0)
    B = B - (score in ("biases", "ranking")) * B.mean(axis=0)
    return prediction_embedding(B, P.T @ P)


def _factors(P, B):
    """P and B as arrays of equally many columns."""
    P, B = finite_array("P", P, ndim=2), finite_array("B", B, ndim=2)
    require(B.shape[1] == P.shape[1], "B", f"of {P.shape[1]} columns, as P", B.shape)
    return P, B
