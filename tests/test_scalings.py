"""What predicts the same: named scalings, and the cosines that rescaling can reach."""

import numpy as np
import pytest
from scipy.optimize import minimize

from cosines.factorization import Factors, rescale
from cosines.scalings import (
    AS_TRAINED,
    BALANCED,
    ITEM_WHITENED,
    PREDICTIONS,
    SCALINGS,
    attainable_range,
    direction_weights,
    prediction_space,
    scaling,
    scalings,
    transform,
)
from cosines.similarity import cosine


@pytest.fixture
def factors():
    """Users' and items' factors, in a basis in which no scaling is the one as trained."""
    rng = np.random.default_rng(0)
    d = np.geomspace(1, 30, 6)
    return rng.standard_normal((80, 6)) * d, rng.standard_normal((50, 6)) / d @ rng.standard_normal((6, 6))


def grams(P, B):
    return B.T @ B, P.T @ P


def test_every_scaling_makes_the_same_predictions(factors):
    P, B = factors
    for name, T in scalings(*grams(P, B)).items():
        assert np.allclose((P @ np.linalg.pinv(T).T) @ (B @ T).T, P @ B.T, atol=1e-10), name


def test_each_scaling_is_what_its_name_says(factors):
    P, B = factors
    found = scalings(*grams(P, B))
    assert np.array_equal(found[AS_TRAINED], np.eye(6))
    white = B @ found[ITEM_WHITENED]
    assert np.allclose(white.T @ white, np.eye(6))
    balanced, users = B @ found[BALANCED], P @ np.linalg.pinv(found[BALANCED]).T
    assert np.allclose(balanced.T @ balanced, users.T @ users)
    assert np.allclose(cosine(B @ found[PREDICTIONS]), cosine((P @ B.T).T))


def test_whitening_users_is_the_space_of_predictions(factors):
    """By a Cholesky factor, which knows nothing of the square root in `scalings`."""
    P, B = factors
    L = np.linalg.cholesky(P.T @ P)
    users = P @ np.linalg.inv(L).T
    assert np.allclose(users.T @ users, np.eye(6))
    assert np.allclose(cosine(B @ L), cosine(B @ scalings(*grams(P, B))[PREDICTIONS]))


def test_invertible_maps_change_no_scaling_but_the_one_as_trained(factors):
    P, B = factors
    M = np.random.default_rng(1).standard_normal((6, 6))
    before, after = scalings(*grams(P, B)), scalings(*grams(P @ M, B @ np.linalg.inv(M).T))
    for name in (BALANCED, ITEM_WHITENED, PREDICTIONS):
        assert np.allclose(cosine(B @ before[name]), cosine(B @ np.linalg.inv(M).T @ after[name])), name


def test_dimensions_that_predict_nothing_are_left_out(factors):
    P, B = factors
    P, B = np.hstack([P, np.zeros((80, 2))]), np.hstack([B, np.ones((50, 2))])
    found = scalings(*grams(P, B))
    assert found[BALANCED].shape == (8, 6)
    assert np.allclose(cosine(B @ found[PREDICTIONS]), cosine((P @ B.T).T))


def test_weights_are_the_diagonal_of_the_paper_s_d(factors):
    P, B = factors
    U, s, Vt = np.linalg.svd(P @ B.T, full_matrices=False)
    s, V = s[:6], Vt[:6].T
    d = np.array([3, 1, 0.5, 2, 1, 1.0])
    R = np.linalg.qr(np.random.default_rng(2).standard_normal((6, 6)))[0]
    users, items = U[:, :6] * np.sqrt(s) * d @ R, V * np.sqrt(s) / d @ R
    found = direction_weights(np.eye(6), scalings(*grams(users, items))[BALANCED])
    assert np.allclose(found, (1 / d) / np.exp(np.log(1 / d).mean()))


