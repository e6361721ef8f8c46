"""Scores of similarity matrices against brute force over pairs and sets."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import sparse, stats

from cosines.audit.health import hubness
from cosines.evaluation import (
    accuracy_grid,
    average_precision,
    bootstrap_interval,
    cluster_auc,
    held_out_accuracy,
    hide,
    nearest,
    neighbour_precision,
    overlap,
    ranking_accuracy,
    resampled_interval,
    top,
    verdict,
)
from cosines.factorization import (
    fit_factor_penalty,
    fit_product_penalty,
    item_gram,
    shrinkage,
    soft_threshold,
    spectrum,
)

CLUSTER = np.array([0, 1, 1, 2, 0, 2, 1, 3])
P = len(CLUSTER)


def two_matrices(*shape):
    return np.random.default_rng(8).normal(size=(2, *shape))


def auc_of_pairs(S, cluster):
    """Share of (within, across) pairs of pairs in which the first is more similar; ties half."""
    pairs = list(combinations(range(len(cluster)), 2))
    within = [S[i][j] for i, j in pairs if cluster[i] == cluster[j]]
    across = [S[i][j] for i, j in pairs if cluster[i] != cluster[j]]
    wins = [(w > a) + (w == a) / 2 for w, a in product(within, across)]
    return sum(wins) / len(wins)


def overlap_of_sets(S, T, n, exclude_self):
    shares = []
    for i, (s, t) in enumerate(zip(S, T, strict=True)):
        items = [j for j in range(len(s)) if not (exclude_self and i == j)]
        first = set(sorted(items, key=lambda j: -s[j])[:n])
        second = set(sorted(items, key=lambda j: -t[j])[:n])
        shares.append(len(first & second) / n)
    return sum(shares) / len(shares)


# cluster_auc


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed):
    S = np.random.default_rng(seed).normal(size=(P, P))
    assert cluster_auc(S, CLUSTER) == pytest.approx(auc_of_pairs(S, CLUSTER), abs=1e-14)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_ties_count_one_half(levels):
    S = np.random.default_rng(levels).integers(levels, size=(P, P))
    assert cluster_auc(S, CLUSTER) == pytest.approx(auc_of_pairs(S, CLUSTER), abs=1e-14)


def test_auc_of_perfect_useless_and_reversed_similarity():
    same = np.equal.outer(CLUSTER, CLUSTER)
    assert cluster_auc(same, CLUSTER) == 1
    assert cluster_auc(np.eye(P), CLUSTER) == 0.5
    assert cluster_auc(-same.astype(float), CLUSTER) == 0


def test_only_what_is_above_the_diagonal_counts():
    S, other = two_matrices(P, P)
    changed = np.triu(S, k=1) + np.tril(other)
    assert cluster_auc(S, CLUSTER) == cluster_auc(changed, CLUSTER)


def test_auc_does_not_depend_on_scale_or_on_the_names_of_clusters():
    S, _ = two_matrices(P, P)
    names = np.array(["d", "a", "c", "b"])[CLUSTER]
    assert cluster_auc(np.exp(S), names) == cluster_auc(S, CLUSTER)


@pytest.mark.parametrize(
    ("S", "cluster", "name"),
    [(np.ones((3, 2)), [0, 0, 1], "S"), (np.ones(3), [0, 0, 1], "S"),
     (np.full((3, 3), np.nan), [0, 0, 1], "S"), (np.diag([1, 1, np.inf]), [0, 0, 1], "S"),
     (np.eye(3), [0, 0], "cluster"), (np.eye(3), [[0, 0, 1]], "cluster"),
     (np.eye(3), [0, 0, 0], "cluster"), (np.eye(3), [0, 1, 2], "cluster"),
     (np.eye(1), [0], "S")],
)
def test_auc_names_bad_input(S, cluster, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        cluster_auc(S, cluster)


# Neighbours and what two similarities share


def neighbours_of_sets(S, n):
    """Nearest first; of equal ones the first, item by item."""
    return [sorted((j for j in range(len(S)) if j != i), key=lambda j: (-S[i][j], j))[:n]
            for i in range(len(S))]


@pytest.mark.parametrize("n", [1, 3, P - 1])
@pytest.mark.parametrize("diagonal", [None, 10, -10])
def test_nearest_are_the_most_similar_others(n, diagonal):
    S, _ = two_matrices(P, P)
    if diagonal is not None:
        np.fill_diagonal(S, diagonal)
    assert nearest(S, n).tolist() == neighbours_of_sets(S, n)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 4, P - 1])
def test_of_equally_similar_items_the_first_are_nearest(levels, n):
    S = np.random.default_rng(levels).integers(levels, size=(P, P)).astype(float)
    assert nearest(S, n).tolist() == neighbours_of_sets(S, n)


@pytest.mark.parametrize("shape", [(6, 9), (1, 4), (5, 5)])
def test_top_is_the_beginning_of_a_stable_sort(shape):
    scores = np.round(two_matrices(*shape)[0])
    scores[0, :2] = -np.inf
    for n in range(1, shape[1] + 1):
        expected = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        np.testing.assert_array_equal(top(scores, n), expected)


def test_ten_neighbours_by_default():
    S, _ = two_matrices(15, 15)
    assert nearest(S).shape == top(S).shape == (15, 10)


def test_the_matrix_is_left_alone():
    S = np.eye(3)
    nearest(S, 1)
    np.testing.assert_array_equal(S, np.eye(3))


@pytest.mark.parametrize("n", [1, 3, P - 1])
def test_overlap_of_neighbours_is_that_of_sets(n):
    S, T = two_matrices(P, P)
    expected = overlap_of_sets(S, T, n, exclude_self=True)
    assert overlap(nearest(S, n), nearest(T, n)).mean() == pytest.approx(expected, abs=1e-15)


def test_nothing_is_shared_by_opposite_similarities():
    S, _ = two_matrices(P, P)
    n = (P - 1) // 2
    assert overlap(nearest(S, n), nearest(-S, n)).max() == 0
    assert overlap(nearest(S, 3), nearest(2 * S + 1, 3)).min() == 1


@pytest.mark.parametrize(
    ("S", "n", "name"),
    [(np.ones((3, 2)), 1, "S"), (np.diag([1, 1, np.nan]), 1, "S")]
    + [(np.eye(3), n, "n") for n in (0, -1, 3, 1.5, "1", None)],
)
def test_nearest_names_bad_input(S, n, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        nearest(S, n)


def test_overlap_and_top_name_bad_input():
    with pytest.raises(ValueError, match=r"^second\b"):
        overlap(np.ones((3, 2)), np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"^n\b"):
        top(np.ones((2, 3)), 4)


def test_overlap_counts_members_whatever_their_order():
    first, second = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([[4, 3, 9, 1], [0, 1, 2, 3]])
    assert np.array_equal(overlap(first, second), [0.75, 0])


def test_hubness_of_a_circle_is_none_and_of_a_star_is_large():
    circle = (np.arange(20)[:, None] + [1, 2]) % 20
    skewness, _, largest = hubness(circle, 20)
    assert (skewness, largest) == (0, 0.1)
    skewness, by_chance, largest = hubness(np.zeros((19, 1), dtype=int), 20)
    assert skewness > 4 > by_chance and largest == 1


@pytest.mark.parametrize("q, p", [(2000, 2000), (500, 10_000)])
def test_hubness_by_chance_is_that_of_random_lists(q, p):
    rng = np.random.default_rng(0)
    measured, by_chance, _ = hubness(rng.permuted(np.tile(np.arange(p), (q, 1)), axis=1)[:, :10], p)
    assert measured == pytest.approx(by_chance, rel=0.15, abs=0.2)


# Precision, ranking, intervals


def test_average_precision_is_the_mean_precision_at_hits_with_ties_together():
    rng = np.random.default_rng(5)
    cluster = np.repeat([0, 1, 2], 5)
    S = np.round(rng.random((15, 15)), 1)
    S = S + S.T
    pairs = [(S[i, j], cluster[i] == cluster[j]) for i in range(15) for j in range(i + 1, 15)]
    precisions = []
    for value, same in pairs:
        if same:
            at_least = [hit for other, hit in pairs if other >= value]
            precisions.append(sum(at_least) / len(at_least))
    assert average_precision(S, cluster) == pytest.approx(np.mean(precisions), abs=1e-12)


def test_average_precision_is_one_for_the_truth_and_the_share_of_pairs_for_a_constant():
    cluster = np.array([0, 0, 1, 1, 1, 2])
    assert average_precision(cluster[:, None] == cluster, cluster) == 1
    assert average_precision(np.ones((6, 6)), cluster) == pytest.approx(4 / 15)


def test_neighbour_precision_counts_neighbours_of_the_same_cluster():
    rng = np.random.default_rng(5)
    cluster = rng.integers(3, size=20)
    S = rng.random((20, 20))
    for i, precision in enumerate(neighbour_precision(S, cluster, 4)):
        others = sorted((j for j in range(20) if j != i), key=lambda j: -S[i, j])[:4]
        assert precision == np.mean([cluster[j] == cluster[i] for j in others])


def test_ranking_accuracy_counts_hits_and_discounts_them():
    rng = np.random.default_rng(5)
    scores = rng.random((12, 30))
    hidden = rng.random((12, 30)) < 0.2
    hidden[:, 3] = True
    recall, ndcg = ranking_accuracy(scores, hidden, 5)
    for u in range(12):
        ranked = sorted(range(30), key=lambda i: -scores[u, i])[:5]
        gain = sum(hidden[u, i] / np.log2(r + 2) for r, i in enumerate(ranked))
        most = min(5, hidden[u].sum())
        assert recall[u] == pytest.approx(hidden[u, ranked].sum() / most)
        assert ndcg[u] == pytest.approx(gain / sum(1 / np.log2(r + 2) for r in range(most)))


def test_ranking_accuracy_is_one_when_hidden_items_come_first():
    hidden = np.array([[True, False, True, False], [False, True, False, False]])
    recall, ndcg = ranking_accuracy(hidden.astype(float), hidden, 2)
    np.testing.assert_allclose([recall, ndcg], 1)


def test_ranking_accuracy_names_users_without_hidden_items():
    with pytest.raises(ValueError, match="hidden must be true somewhere in each row"):
        ranking_accuracy(np.ones((2, 3)), np.zeros((2, 3), dtype=bool), 1)


def test_hidden_items_are_some_of_each_users_and_never_shown():
    X = sparse.csr_array((np.random.default_rng(1).random((300, 40)) < 0.3).astype(float))
    shown, hidden = hide(X, np.random.default_rng(2), share=0.25)
    whole = {tuple(row) for row in X.toarray()}
    assert all(tuple(row) in whole for row in shown + hidden)
    assert not (shown * hidden).any()
    assert hidden.any(axis=1).all() and shown.any(axis=1).all()
    assert hidden.sum() / X.nnz == pytest.approx(0.25, abs=0.03)


def test_held_out_accuracy_is_perfect_for_whoever_knows_what_is_hidden():
    shown = np.array([[1.0, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    hidden = np.array([[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]], dtype=bool)
    knowing, shifted = np.eye(5), np.eye(5)[[2, 3, 0, 1, 4]]
    assert held_out_accuracy(shown, hidden, knowing, shifted, n=1).tolist() == [1, 1]
    assert held_out_accuracy(shown, hidden, knowing, np.eye(5)[[4, 0, 1, 2, 3]], n=1).max() == 0


@pytest.mark.parametrize(("weights", "fit", "lams"), [
    (shrinkage, fit_product_penalty, [0.5, 5, 50]), (soft_threshold, fit_factor_penalty, [1, 2, 4])])
def test_the_grid_holds_the_accuracy_of_each_model_fitted_by_itself(weights, fit, lams):
    X = sparse.csr_array((np.random.default_rng(1).random((120, 30)) < 0.3).astype(float))
    decomposition = spectrum(item_gram(X[:80]))
    shown, hidden = hide(X[80:], np.random.default_rng(2))
    ks = [2, 7, 30]
    found = accuracy_grid(shown, hidden, decomposition, weights, ks, lams, n=5)
    alone = [[held_out_accuracy(shown, hidden, *fit(decomposition, lam, k), n=5)[1] for lam in lams]
             for k in ks]
    np.testing.assert_allclose(found, alone, rtol=1e-12)
    assert len(np.unique(found.round(9))) >= 6  # or the models would not be told apart


@pytest.mark.parametrize("ks", [[0, 2], [2, 2], [3, 2], [2, 6]])
def test_the_grid_names_ks_that_do_not_rise_within_the_rank(ks):
    X = np.eye(5)
    with pytest.raises(ValueError, match=r"^ks must be rising in 1..5"):
        accuracy_grid(X, X > 0, spectrum(X), shrinkage, ks, [1], n=2)


def test_resampled_interval_is_written_out_by_hand_and_without_overlap_that_of_student():
    values = np.array([1.0, 2, 3, 6])  # mean 3, variance 14/3; t with 3 degrees of freedom: 3.1824
    mean, low, high = resampled_interval(values, 0.25)
    half = 3.182446305 * ((1 / 4 + 0.25) * 14 / 3) ** 0.5
    assert (mean, low, high) == pytest.approx((3, 3 - half, 3 + half))
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert resampled_interval(values, 0)[1:] == pytest.approx(theirs)


def test_bootstrap_interval_is_that_of_scipy():
    values = np.random.default_rng(3).exponential(size=30)
    mean, low, high = bootstrap_interval(values)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=4)
    assert mean == values.mean()
    assert (low, high) == pytest.approx(theirs.confidence_interval, abs=0.01)


@pytest.mark.parametrize(("low", "high", "said"), [
    (0.1, 0.2, "holds"), (-0.2, -0.1, "reversed"), (-0.1, 0.1, "undecided"), (0, 0.1, "undecided")])
def test_a_verdict_needs_an_interval_without_zero(low, high, said):
    assert verdict(low, high) == said
