"""What each loss cannot see, held against the losses themselves."""

import numpy as np
import pytest

from cosines.similarity import cosine
from cosines.symmetries import SCORES, SYMMETRIES, canonical, move

N, P_ITEMS, K = 30, 12, 3
SEEDS = range(5)


def factors(objective, seed=0):
    """Users' and items' factors as the objective wants them."""
    rng = np.random.default_rng(seed)
    P, B = rng.normal(size=(N, K)), rng.normal(size=(P_ITEMS, K))
    if objective == "non-negative":
        return np.abs(P), np.abs(B)
    if "biases" in objective:
        ones = np.ones((N, 1)), np.ones((P_ITEMS, 1))
        return (np.hstack([P, rng.normal(size=(N, 1)), ones[0]]),
                np.hstack([B, ones[1], rng.normal(size=(P_ITEMS, 1))]))
    return P, B


def seen(objective, P, B):
    """What the objective sees of the factors, entry by entry."""
    S = P @ B.T
    if objective == "cosine":
        return cosine(P, B)
    if objective.startswith("ranking"):
        return S[:, :, None] - S[:, None, :]
    if objective == "weight decay":
        return np.append(S, np.sum(P**2) + np.sum(B**2))
    return S


def item_cosines(objective, P, B):
    return cosine(canonical(SYMMETRIES[objective].score, P, B))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("objective", SYMMETRIES)
def test_group_is_unseen_and_canonical_cosines_stay(objective, seed):
    P, B = factors(objective)
    P2, B2 = move(objective, P, B, np.random.default_rng(seed))
    assert np.allclose(seen(objective, P2, B2), seen(objective, P, B), atol=1e-8)
    assert np.allclose(item_cosines(objective, P2, B2), item_cosines(objective, P, B), atol=1e-7)


@pytest.mark.parametrize("objective", SYMMETRIES)
def test_cosines_as_trained_move_unless_lengths_and_angles_are_seen(objective):
    P, B = factors(objective)
    _, B2 = move(objective, P, B, np.random.default_rng(1))
    change = np.abs(cosine(B2[:, :K]) - cosine(B[:, :K])).max()
    assert (change < 1e-9) == (objective in ("weight decay", "cosine"))


def test_constraints_are_kept():
    P, B = move("non-negative", *factors("non-negative"), np.random.default_rng(2))
    assert P.min() >= 0 and B.min() >= 0
    for objective in ("biases", "ranking with biases"):
        P, B = move(objective, *factors(objective), np.random.default_rng(2))
        assert np.allclose(P[:, -1], 1) and np.allclose(B[:, -2], 1)


@pytest.mark.parametrize(("score", "objective"), [("dot", "ranking"), ("ranking", "biases"), ("ranking", "ranking with biases"),
                                                  ("cosine", "scores"), ("ranking", "cosine")])
def test_canonical_form_of_another_group_is_moved(score, objective):
    """Without the columns of biases, which only ``biases`` can do without."""
    P, B = factors(objective)
    P2, B2 = move(objective, P, B, np.random.default_rng(3))
    change = {name: np.abs(cosine(canonical(name, P2[:, :K], B2[:, :K]))
                           - cosine(canonical(name, P[:, :K], B[:, :K]))).max()
              for name in (score, SYMMETRIES[objective].score)}
    assert change[score] > 0.05 and change[SYMMETRIES[objective].score] < 1e-7


@pytest.mark.parametrize("score", SCORES)
def test_canonical_cosines_are_those_of_what_is_seen(score):
    """Columns of the scores, centred or not, by brute force."""
    P, B = factors("scores")
    S = P @ B.T
    users, items = S.mean(axis=1, keepdims=True), S.mean(axis=0)
    columns = {"dot": S, "ranking": S - users, "biases": S - users - items + S.mean(), "cosine": B.T}
    assert np.allclose(cosine(canonical(score, P, B)), cosine(columns[score].T))


def test_canonical_form_leaves_its_arguments_alone():
    P, B = factors("scores")
    before = P.copy(), B.copy()
    for score in SCORES:
        canonical(score, P, B)
    move("ranking", P, B, np.random.default_rng(0))
    assert np.array_equal(P, before[0]) and np.array_equal(B, before[1])


@pytest.mark.parametrize(("call", "complaint"), [
    (lambda P, B: move("hinge", P, B, np.random.default_rng(0)), "objective must be a known one"),
    (lambda P, B: canonical("cosin", P, B), "score must be a known one (the nearest is 'cosine'), got 'cosin'"),
    (lambda P, B: canonical("dot", P, B[:, :2]), "B must be of 3 columns, as P"),
    (lambda P, B: canonical("dot", P, B * np.nan), "B must be finite"),
    (lambda P, B: canonical("dot", 0 * P, B), "factors must be not zero"),
    (lambda P, B: canonical("cosine", P, 0 * B), "B must be without zero rows"),
])
def test_bad_input_gets_one_line(call, complaint):
    with pytest.raises(ValueError) as error:
        call(*factors("scores"))
    assert str(error.value).startswith(complaint) and "\n" not in str(error.value)
