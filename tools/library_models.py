"""ALS and BPR of `implicit` on MovieLens 100k and on the simulation: accuracy, neighbours, seeds, audit.

    python tools/library_models.py           tunes, then writes paper/generated/library-models.json
    python tools/library_models.py measure   the same with the settings below, without trying the grids

It needs the extra `libraries` and MovieLens 100k; no figure depends on it, and ``make figures``
does not run it. One thread and fixed seeds: the same numbers every time. The simulation has 2,000
users and 500 items, as in notebook 15.
"""

import sys
from itertools import combinations, product

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy import sparse
from threadpoolctl import threadpool_limits

from cosines.audit.findings import ARBITRARY, DEPENDENT, audit
from cosines.evaluation import cluster_auc, nearest, overlap, ranking_accuracy
from cosines.experiment import PAPER
from cosines.movielens import installed_movielens, read_movielens
from cosines.publishing.records import Records
from cosines.scalings import PREDICTIONS
from cosines.similarity import cosine
from cosines.simulation import simulate
from cosines.symmetries import canonical

N_SEEDS = {"movielens": 5, "simulation": 3}
N_SPLITS = 3  # of MovieLens; draws of the simulation


def als_grid(factors, penalties):
    return [{"factors": k, "alpha": alpha, "regularization": mu}
            for k, (alpha, mu) in product(factors, penalties)]


def bpr_grid(factors, rates, penalties):
    """`rates`: learning rates, with as many passes over the data."""
    return [{"factors": k, "learning_rate": rate, "iterations": n, "regularization": mu}
            for k, (rate, n), mu in product(factors, rates, penalties)]


# Settings of the library that were tried; kept by NDCG@20 of validation users of the first split.
GRIDS = {
    ("movielens", "als"): als_grid(  # 128 factors, which take four times as long, score 0.001 more than 64
        (32, 64), ((1, 10), (5, 10), (5, 30), (5, 60), (10, 60), (10, 120))),
    ("movielens", "bpr"): bpr_grid(
        (16, 32, 64), ((0.0025, 200), (0.005, 75), (0.005, 100), (0.005, 150), (0.01, 50), (0.02, 25)),
        (0.0001, 0.001, 0.01)) + bpr_grid(  # and a step further from the best of these
        (16,), ((0.00125, 400), (0.0025, 150), (0.0025, 300)), (0.001,)) + bpr_grid((8,), ((0.0025, 200),), (0.001,)),
    ("simulation", "als"): als_grid(
        (4, 8, 16), ((0.5, 5), (0.5, 10), (0.5, 20), (1, 10), (1, 20), (1, 30), (5, 100))),
    # One, and a step from it in each direction. (Half the rate and twice the passes score 0.0005 more.)
    ("simulation", "bpr"):
        bpr_grid((4, 8, 16), ((0.005, 100),), (0.05,)) + bpr_grid((8,), ((0.005, 100),), (0.03, 0.08))
        + bpr_grid((8,), ((0.01, 50), (0.02, 25), (0.005, 75), (0.005, 150)), (0.05,)),
}
KEPT = {
    ("movielens", "als"): {"factors": 64, "alpha": 5, "regularization": 30},
    ("movielens", "bpr"): {"factors": 16, "learning_rate": 0.0025, "iterations": 200, "regularization": 0.001},
    ("simulation", "als"): {"factors": 8, "alpha": 1, "regularization": 20},
    ("simulation", "bpr"): {"factors": 8, "learning_rate": 0.005, "iterations": 100, "regularization": 0.05},
}
DEFAULT = {}  # what the library does if nobody chooses: 100 factors, penalty 0.01
# What the audit says of the factors of seed 0, fitted to all data.
VERDICTS = {
    ("movielens", "als"): DEPENDENT, ("movielens", "bpr"): DEPENDENT, ("movielens", "als-default"): ARBITRARY,
    ("simulation", "als"): DEPENDENT, ("simulation", "bpr"): ARBITRARY,
}


@threadpool_limits.wrap(limits=1)
def main(tune=False, of=("movielens", "simulation")):
    """Measure and publish; return the audit's verdicts."""
    record, verdicts = Records("library-models"), {}
    for data in of:
        draws, quality = {"movielens": movielens, "simulation": simulation}[data]()
        splits = [hidden_split(X, seed) for seed, X in enumerate(draws)]
        models = {name: (train, KEPT.get((data, name))) for name, train in (("als", als), ("bpr", bpr))}
        if data == "movielens":
            models["als-default"] = als, DEFAULT
        for name, (train, setting) in models.items():
            key = "library-" + "sim-" * (data == "simulation") + name
            if setting is not DEFAULT:
                grid = GRIDS[data, name]
                if tune and (found := best(train, grid, splits[0])) != setting:
                    raise ValueError(f"{data}, {name}: {found} is best, KEPT has {setting}")
                accuracy = np.mean([accuracy_of(train, setting, split, "test") for split in splits])
                record.number(f"{key}-ndcg", accuracy, ".2f")
                record.number(f"{key}-settings", len(grid), "d")
            fits = [train(draws[0], setting, seed) for seed in range(N_SEEDS[data])]
            of_seeds(record, key, [similar_by(*fit) for fit in fits], quality)
            P, B, biases = fits[0]
            report = audit(B, P, "ranking" if name == "bpr" else "dot", biases)
            record.number(f"{key}-audit", report.overlap[PREDICTIONS].mean(), ".2f")
            verdicts[data, name] = report.verdict
            print(data, name, setting, report.verdict, {k: v.mean().round(3) for k, v in report.overlap.items()},
                  flush=True)
    record.publish()
    return verdicts


