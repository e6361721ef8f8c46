"""Time the helper at the paper's size against what it should be measured by, in one run.

    python tools/bench.py

Four questions, for 20,000 users, 1,000 items and k = 50:

1. A million users: does memory stay the same, and does time grow no faster than their number?
2. How much faster are simulation, models and cosines than the pipeline one would write first: a
   Python loop of `Generator.choice` over users, then `numpy.linalg.svd` of the dense X?
3. How far are they from the bare BLAS and LAPACK calls that the result cannot do without?
4. The 50 leading singular values and vectors by way of the Gram matrix, against solvers that avoid
   it: how fast, and how accurate?

Machines are busy with other things too: contenders take turns, round by round. A time is the
median of the rounds, and a ratio the median (min..max) of the ratios within a round. The exit
status is 1 if a claim is not met.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict

# Make exports 1, for notebooks side by side. Here every contender gets all cores; BLAS reads this
# when numpy is imported.
os.environ["OPENBLAS_NUM_THREADS"] = str(os.cpu_count())

import numpy as np
from scipy.sparse.linalg import svds
from sklearn.utils.extmath import randomized_svd

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

K, LAM_1, LAM_2, DATA = PAPER.k, PAPER.lam_1, PAPER.lam_2, PAPER.simulation
ROUNDS = 9
SOLVER_ROUNDS = 3
LOOP_USERS = 2_000
SCALE = DATA.n_users // LOOP_USERS
FEW, MANY = 100_000, 1_000_000

STREAM = """
import resource, sys, time
from cosines.factorization import item_gram
from cosines.simulation import Simulation, simulate_blocks
start = time.perf_counter()
item_gram(simulate_blocks(Simulation(n_users=int(sys.argv[1]))))
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


class Stopwatch:
    """Calls functions, and keeps the seconds of every call by name."""

    def __init__(self):
        self._seconds = defaultdict(list)

    def __call__(self, name, function, *arguments, **options):
        start = time.perf_counter()
        result = function(*arguments, **options)
        self._seconds[name].append(time.perf_counter() - start)
        return result

    def __getitem__(self, name):
        return np.array(self._seconds[name])


def main():
    start = time.perf_counter()
    blas = [f"{name}={os.environ[name]}" for name in sorted(os.environ)
            if name.startswith("OPENBLAS_")]
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {', '.join(blas)}")
    claims = report_stream(measure_stream())

    watch = Stopwatch()
    X = simulate(DATA).X
    sigma, difference = measure_pipelines(watch, X.toarray())
    claims += report_first(watch, difference)
    claims += report_bare(watch)
    report_solvers(watch, measure_solvers(watch, X), sigma)

    print(f"\nclaims, after {time.perf_counter() - start:.0f} s")
    for met, claim in claims:
        print(f"  {'met    ' if met else 'NOT MET'}  {claim}")
    return 0 if all(met for met, _ in claims) else 1


def measure_stream():
    """Seconds and peak bytes of the Gram matrix of few, many and again few users."""
    runs = {FEW: [], MANY: []}
    for n_users in (FEW, MANY, FEW):
        # On Linux a child's peak memory starts from its parent's. The shell in between is small.
        command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", STREAM, str(n_users)]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        seconds, peak = map(float, output.split())
        runs[n_users].append((seconds, peak * (1 if sys.platform == "darwin" else 1024)))
    return {n_users: np.array(measured).T for n_users, measured in runs.items()}


def report_stream(runs):
    """Print question 1; the claims."""
    few, many = (runs[n][0] / n * 1e6 for n in (FEW, MANY))
    few_peak, peak = (runs[n][1].max() / 1e6 for n in (FEW, MANY))
    heading("1. item_gram(simulate_blocks(...))", "us / user", "many / few")
    row(f"{FEW:,} users (twice), peak memory {few_peak:.0f} MB", few)
    row(f"{MANY:,} users (once), peak memory {peak:.0f} MB", many, many / few)
    return [
        (peak < 1000, f"1,000,000 users in less than 1 GB: {peak:.0f} MB"),
        # Were cost to grow with the square, this would be 10.
        at_most("time per user, 1,000,000 users / 100,000 users", many / few, 2),
    ]


def measure_pipelines(watch, dense):
    """Ours, the bare calls and the loop in turns, with the one slow SVD in the middle.

    The SVD is of our X. Returns its singular values, and by how much its cosines differ from ours.
    """
    single = dense.astype(np.float32)
    for turn in range(ROUNDS):
        data, gram, embeddings, cosines = run_ours(watch)
        run_bare(watch, single, gram, embeddings)
        watch("loop", choice_loop, data)
        if turn == ROUNDS // 2:
            _, sigma, Vt = watch("svd", np.linalg.svd, dense, full_matrices=False)
            reference = watch("first models", first_cosines, sigma[:K], Vt[:K].T)
    return sigma, max(np.abs(a - b).max() for a, b in zip(cosines, reference, strict=True))


def run_ours(watch):
    """From nothing to the cosines, as the notebooks do it."""
    data = watch("simulation", simulate, DATA)
    gram = watch("gram", item_gram, data.X)
    decomposition = watch("spectrum", spectrum, gram)
    return data, gram, *watch("models", our_cosines, decomposition)


