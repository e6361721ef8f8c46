"""Audit item embeddings that somebody trained: everything that a report says, as data.

``P`` (n, k) holds the users' factors, ``X A`` in the paper, and ``B`` (p, k) the items'. Which
transformations of them training cannot see depends on how the model scores:

=========  ======================================  =================================================
score      training cannot see                     compared with the items as trained
=========  ======================================  =================================================
dot        ``P M``, ``B M^-T``, any invertible M   item-whitened, balanced, prediction space
ranking    that, and a translation ``B + 1 c^T``   the same, of items less their mean
cosine     rotations and lengths of rows           nothing: no cosine of two items changes
=========  ======================================  =================================================

All that the scalings need are k x k Gram matrices; whatever is as long as the catalogue is read by
blocks (``blocks``).
"""

import csv
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cosines import symmetries
from cosines._arrays import require, require_count, require_known
from cosines.audit.blocks import (
    Beside,
    GramAndNorms,
    all_unit,
    directions,
    first_alike,
    gram_and_norms,
    mean_row,
    memberships,
    nearest_with_cosines,
    norms_under,
    row_norms,
    shared_memberships,
    unit_gram,
)
from cosines.audit.files import Model, blocks_of, model_of
from cosines.evaluation import hubness
from cosines.scalings import (
    AS_TRAINED,
    BALANCED,
    ITEM_WHITENED,
    PREDICTIONS,
    attainable_range,
    direction_weights,
    scaling,
    scalings,
)

# Biases come as files of their own, whatever the score.
SCORES = tuple(score for score in symmetries.SCORES if score != "biases")

# The verdict's thresholds, on the mean share of neighbours that the embedding as trained has in common
# with another scaling, corrected for chance. The first is a convention: of a list of ten, two may
# change. The second asks whether training has balanced the factors, not whether lists look alike, and
# so is closer to one. Frozen before the models of tests/test_audit_findings.py were looked at.
STABLE = 0.8
BALANCED_ENOUGH = 0.95

STABLE_VERDICT, DEPENDENT, ARBITRARY = "stable", "scaling-dependent", "arbitrary"
BORDERLINE, TOO_SMALL, UNDECIDED = "borderline", "too small", "undecided"
COSINE_TRAINED = "cosine-trained"
COSINE_ASSUMED = f"{COSINE_TRAINED} (assumed)"
VERDICTS = (STABLE_VERDICT, DEPENDENT, ARBITRARY, BORDERLINE, TOO_SMALL, UNDECIDED, COSINE_TRAINED,
            COSINE_ASSUMED)

RECOGNISED = 1e-3  # largest relative deviation of a Gram matrix or a length from what it is taken for
MOVES = 0.05  # a cosine that moves by more on average is another number to a threshold
SPARE = 5  # candidates beyond the list, so that ties at its end are seen
N_PAIRS = 10_000

SAID = {
    "dot": "the model scores by the dot product of user and item",
    "ranking": "training compared scores of one user's items only (a ranking or softmax loss)",
    "cosine": "the model scores by the cosine of user and item",
}
REPLACEMENT = ("Prediction-space vectors compare what the model predicts for two items over all users of the file. "
               "That is defined whatever the scaling; it is not promised to be better: for ranking losses on "
               "MovieLens their neighbours shared slightly fewer genres than those as trained.")
BEYOND = ("Two files show the factors, not how they were trained: a weighted penalty would fix a scaling too, "
          "and cannot be seen in them.")


class Finding(NamedTuple):
    """One thing that was measured.

    `value` is between `low` and `high` (95 %) where it was measured on a sample; all three and
    `threshold` may be None. `meaning` and `advice` are whole sentences; the latter may be empty.
    """

    key: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float | None
    meaning: str
    advice: str = ""


class Neighbours(NamedTuple):
    """The nearest items of one, by name, nearest first: `lists` of (name, whether as trained too)."""

    item: str
    lists: dict


class Picture(NamedTuple):
    """What `cosines.publishing.panels.audit_panels` draws, but for the title."""

    by_group: dict
    group: str
    overlap: dict
    pairs: np.ndarray
    weighing: dict


