"""Train for the cosine longer, from random factors, and at the original size, with the code of notebook 07.

    python benchmarks/cosine.py                2,000 users (at least as many as items, or X has no full rank)
    python benchmarks/cosine.py starts 20000   Steck et al.'s number: some minutes for each objective and start
    python benchmarks/cosine.py ratios         20,000 users, one start: CPU time of each objective, against unit rows
    python benchmarks/cosine.py ratios 20000 20    the same, of the first twenty steps
    python benchmarks/cosine.py temperatures   held-out NDCG of the softmax at six temperatures, on both draws

The first two print, for every objective and start, CPU seconds, the end (loss, gradient relative to the
start), cluster AUC of the items' cosines, and the share of nearest neighbours that starts have in common.
No claim.
"""

import json
import sys
import time
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from threadpoolctl import threadpool_limits

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "07-training-for-the-cosine.ipynb"
UNTIL = "draws = [Draw(seed)"  # from here on the notebook measures
SHARPER, STEPS = 3, 400  # a smaller gradient than in the notebook, or as many steps
TEMPERATURES = (0.07, 0.1, 0.2, 0.3, 0.5, 1)


def definitions(**parameters):
    """What the notebook defines before it measures, with other parameters."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    names = {"display": lambda shown: None}
    for cell in cells:
        source = "".join(cell["source"])
        if source.startswith(UNTIL):
            return names
        exec(source, names)
        if "record" in names:  # its checks are about its own parameters
            names["record"] = SimpleNamespace(check=lambda *_, **bounds: None)
        if "parameters" in cell["metadata"].get("tags", []):
            names.update(parameters)
    raise LookupError(f"{NOTEBOOK.name} has no cell that starts with {UNTIL!r}")


def starts(n_users=2_000):
    """Three starts of every objective: do they end at the same neighbours?"""
    names = definitions(n_users=int(n_users))
    draw, k = names["Draw"](0), names["k"]
    X, Z = draw.X.astype(np.float32), draw.Z.astype(np.float32)
    starts = {f"scaling {g:g}": names["scaled"](draw, g) for g in names["STARTS"].values()}
    starts["random"] = np.random.default_rng(0).normal(size=(2, X.shape[1], k))
    for objective in names["OBJECTIVES"]:
        found = {}
        for start, factors in starts.items():
            begin = time.process_time()
            parameters, loss, gradient = names["train"](
                names["begin"](draw, *factors), X, Z, objective, SHARPER, STEPS)
            seconds = time.process_time() - begin
            S = names["cosine"](names["embed"](parameters, draw.Z[:1], objective)[0][1])
            found[start] = names["nearest"](S)
            print(f"{n_users} users, {objective}, {start}: {seconds:.0f} s CPU, loss {loss:.4f}, gradient "
                  f"{gradient:.0e}, AUC {names['cluster_auc'](S, draw.cluster):.2f}", flush=True)
        shared = [f"{a} and {b} {names['overlap'](found[a], found[b]).mean():.0%}" for a, b in combinations(found, 2)]
        print("   neighbours shared: " + ", ".join(shared), flush=True)


def ratios(n_users=20_000, steps=200):
    """CPU time of training as the notebook does, from its first start, or of as many steps; and of an evaluation."""
    names = definitions(n_users=int(n_users))
    draw = names["Draw"](0)
    X, Z = draw.X.astype(np.float32), draw.Z.astype(np.float32)
    first = names["begin"](draw, *names["scaled"](draw, next(iter(names["STARTS"].values()))))
    found, loss = {}, names["loss"]
    for objective in names["OBJECTIVES"]:
        calls = []
        names["train"].__globals__["loss"] = lambda *given: (calls.append(1), loss(*given))[1]
        begin = time.process_time()
        _, value, gradient = names["train"](first, X, Z, objective, at_most=int(steps))
        seconds = time.process_time() - begin
        found[objective] = np.array([seconds, seconds / len(calls)])
        total, each = found[objective] / found["unit rows"]
        print(f"{n_users} users, {objective}: {seconds:.0f} s CPU, {len(calls)} evaluations, loss {value:.4f}, gradient "
              f"{gradient:.0e}; against unit rows: {total:.1f} times, each evaluation {each:.1f} times", flush=True)


def temperatures():
    """How the notebook's temperature was chosen, on the first draw from the first start; and what the second says."""
    for seed in range(2):
        for temperature in TEMPERATURES:
            names = definitions(temperature=temperature)
            draw = names["Draw"](seed)
            X, Z = draw.X.astype(np.float32), draw.Z.astype(np.float32)
            first = names["begin"](draw, *names["scaled"](draw, next(iter(names["STARTS"].values()))))
            parameters, _, gradient = names["train"](first, X, Z, "softmax")
            (auc, _, ndcg, _), _ = names["measure"](draw, parameters, "softmax")
            print(f"draw {seed}, temperature {temperature:g}: NDCG {ndcg:.3f}, AUC {auc:.2f}, gradient {gradient:.0e}",
                  flush=True)


if __name__ == "__main__":
    task, *arguments = sys.argv[1:] or ["starts"]
    with threadpool_limits(1, user_api="blas"):
        {"starts": starts, "ratios": ratios, "temperatures": temperatures}[task](*arguments)
