"""Gram matrix, spectrum and closed forms against exact integers, an SVD, BFGS and plain sums."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import approx_fprime, minimize

from cosines import factorization
from cosines.factorization import (
    Factors,
    Spectrum,
    factor_penalty_loss,
    fit_factor_penalty,
    fit_product_penalty,
    item_gram,
    leading_spectrum,
    product_penalty_loss,
    rescale,
    shrinkage,
    spectrum,
)
from cosines.similarity import cosine

rng = np.random.default_rng(9)
PROBLEMS = {
    "tall": rng.normal(size=(7, 4)),
    "wide": rng.normal(size=(3, 5)),
    "rank-deficient": rng.normal(size=(6, 2)) @ rng.normal(size=(2, 4)),
    "0/1": np.array([[1, 1, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 1, 0], [1, 0, 1, 1.0]]),
}
MODELS = {
    "product": (fit_product_penalty, product_penalty_loss),
    "factor": (fit_factor_penalty, factor_penalty_loss),
}
problems = pytest.mark.parametrize("X", PROBLEMS.values(), ids=PROBLEMS)
models = pytest.mark.parametrize("model", MODELS)


def fitted(X, model, lam, k):
    return MODELS[model][0](spectrum(X.T @ X), lam, k)


# item_gram


def exact_gram(X):
    """X^T X in Python's integers, which have no rounding."""
    rows = [[int(x) for x in row] for row in np.asarray(X)]
    columns = list(zip(*rows, strict=True))
    return [[sum(a * b for a, b in zip(c, d, strict=True)) for d in columns] for c in columns]