def movielens():
    """Ones as in notebook 12, once per split, and how well genres of films and of neighbours agree."""
    everything = read_movielens(installed_movielens())
    liked = (everything.X >= 4).astype(np.float32)
    films = np.flatnonzero(liked.sum(axis=0) >= 10)
    X = sparse.csr_matrix(liked[:, films])
    genres = everything.genres[films]
    weights = np.log(len(films) / np.maximum(genres.sum(axis=0), 1))
    total, both = genres @ weights, (genres * weights) @ genres.T
    jaccard = both / np.maximum(total[:, None] + total - both, 1e-12)

    def quality(_, neighbours):
        return np.take_along_axis(jaccard, neighbours, axis=1).mean(axis=1)

    return [X[np.diff(X.indptr) >= 5]] * N_SPLITS, quality


def simulation():
    """Draws of the simulation, and the AUC of "same cluster" on the first."""
    few = PAPER.with_data(n_users=2_000, n_items=500)
    draws = [simulate(few.with_data(seed=seed).simulation) for seed in range(N_SPLITS)]

    def quality(S, _):
        return np.array([cluster_auc(S, draws[0].cluster)])

    return [sparse.csr_matrix(draw.X, dtype=np.float32) for draw in draws], quality


@threadpool_limits.wrap(limits=1)
def als(X, setting, seed):
    """Factors of users and items; no biases."""
    model = AlternatingLeastSquares(
        random_state=seed, num_threads=1, use_cg=False, dtype=np.float64, **setting)
    model.fit(X, show_progress=False)
    return model.user_factors, model.item_factors, None


def bpr(X, setting, seed):
    """Factors of users and items; the items' biases, the library's last column of factors."""
    model = BayesianPersonalizedRanking(random_state=seed, num_threads=1, **setting)
    model.fit(X, show_progress=False)
    assert (model.user_factors[:, -1] == 1).all()
    P, B = (factors.astype(float) for factors in (model.user_factors, model.item_factors))
    return P[:, :-1], B[:, :-1], B[:, -1]


def scores(P, B, biases):
    return P @ B.T + (0 if biases is None else biases)


def similar_by(P, B, biases):
    """Embeddings of items whose cosines are compared."""
    if biases is None:
        return {"factors": B, "predictions": canonical("dot", P, B)}
    with_biases = np.column_stack([P, np.ones(len(P))]), np.column_stack([B, biases])
    return {"factors": B, "library": with_biases[1], "predictions": canonical("dot", *with_biases),
            "ranking": canonical("ranking", *with_biases), "centred": canonical("biases", P, B)}


def hidden_split(X, seed):
    """What models may see; what is hidden from validation and test users, a fifth each."""
    rng = np.random.default_rng(seed)
    n, X = X.shape[0], X.toarray()
    hidden, users = np.zeros(X.shape, dtype=bool), {}
    groups = np.split(rng.permutation(n), [n * 2 // 3, n * 5 // 6])[1:]
    for name, group in zip(("validation", "test"), groups, strict=True):
        hidden[group] = (X[group] > 0) & (rng.random((len(group), X.shape[1])) < 0.2)
        users[name] = group[hidden[group].any(axis=1)]
    return X - hidden, hidden, users


def accuracy_of(train, setting, split, group):
    """NDCG@20 of the users of a group."""
    shown, hidden, users = split
    users = users[group]
    open_to = np.where(shown > 0, -np.inf, scores(*train(sparse.csr_matrix(shown), setting, 0)))
    return ranking_accuracy(open_to[users], hidden[users])[1].mean()


def best(train, grid, split):
    """The setting that serves validation users best; says where it lies at an end of the grid."""
    found = []
    for setting in grid:
        found.append(accuracy_of(train, setting, split, "validation"))
        print(f"{found[-1]:.4f}", setting, flush=True)
    kept = grid[int(np.argmax(found))]
    ends = [name for name in kept if len({one[name] for one in grid}) > 1
            and kept[name] in (min(one[name] for one in grid), max(one[name] for one in grid))]
    print("best:", kept, "at the grid's end:", ends, flush=True)
    return kept


def of_seeds(record, key, models, quality):
    """Of each view: quality, what two seeds share, and for films the gain over factors."""
    similar = {view: [np.round(cosine(model[view]), 6) for model in models] for view in models[0]}
    lists = {view: [nearest(S) for S in of_view] for view, of_view in similar.items()}
    found = {view: np.array([quality(*one) for one in zip(similar[view], lists[view], strict=True)])
             for view in similar}
    of_films = found["factors"].shape[1] > 1
    for view, of_view in lists.items():
        same = np.mean([overlap(*two).mean() for two in combinations(of_view, 2)])
        gain = found[view] - found["factors"]
        print(key, view, found[view].mean().round(3), "minus factors:", gain.mean(axis=1).round(3),
              "share", same.round(3))
        if view in ("factors", "predictions"):
            record.number(f"{key}-{view}-seeds", same, ".2f")
        if of_films and view == "factors":
            record.number(f"{key}-genres", found[view].mean(), ".2f")
        elif of_films and view != "library":
            record.interval(f"{key}-{view}-gain", over_seeds_and_films(gain), "+.2f")
        elif not of_films:
            record.number(f"{key}-{view}-auc", found[view].mean(), ".2f")


def over_seeds_and_films(values, resamples=1_000):
    """Mean and 95 % interval of an array of seeds x films, both resampled."""
    rng = np.random.default_rng(0)
    draws = ([rng.integers(m, size=m) for m in values.shape] for _ in range(resamples))
    means = [values[np.ix_(*draw)].mean() for draw in draws]
    return [values.mean(), *np.quantile(means, [0.025, 0.975])]


if __name__ == "__main__":
    main(tune=sys.argv[1:] != ["measure"])
