"""Readings: data x model x view, each against the models' factors and explicit predictions."""

import json

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.optimize import brentq

from cosines import readings
from cosines.evaluation import bootstrap_interval, cluster_auc
from cosines.experiment import Experiment, run
from cosines.factorization import fit_product_penalty, rescale, spectrum
from cosines.publishing.panels import FAMILY_COLOURS, reading_intervals
from cosines.publishing.ledger import as_tex
from cosines.publishing.records import Records, reading_table
from cosines.readings import (
    DATA,
    MODELS,
    VIEWS,
    Data,
    Reading,
    all_readings,
    named,
    similarities,
)
from cosines.simulation import Simulation

SMALL = Experiment(Simulation(n_users=500, n_items=40, n_clusters=3, seed=1), k=5, lam_1=60, lam_2=16)


@pytest.fixture(scope="module")
def fitted():
    return run(SMALL)


@pytest.fixture(scope="module")
def X(fitted):
    return fitted.data.X.toarray()


def cosines_of_rows(M):
    """By lengths and inner products, without the helper."""
    lengths = np.sqrt((M * M).sum(axis=1))
    return M @ M.T / np.outer(lengths, lengths)


def measured(key, fitted):
    return dict(similarities([named(key)], fitted.data.X, SMALL, fitted.gram))[named(key)]


# What each reading is


@pytest.mark.parametrize(("view", "exponent"), [
    ("g-minus-1", -1), ("g-0", 0), ("g-half", 0.5), ("g-1", 1), ("g-2", 2)])
def test_exponents_are_rescalings_of_eq5(view, exponent, fitted):
    s = fitted.spectrum.sigma[:5]
    w = s**2 / (s**2 + 60)
    expected = cosines_of_rows(rescale(fitted.eq1, w ** (0.5 - exponent)).B)
    np.testing.assert_allclose(measured(f"raw-eq1-{view}", fitted), expected, atol=1e-10)


def test_sqrt_sigma_is_the_papers_analogy_under_eq1_and_training_under_eq2(fitted):
    analogy = rescale(fitted.eq1, fitted.spectrum.sigma[:5] ** -0.5).B
    found = measured("raw-eq1-sqrt-sigma", fitted)
    np.testing.assert_allclose(found, cosines_of_rows(analogy), atol=1e-10)
    assert 0 < (np.abs(fitted.eq2.B).max(axis=0) == 0).sum() < 5  # some dimensions are off
    found = measured("raw-eq2-sqrt-sigma", fitted)
    np.testing.assert_allclose(found, cosines_of_rows(fitted.eq2.B), atol=1e-10)


@pytest.mark.parametrize("model", ["eq1", "eq2"])
def test_dot_predictions_and_entries_are_those_of_the_factors(model, fitted, X):
    A, B = getattr(fitted, model)
    np.testing.assert_allclose(measured(f"raw-{model}-dot", fitted), B @ B.T, atol=1e-10)
    predictions = X @ A @ B.T
    expected = cosines_of_rows(predictions.T)
    np.testing.assert_allclose(measured(f"raw-{model}-predictions", fitted), expected, atol=1e-8)
    np.testing.assert_allclose(measured(f"raw-{model}-entries", fitted), A @ B.T, atol=1e-10)


def explicit_data(key, X):
    """The matrix that each kind of data stands for, written out."""
    users = np.sqrt(X.sum(axis=1, keepdims=True))
    return {
        "raw": lambda: X,
        "centred": lambda: X - X.mean(axis=0),
        "standardised": lambda: (X - X.mean(axis=0)) / X.std(axis=0),
        "ips-items": lambda: X / np.linalg.norm(X, axis=0),
        "ips-users": lambda: X / users,
        "ips-both": lambda: X / users / np.linalg.norm(X / users, axis=0),
    }[key]()


@pytest.mark.parametrize("data", ["centred", "standardised", "ips-items", "ips-users", "ips-both"])
def test_normalised_data_are_fitted_with_the_same_sum_of_weights(data, fitted, X):
    Y = explicit_data(data, X)
    raw, singular = (np.linalg.svd(M, compute_uv=False)[:5] for M in (X, Y))
    degrees = (raw**2 / (raw**2 + 60)).sum()
    log_lam = brentq(lambda t: (singular**2 / (singular**2 + np.exp(t))).sum() - degrees, -30, 30)
    A, B = fit_product_penalty(spectrum(Y.T @ Y), np.exp(log_lam), 5)
    np.testing.assert_allclose(measured(f"{data}-eq1-g-half", fitted), cosines_of_rows(B), atol=1e-8)
    expected = cosines_of_rows((Y @ A @ B.T).T)
    np.testing.assert_allclose(measured(f"{data}-eq1-predictions", fitted), expected, atol=1e-7)
    np.testing.assert_allclose(measured(f"{data}-none-columns", fitted), cosines_of_rows(Y.T), atol=1e-8)


def test_pmi_is_read_from_its_singular_value_decomposition(fitted):
    count = fitted.gram - np.diag(np.diag(fitted.gram))
    joint, share = count / count.sum(), count.sum(axis=0) / count.sum()
    noise = share**0.75 / (share**0.75).sum()
    with np.errstate(divide="ignore"):
        M = np.maximum(np.log(joint / np.outer(share, noise)), 0)
    U, s, _ = np.linalg.svd(M)
    degrees = (1 / (1 + 60 / fitted.spectrum.sigma[:5] ** 2)).sum()
    lam = np.exp(brentq(lambda t: (s[:5] ** 2 / (s[:5] ** 2 + np.exp(t))).sum() - degrees, -30, 30))
    w = s[:5] ** 2 / (s[:5] ** 2 + lam)
    found = measured("pmi-word2vec-eq1-sqrt-sigma", fitted)
    np.testing.assert_allclose(found, cosines_of_rows(U[:, :5] * np.sqrt(w * s[:5])), atol=1e-6)


