"""Audit item embeddings that somebody trained: everything that a report says, as data.

``P`` (n, k) holds the users' factors, ``X A`` in Steck et al. (2024), and ``B`` (p, k) the
items'. The transformations of them that training cannot see depend on how the model scores:

=========  ======================================  =================================================
score      training cannot see                     compared with the items as trained
=========  ======================================  =================================================
dot        ``P M``, ``B M^-T``, any invertible M   item-whitened, balanced, prediction space
ranking    that, and a translation ``B + 1 c^T``   the same, of items less their mean
cosine     rotations and lengths of rows           nothing: no cosine of two items changes
=========  ======================================  =================================================

``measure`` takes the measurements, ``verdict`` judges them, ``health`` asks what can be asked
of any embedding, and ``runs`` compares with another run.
"""

import json
import os
import shutil
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cosines._arrays import require, require_count
from cosines.audit.files import Model, model_of
from cosines.audit.health import (
    Threshold,
    cosine_values,
    dimensions,
    duplicates,
    effective_dimensions,
    hubs,
    metric,
    popularity,
    popularity_share,
    thresholds,
)
from cosines.audit.measure import (
    RECOGNISED,
    SCORES,
    Finding,
    Neighbours,
    Reading,
    chosen_rows,
    cosines_of_pairs,
    geometry_of,
    key_of,
    mean_interval,
    measure,
    notes_on,
    predicting,
    random_pairs,
    rows_of,
    scoring,
    silent,
)
from cosines.audit.runs import TwoRuns, run_findings, two_runs
from cosines.audit.verdict import (
    ARBITRARY,
    BALANCED_ENOUGH,
    BORDERLINE,
    COSINE_ASSUMED,
    COSINE_TRAINED,
    DEPENDENT,
    STABLE,
    STABLE_VERDICT,
    TOO_SMALL,
    UNDECIDED,
    VERDICTS,
    action,
    judge,
    verdict_between,
    verdict_on,
)
from cosines.scalings import (
    AS_TRAINED,
    BALANCED,
    ITEM_WHITENED,
    PREDICTIONS,
    attainable_range,
    direction_weights,
    scaling,
)

__all__ = [
    "ARBITRARY", "BALANCED_ENOUGH", "BORDERLINE", "COSINE_ASSUMED", "COSINE_TRAINED", "DEPENDENT", "SCORES", "STABLE",
    "STABLE_VERDICT", "TOO_SMALL", "UNDECIDED", "VERDICTS", "Audit", "Finding", "Neighbours", "Picture", "Reading",
    "Threshold", "TwoRuns", "audit", "chosen_rows", "effective_dimensions", "mean_interval", "popularity_share",
    "predicting", "saved_as", "scoring", "to_write", "verdict_between", "verdict_on",
]

MOVES = 0.05  # where cosines move by more on average, a threshold means something else
REPLACEMENT = ("Prediction-space vectors compare what the model predicts for two items over all users of the file. "
               "That is defined whatever the scaling; it is not promised to be better, which depends on the task: "
               "measure it where you have labels. Where you have none, balanced factors are the safer choice: against "
               "clusters, genres and people's judgement of words and of documents they had the best worst case of "
               "flat, balanced and prediction space (in Python: embed the items by transforms[\"balanced\"]).")


class Picture(NamedTuple):
    """What `cosines.publishing.picture.audit_panels` draws, but for the title."""

    by_group: dict
    group: str
    overlap: dict
    pairs: np.ndarray
    weighing: dict


