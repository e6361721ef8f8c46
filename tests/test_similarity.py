"""Cosines against SciPy's, and at the ends of the floating-point range."""

import numpy as np
import pytest
from scipy.spatial import distance

from cosines.similarity import cosine, unit_rows

rng = np.random.default_rng(7)
M, N = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))


def test_cosine_of_every_row_with_every_row():
    expected = [[1 - distance.cosine(m, n) for n in N] for m in M]
    np.testing.assert_allclose(cosine(M, N), expected, atol=1e-14)


def test_cosine_of_one_matrix_is_among_its_own_rows():
    expected = [[1 - distance.cosine(m, n) for n in M] for m in M]
    np.testing.assert_allclose(cosine(M), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("m", "n", "expected"),
    [([3, 4], [4, 3], 24 / 25), ([1, 0], [0, 5], 0), ([1, 2], [-2, -4], -1), ([2], [7], 1)],
)
def test_cosine_of_known_angles(m, n, expected):
    assert cosine([m], [n]) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1e-160, 1e160, 1e300, 1e307])
def test_lengths_do_not_matter_however_extreme(size):
    directions = np.array([[1.0, 1], [1, -1], [-2, 0], [3, 4]])
    np.testing.assert_allclose(cosine(size * directions, directions), cosine(directions),
                               atol=1e-15)


def test_rows_of_very_different_size_in_one_matrix():
    rows = np.array([[1e-300, 1e-300], [1e300, 1e300], [1e300, 1e-300], [0, -1]])
    half = 0.5**0.5
    expected = [[1, 1, half, -half], [1, 1, half, -half], [half, half, 1, 0], [-half, -half, 0, 1]]
    np.testing.assert_allclose(cosine(rows), expected, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_precision_is_kept(dtype):
    result = cosine(M.astype(dtype), N.astype(dtype))
    assert result.dtype == dtype
    np.testing.assert_allclose(result, cosine(M, N), atol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("size", [1e-42, 1e-38, 1e38])
def test_float32_neither_overflows_nor_underflows(size):
    rows = np.array([[1, 0], [1, 1]], dtype=np.float32) * np.float32(size)
    np.testing.assert_allclose(cosine(rows), [[1, 0.5**0.5], [0.5**0.5, 1]], atol=1e-6)


@pytest.mark.parametrize("dtype", [int, np.uint8, bool, object])
def test_other_numbers_become_float64(dtype):
    result = cosine(np.array([[1, 0], [1, 1]], dtype=dtype))
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, [[1, 0.5**0.5], [0.5**0.5, 1]], atol=1e-15)


def test_unit_rows_have_length_one_and_the_same_direction():
    unit = unit_rows(M)
    lengths = [sum(x * x for x in row) ** 0.5 for row in M]
    np.testing.assert_allclose(unit * np.array(lengths)[:, None], M, rtol=1e-14)
    np.testing.assert_allclose([sum(x * x for x in row) for row in unit], 1, rtol=1e-14)


def test_input_is_left_alone():
    before = M.copy()
    cosine(M), unit_rows(M)
    np.testing.assert_array_equal(M, before)


@pytest.mark.parametrize(
    ("arguments", "name", "rows"),
    [(([[1, 0], [0, 0], [2, 0], [0, 0]],), "M", r"\[1, 3\]"),
     ((M, [[1, 0, 0], [0, 0, 0]]), "N", r"\[1\]")],
)
def test_zero_rows_are_refused_and_named(arguments, name, rows):
    with pytest.raises(ValueError, match=rf"^{name}\b.*zero rows.*{rows}"):
        cosine(*arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(([1, 2],), "M"), (([[[1, 2]]],), "M"), (([[1, np.nan]],), "M"), (([[1, np.inf]],), "M"),
     (([],), "M"), ((np.empty((0, 3)),), "M"), (([["a", "b"]],), "M"), (([[1, 2], [3]],), "M"),
     (([[1, None]],), "M"), ((M, [[1, 2]]), "N"), ((M, [[1, 2, -np.inf]]), "N"),
     ((M, [1, 2, 3]), "N")],
)
def test_bad_input_is_named(arguments, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        cosine(*arguments)


def test_unit_rows_calls_the_array_as_its_caller_does():
    with pytest.raises(ValueError, match=r"^XA\b"):
        unit_rows([[0, 0]], "XA")
