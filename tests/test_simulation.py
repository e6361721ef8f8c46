"""The simulated data: distributions against exact probabilities, and what may depend on what.

Random counts are compared with exact probabilities within five standard errors. A correct sampler
exceeds that in one of two million comparisons, and the seeds are fixed.
"""

from dataclasses import replace
from itertools import combinations, permutations
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse, stats

from cosines.simulation import (
    BLOCK,
    Interactions,
    Simulation,
    power_law,
    sample_without_replacement,
    simulate,
    simulate_blocks,
)

SMALL = Simulation(n_users=60, n_items=30, n_clusters=3, seed=5)


def assert_frequencies(counts, probabilities):
    """Counts of independent draws are within five standard errors of their expectations."""
    counts, probabilities = np.asarray(counts), np.asarray(probabilities)
    assert probabilities.sum() == pytest.approx(1)
    draws = counts.sum()
    error = np.sqrt(draws * probabilities * (1 - probabilities))
    assert (np.abs(counts - draws * probabilities) <= 5 * error).all()


def power_law_probabilities(exponent, low, high):
    weights = [r ** -float(exponent) for r in range(low, high + 1)]
    return np.array(weights) / sum(weights)


def sequential_probability(subset, weight):
    """Exact probability that drawing one item after the other ends in `subset`."""
    total = 0
    for order in permutations(subset):
        left, probability = sum(weight), 1
        for item in order:
            probability *= weight[item] / left
            left -= weight[item]
        total += probability
    return total


# Sampling


@pytest.mark.parametrize("k", [1, 2, 3])
def test_race_has_the_probabilities_of_sequential_draws(k):
    n, cluster = 40_000, np.array([0, 1, 0, 1])
    preference, popularity = np.array([0.8, 0.2]), np.array([4.0, 3, 1, 0.5])
    weight = [0.8 * 4, 0.2 * 3, 0.8 * 1, 0.2 * 0.5]
    chosen = sample_without_replacement(
        np.random.default_rng(1), np.tile(preference, (n, 1)), cluster, popularity, np.full(n, k)
    )
    subsets = list(combinations(range(4), k))
    masks = [np.isin(range(4), subset) for subset in subsets]
    counts = [(chosen == mask).all(axis=1).sum() for mask in masks]
    assert sum(counts) == n
    assert_frequencies(counts, [sequential_probability(subset, weight) for subset in subsets])


def test_every_user_gets_exactly_k_u_items():
    rng = np.random.default_rng(2)
    n, p = 2_000, 12
    k_u = rng.integers(1, p + 1, size=n)
    chosen = sample_without_replacement(
        rng, rng.dirichlet(np.ones(3), size=n), rng.integers(3, size=p), rng.random(p), k_u
    )
    assert chosen.shape == (n, p)
    assert chosen.dtype == bool
    np.testing.assert_array_equal(chosen.sum(axis=1), k_u)


def test_p_ui_is_the_users_preference_for_the_items_cluster_times_popularity():
    n, cluster, popularity = 20_000, np.array([2, 0, 1, 0]), np.array([1.0, 0.5, 2, 3])
    for preference in ([0.6, 0.3, 0.1], [0.05, 0.05, 0.9]):
        chosen = sample_without_replacement(
            np.random.default_rng(3), np.tile(preference, (n, 1)), cluster, popularity,
            np.ones(n, int),
        )
        p_ui = np.array([preference[c] * p_i for c, p_i in zip(cluster, popularity, strict=True)])
        assert_frequencies(chosen.sum(axis=0), p_ui / p_ui.sum())


def test_every_user_has_a_preference_of_their_own():
    chosen = sample_without_replacement(
        np.random.default_rng(4), np.eye(3)[[0, 1, 2, 1]], np.array([0, 0, 1, 1, 2, 2]),
        np.ones(6), np.full(4, 2),
    )
    expected = [[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0]]
    np.testing.assert_array_equal(chosen, expected)