FORMS = {
    "array": np.asarray,
    "list of rows": np.ndarray.tolist,
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "csr_matrix": sparse.csr_matrix,
    "blocks": lambda X: iter(np.array_split(X, 3)),
    "sparse blocks": lambda X: (sparse.csr_array(block) for block in np.array_split(X, 3)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("dtype", [float, np.float32, int, np.int8, bool])
def test_gram_of_interactions_is_exact_in_every_form(form, dtype):
    X = (np.random.default_rng(1).random((40, 6)) < 0.4).astype(dtype)
    gram = item_gram(form(X))
    assert gram.dtype == np.float64
    np.testing.assert_array_equal(gram, exact_gram(X))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_gram_of_floats_has_double_precision(form):
    X = np.random.default_rng(2).normal(size=(50, 6))
    expected = X.astype(np.longdouble).T @ X.astype(np.longdouble)
    np.testing.assert_allclose(item_gram(form(X)), expected.astype(float), rtol=1e-13, atol=1e-13)


# Rows whose Gram matrix float32 just holds, and rows whose Gram matrix it just does not hold: sums
# of squares of up to 2^24 are exact, and the odd ones above are not.
BOUNDARY = {
    "2^24 - 8191": [[4095, 1]],
    "2^24": [[4096, 1]],
    "2^24 + 8193": [[4097, 1]],
    "negative": [[-4097, 3], [4097, -5]],
    "2^24 in 4096 rows": [[64, 1]] * 4096,
    "2^24 + 129 in 4096 rows": [[64, 1]] * 4095 + [[65, 1]],
    "2^24 + 129 in 4096 negative rows": [[-64, 1]] * 4095 + [[-65, -1]],
    "one large entry": [[0, 1]] * 99 + [[123_457, 1]],
    "beyond int32": [[3_000_001, -1], [-2_999_999, 7]],
}


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [float, np.int64])
@pytest.mark.parametrize("rows", BOUNDARY.values(), ids=BOUNDARY)
def test_gram_of_whole_numbers_is_exact_where_float32_is_not(rows, dtype, form):
    X = np.array(rows, dtype=dtype)
    np.testing.assert_array_equal(item_gram(form(X)), exact_gram(X))


@pytest.mark.parametrize(
    "form", [np.asarray, sparse.csr_array, lambda X: iter([X[:5000], X[5000:]])]
)
def test_gram_of_many_rows_counts_each_row_once(form):
    X = (np.random.default_rng(3).random((10_000, 3)) < 0.5).astype(float)
    both = [[(X[:, i] * X[:, j] == 1).sum() for j in range(3)] for i in range(3)]
    np.testing.assert_array_equal(item_gram(form(X)), both)


def test_blocks_of_small_and_of_other_numbers_add_up():
    blocks = [np.array([[1.0, 0], [1, 1]]), np.array([[4097.0, 2]]), np.array([[0.1, 0.3]])]
    whole = np.add(exact_gram(blocks[0]), exact_gram(blocks[1]))
    expected = whole + [[0.01, 0.03], [0.03, 0.09]]
    np.testing.assert_allclose(item_gram(iter(blocks)), expected, rtol=1e-15)


@pytest.mark.parametrize(
    "X",
    [np.ones(3), np.ones((2, 2, 2)), [[1, np.nan]], [[1, np.inf]], [[1, 2], [3]], [["a"]],
     [[None]], [], sparse.csr_array([[1, np.nan]]), sparse.csr_array([[1, -np.inf]]),
     iter([]), iter([np.ones((2, 3)), np.ones((2, 4))]), iter([np.ones((2, 2)), [[1, np.nan]]]),
     iter([np.ones(3)])],
)
def test_gram_names_bad_input(X):
    with pytest.raises(ValueError, match=r"^X\b"):
        item_gram(X)


# spectrum


@problems
def test_spectrum_is_that_of_the_svd(X):
    p, rank = X.shape[1], np.linalg.matrix_rank(X)
    _, singular, Vt = np.linalg.svd(X)
    sigma, V = spectrum(item_gram(X))
    np.testing.assert_allclose(sigma[:rank], singular[:rank], rtol=1e-10)
    np.testing.assert_array_equal(sigma[rank:], np.zeros(p - rank))
    np.testing.assert_allclose(np.abs(np.sum(V[:, :rank] * Vt[:rank].T, axis=0)), 1, rtol=1e-10)
    np.testing.assert_allclose(V.T @ V, np.eye(p), atol=1e-12)


@problems
def test_spectrum_of_k_is_the_beginning_of_the_whole(X):
    gram = item_gram(X)
    sigma, V = spectrum(gram)
    rank = np.linalg.matrix_rank(X)
    for k in range(1, X.shape[1] + 1):
        leading = spectrum(gram, k)
        assert leading.V.shape == (X.shape[1], k)
        np.testing.assert_allclose(leading.sigma, sigma[:k], rtol=1e-12)
        np.testing.assert_allclose(leading.V[:, :rank], V[:, : min(k, rank)], atol=1e-10)


@pytest.mark.parametrize("k", [None, 3, 5])
def test_singular_values_beyond_the_rank_are_exactly_zero(k):
    for seed in range(20):
        r = np.random.default_rng(seed)
        X = r.normal(size=(200, 2)) @ r.normal(size=(2, 6))
        sigma = spectrum(item_gram(X), k).sigma
        assert (sigma[:2] > 0).all()
        np.testing.assert_array_equal(sigma[2:], 0)


def test_small_singular_values_above_rounding_error_are_kept():
    gram = np.diag([1.0, 1e-10, 0])
    np.testing.assert_allclose(spectrum(gram).sigma, [1, 1e-5, 0], rtol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_largest_entry_of_each_singular_vector_is_positive(sign):
    V = spectrum(item_gram(PROBLEMS["tall"] * [1, sign, 1, sign])).V
    assert (V.max(axis=0) > -V.min(axis=0)).all()


@pytest.mark.parametrize(
    "gram",
    [np.ones((2, 3)), np.ones(3), [[1, 2], [0, 1]], [[0, 1], [-1, 0]], [[1, 2], [2, 1]],
     [[-1, 0], [0, -1]], [[1, np.nan], [np.nan, 1]], [[np.inf]], [["a"]], []],
)
def test_spectrum_names_a_bad_gram(gram):
    with pytest.raises(ValueError, match=r"^gram\b"):
        spectrum(gram)


NOT_IN_1_TO_3 = [0, 4, 1.5, "2", True]


@pytest.mark.parametrize("k", NOT_IN_1_TO_3)
def test_spectrum_names_a_bad_k(k):
    with pytest.raises(ValueError, match=r"^k\b"):
        spectrum(np.eye(3), k)


# The closed forms


def predict(X, A, B):
    return X @ A @ B.T


def gradient(X, A, B, lam, model):
    """Of each loss in A and B, by hand."""
    residual = predict(X, A, B) - X
    in_A, in_B = 2 * X.T @ residual @ B, 2 * residual.T @ X @ A
    if model == "product":
        return in_A + 2 * lam * A @ (B.T @ B), in_B + 2 * lam * B @ (A.T @ A)
    return in_A + 2 * lam * X.T @ X @ A, in_B + 2 * lam * B


def plain_loss(X, A, B, lam, model):
    """Eq. 1 or Eq. 2, one term after the other."""
    (n, p), k = X.shape, len(A[0])
    products = [[sum(A[i][c] * B[j][c] for c in range(k)) for j in range(p)] for i in range(p)]
    error = 0
    for u, j in product(range(n), range(p)):
        error += (X[u][j] - sum(X[u][i] * products[i][j] for i in range(p))) ** 2
    if model == "product":
        return error + lam * sum(products[i][j] ** 2 for i, j in product(range(p), range(p)))
    users = [[sum(X[u][i] * A[i][c] for i in range(p)) for c in range(k)] for u in range(n)]
    return error + lam * sum(x**2 for rows in (users, B) for row in rows for x in row)


def best_of_bfgs(X, model, lam, k, starts=4):
    """The lowest loss that BFGS finds from random starts, and where."""
    shape, loss = (2, X.shape[1], k), MODELS[model][1]

    def value_and_slope(x):
        A, B = x.reshape(shape)
        return loss(X, A, B, lam), np.concatenate(gradient(X, A, B, lam, model)).ravel()

    options = {"gtol": 1e-9, "maxiter": 2_000}
    random = np.random.default_rng(k).normal(size=(starts, np.prod(shape)))
    found = [minimize(value_and_slope, x, jac=True, method="BFGS", options=options) for x in random]
    best = min(found, key=lambda result: result.fun)
    return best.fun, *best.x.reshape(shape)


@problems
@models
@pytest.mark.parametrize("lam", [0, 0.7])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_array, sparse.coo_array])
def test_losses_are_the_plain_sums_of_their_terms(X, model, lam, form):
    A, B = np.random.default_rng(4).normal(size=(2, X.shape[1], 2))
    loss = MODELS[model][1](form(X), A, B, lam)
    assert isinstance(loss, float)
    assert loss == pytest.approx(plain_loss(X, A, B, lam, model), rel=1e-12)