class Reading(NamedTuple):
    """A way to embed the items: rows of ``(matrix - shift) T``; T and shift may be None."""

    matrix: np.ndarray
    T: np.ndarray | None
    shift: np.ndarray | None


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
        What was taken for what.
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
        Share of each query's neighbours as trained that another scaling finds too, as it was counted.
    transforms : dict of str to ndarray, shape (k, r)
        T for each scaling: items are embedded as ``(B - shift) T``. With biases, that of prediction
        space is for items with columns of biases, as `predicting` gives them.
    shift : ndarray or None
        What was subtracted from every item but those as trained, with biases in its last places.
    side_by_side : tuple of Neighbours
        Of the chosen items.
    picture : Picture or None
        None where there is nothing to compare.
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

    def __getitem__(self, key):
        """The finding of that key."""
        return next(finding for finding in self.findings if finding.key == key)

    @property
    def keeps(self):
        """Whether the items are in prediction space already."""
        return PREDICTIONS in self.saved


class _Measured(NamedTuple):
    """What the findings are made from."""

    model: Model
    score: str
    readings: dict
    items: GramAndNorms  # as they are
    alone: np.ndarray  # Gram matrix of the distinct items
    H: np.ndarray | None  # of the users
    spectrum: np.ndarray  # Gram matrix of what the effective dimensions are of
    distinct: np.ndarray
    first: np.ndarray
    queries: np.ndarray
    lists: dict  # for each reading: candidates, and how much of each is in the list
    n: int
    precision: float

    def counted(self, a, b):
        """Share of each query's list under reading `a` that is in that under `b`."""
        return shared_memberships(self.lists[a], self.lists[b], self.n)

    def corrected(self, share):
        """Shares corrected for those that random lists have in common."""
        chance = self.n / (len(self.distinct) - 1)
        return (share - chance) / (1 - chance) if chance < 1 else np.full_like(share, np.nan)


