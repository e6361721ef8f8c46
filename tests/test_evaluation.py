"""Scores of similarity matrices against brute force over pairs and sets."""

from itertools import combinations, product

import numpy as np
import pytest

from cosines.recovery import cluster_auc, neighbour_overlap, top_overlap

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


# neighbour_overlap and top_overlap


@pytest.mark.parametrize("n", [1, 3, P - 1])
@pytest.mark.parametrize("diagonal", [None, 10, -10])
def test_neighbour_overlap_is_that_of_sets_without_the_item_itself(n, diagonal):
    S, T = two_matrices(P, P)
    if diagonal is not None:
        np.fill_diagonal(S, diagonal)
        np.fill_diagonal(T, diagonal)
    expected = overlap_of_sets(S, T, n, exclude_self=True)
    assert neighbour_overlap(S, T, n) == pytest.approx(expected, abs=1e-15)


def test_all_others_are_neighbours_when_asked_for_p_minus_1():
    S, T = two_matrices(P, P)
    assert neighbour_overlap(S, T, P - 1) == 1


def test_nothing_is_shared_by_opposite_similarities():
    S, _ = two_matrices(P, P)
    assert neighbour_overlap(S, -S, (P - 1) // 2) == 0
    assert neighbour_overlap(S, 2 * S + 1, 3) == 1


def test_ten_neighbours_by_default():
    S, T = two_matrices(15, 15)
    assert neighbour_overlap(S, T) == neighbour_overlap(S, T, 10) != neighbour_overlap(S, T, 9)


def test_the_matrices_are_left_alone():
    S = np.eye(3)
    neighbour_overlap(S, S, 1)
    np.testing.assert_array_equal(S, np.eye(3))


@pytest.mark.parametrize("shape", [(6, 9), (1, 4), (5, 5)])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_top_overlap_is_that_of_sets(shape, n):
    S, T = two_matrices(*shape)
    expected = overlap_of_sets(S, T, n, exclude_self=False)
    assert top_overlap(S, T, n) == pytest.approx(expected, abs=1e-15)


def test_top_overlap_takes_the_largest():
    S, T = np.array([[3.0, 2, 1, 0]]), np.array([[3.0, 0, 1, 2]])
    assert [top_overlap(S, T, n) for n in (1, 2, 3, 4)] == [1, 1 / 2, 2 / 3, 1]


@pytest.mark.parametrize(
    ("S", "T", "n", "name"),
    [(np.ones((3, 2)), np.eye(3), 1, "S"), (np.eye(3), np.ones((3, 2)), 1, "T"),
     (np.eye(3), np.eye(4), 1, "T"), (np.diag([1, 1, np.nan]), np.eye(3), 1, "S"),
     (np.eye(3), np.diag([1, 1, -np.inf]), 1, "T")]
    + [(np.eye(3), np.eye(3), n, "n_neighbours") for n in (0, -1, 3, 1.0, 1.5, "1", None)],
)
def test_neighbour_overlap_names_bad_input(S, T, n, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        neighbour_overlap(S, T, n)


@pytest.mark.parametrize(
    ("T", "n", "name"),
    [(np.ones((2, 4)), 1, "T"), (np.ones((3, 3)), 1, "T")]
    + [(np.ones((2, 3)), n, "n") for n in (0, 4, 1.5, None)],
)
def test_top_overlap_names_bad_input(T, n, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        top_overlap(np.ones((2, 3)), T, n)
