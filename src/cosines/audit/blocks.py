"""Matrices as long as the catalogue, by blocks of rows: Gram matrices, directions, duplicates, neighbours.

All functions need only a matrix's shape, its type and slices of rows, so that memory maps will do
and memory stays flat. Blocks of a Dask array are reduced by its workers, to Gram matrices,
norms and lists: as many numbers as there are rows come back, not the rows.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cosines._arrays import finite_array, row_blocks
from cosines.audit import files
from cosines.audit._lazy import in_turns, is_lazy, over_blocks, take
from cosines.audit.files import blocks_of, embed

PART = 4096  # items whose cosines with all queries stay in the processor's cache
# Directions this close are one direction: rounding of a few operations, by bytes of a number.
SAME = {4: 1e-6, 8: 1e-12}


class GramAndNorms(NamedTuple):
    """`gram` (k, k), ``M^T M`` in float64, and `norms` (m,) of the rows of a matrix M."""

    gram: np.ndarray
    norms: np.ndarray


@dataclass(frozen=True)
class Beside:
    """A matrix (m, k) with further columns (m,) beside it, put together block by block."""

    matrix: np.ndarray
    columns: tuple

    @property
    def shape(self):
        return self.matrix.shape[0], self.matrix.shape[1] + len(self.columns)

    @property
    def dtype(self):
        return self.matrix.dtype

    def __len__(self):
        return self.matrix.shape[0]

    def __getitem__(self, rows):
        if is_lazy(self):
            from dask.array import concatenate, from_array

            further = [from_array(np.asarray(column[rows], dtype=self.dtype)[:, None]) for column in self.columns]
            return concatenate([self.matrix[rows], *further], axis=1)
        block = np.asarray(self.matrix[rows])
        further = [np.asarray(column[rows], dtype=block.dtype) for column in self.columns]
        return np.column_stack([block, *further])


def rows_at(M, numbers):
    """Rows of M in any order, each read once and in the order of the file; of a Dask array only they come back."""
    return take(M, numbers, files.BLOCK)


def gram_and_norms(M, argument="M", shift=None, among=None):
    """Gram matrix and row norms of ``M - shift`` in float64.

    Parameters
    ----------
    M : array_like, shape (m, k)
    argument : str
        What an error calls the matrix.
    shift : ndarray, shape (k,), optional
    among : ndarray of bool, shape (m,), optional
        Only these rows count in the Gram matrix.

    Returns
    -------
    GramAndNorms

    Raises
    ------
    ValueError
        If an entry is not finite, or squares overflow.
    """
    gram, norms = np.zeros((M.shape[1], M.shape[1])), []
    for of_block, lengths in over_blocks(_gram_and_norms, M, files.BLOCK, argument, shift, among):
        gram += of_block
        norms.append(lengths)
    norms = np.concatenate(norms)
    if not np.isfinite(gram).all():
        raise ValueError(f"{argument} must be small enough to be squared, got a norm of {norms.max():.1e}")
    return GramAndNorms(gram, norms)


def _gram_and_norms(block, rows, argument, shift, among):
    block = finite_array(argument, block, ndim=2).astype(np.float64)
    block = block if shift is None else block - shift
    norms = np.linalg.norm(block, axis=1)
    block = block if among is None or among[rows].all() else block[among[rows]]
    with np.errstate(over="ignore", invalid="ignore"):
        return block.T @ block, norms


def row_norms(M):
    """Row norms of M in float64: shape (m,)."""
    return np.concatenate(list(over_blocks(_norms, M, files.BLOCK, None, None)))


def _norms(block, rows, T, shift):
    block = block.astype(np.float64)
    block = block if shift is None else block - shift
    return np.linalg.norm(block if T is None else block @ T, axis=1)


def all_unit(M, tolerance):
    """Whether all rows of M but zero ones have unit length; stops at the first block with others."""
    norms = over_blocks(_norms, M, files.BLOCK, None, None)
    return all(((np.abs(some - 1) <= tolerance) | (some == 0)).all() for some in norms)


def mean_row(M, among=None):
    """Mean of the rows of M (of those `among` them) in float64: shape (k,)."""
    among = np.broadcast_to(True, M.shape[0]) if among is None else among
    return sum(over_blocks(_sum_of_rows, M, files.BLOCK, among)) / np.count_nonzero(among)


def _sum_of_rows(block, rows, among):
    return block[among[rows]].sum(axis=0, dtype=np.float64)


def unit_gram(M):
    """Gram matrix of the rows of M at unit length, in float64: shape (k, k)."""
    return sum(over_blocks(_unit_gram, M, files.BLOCK))


def _unit_gram(block, rows):
    block = unit(block.astype(np.float64))
    return block.T @ block


def directions(rows, T=None, shift=None):
    """Rows of ``(rows - shift) T`` at unit length, in their own precision.

    Parameters
    ----------
    rows : array_like, shape (m, k)
    T : ndarray, shape (k, r), optional
        By default I.
    shift : ndarray, shape (k,), optional

    Returns
    -------
    ndarray, shape (m, r)
        A row that becomes zero stays zero and is nobody's neighbour.
    """
    rows = np.asarray(rows)
    rows = rows.astype(np.result_type(rows.dtype, np.float32), copy=False)
    if shift is not None:
        rows = rows - shift.astype(rows.dtype)
    # A direction depends neither on the length of a row nor on a factor of T; float32 might not hold them.
    return unit(rows) if T is None else unit(embed(unit(rows), T / np.abs(T).max()))


def unit(rows):
    """Rows at unit length, of whatever size; zero rows stay zero."""
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows)
    if not ((squares > 1e-20) & (squares < 1e20)).all():
        largest = np.abs(rows).max(axis=1, keepdims=True)
        rows = rows / np.where(largest > 0, largest, 1)
        squares = np.einsum("ij,ij->i", rows, rows)
    return rows / np.sqrt(np.where(squares > 0, squares, 1))[:, None]


def norms_under(B, T, shift=None):
    """Row norms of ``(B - shift) T`` in float64: shape (p,); T and shift may be None."""
    return np.concatenate(list(over_blocks(_norms, B, files.BLOCK, T, shift)))


def first_alike(B, shift=None, scale=None):
    """For each row the first row of the same direction, up to rounding.

    Rows are sorted by three fixed random projections. Equal rows are never apart by more than
    rounding, so that they stay together; rows that are together are compared in full.

    Parameters
    ----------
    B : array_like, shape (p, k)
    shift : ndarray, shape (k,), optional
    scale : float, optional
        Where it is given, rows are alike if ``(B - shift) / scale`` is the same: direction and length.

    Returns
    -------
    ndarray of int, shape (p,)
    """
    same = SAME.get(B.dtype.itemsize, SAME[8])
    G = np.random.default_rng(0).standard_normal((B.shape[1], 3))
    projections = np.concatenate(list(over_blocks(_projected, B, files.BLOCK, G, shift, scale)))
    group = np.zeros(B.shape[0], dtype=int)
    for column in projections.T:
        order = np.lexsort((column, group))
        apart = (np.diff(column[order]) > 8 * same) | (np.diff(group[order]) > 0)
        group[order] = np.concatenate([[0], np.cumsum(apart)])
    together = np.flatnonzero(~apart)
    for some in blocks_of(len(together)):
        at = together[some]
        first, second = (_compared(rows_at(B, numbers), shift, scale) for numbers in (order[at], order[at + 1]))
        difference = first - second
        apart[at] = np.linalg.norm(difference, axis=1) > same
    group[order] = np.concatenate([[0], np.cumsum(apart)])
    firsts = np.full(group.max() + 1, len(group))
    np.minimum.at(firsts, group, np.arange(len(group)))
    return firsts[group]


def _compared(block, shift, scale):
    """Rows in the form in which `first_alike` compares them."""
    block = block.astype(np.float64)
    block = block if shift is None else block - shift
    return unit(block) if scale is None else block / scale


def _projected(block, rows, G, shift, scale):
    return _compared(block, shift, scale) @ G


def nearest_under(B, T, queries, n=10, shift=None, among=None):
    """The `n` items of largest cosine with each query item under ``(B - shift) T``, nearest first.

    Parameters
    ----------
    B, T, shift
        As in `directions`; T may be None.
    queries : ndarray of int, shape (q,)
    n : int
        1..p-1.
    among : ndarray of bool, shape (p,), optional
        Only these items are looked at.

    Returns
    -------
    ndarray of int, shape (q, n)
        No item is its own neighbour.
    """
    return nearest_with_cosines(B, T, queries, n, shift, among)[0]


def nearest_with_cosines(B, T, queries, n=10, shift=None, among=None):
    """What `nearest_under` gives, and the cosines: two arrays of shape (q, n)."""
    Q = directions(rows_at(B, queries), T, shift)
    nobody = np.full((len(queries), n), -np.inf, dtype=Q.dtype), np.full((len(queries), n), -1)
    return _ordered(*in_turns(_nearest_in, _merged, nobody, B, files.BLOCK, Q, queries, directions, T, shift, among))


def nearest_with_products(B, queries, n=10, among=None):
    """What `nearest_with_cosines` gives, by inner products with the query items at unit length."""
    Q = directions(rows_at(B, queries))  # lengths of queries change no order, and might overflow
    nobody = np.full((len(queries), n), -np.inf, dtype=Q.dtype), np.full((len(queries), n), -1)
    return _ordered(*in_turns(_nearest_in, _merged, nobody, B, files.BLOCK, Q, queries, _as_they_are, None, None, among))


def _as_they_are(rows, T, shift):
    return rows


def _ordered(cosines, indices):
    """Items and cosines by falling cosine; of equal ones the first item."""
    order = np.lexsort((indices, -cosines), axis=1)
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _nearest_in(block, rows, best, Q, queries, brought, T, shift, among):
    """The best (cosines, items) among those so far and one block of items, `brought` to where they are compared."""
    cosines, indices = best
    numbers = np.arange(rows.start, rows.stop)
    if among is not None and not among[rows].all():
        block, numbers = block[among[rows]], numbers[among[rows]]
    for part in row_blocks(len(numbers), PART):
        items = numbers[part]
        S = Q @ brought(block[part], T, shift).T
        own = np.flatnonzero(np.isin(queries, items))
        S[own, np.searchsorted(items, queries[own])] = -np.inf
        # Most blocks improve few lists: look only at columns that beat some query's worst.
        better = (S > cosines.min(axis=1, keepdims=True)).any(axis=0)
        if better.any():
            if 4 * np.count_nonzero(better) < len(items):  # a copy pays
                S, items = S[:, better], items[better]
            cosines, indices = _joined((cosines, indices), _best(S, items, cosines.shape[1]))
    return cosines, indices


def _merged(best, found, rows):
    """The best so far, and those of them that were found in a block."""
    cosines, indices = found
    here = (rows.start <= indices) & (indices < rows.stop)
    return _joined(best, (np.where(here, cosines, -np.inf), indices))


def _joined(best, found):
    """The best of two lists, as many as the first has."""
    cosines, items = (np.hstack(parts) for parts in zip(best, found, strict=True))
    return _best(cosines, items, best[0].shape[1])


def _best(cosines, items, n):
    """The n of largest cosine in each row, and which; of equal ones the first item. In no order.

    `items` are those of the columns, or of each entry.
    """
    if cosines.shape[1] <= n:
        return cosines, np.broadcast_to(items, cosines.shape)
    keep = np.argpartition(cosines, -n, axis=1)[:, -n:]
    last = np.take_along_axis(cosines, keep, 1).min(axis=1)
    more = (np.count_nonzero(cosines >= last[:, None], axis=1) > n) & (last > -np.inf)
    for row in np.flatnonzero(more):
        keep[row] = np.lexsort((items if items.ndim == 1 else items[row], -cosines[row]))[:n]
    return np.take_along_axis(cosines, keep, 1), items[keep] if items.ndim == 1 else np.take_along_axis(items, keep, 1)


def memberships(cosines, n):
    """How much of each candidate is in a list of `n`: 1, or a share where more are equal than fit.

    Parameters
    ----------
    cosines : ndarray, shape (q, m)
        Falling; ``m >= n``.
    n : int

    Returns
    -------
    ndarray, shape (q, m)
        Rows sum to n.
    """
    last = cosines[:, n - 1, None]
    same = SAME[cosines.dtype.itemsize]
    above, tied = cosines > last + same, np.abs(cosines - last) <= same
    places = n - above.sum(axis=1, keepdims=True)
    return above + tied * places / tied.sum(axis=1, keepdims=True)


def shared_memberships(first, second, n):
    """Share of each list of `first` that is in the list of `second` beside it: shape (q,).

    Parameters
    ----------
    first, second : (ndarray of int, ndarray), each shape (q, m)
        Candidates and their `memberships`.
    n : int
    """
    (items, weights), (others, other_weights) = first, second
    shares, step = np.empty(len(items)), max(1, 2**22 // (items.shape[1] * others.shape[1]))
    for rows in (slice(start, start + step) for start in range(0, len(items), step)):
        both = np.minimum(weights[rows, :, None], other_weights[rows, None, :])
        shares[rows] = (both * (items[rows, :, None] == others[rows, None, :])).sum(axis=(1, 2)) / n
    return shares
