"""Questions to any embedding: hubs, duplicates, collapse, its metric, and what a cosine is worth."""

from typing import NamedTuple

import numpy as np

from cosines.audit.blocks import nearest_with_products, norms_under, unit_gram
from cosines.audit.measure import Finding, key_of, mean_interval
from cosines.scalings import AS_TRAINED, PREDICTIONS

# Conventions, none of which enters the verdict. They were set before any model was looked at.
NEAR, NEAR_DUPLICATES = 0.99, 0.02
ANTIHUBS = 0.05
COLLAPSED = 0.1
ANISOTROPIC = 0.3
SAME_METRIC = 0.9
AT_MOST = 500  # items whose neighbours by inner product are looked for
COSINES, QUANTILES = (0.3, 0.5, 0.8), (0.5, 0.9, 0.99)


class Threshold(NamedTuple):
    """What a cosine is worth under one reading, from random pairs of different items.

    `below` holds, for each of `COSINES`, the share of pairs below it; `quantiles` the cosine that
    each share of `QUANTILES` is below.
    """

    reading: str
    below: dict
    quantiles: dict


def hubs(measured):
    """How unevenly items are in other items' lists, under each reading; which are in none as trained."""
    p, q = len(measured.distinct), len(measured.queries)
    for name, (items, _) in measured.lists.items():
        positions = np.searchsorted(measured.distinct, items[:, :measured.n])
        skewness, by_chance, largest = hubness(positions, p)
        yield Finding(f"hubs-{key_of(name)}", f"Hubs, {name}", skewness, None, None, None,
                      f"Items are in unequally many lists, with skewness {skewness:.1f} ({by_chance:.1f} by chance); "
                      f"the largest hub is in {largest:.1%} of the lists.")
    in_lists = np.unique(measured.lists[AS_TRAINED][0][:, :measured.n]).size
    none, expected = 1 - in_lists / p, (1 - measured.n / (p - 1)) ** q
    excess = max(none - expected, 0.0)
    yield Finding("antihubs", "Antihubs, as trained", excess, None, None, ANTIHUBS,
                  f"{none:.1%} of the items are in none of the {q:,} lists, {expected:.1%} would be by chance.",
                  *_advice(excess < ANTIHUBS, "No search for neighbours finds them: look at a few, they may be items "
                           "with little data."))


def duplicates(measured):
    """Items of one direction, and items that are nearly so."""
    sizes = np.bincount(measured.first)
    share = 1 - len(measured.distinct) / len(measured.first)
    same = "row" if measured.score == "ranking" else "direction"
    meaning = (f"{share:.1%} of the items have the {same} of an earlier one, which no scaling changes; the largest group "
               f"has {sizes.max():,}. Each {same} was counted once, by its first item."
               if share > 0 else f"No two items have the same {same}.")
    advice = "Look at the largest group: it may be a default for items without data." if sizes.max() > 2 else ""
    yield Finding("duplicates", "Duplicates", float(share), None, None, None, meaning, advice)
    near = measured.nearest >= NEAR
    value, low, high = mean_interval(near, len(measured.distinct))
    yield Finding("near-duplicates", "Near duplicates, as trained", value, max(low, 0.0), min(high, 1.0), NEAR_DUPLICATES,
                  f"Share of items, duplicates counted once, that have a neighbour with a cosine of {NEAR:g} or more.",
                  *_advice(value < NEAR_DUPLICATES, "Look at some pairs: one thing listed twice, or vectors that "
                           "training has hardly moved apart."))


def dimensions(measured):
    """Over how many directions predictions and cosines are spread."""
    B = measured.model.items.factors
    what = ("the items at unit length" if measured.score == "cosine" else
            "the predictions" if PREDICTIONS in measured.readings else "the items as trained")
    gram, k = measured.spectrum, B.shape[1]
    value = effective_dimensions(gram / np.trace(gram))
    yield Finding("dimensions", "Effective dimensions", value, None, None, None,
                  f"The spectrum of {what} is as concentrated as {value:.1f} equal dimensions; there are {k}.")
    share = effective_dimensions(unit_gram(B)) / k
    yield Finding("collapse", "Dimensions in use, as trained", share, None, None, COLLAPSED,
                  f"Items at unit length are spread as if over {share:.0%} of the {k} dimensions; "
                  f"fewer than {COLLAPSED:.0%} is a collapse.",
                  *_advice(share >= COLLAPSED, "Look at what nearly all items share (often popularity, or a mean that "
                           "was not subtracted), or train with fewer dimensions."))