def test_readings_come_in_the_order_asked_for(fitted):
    asked = [named(key) for key in ("raw-eq2-dot", "centred-none-columns", "raw-none-dot")]
    assert [reading for reading, _ in similarities(asked, fitted.data.X, SMALL)] == asked


# What makes sense, and what training determines


def test_without_a_model_there_are_columns_and_dot_products_only():
    for view in VIEWS:
        if view in ("columns", "dot"):
            assert Reading("raw", "none", view).determined == "yes"
        else:
            with pytest.raises(ValueError, match=rf"^reading\b.*got 'raw-none-{view}'"):
                Reading("raw", "none", view)
    for model in ("eq1", "eq2"):
        with pytest.raises(ValueError, match=r"^reading\b"):
            Reading("raw", model, "columns")


def test_all_readings_are_what_the_mask_leaves():
    """Eight data; without model 2 views, under Eq. 1 all 9, under Eq. 2 its own, dot and of the product."""
    found = all_readings()
    assert len(found) == len(DATA) * (2 + 9 + 4) == 120
    of_eq2 = {reading.view for reading in found if reading.model == "eq2"}
    assert of_eq2 == {"sqrt-sigma", "dot", "predictions", "entries"}


def test_training_determines_what_no_rescaling_of_the_optimum_changes(fitted, X):
    """Eq. 1: every D is optimal. What it moves is not determined, the rest is."""
    moved = rescale(fitted.eq1, np.array([3, 0.5, 1, 2, 0.2]))
    views = {
        "g-half": lambda A, B: cosines_of_rows(B),
        "dot": lambda A, B: B @ B.T,
        "predictions": lambda A, B: cosines_of_rows((X @ A @ B.T).T),
        "entries": lambda A, B: A @ B.T,
    }
    for view, similarity in views.items():
        change = np.abs(similarity(*moved) - similarity(*fitted.eq1)).max()
        assert (change < 1e-8) == (named(f"raw-eq1-{view}").determined == "yes"), view


def test_keys_and_labels_tell_readings_apart():
    found = all_readings()
    assert len({reading.key for reading in found}) == len({reading.label for reading in found}) == len(found)
    assert all(named(reading.key) == reading for reading in found)
    assert {reading.family for reading in found} == set(FAMILY_COLOURS)


@pytest.mark.parametrize(("key", "nearest"), [
    ("raw-eq1-prediction", "raw-eq1-predictions"), ("centered-eq1-dot", "centred-eq1-dot"),
    ("raw-eq2-g-half", "raw-eq1-g-half")])
def test_an_unknown_reading_names_the_nearest(key, nearest):
    with pytest.raises(ValueError, match=rf"^reading\b.*nearest is '{nearest}'.*got '{key}'"):
        named(key)


@pytest.mark.parametrize(("parts", "nearest"), [
    (("centered", "eq1", "dot"), "centred-eq1-dot"), (("raw", "eq3", "dot"), "raw-eq[12]-dot"),
    (("raw", "eq1", "prediction"), "raw-eq1-predictions")])
def test_an_unknown_part_names_the_nearest_reading(parts, nearest):
    with pytest.raises(ValueError, match=rf"^reading\b.*nearest is '{nearest}'"):
        Reading(*parts)


# A new remedy is one function and one row


def damped(X, gram):
    """The remedy of this test: popular items count less."""
    d = np.diag(gram) ** -0.25
    return gram * np.outer(d, d)


def test_a_new_remedy_is_one_function_and_one_row(fitted, monkeypatch, tmp_path):
    monkeypatch.setitem(readings.DATA, "damped", Data("damped", damped))
    monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path))
    rows = [named("raw-eq1-g-half"), named("centred-none-columns"), Reading("damped", "eq1", "predictions")]
    cluster = fitted.data.cluster
    auc = {reading: [cluster_auc(S, cluster)]
           for reading, S in similarities(rows, fitted.data.X, SMALL, fitted.gram)}

    record = Records("99-test")
    texts = record.readings("study", auc, {"auc": ".2f"})
    record.publish()
    label, key = "damped, Eq. 1: predictions", "study-damped-eq1-predictions-auc"
    assert f"| {label} | {texts[rows[-1]][0]} |" in reading_table(["AUC"], texts).data

    recorded = json.loads((tmp_path / "paper/generated/99-test.json").read_text())
    assert recorded["numbers"][key] == f"{auc[rows[-1]][0]:.2f}"
    tex = as_tex({"99-test": recorded}, {})
    assert f"damped, Eq.~1: predictions & yes & \\measured{{{key}}} \\\\" in tex

    axes = Figure().subplots()
    reading_intervals(axes, {reading: bootstrap_interval(np.repeat(values, 3))
                             for reading, values in auc.items()})
    assert [text.get_text() for text in axes.get_yticklabels()][-1] == label
    assert mpl.colors.same_color(axes.lines[-1].get_color(), FAMILY_COLOURS["normalised"])


def test_every_model_is_trained_in_a_view_of_its_own():
    assert {key: model.trained for key, model in MODELS.items() if model.weights} == {
        "eq1": "g-half", "eq2": "sqrt-sigma"}