@problems
@models
def test_gradients_are_those_of_finite_differences(X, model):
    shape = (2, X.shape[1], 2)
    at = np.random.default_rng(5).normal(size=np.prod(shape))
    expected = approx_fprime(at, lambda x: MODELS[model][1](X, *x.reshape(shape), 0.7))
    by_hand = np.ravel(gradient(X, *at.reshape(shape), 0.7, model))
    np.testing.assert_allclose(by_hand, expected, rtol=1e-4, atol=1e-4)


@problems
@models
@pytest.mark.parametrize("lam", [0, 0.1, 1, 3.5])
def test_closed_forms_are_stationary(X, model, lam):
    for k in range(1, X.shape[1] + 1):
        A, B = fitted(X, model, lam, k)
        assert A.shape == B.shape == (X.shape[1], k)
        np.testing.assert_allclose(gradient(X, A, B, lam, model), 0, atol=1e-10)


@problems
@models
@pytest.mark.parametrize("lam", [0, 0.7, 1.9])
@pytest.mark.parametrize("k", [1, 2])
def test_closed_forms_reach_the_lowest_loss_that_bfgs_finds(X, model, lam, k):
    A, B = fitted(X, model, lam, k)
    lowest, best_A, best_B = best_of_bfgs(X, model, lam, k)
    assert MODELS[model][1](X, A, B, lam) == pytest.approx(lowest, rel=1e-9, abs=1e-9)
    # And the same predictions; in Eq. 2 also the same B, up to rotation.
    np.testing.assert_allclose(predict(X, A, B), predict(X, best_A, best_B), atol=1e-4)
    if model == "factor" and lam > 0:
        np.testing.assert_allclose(B @ B.T, best_B @ best_B.T, atol=1e-4)


