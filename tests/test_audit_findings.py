"""The audit of embeddings, against brute force and against models whose answer is known."""

import numpy as np
import pytest

from cosines.audit import (
    AS_TRAINED,
    BALANCED,
    ITEM_WHITENED,
    PREDICTIONS,
    audit,
    hubness,
    judge,
    list_overlap,
    moments,
    nearest,
    norms_under,
    popularity_share,
    scalings,
    weights,
)
from cosines.factor_files import embed
from cosines.similarity import cosine


@pytest.fixture
def factors():
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
    found = weights(np.eye(6), scalings(*grams(users, items))[BALANCED])
    assert np.allclose(found, (1 / d) / np.exp(np.log(1 / d).mean()))


@pytest.mark.parametrize("block", [7, 50, 1000])
def test_neighbours_are_those_of_brute_force_whatever_the_block(factors, block, monkeypatch):
    P, B = factors
    monkeypatch.setattr("cossim.factor_files.ROWS_AT_A_TIME", block)
    queries = np.array([0, 3, 20, 49])
    T = scalings(*grams(P, B))[PREDICTIONS]
    S = cosine((P @ B.T).T)
    np.fill_diagonal(S, -1)
    assert np.array_equal(nearest(B, T, queries, 9), np.argsort(-S[queries], axis=1)[:, :9])
    assert np.allclose(moments(B).gram, B.T @ B)
    assert np.allclose(moments(B).norms, np.linalg.norm(B, axis=1))
    assert np.allclose(norms_under(B, T), np.linalg.norm(P @ B.T, axis=0))


def test_single_precision_is_kept(factors):
    B = factors[1].astype(np.float32)
    assert embed(B, np.eye(6)).dtype == np.float32
    assert norms_under(B, np.eye(6)).dtype == np.float32


def test_array_of_another_library_goes_through_the_same_algebra(factors):
    """Dask's arrays are read by blocks, and ``B T`` stays lazy."""
    da = pytest.importorskip("dask.array", reason="Dask is not installed (optional extra: libraries)")
    P, B = factors
    lazy = da.from_array(B, chunks=(13, 6)), da.from_array(P, chunks=(17, 6))
    ours, theirs = audit(B, P), audit(*lazy)
    assert np.allclose(ours.items.gram, theirs.items.gram)
    for name in ours.transforms:
        assert np.allclose(ours.transforms[name], theirs.transforms[name], atol=1e-8), name
        assert np.array_equal(ours.neighbours[name], theirs.neighbours[name]), name
    embedded = lazy[0] @ theirs.transforms[PREDICTIONS]
    assert isinstance(embedded, da.Array)
    assert np.allclose(cosine(embedded.compute()), cosine((P @ B.T).T))


def test_list_overlap_counts_members_whatever_their_order():
    first, second = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([[4, 3, 9, 1], [0, 1, 2, 3]])
    assert np.array_equal(list_overlap(first, second), [0.75, 0])


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


def test_popularity_share_of_a_power_law_is_one_and_of_noise_is_none():
    counts = np.arange(1, 2001)
    assert popularity_share((1.0 + counts) ** 0.7, counts) == pytest.approx(1)
    assert popularity_share(np.exp(np.random.default_rng(0).standard_normal(2000)), counts) < 0.01
    assert popularity_share(np.ones(2000), counts) == 0


def test_verdict_follows_its_thresholds():
    shared = {ITEM_WHITENED: 0.9, BALANCED: 0.85, PREDICTIONS: 0.8}
    assert judge(shared)[0] == "stable"
    assert judge(shared | {ITEM_WHITENED: 0.79})[0] == "scaling-dependent"
    assert judge(shared | {PREDICTIONS: 0.79})[0] == "arbitrary"
    assert judge(shared | {PREDICTIONS: 0.3, BALANCED: 0.95})[0] == "scaling-dependent"


def test_verdict_without_users_claims_less():
    verdict, reasons = judge({ITEM_WHITENED: 0.9})
    assert verdict == "undecided" and "Without user factors" in reasons[1]
    assert judge({ITEM_WHITENED: 0.5})[0] == "scaling-dependent"


def test_verdict_on_models_whose_answer_is_known():
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.standard_normal((m, 8)))[0] for m in (400, 300))
    s = np.geomspace(50, 1, 8)
    assert audit(V, U).verdict == "stable"  # all dimensions alike: every scaling is the same
    assert audit(V * s**0.5, U * s**0.5).verdict == "scaling-dependent"  # balanced
    assert audit(V * s, U).verdict == "scaling-dependent"  # the space of predictions
    assert audit(V / s**0.7, U * s**1.7).verdict == "arbitrary"
    assert audit(V / s**0.7).verdict == "scaling-dependent"
    assert audit(V).verdict == "undecided"


def test_verdict_does_not_see_what_no_cosine_sees(factors):
    P, B = factors
    R = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 6)))[0]
    first, second = audit(B, P), audit(1e6 * B @ R, 1e-9 * P @ R)
    assert first.reasons == second.reasons
    assert all(np.array_equal(first.neighbours[n], second.neighbours[n]) for n in first.neighbours)


@pytest.mark.parametrize("P, B, message", [
    (np.ones((3, 4)), np.ones((5, 3)), "user factors must be of 3 columns"),
    (None, np.array([[1.0, 2], [0, 0], [3, 4]]), r"item factors must be without zero rows.* got 1: rows \[1\]"),
    (None, np.array([[1.0, np.nan], [1, 1]]), "item factors must be finite"),
    (np.array([[np.inf, 1.0]]), np.ones((3, 2)), "user factors must be finite"),
    (None, np.ones(5), "item factors must be a non-empty matrix"),
    (None, np.ones((1, 5)), "item factors must be of at least two items"),
    (np.zeros((3, 2)), np.ones((30, 2)), "factors must be not zero altogether"),
])
def test_bad_input_gets_one_clear_line(P, B, message):
    with pytest.raises(ValueError, match=message) as error:
        audit(B, P)
    assert "\n" not in str(error.value)


def test_users_without_interactions_change_nothing(factors):
    P, B = factors
    padded = np.vstack([P, np.zeros((3, 6))])
    assert audit(B, padded).reasons == audit(B, P).reasons


def test_names_of_scalings_are_in_the_verdict_s_reasons():
    for name in (ITEM_WHITENED, BALANCED, PREDICTIONS):
        shared = dict.fromkeys((ITEM_WHITENED, BALANCED, PREDICTIONS), 0.9) | {name: 0.1}
        assert f"({name})" in judge(shared)[1][0]
