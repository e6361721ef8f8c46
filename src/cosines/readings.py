"""A similarity of items is *data x model x view*; each one that is compared is a row.

Both models end at ``A B^T = V_k dMat(w) V_k^T``, each with weights w of its own, so that a view is a
function of V, sigma and w. To add a remedy, write its function from data to a Gram matrix and add
a row to `DATA`: tables, figures and records are made from the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cosines import remedies
from cosines._arrays import require_known
from cosines.experiment import PAPER
from cosines.factorization import item_gram, shrinkage, soft_threshold, spectrum
from cosines.similarity import cosine


class Data(NamedTuple):
    """A row of `DATA`: `gram` is a function of X (n, p) and of the Gram matrix of the data in `start`."""

    label: str
    gram: Callable
    start: str = "raw"


def _weighted_by_user(X, gram):
    return item_gram(sparse.diags_array(1 / np.sqrt(np.diff(X.indptr))) @ X)


def _pmi(gram, power):
    M = remedies.positive_pmi(gram, power)
    return M @ M.T  # the Gram matrix of its rows


DATA = {
    "raw": Data("raw", lambda X, gram: gram),
    "centred": Data("centred", lambda X, gram: remedies.centred_gram(gram, X.sum(axis=0), X.shape[0])),
    "standardised": Data("standardised", lambda X, gram: remedies.unit_diagonal(gram), start="centred"),
    "ips-items": Data("IPS items", lambda X, gram: remedies.unit_diagonal(gram)),
    "ips-users": Data("IPS users", _weighted_by_user),
    "ips-both": Data("IPS both", lambda X, gram: remedies.unit_diagonal(gram), start="ips-users"),
    "pmi-word2vec": Data(r"PMI ($\beta=3/4$)", lambda X, gram: _pmi(gram, 0.75)),
    "pmi-plain": Data(r"PMI ($\beta=1$)", lambda X, gram: _pmi(gram, 1)),
}


class Model(NamedTuple):
    """A row of `MODELS`: its weights, a function of sigma and lam, and the view in which it is trained."""

    label: str
    weights: Callable | None = None
    trained: str | None = None


MODELS = {
    "none": Model("no model"),
    "eq1": Model("Eq. 1", shrinkage, "g-half"),  # the choice of Steck et al.; any D is as good
    "eq2": Model("Eq. 2", soft_threshold, "sqrt-sigma"),
}


class View(NamedTuple):
    """A row of `VIEWS`: cosines of ``V_k dMat(scale)``, a function of w and sigma, unless it is None.

    `models` are those that it makes sense for: Eq. 2 is trained at one scaling, and has no other.
    """

    label: str
    scale: Callable | None = None
    models: str = "eq1 eq2"
    of_product: bool = False


VIEWS = {
    "columns": View("columns", models="none"),
    "g-minus-1": View(r"$V_k\,w^{-1}$", lambda w, sigma: 1 / w, "eq1"),
    "g-0": View("$V_k$", lambda w, sigma: np.ones_like(w), "eq1"),
    "g-half": View(r"$V_k\,w^{1/2}$", lambda w, sigma: np.sqrt(w), "eq1"),
    "g-1": View(r"$V_k\,w$", lambda w, sigma: w, "eq1"),
    "g-2": View(r"$V_k\,w^2$", lambda w, sigma: w**2, "eq1"),
    "sqrt-sigma": View(r"$V_k(w\sigma)^{1/2}$", lambda w, sigma: np.sqrt(w * sigma)),
    "dot": View("dot", models="none eq1 eq2"),
    "predictions": View("predictions", lambda w, sigma: w * sigma, of_product=True),
    "entries": View("entries of $W$", of_product=True),
}


def _known():
    """Data, model and view of every reading that makes sense and that training can give, by key."""
    return {"-".join(parts): parts for parts in product(DATA, MODELS, VIEWS)
            if parts[1] in VIEWS[parts[2]].models.split()}


@dataclass(frozen=True)
class Reading:
    """One similarity of items.

    Parameters
    ----------
    data, model, view : str
        Keys of `DATA`, `MODELS` and `VIEWS`. Without a model the view is "columns" or "dot".

    Raises
    ------
    ValueError
        If there is no such reading; the error names the nearest.
    """

    data: str
    model: str
    view: str

    def __post_init__(self):
        require_known("reading", self.key, _known())

    @property
    def key(self):
        """For records: lower-case letters, digits and hyphens."""
        return f"{self.data}-{self.model}-{self.view}"

    @property
    def parts(self):
        """Labels of data, model ("" without one) and view, with formulas between dollar signs."""
        own = self.model == "eq2" and self.view == MODELS["eq2"].trained
        model = "" if self.model == "none" else MODELS[self.model].label
        return DATA[self.data].label, model, "own cosines" if own else VIEWS[self.view].label

    @property
    def label(self):
        """For tables and figures."""
        data, model, view = self.parts
        if not model:
            return f"{data} {view}"
        model += "" if view == "own cosines" else f": {view}"
        return model if self.data == "raw" else f"{data}, {model}"

    @property
    def family(self):
        """Readings of one family share a colour and stand together in tables."""
        if self.model == "none":
            return "no model"
        return MODELS[self.model].label if self.model == "eq2" or self.data == "raw" else "normalised"

    @property
    def determined(self):
        """Does training determine it? "yes" or "no"."""
        return "no" if self.model == "eq1" and not VIEWS[self.view].of_product else "yes"


def all_readings():
    """Every reading that makes sense and that training can give, in the order of the rows."""
    return [Reading(*parts) for parts in _known().values()]


def named(key):
    """The reading of a key, such as ``"raw-eq1-predictions"``.

    Raises
    ------
    ValueError
        If there is none; the error names the nearest.
    """
    known = _known()
    require_known("reading", key, known)
    return Reading(*known[key])


def similarities(readings, X, experiment=PAPER, gram=None):
    """The similarity matrix of each reading, one after the other; data are decomposed once.

    Parameters
    ----------
    readings : iterable of Reading
    X : sparse array, shape (n, p)
        Interactions, 0/1.
    experiment : Experiment
        Gives k and the penalties.
    gram : ndarray, shape (p, p), optional
        ``X^T X``, if it is known already.

    Yields
    ------
    reading : Reading
    similarity : ndarray, shape (p, p)
    """
    gram = item_gram(X) if gram is None else gram

    @cache
    def gram_of(data):
        return gram if data == "raw" else DATA[data].gram(X, gram_of(DATA[data].start))

    @cache
    def decomposed(data):
        return spectrum(gram_of(data), experiment.k)

    for reading in readings:
        if reading.model != "none":
            w = _weights(reading, decomposed(reading.data).sigma, decomposed("raw").sigma, experiment)
            yield reading, _view(reading, decomposed(reading.data), w)
        else:
            columns = gram_of(reading.data)
            yield reading, columns if reading.view == "dot" else remedies.unit_diagonal(columns)


def _weights(reading, sigma, raw_sigma, experiment):
    """The model's weights on these data, with the sum that they have on raw data.

    Singular values of normalised data are on another scale, so an equally strong penalty is too.
    """
    lam = experiment.lam_1 if reading.model == "eq1" else experiment.lam_2
    weights = MODELS[reading.model].weights
    if reading.data != "raw":
        lam = remedies.matched_penalty(sigma, weights(raw_sigma, lam).sum(), weights)
    return weights(sigma, lam)


def _view(reading, decomposition, w):
    """What the view makes of the model; dimensions of weight zero are switched off."""
    on = w > 0
    sigma, V, w = decomposition.sigma[on], decomposition.V[:, on], w[on]
    if reading.view == "entries":
        return (V * w) @ V.T
    if reading.view == "dot":
        B = V * VIEWS[MODELS[reading.model].trained].scale(w, sigma)
        return B @ B.T
    return cosine(V * VIEWS[reading.view].scale(w, sigma))