@problems
@models
def test_without_penalty_the_loss_is_what_the_first_k_singular_values_leave(X, model):
    singular = np.linalg.svd(X, compute_uv=False)
    for k in range(1, X.shape[1] + 1):
        loss = MODELS[model][1](X, *fitted(X, model, 0, k), 0)
        assert loss == pytest.approx(sum(singular[k:] ** 2), rel=1e-9, abs=1e-12)


@problems
def test_full_rank_product_is_the_ridge_regression_of_items_on_items(X):
    p = X.shape[1]
    A, B = fitted(X, "product", 0.7, p)
    ridge = np.linalg.solve(X.T @ X + 0.7 * np.eye(p), X.T @ X)
    np.testing.assert_allclose(A @ B.T, ridge, atol=1e-12)


def test_eq1_shares_its_weights_equally_between_a_and_b():
    A, B = fitted(PROBLEMS["tall"], "product", 0.7, 3)
    np.testing.assert_array_equal(A, B)


@problems
def test_eq2_users_and_items_have_the_same_second_moments(X):
    A, B = fitted(X, "factor", 0.7, X.shape[1])
    np.testing.assert_allclose((X @ A).T @ (X @ A), B.T @ B, atol=1e-12)


@pytest.mark.parametrize(
    ("lam", "on"), [(0.9, True), (1.1, True), (1.9, True), (2.1, False), (3.9, False), (4.1, False)]
)
def test_eq2_threshold_is_lam_not_half_lam(lam, on):
    """X = [[2]]: is there an (a, b) with a lower loss than (0, 0)?"""
    X = np.array([[2.0]])
    grid = np.linspace(-2, 2, 401)
    a, b = np.meshgrid(grid, grid)
    loss = (2 - 2 * a * b) ** 2 + lam * ((2 * a) ** 2 + b**2)
    assert (loss.min() < 4 - 1e-9) == on
    A, B = fitted(X, "factor", lam, 1)
    assert (A.item() > 0, B.item() > 0) == (on, on)
    assert factor_penalty_loss(X, A, B, lam) == pytest.approx(loss.min(), abs=1e-3)


def test_eq2_switches_off_dimensions_of_sigma_at_most_lam():
    A, B = fit_factor_penalty(Spectrum(np.array([3.0, 2, 1, 0]), np.eye(4)), 2, 4)
    np.testing.assert_array_equal(A[:, 1:], 0)
    np.testing.assert_array_equal(B[:, 1:], 0)
    # What remains has ab = 1 - 2/3 and 3a = b, by symmetry of the penalty.
    assert (A[0, 0], B[0, 0]) == pytest.approx((1 / 3, 1))


@models
@pytest.mark.parametrize("lam", [0, 1, 1e6])
def test_dimensions_of_sigma_zero_have_weight_zero(model, lam):
    fit, _ = MODELS[model]
    A, B = fit(Spectrum(np.array([2.0, 0, 0]), np.eye(3)), lam, 3)
    assert np.isfinite([A, B]).all()
    np.testing.assert_array_equal((A @ B.T)[1:, 1:], 0)
    np.testing.assert_array_equal(A[:, 1:], 0)


@models
def test_no_data_give_no_model(model):
    A, B = fitted(np.zeros((2, 3)), model, 0, 3)
    np.testing.assert_array_equal([A, B], np.zeros((2, 3, 3)))


