"""The committed numbers of `implicit`'s ALS and BPR are what tools/library_models.py measures."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from cosines.movielens import installed_movielens

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "paper" / "generated" / "library-models.json"
SCRIPT = ROOT / "tools" / "library_models.py"


def numbers(path):
    return json.loads(path.read_text(encoding="utf-8"))["numbers"]


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("implicit", reason="implicit is not installed (optional extra: libraries)")
    try:
        installed_movielens()
    except ValueError as error:
        pytest.skip(str(error))
    spec = importlib.util.spec_from_file_location("library_models", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_numbers_are_what_the_libraries_give(script, tmp_path, monkeypatch):
    """To one unit of the last digit printed: their last bits differ from CPU to CPU."""
    monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path))
    verdicts = script.main(of=["movielens"])
    assert verdicts == {key: verdict for key, verdict in script.VERDICTS.items() if key[0] == "movielens"}
    made = numbers(tmp_path / "paper" / "generated" / COMMITTED.name)
    committed = {name: text for name, text in numbers(COMMITTED).items() if "-sim-" not in name}
    assert made.keys() == committed.keys()
    far = {name: (made[name], text) for name, text in committed.items()
           if abs(float(made[name]) - float(text)) > 1.01 * 10 ** -len(text.partition(".")[2])}
    assert far == {}


def test_one_seed_in_the_simulation_says_what_the_committed_means_say(script):
    """Of BPR, the dearest to train: AUC to two units of the last digit, share kept to one, and the verdict."""
    (X, *_), quality = script.simulation()
    P, B, biases = script.bpr(X, script.KEPT["simulation", "bpr"], 0)
    committed = numbers(COMMITTED)
    for view, E in script.similar_by(P, B, biases).items():
        found = quality(script.cosine(E), None).item()
        assert found == pytest.approx(float(committed[f"library-sim-bpr-{view}-auc"]), abs=0.02)
    report = script.audit(B, P, "ranking", biases)
    assert report.verdict == script.VERDICTS["simulation", "bpr"]
    share = report.overlap[script.PREDICTIONS].mean()
    assert share == pytest.approx(float(committed["library-sim-bpr-audit"]), abs=0.015)


def test_one_thread_and_one_seed_give_the_same_factors_to_the_bit(script):
    (X, *_), _ = script.movielens()
    setting = {"factors": 8, "iterations": 3}
    for train in (script.als, script.bpr):
        first, again = (train(X, setting, 0) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(first[:2], again[:2], strict=True))
        other = train(X, setting, 1)
        assert not np.allclose(first[1], other[1])


def test_scores_of_bpr_are_those_of_the_library(script):
    """Factors and biases taken apart rank as its own recommendations do."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    (X, *_), _ = script.movielens()
    setting = {"factors": 8, "iterations": 5}
    model = BayesianPersonalizedRanking(random_state=0, num_threads=1, **setting)
    model.fit(X, show_progress=False)
    theirs, _ = model.recommend(np.arange(20), X[:20], N=5, filter_already_liked_items=False)
    ours = np.argsort(-script.scores(*script.bpr(X, setting, 0))[:20], axis=1)[:, :5]
    assert (np.sort(ours) == np.sort(theirs)).mean() > 0.98


def test_settings_come_from_the_grids(script):
    for model, setting in script.KEPT.items():
        assert setting in script.GRIDS[model]


def test_best_is_the_setting_that_serves_validation_users_best(script):
    """A model of one number: scores are the users' hidden items, times its setting."""
    hidden = np.eye(6, 25) + np.eye(6, 25, 3) > 0
    split = np.zeros(hidden.shape), hidden, {"validation": np.arange(6), "test": np.arange(0)}

    def train(_, setting, seed):
        return setting["sharpness"] * hidden, np.eye(25), np.linspace(1, 0, 25)

    grid = [{"sharpness": value} for value in (-1, 2, 0)]
    assert script.best(train, grid, split) == {"sharpness": 2}


def test_no_notebook_depends_on_the_libraries():
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        code = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "".join("".join(cell["source"]) for cell in code if cell["cell_type"] == "code")
        assert not re.search(r"\b(import implicit|from implicit|library_models)\b", text), path.name


def test_without_its_biases_the_logistic_model_finds_the_clusters_best():
    found = {name: float(text) for name, text in numbers(COMMITTED.with_name("15-models-people-train.json")).items()}
    best = {name: value for name, value in found.items() if re.fullmatch(r"models-sim-.*-auc", name)}
    without = {best.pop(f"models-sim-logistic-{view}-auc") for view in ("factors", "centred")}
    assert min(without) > max(best.values())
    assert max(value for name, value in found.items() if name.endswith("-halves")) < 0.5
    assert found["models-eq1-predictions-genres-low"] > 0 > found["models-eq2-predictions-genres-high"]


def test_what_the_write_up_says_of_the_libraries_follows_from_the_numbers():
    """Predictions know less about genres than factors if tuned, and more with hardly a penalty; another
    seed changes fewer neighbours than another reading does for ALS, about as many for BPR."""
    found = {name: float(text) for name, text in numbers(COMMITTED).items()}
    assert found["library-als-predictions-gain-high"] < 0
    assert found["library-als-default-predictions-gain-low"] > 0
    for view in ("predictions", "ranking", "centred"):
        assert found[f"library-bpr-{view}-gain-high"] < 0
    for name in ("als", "als-default", "sim-als"):
        assert found[f"library-{name}-factors-seeds"] > found[f"library-{name}-audit"]
    for name in ("bpr", "sim-bpr"):
        assert abs(found[f"library-{name}-factors-seeds"] - found[f"library-{name}-audit"]) < 0.1
    for data in ("", "sim-"):
        assert found[f"library-{data}bpr-ndcg"] < found[f"library-{data}als-ndcg"]


def test_biases_hide_clusters_from_bpr_as_from_the_logistic_model():
    found = {name: float(text) for name, text in numbers(COMMITTED).items()}
    with_biases = {found[f"library-sim-bpr-{view}-auc"] for view in ("library", "predictions", "ranking")}
    without = {found[f"library-sim-bpr-{view}-auc"] for view in ("factors", "centred")}
    assert min(without) > max(with_biases)
    assert min(without) > found["library-sim-als-factors-auc"] > found["library-sim-bpr-predictions-auc"]
