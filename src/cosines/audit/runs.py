"""Two trainings of one model: how much of their neighbours' difference is a scaling that can be undone.

Each run is free to move within its model's group (`cosines.symmetries`), so that neighbours as
trained may differ where nothing was learnt differently. Two ways to undo that are compared:

- both runs in prediction space, which no move of the group changes: nothing is fitted;
- the other run's items times one matrix T, which brings them to this run's scaling. T is a least
  squares fit to the *directions* of this run's items. Judged on the items that it was fitted to, a
  T of k^2 parameters would flatter. So items are split into two halves: T is fitted on one, and
  neighbours are looked for among the other, both ways round. Lists as trained come from the same
  halves, so that all numbers are of one task.
"""

from typing import NamedTuple

import numpy as np

from cosines._arrays import require
from cosines.audit.blocks import (
    Beside,
    memberships,
    nearest_with_cosines,
    rows_at,
    shared_memberships,
)
from cosines.audit.files import blocks_of
from cosines.audit.measure import (
    SPARE,
    Finding,
    Reading,
    corrected_for_chance,
    mean_interval,
    silent,
)
from cosines.scalings import AS_TRAINED, ITEM_WHITENED, PREDICTIONS, scaling


class Interval(NamedTuple):
    """A mean over items, with its 95 % interval for items like these; another pair of runs may lie outside."""

    mean: float
    low: float
    high: float


class TwoRuns(NamedTuple):
    """How much of one run's neighbours another run finds too, corrected for chance.

    Attributes
    ----------
    matched : int
        Items, of different directions, that both runs have.
    by : str
        Matched by "ids" or by "position".
    queries : int
    as_trained : Interval
        Share of neighbours that both runs have, as they are.
    aligned : Interval
        The same, with the other run brought to this run's scaling.
    predictions : Interval or None
        The same, both in prediction space. None where users are unknown, or scores are cosines.
    scaling : Interval
        ``aligned - as_trained``: what a scaling undoes.
    training : Interval
        ``1 - aligned``: what a scaling does not undo. It counts as training (a new draw, seed or data,
        too few iterations), although a scaling that least squares missed would be part of it.
    share : Interval or None
        ``scaling / (1 - as_trained)``, the part of the change that is a scaling. None where next to
        nothing changes.
    statement : str
    """

    matched: int
    by: str
    queries: int
    as_trained: Interval
    aligned: Interval
    predictions: Interval | None
    scaling: Interval
    training: Interval
    share: Interval | None
    statement: str


def two_runs(one, other, n_queries, n, progress=silent):
    """Compare the neighbours of two runs.

    Parameters
    ----------
    one, other : Geometry
        Of models that score alike.
    n_queries : int
        Items whose neighbours are looked for.
    n : int
        Neighbours of each.
    progress : callable, optional
        Gets a few words on each step.

    Returns
    -------
    TwoRuns

    Raises
    ------
    ValueError
        If items cannot be matched, or too few can.
    """
    rows, by = _matched(one, other)
    k = other.model.items.factors.shape[1]
    needed = max(10 * n + 2, 4 * (k + 1))
    require(rows.shape[1] >= needed, "items in both runs", f"at least {needed:,} of different directions, to compare "
            f"{n} neighbours and to fit {k} dimensions", rows.shape[1])
    shares = [_in_half(one, other, rows, half, n_queries, n, progress) for half in (0, 1)]
    shares = {name: np.concatenate([share[name] for share in shares]) for name in shares[0]}
    as_trained, aligned = shares[AS_TRAINED], shares["aligned"]
    change, undone = 1 - as_trained, aligned - as_trained
    part = None
    if change.mean() >= 0.01:  # by linearisation
        part = undone.mean() / change.mean()
        part = _interval(part + (undone - part * change) / change.mean())
    found = TwoRuns(rows.shape[1], by, len(as_trained), _interval(as_trained), _interval(aligned),
                    _interval(shares[PREDICTIONS]) if PREDICTIONS in shares else None,
                    _interval(undone), _interval(1 - aligned), part, "")
    return found._replace(statement=_statement(found, one.score))


def run_findings(runs):
    """What two runs have in common, as findings.

    Parameters
    ----------
    runs : TwoRuns or None

    Returns
    -------
    list of Finding
    """
    if runs is None:
        return []
    said = [("as-trained", "as trained", runs.as_trained, "Share of neighbours that the other run has too, as they are."),
            ("aligned", "brought to one scaling", runs.aligned, "The same, after a linear map of the other run that was "
             "fitted to other items."),
            ("prediction-space", "in prediction space", runs.predictions, "The same, both in prediction space: nothing "
             "was fitted."),
            ("scaling", "undone by a scaling", runs.scaling, runs.statement),
            ("training", "left to training", runs.training, "What the map did not undo, from a new draw, seed or data, or "
             "from too few iterations.")]
    return [Finding(f"runs-{key}", f"Two runs, {title}", *interval, None, meaning)
            for key, title, interval, meaning in said if interval is not None]


