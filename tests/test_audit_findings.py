"""The audit of embeddings, against brute force and against models whose answer is known."""

import numpy as np
import pytest

from cosines.audit.files import embed
from cosines.audit.findings import (
    audit,
    gram_and_norms,
    nearest_under,
    norms_under,
    popularity_share,
    verdict_on,
)
from cosines.scalings import BALANCED, ITEM_WHITENED, PREDICTIONS, prediction_space
from cosines.similarity import cosine


@pytest.fixture
def factors():
    rng = np.random.default_rng(0)
    d = np.geomspace(1, 30, 6)
    return rng.standard_normal((80, 6)) * d, rng.standard_normal((50, 6)) / d @ rng.standard_normal((6, 6))


@pytest.mark.parametrize("block", [7, 50, 1000])
def test_neighbours_are_those_of_brute_force_whatever_the_block(factors, block, monkeypatch):
    P, B = factors
    monkeypatch.setattr("cosines.audit.files.BLOCK", block)
    queries = np.array([0, 3, 20, 49])
    T = prediction_space(P.T @ P)
    S = cosine((P @ B.T).T)
    np.fill_diagonal(S, -1)
    assert np.array_equal(nearest_under(B, T, queries, 9), np.argsort(-S[queries], axis=1)[:, :9])
    assert np.allclose(gram_and_norms(B).gram, B.T @ B)
    assert np.allclose(gram_and_norms(B).norms, np.linalg.norm(B, axis=1))
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


def test_popularity_share_of_a_power_law_is_one_and_of_noise_is_none():
    counts = np.arange(1, 2001)
    assert popularity_share((1.0 + counts) ** 0.7, counts) == pytest.approx(1)
    assert popularity_share(np.exp(np.random.default_rng(0).standard_normal(2000)), counts) < 0.01
    assert popularity_share(np.ones(2000), counts) == 0


def test_verdict_follows_its_thresholds():
    shared = {ITEM_WHITENED: 0.9, BALANCED: 0.85, PREDICTIONS: 0.8}
    assert verdict_on(shared)[0] == "stable"
    assert verdict_on(shared | {ITEM_WHITENED: 0.79})[0] == "scaling-dependent"
    assert verdict_on(shared | {PREDICTIONS: 0.79})[0] == "arbitrary"
    assert verdict_on(shared | {PREDICTIONS: 0.3, BALANCED: 0.95})[0] == "scaling-dependent"


def test_verdict_without_users_claims_less():
    verdict, reasons = verdict_on({ITEM_WHITENED: 0.9})
    assert verdict == "undecided" and "Without user factors" in reasons[1]
    assert verdict_on({ITEM_WHITENED: 0.5})[0] == "scaling-dependent"


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
        assert f"({name})" in verdict_on(shared)[1][0]