def audit(model_or_B, P=None, score=None, item_bias=None, user_bias=None, *,
          n_queries=1000, n_neighbours=10, chosen=None):
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

    Returns
    -------
    Audit

    Raises
    ------
    ValueError
        If the score is unknown or input is not that of a model.
    """
    model = model_or_B if isinstance(model_or_B, Model) else model_of(model_or_B, P, item_bias, user_bias)
    require_count("n_queries", n_queries)
    require_count("n_neighbours", n_neighbours)
    score, assumed, statement = scoring(model, score)
    measured, named = _measure(model, score, n_queries, n_neighbours, chosen)
    compared = [name for name in measured.readings if name != AS_TRAINED]
    overlap = {name: measured.counted(AS_TRAINED, name) for name in compared}
    intervals = {name: mean_interval(measured.corrected(share), len(measured.distinct))
                 for name, share in overlap.items()}
    saved = saved_as(measured)
    small = len(measured.distinct) < 5 * n_neighbours + 1
    verdict, reasons = _judge(measured, intervals, saved, assumed, small, n_neighbours)
    findings = [_saved_finding(measured, saved), *_kept(measured, overlap, {} if small else intervals),
                *_everything_else(measured)]
    B = model.items.factors
    shifts = [reading.shift for reading in measured.readings.values() if reading.shift is not None]
    return Audit(
        B.shape[0], None if model.P is None else model.P.shape[0], B.shape[1], str(B.dtype), len(measured.distinct),
        score, assumed, statement, _notes(model, score), verdict, _action(verdict, saved, intervals, measured),
        tuple(reasons), saved, tuple(findings), measured.n, measured.queries,
        {name: items[:, :measured.n] for name, (items, _) in measured.lists.items()}, overlap,
        {name: np.eye(B.shape[1]) if reading.T is None else reading.T for name, reading in measured.readings.items()},
        max(shifts, key=len, default=None), named, _picture(measured, overlap) if compared else None,
    )


def scoring(model, score=None):
    """How the model scores, whether that is assumed, and a sentence that says so.

    Parameters
    ----------
    model : Model
    score : str, optional
        One of `SCORES`.

    Returns
    -------
    score : str
    assumed : bool
    statement : str
    """
    matrices = [M for M in (model.items.factors, model.P) if M is not None]
    if score is not None:
        require_known("score", score, SCORES)
        statement = f"Given: {SAID[score]}."
    elif all(all_unit(M, RECOGNISED) for M in matrices):
        return "cosine", True, (f"Assumed: {SAID['cosine']}, because all rows have unit length. If they got it only "
                                "after training, give --score dot and the factors before that.")
    else:
        statement = f"Assumed: {SAID['dot']}{_biases(model)}."
    return score or "dot", score is None, statement


def _biases(model):
    biases = [name for name, bias in (("item's", model.item_bias), ("user's", model.user_bias)) if bias is not None]
    return f", plus the {' and the '.join(biases)} bias" if biases else ""


def _notes(model, score):
    """What was taken for what."""
    notes = list(model.notes)
    if score == "cosine" and _biases(model):
        notes.append("Biases were not used: no cosine of two items depends on them.")
    elif score == "ranking" and model.user_bias is not None:
        notes.append("The users' biases were not used: they drop out of every comparison of one user's scores.")
    if score != "cosine" and model.P is not None:
        notes += [f"Column {column} of the {whose} (from 0) holds one value: the {others}' is a bias that is part of these "
                  f"cosines. To read items without it, leave it out of both files{give}."
                  for M, whose, others, give in ((model.P, "users", "items", " and give it as --item-bias"),
                                                 (model.items.factors, "items", "users", " and give it as --user-bias"))
                  for column in _constant_columns(M)]
    if score != "cosine" and model.P is None and _biases(model):
        notes.append("Biases were not used: without users there are no predictions.")
    elif predicting(model, score)[0] is not model.items.factors:
        notes.append("Biases are part of the predictions and of prediction space; the items as trained, "
                     "item-whitened and balanced are read without them.")
    return tuple(notes)


def _constant_columns(M):
    """Numbers of columns, other than zero, with one value throughout."""
    first = np.asarray(M[:1])[0]
    same = (first != 0) & (M.shape[0] > 1)
    for rows in blocks_of(M.shape[0]):
        if not same.any():
            break
        same &= (np.asarray(M[rows]) == first).all(axis=0)
    return np.flatnonzero(same).tolist()


def predicting(model, score):
    """Items and users whose inner products are the scores: with columns for biases where there are any.

    Parameters
    ----------
    model : Model
        With users.
    score : str
        One of `SCORES`. To a ranking, users' biases are invisible, and to a cosine all biases.

    Returns
    -------
    items, users : array_like, shape (p, k + b), (n, k + b)
    """
    B, P = model.items.factors, model.P
    items, users = [], []
    if P is not None and score != "cosine" and model.item_bias is not None:
        items.append(np.asarray(model.item_bias))
        users.append(np.broadcast_to(1.0, P.shape[0]))
    if P is not None and score == "dot" and model.user_bias is not None:
        items.append(np.broadcast_to(1.0, B.shape[0]))
        users.append(np.asarray(model.user_bias))
    return (Beside(B, tuple(items)), Beside(P, tuple(users))) if items else (B, P)


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


# Measuring


def _measure(model, score, n_queries, n_neighbours, chosen):
    """All lists of neighbours, and the chosen items' by name."""
    B = model.items.factors
    eps = [float(np.finfo(M.dtype).eps) for M in (B, model.P) if M is not None and M.dtype.kind == "f"]
    precision = max(eps, default=float(np.finfo(np.float64).eps))
    items = gram_and_norms(B, "item factors")
    require(bool(items.norms.all()), "item factors", "without zero rows, which have no cosine",
            f"{np.count_nonzero(items.norms == 0)}: rows {np.flatnonzero(items.norms == 0)[:5].tolist()}")
    first = first_alike(B) if score != "ranking" else first_alike(
        B, mean_row(B), np.sqrt(np.trace(items.gram) / len(items.norms)))
    among = first == np.arange(len(first))
    if not among.all():  # duplicates count once, in Gram matrices too
        alone = GramAndNorms(gram_and_norms(B, "item factors", among=among).gram, items.norms)
    else:
        alone = items
    readings, H, spectrum = _readings(model, score, alone.gram, among, precision)
    distinct = np.flatnonzero(among)
    require(len(distinct) > 1, "item factors", "of at least two directions", f"{len(first)} items of one")
    n = min(n_neighbours, len(distinct) - 1)
    q = min(n_queries, len(distinct))
    queries = distinct[np.linspace(0, len(distinct) - 1, q).round().astype(int)]
    if chosen is None:
        chosen = _from_most_to_least(items.norms if model.items.counts is None else np.asarray(model.items.counts))
    wanted = np.union1d(queries, first[chosen])
    asked = np.searchsorted(wanted, queries)
    candidates = min(n + SPARE, len(distinct) - 1)
    lists, side_by_side = {}, {}
    for name, (matrix, T, shift) in readings.items():
        found, cosines = nearest_with_cosines(matrix, T, wanted, candidates, shift, among)
        lists[name] = found[asked], memberships(cosines[asked], n)
        side_by_side[name] = found[np.searchsorted(wanted, first[chosen]), :n]
    measured = _Measured(model, score, readings, items, alone.gram, H, spectrum, distinct, first, queries, lists, n, precision)
    return measured, tuple(_named(model.items, chosen, side_by_side))