@dataclass(frozen=True, eq=False)
class Audit:
    """What `audit` found.

    Attributes
    ----------
    n_items, n_users, k, distinct : int
        `n_users` is None where users are unknown; `distinct` directions of items.
    dtype : str
    score : str
        One of `SCORES`; `assumed` tells whether it was guessed, and `statement` says it in words.
    notes : tuple of str
        How the input was understood.
    verdict : str
        One of `VERDICTS`.
    action : str
        What to do, in one sentence.
    reasons : tuple of str
    saved : tuple of str
        What the files were recognised as: "item-whitened", "balanced", "prediction space", "unit rows".
    findings : tuple of Finding
    n_neighbours : int
    queries : ndarray of int, shape (q,)
        Items whose neighbours were looked for, evenly spaced over the distinct ones.
    neighbours : dict of str to ndarray of int, shape (q, n)
        For each scaling, nearest first.
    overlap : dict of str to ndarray, shape (q,)
        Share of each query's neighbours as trained that another scaling finds too, not corrected for chance.
    transforms : dict of str to ndarray, shape (k, r)
        T for each scaling: items are embedded as ``(B - shift) T``. With biases, that of prediction
        space is for items with columns of biases, as `predicting` gives them.
    shift : ndarray or None
        What was subtracted from every item but those as trained, with biases in its last places.
    side_by_side : tuple of Neighbours
        Of the chosen items.
    picture : Picture or None
        None where there is nothing to compare.
    thresholds : tuple of Threshold
        What a cosine is worth under each reading.
    pair_cosines : dict of str to ndarray, shape (m,)
        Cosines of random pairs of different items under each reading, from which `thresholds` were
        taken; for any other quantile.
    other : TwoRuns or None
        What another run's neighbours have in common with these.
    """

    n_items: int
    n_users: int | None
    k: int
    dtype: str
    distinct: int
    score: str
    assumed: bool
    statement: str
    notes: tuple
    verdict: str
    action: str
    reasons: tuple
    saved: tuple
    findings: tuple
    n_neighbours: int
    queries: np.ndarray
    neighbours: dict
    overlap: dict
    transforms: dict
    shift: np.ndarray | None
    side_by_side: tuple
    picture: Picture | None
    thresholds: tuple
    pair_cosines: dict
    other: TwoRuns | None

    def __getitem__(self, key):
        """The finding of that key."""
        found = {finding.key: finding for finding in self.findings}
        if key not in found:
            raise KeyError(f"{key!r} is no finding of this audit: {', '.join(found)}")
        return found[key]

    @property
    def keeps(self):
        """Whether the items are in prediction space already."""
        return PREDICTIONS in self.saved

    def __str__(self):
        return _report().text(self, shutil.get_terminal_size((100, 24)).columns)

    def __repr__(self):
        return f"<Audit of {self.n_items:,} items: {self.verdict}. print() shows the findings>"

    def _repr_html_(self):
        report = _report()
        return getattr(report, "fragment", report.html)(self)

    def to_json(self):
        """The audit as JSON text: ``schema.json`` beside this module describes every field."""
        return _report().as_json(self)

    def as_dict(self):
        """The same as lists, dicts, strings and finite numbers."""
        return json.loads(self.to_json())


def _report():
    from cosines.audit import report  # it prints what this module finds, and imports nothing from it

    return report


def audit(model_or_B, P=None, score=None, item_bias=None, user_bias=None, *,
          n_queries=1000, n_neighbours=10, chosen=None, other=None, progress=None):
    """Ask what the cosines of a model's items are worth.

    Parameters
    ----------
    model_or_B : Model or array_like, shape (p, k)
        From `cosines.audit.files.read_model` or `model_of`; or the items' factors, with the rest of
        the model in the next arguments.
    P : array_like, shape (n, k), optional
        User factors.
    score : {"dot", "ranking", "cosine"}, optional
        How the model was trained to score. By default "cosine" is assumed where all rows have unit
        length, else "dot".
    item_bias, user_bias : array_like, shape (p,), (n,), optional
        Added to the scores.
    n_queries : int
        Items whose neighbours are looked for, evenly spaced in the order of the file.
    n_neighbours : int
    chosen : array_like of int, optional
        Rows of items whose neighbours are named; by default four from the most to the least popular.
    other : Model, array_like, or a pair (items, users) of these, optional
        Another run of the same model, to see why its neighbours differ.
    progress : callable, optional
        Gets a few words at the beginning of each step.

    Returns
    -------
    Audit

    Raises
    ------
    ValueError
        If the score is unknown or input is not that of a model.
    """
    require(not isinstance(model_or_B, Model) or (P is None and item_bias is None and user_bias is None), "P and biases",
            "part of the model, where one is given", "both")
    require(not isinstance(model_or_B, str | os.PathLike), "B", "a matrix or a model: read_model reads files", model_or_B)
    model = model_or_B if isinstance(model_or_B, Model) else model_of(model_or_B, P, item_bias, user_bias)
    require_count("n_queries", n_queries)
    require_count("n_neighbours", n_neighbours)
    if other is not None and not isinstance(other, Model):
        other = model_of(*(other if isinstance(other, tuple) else (other,)), where="other run: ")
    score, assumed, statement = scoring(model, score)
    progress = progress or silent
    progress("Gram matrices")
    seen = geometry_of(model, score)
    runs = None if other is None else two_runs(seen, geometry_of(other, score), n_queries, n_neighbours, progress)
    measured, named = measure(seen, n_queries, n_neighbours, chosen, progress)
    compared = [name for name in measured.readings if name != AS_TRAINED]
    overlap = {name: measured.counted(AS_TRAINED, name) for name in compared}
    intervals = {name: mean_interval(measured.corrected(share), len(measured.distinct))
                 for name, share in overlap.items()}
    saved = saved_as(measured)
    small = len(measured.distinct) < 5 * n_neighbours + 1
    verdict, reasons = judge(measured, intervals, saved, assumed, small, n_neighbours)
    pairs = random_pairs(measured.distinct)
    cosines = cosines_of_pairs(measured, pairs)
    findings = [_saved_finding(measured, saved), *_kept(measured, overlap, {} if small else intervals),
                *run_findings(runs), *_everything_else(measured, pairs, cosines)]
    B = model.items.factors
    shifts = [reading.shift for reading in measured.readings.values() if reading.shift is not None]
    return Audit(
        n_items=B.shape[0], n_users=None if model.P is None else model.P.shape[0], k=B.shape[1], dtype=str(B.dtype),
        distinct=len(measured.distinct), score=score, assumed=assumed, statement=statement, notes=notes_on(model, score),
        verdict=verdict, action=action(verdict, saved, intervals, measured), reasons=tuple(reasons), saved=saved,
        findings=tuple(findings), n_neighbours=measured.n, queries=measured.queries,
        neighbours={name: items[:, :measured.n] for name, (items, _) in measured.lists.items()}, overlap=overlap,
        transforms={name: np.eye(B.shape[1]) if reading.T is None else reading.T
                    for name, reading in measured.readings.items()},
        shift=max(shifts, key=len, default=None), side_by_side=named,
        picture=_picture(measured, overlap) if compared else None, thresholds=thresholds(cosines), pair_cosines=cosines,
        other=runs)


