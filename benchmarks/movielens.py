"""Measure time and memory of reading and decomposing ratings of the shape of MovieLens 25M.

    python benchmarks/movielens.py

Writes a synthetic ratings.csv (600 MB) to a temporary folder, reads it as a release, and computes
the 50 leading singular values and vectors of 59,047 columns.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from cosines.experiment import PAPER
from cosines.factorization import leading_spectrum
from cosines.movielens import read_movielens

N_USERS, N_FILMS, N_RATINGS = 162_541, 59_047, 25_000_095
AT_A_TIME = 500_000
K = PAPER.k


def write_release(folder):
    """Ratings of random users; films by a power law, ids shuffled."""
    rng = np.random.default_rng(0)
    popularity = rng.permutation(np.arange(1, N_FILMS + 1) ** -0.8)
    popularity /= popularity.sum()
    with (folder / "ratings.csv").open("w") as file:
        file.write("userId,movieId,rating,timestamp\n")
        for start in range(0, N_RATINGS, AT_A_TIME):
            size = min(AT_A_TIME, N_RATINGS - start)
            users, ratings = rng.integers(1, N_USERS + 1, size), rng.integers(1, 11, size) / 2
            films = 1 + rng.choice(N_FILMS, size, p=popularity)
            rows = zip(users.tolist(), films.tolist(), ratings.tolist(), strict=True)
            file.writelines(f"{user},{film},{rating},1\n" for user, film, rating in rows)
    with (folder / "movies.csv").open("w") as file:
        file.write("movieId,title,genres\n")
        file.writelines(f"{film},Film {film} (2000),Drama\n" for film in range(1, N_FILMS + 1))


def report(what, start):
    unit = 1e9 if sys.platform == "darwin" else 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(f"{what:<44}{time.perf_counter() - start:6.1f} s   peak so far {peak:.1f} GB", flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        write_release(Path(folder))
        start = time.perf_counter()
        X = read_movielens(folder).X
        report(f"read {N_RATINGS:,} ratings, {X.nnz:,} different", start)
    start = time.perf_counter()
    leading_spectrum(sparse.csr_array((X >= 4).astype(np.float64)), K)
    report(f"{K} leading singular vectors", start)


if __name__ == "__main__":
    main()