def _readings(model, score, gram, among, precision):
    """Every reading that can be known, the users' Gram matrix, and that of what the items span."""
    B, P = model.items.factors, model.P
    trained = {AS_TRAINED: Reading(B, None, None)}
    if score == "cosine":
        return trained, None, unit_gram(B)
    k = B.shape[1]
    rows, users = predicting(model, score)
    shift = mean_row(rows, among) if score == "ranking" else None
    of_items = shift if shift is None else shift[:k]
    whole = gram if rows is B and shift is None else gram_and_norms(rows, "item factors", shift, among).gram
    H = None if P is None else gram_and_norms(users, "user factors").gram
    transforms = scalings(whole[:k, :k], None if H is None else H[:k, :k], precision)
    readings = {name: Reading(B, T, of_items) for name, T in transforms.items() if name != AS_TRAINED}
    if H is None:
        return trained | readings, None, gram
    T = scaling(PREDICTIONS, whole, H, precision)
    readings[PREDICTIONS] = Reading(rows, T, shift)
    return trained | readings, H, T.T @ whole @ T


def _named(items, chosen, side_by_side):
    """Neighbours of the chosen items by name, five each."""
    known = next((names for names in (items.labels, items.ids) if names is not None), None)

    def name(row):
        return str(row if known is None else known[row])

    for position, row in enumerate(chosen):
        as_trained = set(side_by_side[AS_TRAINED][position].tolist())
        yield Neighbours(name(row), {
            reading: tuple((name(item), item in as_trained) for item in found[position, :5].tolist())
            for reading, found in side_by_side.items()})


def chosen_rows(chosen, items, n=4):
    """Row numbers of the items named in `chosen`, or of `n` from the most to the least popular.

    Parameters
    ----------
    chosen : str
        Ids (row numbers from 0, where there are no ids) with commas in between, or empty. An id with
        a comma in it stands in double quotes.
    items : Table
        Without counts, the norm stands in for popularity.
    n : int

    Returns
    -------
    ndarray of int
        Ascending.

    Raises
    ------
    ValueError
        If an id is not there.
    """
    p = items.factors.shape[0]
    if not chosen.strip():
        return _from_most_to_least(row_norms(items.factors) if items.counts is None else np.asarray(items.counts), n)
    wanted = [name.strip() for name in next(csv.reader([chosen], skipinitialspace=True)) if name.strip()]
    ids = map(str, range(p) if items.ids is None else items.ids)
    rows = {name: row for row, name in enumerate(ids) if name in wanted}
    missing = [name for name in wanted if name not in rows]
    known = "ids of items" if items.ids is not None else f"row numbers in 0..{p - 1}"
    require(not missing, "chosen", known, missing[:5])
    return np.unique([rows[name] for name in wanted])


def _from_most_to_least(size, n=4):
    """Rows of `n` items, evenly spaced by rank of size; ascending."""
    order = np.argsort(-size, kind="stable")
    return np.sort(order[np.linspace(0, len(size) - 1, min(n, len(size))).astype(int)])


def mean_interval(values, population):
    """Mean of a sample from `population` values, with its 95 % interval.

    Parameters
    ----------
    values : ndarray, shape (q,)
        Drawn without replacement: where all are known, the interval is a point.
    population : int

    Returns
    -------
    mean, low, high : float
    """
    q = len(values)
    mean = float(np.mean(values))
    error = 1.96 * float(np.std(values)) / np.sqrt(max(q - 1, 1)) * np.sqrt(max(1 - q / population, 0))
    return mean, float(mean - error), float(mean + error)


def popularity_share(norms, counts):
    """Share of the variance of log norms that a straight line in log popularity explains.

    Parameters
    ----------
    norms : array_like, shape (p,)
        Positive.
    counts : array_like, shape (p,)
        Interactions of each item, ``>= 0``; one is added before the logarithm.

    Returns
    -------
    float
        Between 0 and 1; 0 where either is constant.
    """
    x, y = np.log1p(counts), np.log(norms)
    x, y = x - x.mean(), y - y.mean()
    scale = (x @ x) * (y @ y)
    return float((x @ y) ** 2 / scale) if scale > 0 else 0.0


