"""From nothing to the cosines: the helper against the pipeline one would write first.

    python benchmarks/pipeline.py

That is a Python loop over users with `Generator.choice`, then `numpy.linalg.svd` of the dense X,
then the formulas. With a quarter of the original users, so that it can be run several times; both
sides do all of them, and the same five embeddings.

The lower end is compared too: the BLAS and LAPACK calls alone that the result cannot do without,
on input that lies ready. With all 20,000 users both ratios are larger (about 12 and 2.3): the
eigenvectors cost the same for any number of users.
"""

import sys
from dataclasses import replace

import numpy as np
from paired import Claim, alternate, at_least, at_most, report

from cosines.experiment import PAPER
from cosines.factorization import (
    fit_factor_penalty,
    fit_product_penalty,
    item_gram,
    rescale,
    shrinkage,
    spectrum,
)
from cosines.similarity import cosine, unit_rows
from cosines.simulation import simulate

K, LAM_1, LAM_2 = PAPER.k, PAPER.lam_1, PAPER.lam_2
DATA = replace(PAPER.simulation, n_users=PAPER.simulation.n_users // 4)
PAIRS = 5
BARE_PAIRS = 15


def main():
    data = simulate(DATA)
    dense = data.X.toarray()
    gram = item_gram(data.X)
    embeddings = our_embeddings(spectrum(gram))
    difference = max(
        np.abs(cosine(B) - reference).max()
        for B, reference in zip(embeddings, first_cosines(dense), strict=True)
    )

    first = alternate({"ours": ours, "first": lambda: first_cosines(choice_loop(data))}, PAIRS)
    single, units = dense.astype(np.float32), [unit_rows(B) for B in embeddings]
    bare = alternate({"ours": ours, "bare": lambda: bare_calls(single, gram, units)}, BARE_PAIRS)
    # Ten runs beside busy processes gave medians of 7.3 to 8.1 and of 1.4 to 1.5 (see paired.py).
    return report([
        at_least("the pipeline one would write first / ours", first["first"] / first["ours"], 5),
        at_most("ours / the bare calls", bare["ours"] / bare["bare"], 2.5),
        Claim("both give the same cosines, to 1e-8", f"{difference:.0e}", bool(difference < 1e-8)),
    ])


def ours():
    """From nothing to the cosines, as the notebooks do it."""
    return [cosine(B) for B in our_embeddings(spectrum(item_gram(simulate(DATA).X)))]


def our_embeddings(decomposition):
    """Eq. 1's embeddings at four scalings, and Eq. 2's."""
    sigma = decomposition.sigma[:K]
    root = shrinkage(sigma, LAM_1) ** 0.5
    eq1 = fit_product_penalty(decomposition, LAM_1, K)
    eq2 = fit_factor_penalty(decomposition, LAM_2, K)
    rescaled = [rescale(eq1, d).B for d in (root, 1 / root, sigma**-0.5)]
    return [rescaled[0], eq1.B, *rescaled[1:], eq2.B]


def choice_loop(data):
    """Users one by one, each with as many items as in `data`."""
    rng = np.random.default_rng(0)
    X = np.zeros(data.X.shape)
    for x_u, k_u in zip(X, np.diff(data.X.indptr), strict=True):
        p_uc = rng.dirichlet(np.full(DATA.n_clusters, DATA.preference_concentration))
        p_ui = p_uc[data.cluster] * data.popularity
        x_u[rng.choice(DATA.n_items, size=k_u, replace=False, p=p_ui / p_ui.sum())] = 1
    return X


def first_cosines(X):
    """The five cosine matrices, formula by formula."""
    _, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    sigma, V = sigma[:K], Vt[:K].T
    w = 1 / (1 + LAM_1 / sigma**2)
    eq2 = np.sqrt(sigma * np.maximum(1 - LAM_2 / sigma, 0))
    embeddings = [V, V * np.sqrt(w), V * w, V * np.sqrt(w * sigma), V * eq2]
    units = [B / np.linalg.norm(B, axis=1, keepdims=True) for B in embeddings]
    return [U @ U.T for U in units]


def bare_calls(single, gram, units):
    """X^T X in one call in float32, its eigenvectors in float64, five products of embeddings."""
    return single.T @ single, np.linalg.eigh(gram), [U @ U.T for U in units]


if __name__ == "__main__":
    sys.exit(main())
