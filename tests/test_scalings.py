"""Which cosines rescaling can reach, against optimisers and brute force."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from cosines.attainable import attainable_range, unconstrained_pairs


def cosine_of_scaled(theta, u, v):
    """cos(u D, v D) with D = dMat(exp(theta))."""
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


def test_unconstrained_pairs_are_those_whose_range_is_everything():
    B = np.random.default_rng(0).integers(-2, 3, size=(40, 4)).astype(float)
    B = B[B.any(axis=1)]
    found = unconstrained_pairs(B)
    for i, j in itertools.product(range(len(B)), repeat=2):
        assert found[i, j] == (attainable_range(B[i], B[j]) == (-1, 1))


@pytest.mark.parametrize(("u", "v", "name"), [
    ([1, 2], [1, 2, 3], "v"), ([0, 0], [1, 2], "u"), ([1, 2], [0, 0], "v"),
    ([np.nan, 1], [1, 2], "u"), (["a", "b"], [1, 2], "u"), (1, 2, "v"),
])
def test_bad_input_is_named(u, v, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        attainable_range(u, v)


def test_unconstrained_pairs_refuse_nan():
    with pytest.raises(ValueError, match=r"^B\b"):
        unconstrained_pairs([[np.nan, 1]])
