"""The leading singular values and vectors by way of the Gram matrix, against solvers without it.

    python benchmarks/solvers.py

`scipy.sparse.linalg.svds` and scikit-learn's `randomized_svd` on the same X, with a quarter of the
original users; the error of each is against `numpy.linalg.svd`.
"""

import sys
from dataclasses import replace

import numpy as np
from paired import Claim, alternate, at_least, report
from scipy.sparse.linalg import svds
from sklearn.utils.extmath import randomized_svd

from cosines.experiment import PAPER
from cosines.factorization import item_gram, spectrum
from cosines.simulation import simulate

K = PAPER.k
DATA = replace(PAPER.simulation, n_users=PAPER.simulation.n_users // 4)
PAIRS = 5


def main():
    X = simulate(DATA).X
    exact = np.linalg.svd(X.toarray(), compute_uv=False)[:K]
    ways = {
        "ours": lambda: spectrum(item_gram(X), K).sigma,
        "svds": lambda: svds(X, k=K, rng=0)[1][::-1],
        "randomized_svd": lambda: randomized_svd(X, K, random_state=0)[1],
    }
    errors = {name: np.abs(way() / exact - 1).max() for name, way in ways.items()}
    print("largest relative error of a singular value: "
          + ", ".join(f"{name} {error:.0e}" for name, error in errors.items()))
    seconds = alternate(ways, PAIRS)
    # Ten runs beside busy processes gave medians of 5.9 to 6.7 and of 2.6 to 3.8 (see paired.py).
    return report([
        Claim("ours is exact to 1e-10", f"{errors['ours']:.0e}", bool(errors["ours"] < 1e-10)),
        *(at_least(f"{name} / ours", seconds[name] / seconds["ours"], bound)
          for name, bound in (("svds", 3.5), ("randomized_svd", 1.5))),
    ])


if __name__ == "__main__":
    sys.exit(main())
