"""Time the helper, at the paper's size, against what it could be measured by, in one run.

    python tools/bench.py

Four questions, for 20,000 users, 1,000 items and k = 50:

- One million users: does memory stay constant, and does time grow in proportion?
- How much faster are simulation, models and cosines than the pipeline one would write first, a
  loop of `Generator.choice` over users and `numpy.linalg.svd` of the dense X? The SVD is of our X,
  so that the cosines of both can be compared.
- How close are they to the bare BLAS and LAPACK calls that the result cannot do without?
- The 50 leading singular values and vectors from the Gram matrix, against the solvers that avoid
  it: time and accuracy.

Times are medians. The machine may be busy with other things, so contenders take turns, round by
round, and a ratio is the median (min..max) of the rounds' ratios. The exit status is 1 when a
claim is not met.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict

# All contenders get all cores: `make` says 1, for notebooks side by side, and BLAS reads this once,
# when numpy is imported.
os.environ["OPENBLAS_NUM_THREADS"] = str(os.cpu_count())

import numpy as np
from scipy.sparse.linalg import svds
from sklearn.utils.extmath import randomized_svd

from cossim.factorization import (
    fit_factor_penalty,
    fit_product_penalty,
    item_gram,
    rescale,
    shrinkage,
    spectrum,
)
from cossim.similarity import cosine, unit_rows
from cossim.simulation import Simulation, simulate

PAPER = Simulation()
K, LAM_1, LAM_2 = 50, 10_000, 100
ROUNDS, SOLVER_ROUNDS = 5, 3
LOOP_USERS = 2_000  # of the 20,000; its time is multiplied by 10
FEW, MANY = 100_000, 1_000_000

STREAM = """
import resource, sys, time
from cossim.factorization import item_gram
from cossim.simulation import Simulation, simulate_blocks
start = time.perf_counter()
item_gram(simulate_blocks(Simulation(n_users=int(sys.argv[1]))))
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main():
    start = time.perf_counter()
    print_settings()
    # First, because on Linux a child's peak memory starts from what its parent has in use.
    claims = bench_stream()
    data, ours, first, bare = bench_pipelines()
    dense = data.X.toarray()
    clock = Clock()
    U_sigma_V = clock("SVD", np.linalg.svd, dense, False)
    claims += report_first(ours, first, clock, U_sigma_V, data)
    claims += report_bare(ours, bare)
    bench_solvers(data.X, U_sigma_V[1][:K])
    print(f"\nClaims ({time.perf_counter() - start:.0f} s in all)")
    for met, claim in claims:
        print(f"  {'met    ' if met else 'NOT MET'}  {claim}")
    return 0 if all(met for met, _ in claims) else 1