def align(X, Y, rows, precision, affine=False):
    """The matrix T for which ``X T`` has the directions of Y: least squares in relative lengths.

    Minimises the sum of ``|x T - y|^2 / |y|^2`` over pairs of rows, so that all directions count the
    same, however long the row.

    Parameters
    ----------
    X : array_like, shape (m, k)
    Y : array_like, shape (p, l)
    rows : ndarray of int, shape (2, q)
        Rows of Y, and the rows of X that belong to them.
    precision : float
        Rounding unit of X.
    affine : bool
        Whether a translation is free as well.

    Returns
    -------
    Reading
        Of X.
    """
    X = Beside(X, (np.ones(X.shape[0]),)) if affine else X
    gram, cross = np.zeros((X.shape[1], X.shape[1])), np.zeros((X.shape[1], Y.shape[1]))
    for some in blocks_of(rows.shape[1]):
        y, x = (rows_at(M, at[some]).astype(np.float64) for M, at in zip((Y, X), rows, strict=True))
        length = np.linalg.norm(y, axis=1, keepdims=True)
        gram += (x / length).T @ (x / length)
        cross += (x / length).T @ (y / length)
    # In units of each column: a column of ones beside large numbers is not rounding.
    unit = np.sqrt(np.diag(gram))
    unit[unit == 0] = 1
    W = scaling(ITEM_WHITENED, gram / np.outer(unit, unit), precision=precision) / unit[:, None]
    return Reading(X, W @ (W.T @ cross), None)


def _matched(one, other):
    """Rows of the items that both runs have, shape (2, m): by ids where both have some, else by position."""
    items, others = one.model.items, other.model.items
    p, q = items.factors.shape[0], others.factors.shape[0]
    if items.ids is not None and others.ids is not None:
        rows, by = np.array(np.intersect1d(items.ids, others.ids, return_indices=True)[1:]), "ids"
        require(rows.shape[1], "ids of the other run", "ids of items", f"none of them, such as {str(others.ids[0])!r}")
        rows = rows[:, np.argsort(rows[0])]
    else:
        require(p == q, "other run", f"of {p:,} items in the same order, as not both have ids", f"{q:,}")
        rows, by = np.tile(np.arange(p), (2, 1)), "position"
    first = np.all([run.first[at] == at for run, at in zip((one, other), rows, strict=True)], axis=0)
    return rows[:, first], by


def _in_half(one, other, rows, half, n_queries, n, progress):
    """Shares of neighbours in common among one half of the items, for each way to undo a scaling."""
    fitted, compared = rows[:, 1 - half::2], rows[:, half::2]
    m = compared.shape[1]
    queries = np.linspace(0, m - 1, min(max(n_queries // 2, 1), m)).round().astype(int)

    def lists(run, side, reading, words):
        progress(f"two runs, half {half + 1}: {words}")
        among = np.zeros(len(run.first), dtype=bool)
        among[compared[side]] = True
        position = np.full(len(among), -1)
        position[compared[side]] = np.arange(m)
        order = np.argsort(compared[side][queries])  # rows are read in the order of the file
        found, cosines = nearest_with_cosines(reading.matrix, reading.T, compared[side][queries][order],
                                              min(n + SPARE, m - 1), reading.shift, among)
        back = np.argsort(order)
        return position[found[back]], memberships(cosines[back], n)

    def shared(first, second):
        return corrected_for_chance(shared_memberships(first, second, n), n, m)

    here = lists(one, 0, one.readings[AS_TRAINED], "this run")
    found = {AS_TRAINED: shared(here, lists(other, 1, other.readings[AS_TRAINED], "the other"))}
    if one.score == "cosine":  # rotations and lengths change no cosine
        return found | {"aligned": found[AS_TRAINED]}
    reading = align(other.model.items.factors, one.model.items.factors, fitted, other.precision, one.score == "ranking")
    found["aligned"] = shared(here, lists(other, 1, reading, "the other, brought to this one's scaling"))
    if all(PREDICTIONS in run.readings for run in (one, other)):
        found[PREDICTIONS] = shared(*(lists(run, side, run.readings[PREDICTIONS], "prediction space")
                                      for side, run in enumerate((one, other))))
    return found


def _interval(values):
    return Interval(*mean_interval(values, np.inf))


def _statement(runs, score):
    """Why neighbours change, in one or two sentences."""
    start = f"{_percent(runs.as_trained)} of the neighbours as trained are the other run's too"
    if score == "cosine":
        return f"{start}; no scaling is left to undo, and the rest is training's."
    if runs.share is None:
        return f"{start}: next to nothing changes."
    if runs.scaling.low <= 0:
        middle = "no linear map of the other run that was tried undoes any of the change for certain"
    else:
        parts = ("all of the change is a scaling that can be undone" if runs.training.mean < 0.005 else
                 f"{_percent(runs.share)} of the change is a scaling that can be undone and the rest is left to training")
        middle = f"a linear map of the other run brings that to {_percent(runs.aligned)}, so that {parts}"
    end = "" if runs.predictions is None else f"; in prediction space {_percent(runs.predictions)} are shared"
    return f"{start}; {middle}{end}."


def _percent(interval):
    return f"{max(interval.mean, 0):.0%}"