def test_a_preference_of_zero_comes_last_but_comes():
    n = 500
    k_u = np.tile([1, 2, 3, 4, 5], n // 5)
    chosen = sample_without_replacement(
        np.random.default_rng(5), np.tile([1.0, 0.0], (n, 1)), np.array([0, 0, 1, 1, 1]),
        np.array([1, 1e-3, 1, 1, 1]), k_u,
    )
    np.testing.assert_array_equal(chosen.sum(axis=1), k_u)
    np.testing.assert_array_equal(chosen[:, :2].sum(axis=1), np.minimum(k_u, 2))


@pytest.mark.parametrize(
    ("exponent", "low", "high"), [(0.0, 1, 4), (0.5, 1, 10), (1.5, 3, 8), (2.0, 1, 3), (0.5, 7, 7)]
)
def test_power_law_has_probabilities_proportional_to_r_to_the_minus_exponent(exponent, low, high):
    drawn = power_law(np.random.default_rng(6), exponent, low, high, size=50_000)
    assert low <= drawn.min() <= drawn.max() <= high
    counts = np.bincount(drawn, minlength=high + 1)[low:]
    assert_frequencies(counts, power_law_probabilities(exponent, low, high))


def test_power_law_gives_each_value_a_half_open_interval_of_its_probability():
    # random() is in [0, 1): of the evenly spaced 0, 1/4, 1/2, 3/4 each value of four gets one.
    even = SimpleNamespace(random=lambda size: np.arange(size) / size)
    np.testing.assert_array_equal(power_law(even, 0.0, 1, 4, size=4), [1, 2, 3, 4])
    np.testing.assert_array_equal(power_law(even, 0.0, 5, 6, size=4), [5, 5, 6, 6])


# The data set


def test_interactions_are_ones_in_a_sparse_array_of_users_by_items():
    data = simulate(SMALL)
    assert isinstance(data.X, sparse.csr_array)
    assert data.X.shape == (60, 30)
    assert data.X.dtype == np.float64
    assert data.X.has_canonical_format
    assert (data.X.data == 1).all()
    assert data.cluster.shape == data.popularity.shape == (30,)
    assert set(data.cluster) <= {0, 1, 2}
    assert data.exponent.shape == (3,)
    assert (data.popularity > 0).all()


@pytest.mark.parametrize("n_users", [1, BLOCK, BLOCK + 1])
def test_items_do_not_depend_on_the_number_of_users(n_users):
    data, other = simulate(SMALL), simulate(replace(SMALL, n_users=n_users))
    np.testing.assert_array_equal(data.cluster, other.cluster)
    np.testing.assert_array_equal(data.popularity, other.popularity)
    np.testing.assert_array_equal(data.exponent, other.exponent)


@pytest.mark.parametrize("n_users", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_the_first_users_do_not_depend_on_how_many_are_drawn(n_users):
    many = simulate(replace(SMALL, n_users=2 * BLOCK + 7)).X
    few = simulate(replace(SMALL, n_users=n_users)).X
    assert few.shape[0] == n_users
    np.testing.assert_array_equal(few.toarray(), many[:n_users].toarray())


def test_simulate_stacks_the_blocks():
    simulation = replace(SMALL, n_users=2 * BLOCK + 7)
    blocks = [block.toarray() for block in simulate_blocks(simulation)]
    assert [len(block) for block in blocks] == [BLOCK, BLOCK, 7]
    np.testing.assert_array_equal(simulate(simulation).X.toarray(), np.vstack(blocks))
    assert (blocks[0] != blocks[1]).any()


def test_everything_follows_from_the_seed():
    data, again, other = simulate(SMALL), simulate(SMALL), simulate(replace(SMALL, seed=6))
    np.testing.assert_array_equal(data.X.toarray(), again.X.toarray())
    np.testing.assert_array_equal(data.popularity, again.popularity)
    assert (data.X.toarray() != other.X.toarray()).any()
    assert (data.cluster != other.cluster).any()
    assert (data.exponent != other.exponent).all()


@pytest.mark.parametrize("items_per_user", [None, (3, 7), (4, 4)])
def test_number_of_items_per_user_follows_its_power_law(items_per_user):
    low, high = items_per_user or (1, 8)
    X = simulate(
        Simulation(n_users=20_000, n_items=8, user_exponent=1.25, items_per_user=items_per_user)
    ).X
    counts = np.bincount(X.sum(axis=1).astype(int), minlength=9)
    assert counts[low : high + 1].sum() == 20_000
    assert_frequencies(counts[low : high + 1], power_law_probabilities(1.25, low, high))


def test_ranked_popularity_is_r_to_the_minus_beta_within_each_cluster():
    data = simulate(replace(SMALL, n_items=300))
    for c, beta in enumerate(data.exponent):
        members = np.sort(data.popularity[data.cluster == c])[::-1]
        expected = [r ** -float(beta) for r in range(1, len(members) + 1)]
        np.testing.assert_allclose(members, expected, rtol=1e-12)


def test_drawn_popularity_follows_each_clusters_power_law():
    p = 4_000
    data = simulate(Simulation(n_users=1, n_items=p, n_clusters=2, item_popularity="drawn"))
    for c, beta in enumerate(data.exponent):
        drawn = data.popularity[data.cluster == c]
        values = drawn.astype(int)
        np.testing.assert_array_equal(values, drawn)
        assert 1 <= values.min() <= values.max() <= p
        # The values 1 to 4, and all above together.
        counts = np.bincount(np.minimum(values, 5), minlength=6)[1:]
        exact = power_law_probabilities(beta, 1, p)
        assert_frequencies(counts, [*exact[:4], exact[4:].sum()])


def test_cluster_exponents_are_uniform_between_their_bounds():
    exponent = simulate(replace(SMALL, n_clusters=1_000, item_exponent=(0.5, 0.75))).exponent
    assert stats.kstest(exponent, stats.uniform(0.5, 0.25).cdf).pvalue > 1e-6


def test_equal_bounds_fix_the_cluster_exponents():
    np.testing.assert_array_equal(simulate(replace(SMALL, item_exponent=(0.7, 0.7))).exponent, 0.7)


def test_a_large_cluster_concentration_makes_clusters_equally_likely():
    simulation = Simulation(n_users=1, n_items=4_000, n_clusters=4, cluster_concentration=1e9)
    assert_frequencies(np.bincount(simulate(simulation).cluster, minlength=4), np.full(4, 0.25))


def test_a_small_cluster_concentration_makes_one_cluster_dominate():
    cluster = simulate(replace(SMALL, n_items=200, cluster_concentration=1e-4)).cluster
    assert np.bincount(cluster).max() == 200


def test_a_large_preference_concentration_makes_users_follow_popularity_alone():
    data = simulate(
        Simulation(n_users=20_000, n_items=8, n_clusters=3, preference_concentration=1e9,
                   items_per_user=(1, 1))
    )
    p_i = data.popularity / data.popularity.sum()
    assert_frequencies(data.X.sum(axis=0), p_i)


def test_a_small_preference_concentration_gives_each_user_one_cluster():
    data = simulate(
        replace(SMALL, n_users=2_000, preference_concentration=1e-3, items_per_user=(3, 3))
    )
    assert np.bincount(data.cluster).min() >= 3
    in_cluster = data.X @ np.eye(3)[data.cluster]
    loyal = in_cluster.max(axis=1) == 3
    # Two preferences of 1e-3 come within e^7 of each other for about one user in a hundred.
    assert loyal.mean() > 0.95
    # By symmetry each cluster is the favourite of a third.
    assert_frequencies(np.bincount(in_cluster.argmax(axis=1)), np.full(3, 1 / 3))


@pytest.mark.parametrize("k_u", [1, 15, 29, 30])
@pytest.mark.parametrize("concentration", [1e-3, 1e-5, 1e-100])
def test_underflowing_preferences_still_give_exactly_k_u_items(concentration, k_u):
    simulation = replace(
        SMALL, n_users=BLOCK, preference_concentration=concentration, items_per_user=(k_u, k_u)
    )
    np.testing.assert_array_equal(simulate(simulation).X.sum(axis=1), k_u)


def test_order_is_by_cluster_then_falling_popularity():
    cluster, popularity = np.array([1, 0, 1, 0, 2, 1]), np.array([0.2, 0.1, 0.9, 0.7, 0.5, 0.4])
    data = Interactions(sparse.csr_array((1, 6)), cluster, popularity, np.ones(3))
    np.testing.assert_array_equal(data.order, [3, 1, 2, 5, 0, 4])


def test_order_of_simulated_items_is_that_of_a_plain_sort():
    data = simulate(SMALL)
    expected = sorted(range(30), key=lambda i: (data.cluster[i], -data.popularity[i]))
    np.testing.assert_array_equal(data.order, expected)


@pytest.mark.parametrize(
    "changes",
    [{"n_clusters": 1}, {"n_items": 1}, {"n_clusters": 40}, {"item_exponent": (0, 0)},
     {"user_exponent": 0.0}, {"n_users": np.int64(3)}, {"items_per_user": [2, 30]}],
    ids=str,
)
def test_parameters_at_the_edge_of_their_range_are_fine(changes):
    simulation = replace(SMALL, **changes)
    data = simulate(simulation)
    assert data.X.shape == (simulation.n_users, simulation.n_items)
    assert (data.X.sum(axis=1) >= 1).all()


NOT_COUNTS = [0, -1, 2.5, 3.0, "3", None, np.nan, True, [3]]
NOT_POSITIVE = [0, -1.0, np.nan, np.inf, "1", None, [1.0]]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("n_users", "n_items", "n_clusters") for value in NOT_COUNTS]
    + [("seed", value) for value in (-1, 0.5, "0", None)]
    + [(name, value) for name in ("cluster_concentration", "preference_concentration")
       for value in NOT_POSITIVE]
    + [("user_exponent", value) for value in (-0.1, np.nan, np.inf, "1", None)]
    + [("item_exponent", value)
       for value in (1.0, (1,), (1, 2, 3), (2, 1), (-1, 1), (0, np.nan), (0, np.inf), "ab", None)]
    + [("item_popularity", value) for value in ("rank", "", None, 1)]
    + [("items_per_user", value)
       for value in (5, (5,), (0, 3), (4, 3), (1, 31), (1.0, 3), (1, np.nan), "ab", (1, 2, 3))],
)
def test_an_invalid_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        replace(SMALL, **{name: value})