def cosine_values(cosines):
    """What a cosine is worth: the mean, and thresholds among random pairs, in `thresholds`."""
    value, low, high = mean_interval(cosines[AS_TRAINED], np.inf)
    yield Finding("anisotropy", "Mean cosine of random pairs", value, low, high, ANISOTROPIC,
                  "0 where directions are spread evenly, 1 where all items point the same way.",
                  *_advice(value < ANISOTROPIC, "Read cosines against the quantiles of random pairs, not as numbers."))
    worth = thresholds(cosines)
    said = [f"{one.reading}, {', '.join(f'{share:.1%} below {at:g}' for at, share in one.below.items())}, and 99 % below "
            f"{one.quantiles[0.99]:.2f}" for one in worth if one.reading in (AS_TRAINED, PREDICTIONS)]
    yield Finding("thresholds", "Cosine that 1 % of random pairs exceed", worth[0].quantiles[0.99], None, None, None,
                  f"Of random pairs, {'; '.join(said)}: a threshold means what this model and scaling make of it.")


def thresholds(cosines):
    """What a cosine is worth under each reading.

    Parameters
    ----------
    cosines : dict of str to ndarray, shape (m,)
        Of random pairs, by reading.

    Returns
    -------
    tuple of Threshold
    """
    return tuple(Threshold(name, {at: float(np.mean(values < at)) for at in COSINES},
                           {share: float(np.quantile(values, share)) for share in QUANTILES})
                 for name, values in cosines.items())


def metric(measured):
    """Whether an index by inner product would give the neighbours that the cosine does."""
    B, distinct, n = measured.model.items.factors, measured.distinct, measured.n
    every = -(-len(measured.queries) // AT_MOST)
    by_product = nearest_by_product(B, measured.queries[::every], n, distinct)
    by_cosine = measured.lists[AS_TRAINED][0][::every, :n]
    shared = (by_product[:, :, None] == by_cosine[:, None, :]).sum(axis=(1, 2)) / n
    value, low, high = mean_interval(shared, len(distinct))
    yield Finding("metric", "Neighbours that the inner product finds too", value, low, high, SAME_METRIC,
                  "Shared by the lists of the cosine and of the inner product of items as trained.",
                  *_advice(value >= SAME_METRIC, "Set your index to the cosine, or bring vectors to unit length before "
                           "they go in, if the cosine is what you mean."))


def nearest_by_product(B, queries, n, among):
    """The `n` items, `among` some, of largest inner product with each query item, nearest first: shape (q, n).

    Parameters
    ----------
    B : array_like, shape (p, k)
    queries, among : ndarray of int
        Rows of B, ascending; an item is not a neighbour of its own.
    n : int
        Fewer than items in `among`.
    """
    return nearest_with_products(B, queries, n, np.isin(np.arange(B.shape[0]), among))[0]


def _advice(ok, otherwise):
    """The last two fields of a finding: what to try where it is not all right."""
    return ("" if ok else otherwise), bool(ok)


def popularity(measured):
    counts = measured.model.items.counts
    if counts is None or measured.score == "cosine":
        return
    for name, (matrix, T, shift) in measured.readings.items():
        norms = norms_under(matrix, T, shift)
        some = norms > 0
        share = popularity_share(norms[some], np.asarray(counts)[some])
        yield Finding(f"popularity-{key_of(name)}", f"Popularity in the norm, {name}", share, None, None, None,
                      f"A straight line in the logarithm of popularity explains {share:.0%} of the variance of the "
                      "logarithm of the norm, which the dot product sees and the cosine does not.")


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
    """Participation ratio of the eigenvalues of a Gram matrix: between 1 and k, where k means all equal."""
    return float(np.trace(gram) ** 2 / np.sum(gram * gram.T))


def hubness(neighbours, p):
    """How unevenly items occur as neighbours.

    Parameters
    ----------
    neighbours : ndarray of int, shape (q, n)
    p : int
        Items in the catalogue.

    Returns
    -------
    skewness : float
        Third standardised moment of the number of lists an item is in (Radovanovic et al., JMLR
        2010): the larger, the more some items crowd the lists.
    by_chance : float
        The same if every list were drawn at random. With few lists and many items it is large.
    largest : float
        Share of the lists that the most frequent neighbour is in.
    """
    q, n = neighbours.shape
    occurrences = np.bincount(neighbours.ravel(), minlength=p)
    deviation = occurrences - occurrences.mean()
    spread = deviation.std()
    skewness = np.mean(deviation**3) / spread**3 if spread > 0 else 0.0
    share = n / p
    by_chance = (1 - 2 * share) / np.sqrt(q * share * (1 - share)) if share < 1 else 0.0
    return float(skewness), float(by_chance), float(occurrences.max() / q)