def test_rescaling_is_the_scaling_by_the_inverse_of_d():
    """Eq. 3 is T = dMat(1 / d), here by a general inverse."""
    A, B = np.random.default_rng(3).normal(size=(2, 7, 3))
    d = np.array([0.2, 1, -5])
    expected, found = rescale(Factors(A, B), d), transform(Factors(A, B), np.diag(1 / d))
    np.testing.assert_allclose(found.A, expected.A, rtol=1e-12)
    np.testing.assert_allclose(found.B, expected.B, rtol=1e-12)


def test_transforming_keeps_every_prediction_and_moves_cosines(factors):
    P, B = factors
    moved = transform(Factors(P[:50], B), np.random.default_rng(4).normal(size=(6, 6)))
    np.testing.assert_allclose(moved.A @ moved.B.T, P[:50] @ B.T, atol=1e-9)
    assert np.abs(cosine(moved.B) - cosine(B)).max() > 0.1


@pytest.mark.parametrize("T", [np.eye(5), np.ones((6, 6)), np.diag([1, 1, 1, 1, 1, 0]),
                               np.full((6, 6), np.nan), np.ones((6, 5)), "T"])
def test_transform_names_a_bad_t(factors, T):
    P, B = factors
    with pytest.raises(ValueError, match=r"^T\b"):
        transform(Factors(P[:50], B), T)


def test_scalings_come_in_their_order_and_without_users_only_two_are_known(factors):
    item_gram, user_gram = grams(*factors)
    assert tuple(scalings(item_gram, user_gram)) == SCALINGS
    assert tuple(scalings(item_gram)) == (AS_TRAINED, ITEM_WHITENED)
    with pytest.raises(ValueError, match=r"^user_gram\b.*balanced"):
        scaling(BALANCED, item_gram)


@pytest.mark.parametrize(("name", "nearest"), [("balance", BALANCED), ("predictions", PREDICTIONS),
                                               ("whitened", ITEM_WHITENED)])
def test_an_unknown_scaling_names_the_nearest(factors, name, nearest):
    with pytest.raises(ValueError, match=rf"^scaling\b.*nearest is '{nearest}'.*got '{name}'"):
        scaling(name, *grams(*factors))


def test_prediction_space_is_the_root_of_the_users_gram_matrix(factors):
    P, _ = factors
    root = prediction_space(P.T @ P)
    np.testing.assert_allclose(root @ root, P.T @ P, rtol=1e-10)
    np.testing.assert_allclose(root, root.T, atol=1e-12)


def cosine_of_scaled(theta, u, v):
    """cos(u D^-1, v D^-1) with D^-1 = dMat(exp(theta))."""
    u, v = u * np.exp(theta), v * np.exp(theta)
    return u @ v / np.sqrt((u @ u) * (v @ v))


