"""The paper's experiment under one name."""

import numpy as np
import pytest

from cosines.experiment import PAPER, Experiment, run
from cosines.simulation import Simulation

SMALL = Experiment(Simulation(n_users=400, n_items=30, n_clusters=3, seed=2), k=4, lam_1=50, lam_2=2)


def test_the_papers_experiment_has_the_papers_numbers():
    """Section 4: 20,000 users, 1,000 items in 5 clusters, k = 50, lambda = 10,000 and 100."""
    data = PAPER.simulation
    assert (data.n_users, data.n_items, data.n_clusters) == (20_000, 1_000, 5)
    assert (data.item_exponent, data.user_exponent) == ((0.25, 1.5), 0.5)
    assert (PAPER.k, PAPER.lam_1, PAPER.lam_2) == (50, 10_000, 100)


def test_a_run_is_data_gram_matrix_spectrum_and_both_models():
    data, gram, (sigma, V), eq1, eq2 = run(SMALL)
    X = data.X.toarray()
    np.testing.assert_array_equal(gram, X.T @ X)
    U, singular, Vt = np.linalg.svd(X, full_matrices=False)
    np.testing.assert_allclose(sigma, singular, rtol=1e-8)
    w = singular[:4] ** 2 / (singular[:4] ** 2 + 50)
    np.testing.assert_allclose(eq1.A @ eq1.B.T, Vt[:4].T * w @ Vt[:4], atol=1e-9)
    soft = np.maximum(singular[:4] - 2, 0)
    np.testing.assert_allclose(X @ eq2.A @ eq2.B.T, U[:, :4] * soft @ Vt[:4], atol=1e-8)


def test_other_data_leave_the_models_as_they_are():
    other = SMALL.with_data(seed=3, n_users=100)
    assert (other.k, other.lam_1, other.lam_2) == (4, 50, 2)
    assert (other.simulation.seed, other.simulation.n_users, other.simulation.n_items) == (3, 100, 30)
    assert run(other).data.X.shape == (100, 30)


@pytest.mark.parametrize(("parameters", "name"), [
    ({"k": 0}, "k"), ({"k": 1_001}, "k"), ({"k": 2.5}, "k"), ({"lam_1": -1}, "lam_1"),
    ({"lam_2": np.nan}, "lam_2"), ({"lam_2": "100"}, "lam_2"),
])
def test_bad_parameters_are_named(parameters, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        Experiment(**parameters)