def test_shrinkage_minimises_each_dimensions_share_of_eq1():
    for sigma, lam in product([0.5, 1.0, 4.0], [0, 0.3, 10]):
        w = np.linspace(0, 1, 100_001)
        best = w[np.argmin(sigma**2 * (1 - w) ** 2 + lam * w**2)]
        assert shrinkage(np.array([sigma]), lam) == pytest.approx(best, abs=1e-5)
    np.testing.assert_array_equal(shrinkage(np.array([0.0, 0.0]), 0), 0)


def test_dropout_of_input_is_eq1_when_columns_have_equal_norm():
    """Mean squared error over all 2^p drop-out masks of each row, exactly."""
    delta, c, k = 0.3, 5.0, 2
    X = np.random.default_rng(6).normal(size=(4, 3))
    X *= np.sqrt(c / (X**2).sum(axis=0))
    A, B = np.random.default_rng(7).normal(size=(2, 3, k))
    expected = 0
    for kept in product([0, 1], repeat=3):
        probability = (1 - delta) ** sum(kept) * delta ** (3 - sum(kept))
        error = X - predict(X * kept / (1 - delta), A, B)
        expected += probability * (error**2).sum()
    loss = product_penalty_loss(X, A, B, c * delta / (1 - delta))
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("lam", [-1e-300, np.nan, np.inf, "1", True])
@models
def test_bad_penalty_is_named(model, lam):
    fit, loss = MODELS[model]
    with pytest.raises(ValueError, match=r"^lam\b"):
        fit(spectrum(np.eye(3)), lam, 2)
    with pytest.raises(ValueError, match=r"^lam\b"):
        loss(np.eye(3), np.eye(3), np.eye(3), lam)


@pytest.mark.parametrize("k", [*NOT_IN_1_TO_3, None])
@models
def test_bad_number_of_dimensions_is_named(model, k):
    with pytest.raises(ValueError, match=r"^k\b"):
        MODELS[model][0](spectrum(np.eye(3)), 1, k)


@models
def test_more_dimensions_than_the_spectrum_holds_are_refused(model):
    with pytest.raises(ValueError, match=r"^k\b"):
        MODELS[model][0](spectrum(np.eye(3), 2), 1, 3)


@pytest.mark.parametrize(
    ("name", "X", "A", "B"),
    [("X", np.ones(3), np.eye(3), np.eye(3)), ("X", [[1, np.nan, 1]], np.eye(3), np.eye(3)),
     ("A", np.eye(3), np.ones((2, 2)), np.ones((3, 2))), ("A", np.eye(3), np.ones(3), np.eye(3)),
     ("A", np.eye(3), np.full((3, 2), np.inf), np.ones((3, 2))),
     ("B", np.eye(3), np.ones((3, 2)), np.ones((3, 1))), ("B", np.eye(3), np.ones((3, 2)), "b"),
     ("B", np.eye(3), np.ones((3, 2)), np.full((3, 2), np.nan))],
)
@models
def test_losses_name_bad_input(model, name, X, A, B):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        MODELS[model][1](X, A, B, 1)


# Rescaling


D = np.array([0.2, 1, -5])


def test_rescaling_is_by_d_and_its_inverse():
    A, B = np.random.default_rng(8).normal(size=(2, 4, 3))
    scaled = rescale(Factors(A, B), D)
    np.testing.assert_allclose(scaled.A, A @ np.diag(D), rtol=1e-15)
    np.testing.assert_allclose(scaled.B, B @ np.linalg.inv(np.diag(D)), rtol=1e-15)


@problems
def test_rescaling_leaves_the_product_and_changes_cosines(X):
    k, lam = min(3, np.linalg.matrix_rank(X)), 0.7
    factors = fitted(X, "product", lam, k)
    scaled = rescale(factors, D[-k:])
    np.testing.assert_allclose(scaled.A @ scaled.B.T, factors.A @ factors.B.T, atol=1e-14)
    np.testing.assert_allclose(gradient(X, *scaled, lam, "product"), 0, atol=1e-10)
    assert np.abs(cosine(scaled.B) - cosine(factors.B)).max() > 0.1
    assert np.abs(cosine(X @ scaled.A) - cosine(X @ factors.A)).max() > 0.1