def effective_dimensions(gram):
    """Participation ratio of the eigenvalues of a Gram matrix: between 1 and k, which is all alike."""
    return float(np.trace(gram) ** 2 / np.sum(gram * gram.T))


# The verdict


def verdict_on(shared, saved=()):
    """Verdict on cosines of the embedding as trained, were these shares exact.

    Parameters
    ----------
    shared : dict of str to float
        Mean overlap of neighbours as trained with those under each other scaling, corrected for chance.
    saved : sequence of str
        From `saved_as`: factors that are balanced need no look at neighbours.

    Returns
    -------
    str
        - "stable" if under every other scaling at least ``STABLE`` of the neighbours stay;
        - "scaling-dependent" if not, but something singles this scaling out: it shares
          ``BALANCED_ENOUGH`` of its neighbours with the balanced one, where equal penalties on both
          factors lead, or ``STABLE`` with the space of predictions;
        - "arbitrary" if nothing does.
    """
    if min(shared.values()) >= STABLE:
        return STABLE_VERDICT
    singled_out = BALANCED in saved or shared[BALANCED] >= BALANCED_ENOUGH or shared[PREDICTIONS] >= STABLE
    return DEPENDENT if singled_out else ARBITRARY


def verdict_between(intervals, saved=()):
    """Verdict on shares known up to an interval, and the verdicts at both ends.

    Parameters
    ----------
    intervals : dict of str to (float, float, float)
        Mean, low and high for each other scaling.
    saved : sequence of str

    Returns
    -------
    verdict : str
        "borderline" where the ends disagree.
    ends : tuple of str
    """
    ends = tuple(verdict_on({name: interval[end] for name, interval in intervals.items()}, saved) for end in (1, 2))
    return (ends[0] if ends[0] == ends[1] else BORDERLINE), ends


def _judge(measured, intervals, saved, assumed, small, n_neighbours):
    """The verdict and its reasons."""
    distinct = len(measured.distinct)
    if measured.score == "cosine":
        verdict = COSINE_ASSUMED if assumed else COSINE_TRAINED
        condition = "If so, item" if assumed else "Item"
        return verdict, [f"{condition} cosines are fixed by training: what it cannot see, rotations and lengths of "
                         "rows, changes none of them. No scaling is left to choose, and none was compared."]
    if measured.model.P is None:
        reasons = ["Without the users' factors, the balanced scaling and prediction space are unknown, and so is "
                   "whether training or the predictions single this scaling out."]
        if not small:
            reasons.append(_reason("under item-whitening", intervals[ITEM_WHITENED], STABLE))
        return UNDECIDED, reasons
    if small:
        return TOO_SMALL, [f"Lists of {n_neighbours} neighbours out of {distinct:,} distinct items are much alike "
                           f"whatever the scaling; at least {5 * n_neighbours + 1} are needed."]
    verdict, ends = verdict_between(intervals, saved)
    worst = min(intervals, key=lambda name: intervals[name][0])
    reasons = [_reason(f"under the scaling that changes most ({worst})", intervals[worst], STABLE),
               _reason("under balanced factors, where equal penalties on users and items lead",
                       intervals[BALANCED], BALANCED_ENOUGH)]
    if worst != PREDICTIONS:
        reasons.append(_reason("in prediction space, which no scaling changes", intervals[PREDICTIONS], STABLE))
    if verdict == BORDERLINE:
        reasons.insert(0, f"The {len(measured.queries):,} items asked leave it open: between {ends[0]} and {ends[1]}.")
    if PREDICTIONS in saved:
        reasons.append("The items are in prediction space already: the verdict is on what a rescaling would do to them.")
    if verdict == ARBITRARY:
        reasons.append(f"So nothing in the files singles this scaling out. {BEYOND}")
    return verdict, reasons


def _reason(where, interval, threshold):
    """One reason of the verdict: what was measured, and what it would take."""
    value, low, high = interval
    sign = "at least" if low >= threshold else "below" if high < threshold else "not clearly on one side of"
    return f"Corrected for chance, {_share(interval)} of the neighbours as trained stay {where}: {sign} {threshold:g}."