def optimised_range(u, v):
    """The least and the greatest cosine that an optimiser reaches, from several starts."""
    starts = np.random.default_rng(0).normal(size=(8, u.size))
    bounds = [(-12, 12)] * u.size
    low = min(minimize(cosine_of_scaled, s, (u, v), bounds=bounds).fun for s in starts)
    high = -min(minimize(lambda t: -cosine_of_scaled(t, u, v), s, bounds=bounds).fun for s in starts)
    return low, high


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("k", [2, 3, 5])
def test_range_is_what_an_optimiser_reaches(k, seed):
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(2, k))
    if seed % 3:  # products of one sign
        v = np.abs(v) * np.sign(u) * (1 if seed % 3 == 1 else -1)
    np.testing.assert_allclose(attainable_range(u, v), optimised_range(u, v), atol=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_no_rescaling_leaves_the_range(seed):
    rng = np.random.default_rng(seed)
    u, v = rng.exponential(size=(2, 4))
    low, high = attainable_range(u, v)
    found = [cosine_of_scaled(theta, u, v) for theta in rng.normal(scale=3, size=(5_000, 4))]
    assert low <= min(found) and max(found) <= high
    assert min(found) < low + 0.05


def test_in_two_dimensions_kantorovichs_bound_is_attained():
    u, v = np.array([1.0, 2.0]), np.array([3.0, 0.5])
    low, _ = attainable_range(u, v)
    found = min(cosine_of_scaled(np.array([0, t]), u, v) for t in np.linspace(-5, 5, 20_001))
    assert found == pytest.approx(float(low), abs=1e-7)


@pytest.mark.parametrize(("u", "v", "attained"), [
    ([1, 2], [3, 0.5], True),  # two ratios
    ([1, 2, 4], [3, 0.5, 1], True),  # three dimensions, two ratios
    ([1, 2, 1], [3, 0.5, 1], False),  # a ratio in between, whose weight cannot vanish
    ([1, 0], [1, 1], False),  # all ratios are the least or the greatest, which is infinite or 0
    ([1, 1, 0], [1, 0, 1], False),
    ([1, 2, 0], [3, 0.5, 0], True),  # both zero: does not count
    ([1, 2], [2, 4], True),
])
def test_the_infimum_is_attained_if_two_ratios_occur_and_neither_is_zero_or_infinite(u, v, attained):
    """More room for the weights helps an optimiser only where the infimum is not attained."""
    u, v = np.array(u, dtype=float), np.array(v, dtype=float)
    found = [minimize(cosine_of_scaled, np.zeros(u.size), (u, v), bounds=[(-b, b)] * u.size, tol=1e-15).fun
             for b in (1.5, 3)]
    assert min(found) >= attainable_range(u, v)[0] - 1e-12
    assert (found[0] - found[1] < 1e-8) == attained
    assert (min(found) - attainable_range(u, v)[0] < 1e-8) == attained


def test_one_rotation_frees_a_pair_that_rescaling_holds_back():
    B = np.array([[1, 2], [3, 0.5]])
    R = np.array([[np.cos(0.9), np.sin(0.9)], [-np.sin(0.9), np.cos(0.9)]])
    assert attainable_range(*B)[0] == pytest.approx(0.533, abs=1e-3)
    assert attainable_range(*B @ R) == (-1, 1)
    found = [cosine_of_scaled(theta, *B @ R) for theta in ([9, 0], [0, 9])]
    assert max(found) > 0.999 and min(found) < -0.999


@pytest.mark.parametrize(("u", "v", "expected"), [
    ([1, 2, 3], [2, 4, 6], (1, 1)),  # collinear: no rescaling can part them
    ([1, 2, 3], [-1, -2, -3], (-1, -1)),
    ([1, 0], [0, 1], (0, 0)),  # no dimension in common
    ([1, 1], [0, 1], (0, 1)),  # one entry zero
    ([1, 1, 0], [0, -1, 0], (-1, 0)),
    ([1, 1, 0], [2, 1, 0], (2 * np.sqrt(2) / 3, 1)),  # both zero: does not count
    ([1, 1], [1, -1], (-1, 1)),
    ([5], [2], (1, 1)),
    ([1e-200, 1], [1, 1e-200], (0, 1)),  # M / m is more than a float holds
])
def test_edge_cases(u, v, expected):
    np.testing.assert_allclose(attainable_range(u, v), expected, atol=1e-12)


def test_range_is_the_same_after_any_rescaling_and_takes_many_pairs():
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(2, 4, 6, 3))
    d = np.exp(rng.normal(size=3))
    before, after = attainable_range(u, v), attainable_range(u / d, v / d)
    assert before[0].shape == (4, 6)
    np.testing.assert_allclose(before, after, atol=1e-12)
    one = attainable_range(u[2, 3], v[2, 3])
    np.testing.assert_array_equal(one, (before[0][2, 3], before[1][2, 3]))


@pytest.mark.parametrize(("u", "v", "name"), [
    ([1, 2], [1, 2, 3], "v"), ([0, 0], [1, 2], "u"), ([1, 2], [0, 0], "v"),
    ([np.nan, 1], [1, 2], "u"), (["a", "b"], [1, 2], "u"), (1, 2, "v"),
])
def test_bad_input_is_named(u, v, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        attainable_range(u, v)