@problems
def test_rescaling_costs_under_eq2(X):
    lam, factors = 0.7, fitted(X, "factor", 0.7, 2)
    lowest = factor_penalty_loss(X, *factors, lam)
    for d in ([1, 2], [0.9, 1.1], [1, -0.5]):
        assert factor_penalty_loss(X, *rescale(factors, d), lam) > lowest + 1e-3


def test_v_vt_is_identity_at_full_rank():
    """Section 2.2: D = dMat(w)^(1/2) makes every item similar to itself alone."""
    X, lam = PROBLEMS["tall"], 0.7
    w = 1 / (1 + lam / np.linalg.svd(X, compute_uv=False) ** 2)
    scaled = rescale(fitted(X, "product", lam, 4), np.sqrt(w))
    np.testing.assert_allclose(cosine(scaled.B), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(scaled.A, scaled.B * w, rtol=1e-10)


def test_user_cosines_are_those_of_the_data_at_full_rank():
    """Section 2.2: D = dMat(w)^(-1/2)."""
    X, lam = PROBLEMS["tall"], 0.7
    w = 1 / (1 + lam / np.linalg.svd(X, compute_uv=False) ** 2)
    scaled = rescale(fitted(X, "product", lam, 4), 1 / np.sqrt(w))
    lengths = np.linalg.norm(X, axis=1)
    expected = X @ X.T / np.outer(lengths, lengths)
    np.testing.assert_allclose(cosine(X @ scaled.A), expected, atol=1e-12)


@pytest.mark.parametrize(
    "d", [[1, 2], [[1, 2, 3]], 2, [], [1, 0, 2], [1, np.nan, 2], ["a", "b", "c"], None]
)
def test_rescaling_names_a_bad_d(d):
    with pytest.raises(ValueError, match=r"^d\b"):
        rescale(Factors(np.ones((4, 3)), np.ones((4, 3))), d)


# leading_spectrum


@pytest.mark.parametrize("limit", [5, 1000], ids=["by svds", "by the Gram matrix"])
@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_leading_spectrum_is_that_of_a_dense_svd(shape, limit, monkeypatch):
    monkeypatch.setattr(factorization, "GRAM_COLUMNS", limit)
    X = sparse.random_array(shape, density=0.3, rng=np.random.default_rng(4), format="csr")
    sigma, V = leading_spectrum(X, 6)
    _, expected, Vt = np.linalg.svd(X.toarray())
    np.testing.assert_allclose(sigma, expected[:6], rtol=1e-10)
    np.testing.assert_allclose((V * sigma) @ V.T, (Vt[:6].T * expected[:6]) @ Vt[:6], atol=1e-9)
    assert (V[np.abs(V).argmax(axis=0), np.arange(6)] > 0).all()


def test_leading_spectrum_has_the_same_bytes_again(monkeypatch):
    monkeypatch.setattr(factorization, "GRAM_COLUMNS", 5)
    X = sparse.random_array((60, 25), density=0.3, rng=np.random.default_rng(4), format="csr")
    first, second = leading_spectrum(X, 6), leading_spectrum(X, 6)
    assert first.V.tobytes() == second.V.tobytes()


@pytest.mark.parametrize("k", [0, 25, 2.5])
def test_leading_spectrum_bounds_k(k, monkeypatch):
    monkeypatch.setattr(factorization, "GRAM_COLUMNS", 5)
    with pytest.raises(ValueError, match=r"^k\b"):
        leading_spectrum(sparse.eye_array(25, format="csr"), k)


def test_leading_spectrum_refuses_nan(monkeypatch):
    monkeypatch.setattr(factorization, "GRAM_COLUMNS", 5)
    X = sparse.eye_array(25, format="csr")
    X.data[3] = np.nan
    with pytest.raises(ValueError, match=r"^X\b"):
        leading_spectrum(X, 2)