def to_write(audit, model):
    """Prediction-space vectors and the users that fit them, for `cosines.audit.files.write_vectors`.

    With ``H = P^T P``, items ``(B - shift) H^(1/2)`` and users ``P H^(-1/2)`` have the model's inner
    products (but for the shift, which no ranking sees), and the users' Gram matrix is I.

    Parameters
    ----------
    audit : Audit
    model : Model
        The same, with users.

    Returns
    -------
    items, users : (matrix, T, shift)
    """
    B, P = predicting(model, audit.score)
    T = audit.transforms[PREDICTIONS]
    return (B, T, audit.shift), (P, np.linalg.pinv(T), None)



# Findings


def saved_as(measured):
    """Forms that the factors have: tuple of "unit rows" and names of scalings.

    Gram matrices equal those of the form up to a factor and, in each direction, ``RECOGNISED``.
    """
    model = measured.model
    B, P = model.items.factors, model.P
    whole = measured.items
    saved = ["unit rows"] if (np.abs(whole.norms - 1) <= RECOGNISED).all() else []
    if measured.score == "cosine":
        return tuple(saved)
    grams, eps = (whole.gram, measured.alone), measured.precision  # with duplicates, and without
    if any(_even(gram, eps) for gram in grams):
        saved.append(ITEM_WHITENED)
    if P is not None:
        k, plain = B.shape[1], predicting(model, measured.score)[0] is B
        centre = measured.readings[PREDICTIONS].shift
        centred = centre is None or np.linalg.norm(centre) <= RECOGNISED * np.sqrt(np.trace(whole.gram) / len(whole.norms))
        H = measured.H[:k, :k]
        if centred and any(_even_between(H, gram, eps) for gram in grams):
            saved.append(BALANCED)
        if plain and centred and _even(H, eps):
            saved.append(PREDICTIONS)
    return tuple(saved)


def _even(gram, precision):
    """Whether all eigenvalues beyond rounding are equal up to ``RECOGNISED``."""
    squares = np.linalg.eigvalsh((gram + gram.T) / 2)
    squares = squares[squares > len(gram) * max(np.finfo(float).eps, precision**2) * squares[-1]]
    return bool(squares.size and squares[-1] / squares[0] - 1 <= RECOGNISED)


def _even_between(gram, other, precision):
    """Whether two Gram matrices are equal up to a factor, in each direction to ``RECOGNISED``."""
    T = scaling(ITEM_WHITENED, other, precision=precision)
    return _even(T.T @ gram @ T, precision)


def _saved_finding(measured, saved):
    said = {
        "unit rows": "All items have unit length: rows were normalised, in training or after it.",
        ITEM_WHITENED: "The items' Gram matrix is a multiple of the identity: you saved V of a singular value "
                       "decomposition, or whitened items; every direction counts the same, however little it predicts.",
        BALANCED: "Users and items have equal Gram matrices, up to a factor: you saved balanced factors, V s^(1/2), "
                  "where equal penalties lead.",
        PREDICTIONS: "The users' Gram matrix is a multiple of the identity: you saved V s of a singular value "
                     "decomposition, which is prediction space already.",
    }
    meaning = " ".join(said[one] for one in saved)
    if not saved and measured.score == "cosine":
        meaning = "Rows of different lengths, which no cosine sees."
    elif not saved:
        known = "not whitened" if measured.model.P is None else "neither whitened, nor balanced, nor in prediction space"
        meaning = f"None of the usual forms: to within {RECOGNISED:g} the items are {known}.{_closest(measured)}"
    return Finding("saved", "What did you save?", None, None, None, RECOGNISED, meaning)