def our_cosines(decomposition):
    """Five item embeddings and their cosines."""
    sigma = decomposition.sigma[:K]
    root = shrinkage(sigma, LAM_1) ** 0.5
    eq1 = fit_product_penalty(decomposition, LAM_1, K)
    eq2 = fit_factor_penalty(decomposition, LAM_2, K)
    rescaled = [rescale(eq1, d).B for d in (root, 1 / root, sigma**-0.5)]
    embeddings = [rescaled[0], eq1.B, *rescaled[1:], eq2.B]
    return embeddings, [cosine(B) for B in embeddings]


def run_bare(watch, single, gram, embeddings):
    """The calls alone, on input that lies ready."""
    watch("bare gram", np.matmul, single.T, single)
    watch("bare spectrum", np.linalg.eigh, gram)
    units = [unit_rows(B) for B in embeddings]
    watch("bare models", lambda: [U @ U.T for U in units])


def choice_loop(data):
    """Users one by one, each with as many items as in `data`."""
    rng = np.random.default_rng(0)
    X = np.zeros((LOOP_USERS, DATA.n_items))
    for x_u, k_u in zip(X, np.diff(data.X.indptr)[:LOOP_USERS], strict=True):
        p_uc = rng.dirichlet(np.full(DATA.n_clusters, DATA.preference_concentration))
        p_ui = p_uc[data.cluster] * data.popularity
        x_u[rng.choice(DATA.n_items, size=k_u, replace=False, p=p_ui / p_ui.sum())] = 1
    return X


def first_cosines(sigma, V):
    """The five cosine matrices, formula by formula."""
    w = 1 / (1 + LAM_1 / sigma**2)
    eq2 = np.sqrt(sigma * np.maximum(1 - LAM_2 / sigma, 0))
    embeddings = [V, V * np.sqrt(w), V * w, V * np.sqrt(w * sigma), V * eq2]
    units = [B / np.linalg.norm(B, axis=1, keepdims=True) for B in embeddings]
    return [U @ U.T for U in units]


def report_first(watch, difference):
    """Print question 2; the claims."""
    loop = watch["loop"] * SCALE
    decomposition = watch["gram"] + watch["spectrum"]
    ours = watch["simulation"] + decomposition + watch["models"]
    first = loop + watch["svd"] + watch["first models"]
    heading("2. simulation, models, five cosine matrices", "seconds", "first / ours")
    row("ours", ours)
    row("the pipeline one would write first", first, first / ours)
    row(f"  loop over {LOOP_USERS:,} users, times {SCALE}", loop, loop / watch["simulation"])
    row("  numpy.linalg.svd of the dense X (once)", watch["svd"], watch["svd"] / decomposition)
    row("  models and cosines (once)", watch["first models"],
        watch["first models"] / watch["models"])
    return [
        at_least("the pipeline one would write first / ours", first / ours, 10),
        (difference < 1e-8, f"both give the same cosines, to 1e-8: {difference:.0e}"),
    ]


def report_bare(watch):
    """Print question 3; the claims."""
    bare = watch["bare gram"] + watch["bare spectrum"] + watch["bare models"]
    ours = watch["simulation"] + watch["gram"] + watch["spectrum"] + watch["models"]
    heading("3. ours and the bare calls", "seconds", "ours / bare")
    row("ours", ours, ours / bare)
    row("  simulation", watch["simulation"])
    row("  Gram matrix", watch["gram"], watch["gram"] / watch["bare gram"])
    row("  spectrum", watch["spectrum"], watch["spectrum"] / watch["bare spectrum"])
    row("  models and cosines", watch["models"], watch["models"] / watch["bare models"])
    row("bare", bare)
    row("  X^T X, dense float32, one call", watch["bare gram"])
    row("  numpy.linalg.eigh, float64", watch["bare spectrum"])
    row("  five products of embeddings", watch["bare models"])
    return [at_most("ours / bare calls", ours / bare, 3)]


def measure_solvers(watch, X):
    """Singular values from three solvers, in turns."""
    for _ in range(SOLVER_ROUNDS):
        ours, _ = watch("by Gram", lambda: spectrum(item_gram(X), K))
        _, lanczos, _ = watch("svds", svds, X, k=K, rng=0)
        _, randomized, _ = watch("randomized", randomized_svd, X, K, random_state=0)
    return {"by Gram": ours, "svds": lanczos[::-1], "randomized": randomized}


def report_solvers(watch, found, sigma):
    """Print question 4."""
    heading(f"4. {K} leading singular values and vectors", "seconds", "time / ours")
    names = {"by Gram": "spectrum(item_gram(X), k)", "svds": "scipy svds(X, k)",
             "randomized": "sklearn randomized_svd(X, k)"}
    for key, name in names.items():
        error = np.abs(found[key] / sigma[:K] - 1).max()
        row(f"{name}, error {error:.0e}", watch[key], watch[key] / watch["by Gram"])
    print("  error: largest relative error of a singular value against numpy.linalg.svd")


def heading(question, unit, ratio):
    print(f"\n{question:<54}{unit:>9}   {ratio}")


def row(text, values, ratios=None):
    ratio = "" if ratios is None else spread(ratios)
    print(f"  {text:<52}{np.median(values):9.3f}   {ratio}".rstrip(), flush=True)


def spread(ratios):
    """Median (min..max)."""
    return f"{np.median(ratios):.3g} ({ratios.min():.3g}..{ratios.max():.3g})"


def at_least(claim, ratios, bound):
    return np.median(ratios) >= bound, f"{claim}, at least {bound}: {spread(ratios)}"


def at_most(claim, ratios, bound):
    return np.median(ratios) <= bound, f"{claim}, at most {bound}: {spread(ratios)}"


if __name__ == "__main__":
    sys.exit(main())