def _share(interval):
    value, low, high = interval
    return f"{value:.3f}" if high - low < 0.0005 else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _action(verdict, saved, intervals, measured):
    """What to do, in one sentence."""
    if PREDICTIONS in saved:
        return "Already prediction space: keep it; no scaling of the model changes these cosines."
    if verdict == DEPENDENT:
        near = intervals[PREDICTIONS][1] >= STABLE
        why = ("which is close to prediction space" if near else
               "which is where equal penalties on users and items lead")
        return (f"Keep this scaling, {why}, if that is what you mean; otherwise index the prediction-space vectors "
                "(--out writes them), which no scaling changes.")
    return {
        STABLE_VERDICT: "Use these cosines for nearest neighbours: every scaling compared gives much the same ones.",
        ARBITRARY: "Do not rely on these neighbours: index the prediction-space vectors (--out writes them), which no "
                   "scaling changes, or train to convergence with equal penalties on users and items, which "
                   "fixes one.",
        BORDERLINE: "Ask more items (--queries), and until then treat the neighbours as the worse of the two verdicts.",
        TOO_SMALL: "Ask for fewer neighbours (--neighbours), or bring more items.",
        UNDECIDED: "Bring the users' factors (--users); or, if the model was trained by cosine, say --score cosine.",
        COSINE_TRAINED: "Use these cosines: no scaling is left to choose; look at hubs, duplicates and thresholds.",
        COSINE_ASSUMED: "If training scored by cosine, use these cosines, and say --score cosine; if not, say "
                        "--score dot and give the factors before they were normalised.",
    }[verdict]


# Findings


