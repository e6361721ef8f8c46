"""Which scaling a library hands you: the table of notebook 14, by running the libraries.

Items are the columns of X = U dMat(s) V^T; each test finds the exponent p of V s^p in what it gets.
"""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import svds

from cosines.audit.files import read_model
from cosines.audit.findings import audit
from cosines.evaluation import overlap
from cosines.scalings import AS_TRAINED, BALANCED, PREDICTIONS, direction_weights
from cosines.similarity import cosine
from cosines.simulation import Simulation, simulate

K = 8
MISSING = "{} is not installed (optional extra: libraries)"


@pytest.fixture(scope="module")
def X():
    return sparse.csr_matrix(simulate(Simulation(n_users=600, n_items=120, seed=1)).X)


def assert_exponent(X, items, p):
    """The items' cosines are those of V s^p, and neighbouring exponents are told apart."""
    _, s, Vt = np.linalg.svd(X.toarray(), full_matrices=False)
    error = {q: np.abs(cosine(items) - cosine(Vt[:K].T * s[:K] ** q)).max() for q in (0, 0.5, 1)}
    assert error[p] < 1e-6
    assert min(error[q] for q in error if q != p) > 0.1


def test_scikit_learn_truncated_svd_is_two_scalings_one_attribute_apart(X):
    decomposition = pytest.importorskip("sklearn.decomposition", reason=MISSING.format("scikit-learn"))
    users_first = decomposition.TruncatedSVD(K, algorithm="arpack").fit(X)
    assert_exponent(X, users_first.components_.T, 0)
    assert_exponent(X, decomposition.TruncatedSVD(K, algorithm="arpack").fit_transform(X.T), 1)
    P = users_first.transform(X)
    assert np.allclose(cosine(P), cosine(P @ users_first.components_))


def test_scipy_svds_gives_the_bare_singular_vectors(X):
    assert_exponent(X, svds(X, K, random_state=0)[2].T, 0)


@pytest.fixture(scope="module")
def items_as_documents(X):
    return [[(int(user), 1.0) for user in column.indices] for column in X.T.tocsr()]


def dense(vectors):
    matutils = pytest.importorskip("gensim.matutils")
    return matutils.corpus2dense(vectors, K).T


def test_gensim_lsi_scales_by_singular_values_unless_told_otherwise(X, items_as_documents):
    models = pytest.importorskip("gensim.models", reason=MISSING.format("gensim"))
    lsi = models.LsiModel(items_as_documents, num_topics=K, random_seed=0, power_iters=20)
    assert_exponent(X, dense([lsi[item] for item in items_as_documents]), 1)
    assert_exponent(X, dense([lsi.__getitem__(item, scaled=True) for item in items_as_documents]), 0)


def test_gensim_lsi_ignores_scaled_for_a_whole_corpus(X, items_as_documents):
    models = pytest.importorskip("gensim.models", reason=MISSING.format("gensim"))
    lsi = models.LsiModel(items_as_documents, num_topics=K, random_seed=0, power_iters=20)
    assert_exponent(X, dense(lsi.__getitem__(items_as_documents, scaled=True)), 1)


def test_gensim_lsi_projection_is_the_bare_singular_vectors_of_its_terms(X):
    models = pytest.importorskip("gensim.models", reason=MISSING.format("gensim"))
    users_as_documents = [[(int(item), 1.0) for item in row.indices] for row in X]
    lsi = models.LsiModel(users_as_documents, num_topics=K, random_seed=0, power_iters=20)
    assert_exponent(X, lsi.projection.u, 0)


def fit_als(X, seed=0, **settings):
    als = pytest.importorskip("implicit.cpu.als", reason=MISSING.format("implicit"))
    model = als.AlternatingLeastSquares(factors=K, random_state=seed, num_threads=1, **settings)
    model.fit(X.astype(np.float32), show_progress=False)
    return model


@pytest.fixture(scope="module")
def converged(X):
    return fit_als(X, iterations=150, regularization=10.0, use_cg=False)


def unevenness(report):
    """How much stronger the strongest latent direction counts than the weakest, against balanced."""
    weight = direction_weights(np.eye(K), report.transforms[BALANCED])
    return weight.max() / weight.min()


def test_implicit_als_with_a_penalty_that_counts_ends_balanced(converged):
    report = audit(converged.item_factors, converged.user_factors)
    assert unevenness(report) < 1.01
    assert report.overlap[BALANCED].mean() > 0.99
    assert report.verdict in ("stable", "scaling-dependent")


def test_implicit_similar_items_is_the_cosine_as_trained(converged):
    report = audit(converged.item_factors, converged.user_factors)
    theirs = converged.similar_items(report.queries, N=11)[0][:, 1:]
    assert overlap(report.neighbours[AS_TRAINED], theirs).mean() > 0.999


@pytest.mark.parametrize("iterations", [15, 150])
def test_implicit_als_with_its_default_penalty_is_not_balanced(X, iterations):
    model = fit_als(X, iterations=iterations)
    assert unevenness(audit(model.item_factors, model.user_factors)) > 2


def test_implicit_als_with_defaults_has_neighbours_that_depend_on_the_start(X):
    """And more so as trained than in the space of predictions: over all pairs of five starts."""
    models = [fit_als(X, seed) for seed in range(5)]
    reports = [audit(model.item_factors, model.user_factors) for model in models]
    same = {name: [overlap(a.neighbours[name], b.neighbours[name]).mean() for a, b in combinations(reports, 2)]
            for name in (AS_TRAINED, PREDICTIONS)}
    assert np.mean(same[AS_TRAINED]) < 0.8
    assert all(trained < predicted for trained, predicted in zip(*same.values(), strict=True))


def test_model_saved_by_implicit_is_read_as_it_is(converged, tmp_path):
    converged.save(tmp_path / "als.npz")
    model = read_model(tmp_path / "als.npz", tmp_path / "als.npz")
    assert np.array_equal(model.items.factors, converged.item_factors)
    assert np.array_equal(model.P, converged.user_factors)
    assert model.items.factors.dtype == np.float32
