"""Blocks of rows, here or wherever a Dask array's workers are; only what a block is reduced to comes back."""

import os

import numpy as np

from cosines._arrays import row_blocks


def at_once():
    """How many blocks of a Dask array are processed at once: two per thread, and workers hold no more."""
    try:
        from distributed import get_client

        return 2 * sum(get_client().nthreads().values())
    except (ImportError, ValueError):  # no cluster: threads of this process
        return 2 * (os.cpu_count() or 1)


def is_lazy(M):
    """Whether M is a Dask array, or one with columns beside it."""
    return hasattr(getattr(M, "matrix", M), "__dask_graph__")


def over_blocks(function, M, size, *further):
    """``function(block, rows, *further)`` for each block of `size` rows of M, in order.

    The blocks are the same wherever they are processed, and so are the results.

    Parameters
    ----------
    function : callable
        Gets an array of at most `size` rows, and the slice that they are. Workers of another machine
        import it by name.
    M : array_like, shape (m, k)
        Where it is a Dask array, its scheduler calls the function, some blocks at a time (`at_once`).
    size : int
    further : objects
        The same for all blocks.

    Yields
    ------
    What the function returned.
    """
    slices = row_blocks(M.shape[0], size)
    if not is_lazy(M):
        yield from (function(np.asarray(M[rows]), rows, *further) for rows in slices)
        return
    for some in row_blocks(len(slices), at_once()):
        yield from _together(function, M, slices[some], further)


def in_turns(function, merge, state, M, size, *further):
    """A state that goes through all blocks: ``function(block, rows, state, *further)``.

    Blocks of a Dask array that are under way together start from the same state, and
    ``merge(state, found, rows)`` puts what they found together; one after the other needs no merging.
    """
    slices = row_blocks(M.shape[0], size)
    if not is_lazy(M):
        for rows in slices:
            state = function(np.asarray(M[rows]), rows, state, *further)
        return state
    for some in row_blocks(len(slices), at_once()):
        for rows, found in zip(slices[some], _together(function, M, slices[some], (state, *further)), strict=True):
            state = merge(state, found, rows)
    return state


def take(M, numbers, size):
    """Some rows of M, in any order: each is read once, and only they leave a Dask array's workers.

    Parameters
    ----------
    M : array_like, shape (m, k)
    numbers : ndarray of int
    size : int
        Of blocks of rows.

    Returns
    -------
    ndarray, with one more dimension than `numbers`
    """
    ascending, position = np.unique(numbers, return_inverse=True)
    if is_lazy(M):
        slices = [rows for rows in row_blocks(M.shape[0], size) if _within(ascending, rows).size]
        found = np.concatenate([rows for some in row_blocks(len(slices), at_once())
                                for rows in _together(_taken, M, slices[some], (ascending,))])
    else:
        found = np.asarray(M[ascending])
    return found[position.reshape(np.shape(numbers))]


def _taken(block, rows, numbers):
    return block[_within(numbers, rows) - rows.start]


def _within(numbers, rows):
    """Those of ascending numbers that are in a slice."""
    return numbers[slice(*np.searchsorted(numbers, [rows.start, rows.stop]))]


def _together(function, M, slices, further):
    import dask

    shared = [dask.delayed(one, pure=False, traverse=False) for one in further]
    return dask.compute(*(dask.delayed(function, pure=False)(M[rows], rows, *shared) for rows in slices))