def saved_as(measured):
    """What the factors are, beyond an optimum: tuple of "unit rows" and names of scalings.

    Gram matrices equal what they are taken for up to a factor and, in each direction, ``RECOGNISED``.
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
    """A sentence on the usual form that takes the least stretching, where it is a matter of stretching alone."""
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
    return f" The closest is {name}: to get there, one direction is stretched {stretched[name]:.3g} times as much as another."


def _kept(measured, overlap, intervals):
    """How many neighbours as trained another scaling keeps."""
    for name, (value, low, high) in intervals.items():
        raw, by_chance = overlap[name].mean() * measured.n, measured.n**2 / (len(measured.distinct) - 1)
        threshold = BALANCED_ENOUGH if name == BALANCED else STABLE
        yield Finding(f"kept-{_key(name)}", f"Neighbours kept, {name}", value, low, high, threshold,
                      f"Of {measured.n} neighbours as trained {raw:.2f} stay, {by_chance:.2f} by chance; the share is "
                      "corrected for it.")


def _everything_else(measured):
    pairs = _random_pairs(measured.distinct)
    cosines = _cosines_of_pairs(measured, pairs)
    yield from _hubs(measured)
    yield _duplicates(measured)
    yield _dimensions(measured)
    yield from _cosine_values(cosines)
    if len(cosines) > 1:
        yield _moves(cosines)
        yield _free(measured, pairs)
        yield _weights(measured)
    yield from _popularity(measured)
    if PREDICTIONS in measured.readings:
        yield Finding("replacement", "Instead", None, None, None, None, REPLACEMENT)


def _hubs(measured):
    for name, (items, _) in measured.lists.items():
        positions = np.searchsorted(measured.distinct, items[:, :measured.n])
        skewness, by_chance, largest = hubness(positions, len(measured.distinct))
        yield Finding(f"hubs-{_key(name)}", f"Hubs, {name}", skewness, None, None, by_chance,
                      f"Items are in unequally many lists, with skewness {skewness:.1f} ({by_chance:.1f} by chance); "
                      f"the largest hub is in {largest:.1%} of the lists.")


def _duplicates(measured):
    sizes = np.bincount(measured.first)
    share = 1 - len(measured.distinct) / len(measured.first)
    same = "row" if measured.score == "ranking" else "direction"
    meaning = (f"{share:.1%} of the items have the {same} of an earlier one, which no scaling changes; the largest group "
               f"has {sizes.max():,}. Each {same} was counted once, by its first item."
               if share > 0 else f"No two items have the same {same}.")
    advice = "Look at the largest group: it may be a default for items without data." if sizes.max() > 2 else ""
    return Finding("duplicates", "Duplicates", float(share), None, None, None, meaning, advice)


def _dimensions(measured):
    what = ("the items at unit length" if measured.score == "cosine" else
            "the predictions" if PREDICTIONS in measured.readings else "the items as trained")
    gram, k = measured.spectrum, measured.model.items.factors.shape[1]
    value = effective_dimensions(gram / np.trace(gram))
    return Finding("dimensions", "Effective dimensions", value, None, None, None,
                   f"The spectrum of {what} is as concentrated as {value:.1f} equal dimensions; there are {k}.")


def _cosine_values(cosines):
    as_trained = cosines[AS_TRAINED]
    value, low, high = mean_interval(as_trained, np.inf)
    yield Finding("anisotropy", "Mean cosine of random pairs", value, low, high, None,
                  "0 where directions are spread evenly, 1 where all items point the same way.")
    below = ", ".join(f"{np.mean(as_trained < at):.1%} below {at:g}" for at in (0.3, 0.5, 0.8))
    top = float(np.quantile(as_trained, 0.99))
    yield Finding("thresholds", "Cosine that 1 % of random pairs exceed", top, None, None, None,
                  f"Of random pairs' cosines as trained, {below}: a threshold means what this model makes of it.")


def _moves(cosines):
    moved = np.ptp(list(cosines.values()), axis=0)
    value, low, high = mean_interval(moved, np.inf)
    said = ("does not carry over from one of them to another" if low > MOVES else
            "carries over among them up to about that much" if high <= MOVES else "may not carry over among them")
    return Finding("moves", "How far cosines move", value, low, high, MOVES,
                   f"Over these {len(cosines)} scalings the cosine of two random items moves by {value:.2f} on average and "
                   f"by up to {moved.max():.2f}: a threshold on the cosine {said}.")


def _free(measured, pairs):
    rows = _rows_of(measured.model.items.factors, pairs)
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


def _popularity(measured):
    counts = measured.model.items.counts
    if counts is None or measured.score == "cosine":
        return
    for name, (matrix, T, shift) in measured.readings.items():
        norms = norms_under(matrix, T, shift)
        some = norms > 0
        share = popularity_share(norms[some], np.asarray(counts)[some])
        yield Finding(f"popularity-{_key(name)}", f"Popularity in the norm, {name}", share, None, None, None,
                      f"A straight line in the logarithm of popularity explains {share:.0%} of the variance of the "
                      "logarithm of the norm, which the dot product sees and the cosine does not.")


def _random_pairs(distinct):
    """Pairs of different items, the same at every run: shape (m, 2)."""
    pairs = np.random.default_rng(0).integers(0, len(distinct), size=(N_PAIRS, 2))
    return distinct[pairs[pairs[:, 0] != pairs[:, 1]]]


def _rows_of(matrix, pairs):
    """Rows of the first and of the second of each pair; each row is read once."""
    rows, position = np.unique(pairs, return_inverse=True)
    found = np.asarray(matrix[rows])
    return [found[one] for one in position.reshape(pairs.shape).T]


def _cosines_of_pairs(measured, pairs):
    """Cosines of pairs under each reading: dict of str to ndarray, shape (m,)."""
    cosines = {}
    for name, (matrix, T, shift) in measured.readings.items():
        first, second = (directions(rows, T, shift).astype(np.float64) for rows in _rows_of(matrix, pairs))
        cosines[name] = np.einsum("ij,ij->i", first, second)
    return cosines


def _picture(measured, overlap):
    """What the report draws."""
    items, names = measured.model.items, list(measured.readings)
    size = measured.items.norms if items.counts is None else items.counts
    tenths = np.array_split(np.argsort(-np.asarray(size)[measured.queries], kind="stable"), 10)
    by_group = {name: np.array([share[tenth].mean() for tenth in tenths if tenth.size])
                for name, share in overlap.items()}
    shared = {a: {b: float(measured.counted(a, b).mean()) for b in names} for a in names}
    pairs = _random_pairs(measured.distinct)[:60]
    cosines = list(_cosines_of_pairs(measured, pairs).values())
    free = attainable_range(*_rows_of(items.factors, pairs))
    extremes = np.column_stack([cosines[0], np.min(cosines, axis=0), np.max(cosines, axis=0), *free])
    group = "norm" if items.counts is None else "popularity"
    return Picture(by_group, group, shared, extremes, _weighing(measured))


def _key(name):
    return name.replace(" ", "-")