def _closest(measured):
    """A sentence on the usual form that takes the least stretching, where stretching is all that it takes."""
    if measured.model.P is None or any(reading.shift is not None for reading in measured.readings.values()):
        return ""
    k = measured.model.items.factors.shape[1]
    stretched = {}
    for name, reading in measured.readings.items():
        if reading.T is not None and len(reading.T) == k:
            lengths = np.linalg.svd(reading.T, compute_uv=False)
            lengths = lengths[lengths > k * measured.precision * lengths[0]]
            stretched[name] = lengths[0] / lengths[-1]
    name = min(stretched, key=stretched.get)
    times = f"{stretched[name]:.3g}" if stretched[name] >= 1.01 else f"{stretched[name]:.4f}"
    return f" The closest is {name}: to get there, one direction is stretched {times} times as much as another."


def _kept(measured, overlap, intervals):
    """How many neighbours as trained another scaling keeps."""
    for name, (value, low, high) in intervals.items():
        raw, by_chance = overlap[name].mean() * measured.n, measured.n**2 / (len(measured.distinct) - 1)
        threshold = BALANCED_ENOUGH if name == BALANCED else STABLE
        yield Finding(f"kept-{key_of(name)}", f"Neighbours kept, {name}", value, low, high, threshold,
                      f"Of {measured.n} neighbours as trained {raw:.2f} stay, {by_chance:.2f} by chance; the share is "
                      "corrected for it.", ok=value >= threshold)


def _everything_else(measured, pairs, cosines):
    yield from hubs(measured)
    yield from duplicates(measured)
    yield from dimensions(measured)
    yield from cosine_values(cosines)
    yield from metric(measured)
    if len(cosines) > 1:
        yield _moves(cosines)
        yield _free(measured, pairs)
        yield _weights(measured)
    yield from popularity(measured)
    if PREDICTIONS in measured.readings:
        yield Finding("replacement", "Instead", None, None, None, None, REPLACEMENT)


def _moves(cosines):
    moved = np.ptp(list(cosines.values()), axis=0)
    value, low, high = mean_interval(moved, np.inf)
    said = ("does not carry over from one of them to another" if low > MOVES else
            "carries over among them up to about that much" if high <= MOVES else "may not carry over among them")
    return Finding("moves", "How far cosines move", value, low, high, MOVES,
                   f"Over these {len(cosines)} scalings the cosine of two random items moves by {value:.2f} on average and "
                   f"by up to {moved.max():.2f}: a threshold on the cosine {said}.", "" if value <= MOVES else
                   "Set thresholds by quantiles of random pairs under the scaling you serve.", value <= MOVES)


def _free(measured, pairs):
    rows = rows_of(measured.model.items.factors, pairs)
    low, high = attainable_range(*rows)
    free = float(np.mean((low == -1) & (high == 1)))
    return Finding("free", "Pairs free to take any cosine", free, None, None, None,
                   f"For {free:.0%} of random pairs some rescaling of the axes as trained gives any cosine between -1 "
                   "and 1: the scalings compared are usual ones, not extreme ones.")


def _weights(measured):
    weighing = _weighing(measured)
    weight = weighing[AS_TRAINED]
    reference = "balanced factors" if BALANCED in measured.readings else "whitened items"
    value = float(weight.max() / weight.min()) if weight.min() > 0 else None
    return Finding("weights", "Unevenness of dimensions", value, None, None, None,
                   f"As trained, the direction that counts most counts {value:.3g} times as much as the one that counts "
                   f"least, relative to {reference}." if value is not None else
                   f"Some direction does not count at all, relative to {reference}.")


def _weighing(measured):
    """How strongly each scaling counts each direction of latent space."""
    k = measured.model.items.factors.shape[1]
    T = {name: np.eye(k) if reading.T is None else reading.T for name, reading in measured.readings.items()}
    reference = T.get(BALANCED, T[ITEM_WHITENED])
    return {name: direction_weights(T[name], reference) for name in T if len(T[name]) == k}


def _picture(measured, overlap):
    """What the report draws."""
    items, names = measured.model.items, list(measured.readings)
    size = measured.items.norms if items.counts is None else items.counts
    tenths = np.array_split(np.argsort(-np.asarray(size)[measured.queries], kind="stable"), 10)
    by_group = {name: np.array([share[tenth].mean() for tenth in tenths if tenth.size])
                for name, share in overlap.items()}
    shared = {a: {b: float(measured.counted(a, b).mean()) for b in names} for a in names}
    pairs = random_pairs(measured.distinct)[:60]
    cosines = list(cosines_of_pairs(measured, pairs).values())
    free = attainable_range(*rows_of(items.factors, pairs))
    extremes = np.column_stack([cosines[0], np.min(cosines, axis=0), np.max(cosines, axis=0), *free])
    group = "norm" if items.counts is None else "popularity"
    return Picture(by_group, group, shared, extremes, _weighing(measured))
