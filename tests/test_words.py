"""Counts of words, people's ratings, and the test that a reader can make with a few lines of their own."""

import gzip
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from count_words import count_words, write_counts
from scipy import sparse
from test_repository import ROOT, locked
from train_word2vec import measure, train

from cosines import words
from cosines.readings import DATA, MODELS, VIEWS
from cosines import remedies
from cosines.words import installed, positive_pmi, read_counts, read_ratings

GCIDE = Path("/usr/share/dictd/gcide.dict.dz")
COMMITTED = ROOT / "data" / "gcide" / "counts.npz"
TEXT = "The cat, the DOG; a cat-flap! the end. Dog eats dog, cat sees the cat's end\n" * 3


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("window", [1, 3])
def test_counts_are_those_of_a_double_loop_over_the_text(packed, window, tmp_path):
    """Words outside the vocabulary keep their place, so that they do not bring others together."""
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(TEXT.encode()) if packed else TEXT.encode())
    found = count_words(path, n_words=4, window=window)
    running = re.findall("[a-z]+", TEXT.lower())
    assert found.words.tolist() == ["cat", "the", "dog", "end"]
    assert found.frequency.tolist() == [running.count(word) for word in found.words]
    number = {word: i for i, word in enumerate(found.words)}
    together = Counter()
    for place, word in enumerate(running):
        for other in running[place + 1 : place + window + 1]:
            if word in number and other in number:
                together[min(number[word], number[other]), max(number[word], number[other])] += 1
    expected = np.zeros((4, 4), dtype=int)
    for pair, times in together.items():
        expected[pair] = times
    np.testing.assert_array_equal(found.together.toarray(), expected)


def test_counts_and_gaps_of_more_than_eight_bits_come_back(tmp_path):
    pairs = np.array([0, 1, 255, 256, 511, 767, 1_500, 899_999])
    times = np.array([1, 254, 255, 256, 70_000, 1, 255, 2])
    together = sparse.csr_array((times, np.divmod(pairs, 1_000)), shape=(1_000, 1_000))
    written = words.Counts(np.array([f"word{i}" for i in range(1_000)]), np.arange(1_000)[::-1], together)
    write_counts(tmp_path / "counts.npz", written)
    found = read_counts(tmp_path / "counts.npz")
    assert (found.together != together).nnz == 0
    assert found.words.tolist() == written.words.tolist()
    assert found.frequency.tolist() == written.frequency.tolist()


def test_the_committed_counts_are_those_of_the_corpus():
    if not GCIDE.exists():
        pytest.skip("the corpus is not installed (Debian: apt install dict-gcide)")
    made, committed = count_words(GCIDE), read_counts(COMMITTED)
    assert (made.together != committed.together).nnz == 0
    assert made.words.tolist() == committed.words.tolist()
    assert made.frequency.tolist() == committed.frequency.tolist()


def test_what_is_said_of_the_committed_counts_is_true():
    told = (COMMITTED.parent / "README.md").read_text()
    counts = read_counts(COMMITTED)
    for number in (len(counts.words), counts.together.nnz, counts.together.sum()):
        assert f"{number:,}" in told
    assert COMMITTED.stat().st_size < 3.2e6


def test_positive_pmi_is_its_definition():
    upper = np.triu(np.random.default_rng(0).poisson(1, size=(30, 30)))
    count = upper + upper.T
    joint = count / count.sum()
    with np.errstate(divide="ignore"):
        expected = np.maximum(np.log(joint / np.outer(joint.sum(axis=1), joint.sum(axis=0))), 0)
    found = positive_pmi(sparse.csr_array(upper)).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.fill_diagonal(upper, 0)
    found = positive_pmi(sparse.csr_array(upper)).toarray()
    np.testing.assert_allclose(found, remedies.positive_pmi(upper + upper.T, power=1), atol=1e-12)


@pytest.mark.parametrize(("content", "why"), [
    (b"", "of at least 15000 different words, got 0"),
    (b"too few words", "of at least 15000 different words, got 3"),
    (b"PK\x03\x04\x00\x00 words", "plain text"),
    ("in UTF-16".encode("utf-16"), "plain text"),
    (b"\x1f\x8b\x08 not gzip", "damaged"),
    (None, "a file of text"),
], ids=["empty", "small", "binary", "utf-16", "damaged", "missing"])
def test_a_corpus_of_no_use_is_refused_in_one_line(content, why, tmp_path):
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^corpus .*{why}") as error:
        count_words(path)
    assert "\n" not in str(error.value)


def test_ratings_are_read_and_what_is_unknown_is_counted(tmp_path):
    path = tmp_path / "rated.tsv"
    pairs = [f"w{i}\tW{i + 1}\t{i}" for i in range(12)]
    path.write_text("# a set of ours\n" + "\n".join([*pairs, "w1\tw1\t10", "w1 moon 3", ""]))
    found, rating, listed = read_ratings(path, [f"w{i}" for i in range(20)])
    assert found.tolist() == [[i, i + 1] for i in range(12)]
    assert rating.tolist() == list(range(12)) and listed == 13


@pytest.mark.parametrize(("text", "why"), [
    ("sun\tmoon\t5\n" * 12, r"rated.txt must be of at least ten pairs of words of the corpus, got 0"),
    ("cat dog\n", r"rated.txt must have lines of two words and a number"),
    ("cat\tdog\tvery\n", r"rated.txt must have lines of two words and a number"),
])
def test_ratings_of_unknown_words_and_other_files_are_refused_in_one_line(text, why, tmp_path):
    path = tmp_path / "rated.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{why}$"):
        read_ratings(path, ["cat", "dog"])


def test_without_the_wheel_what_to_install_is_said(monkeypatch):
    monkeypatch.setattr(words, "WHEEL", "a-wheel-that-is-not-there")
    with pytest.raises(ValueError, match=r"^wordsim353.tsv must be installed .*requirements-data.lock"):
        installed("wordsim353.tsv")


def test_the_wheel_of_ratings_is_the_library_of_the_extras():
    """Two locks name it; the second installs its dependencies too, and must not change it."""
    assert len({entry for name in ("requirements-data.lock", "requirements-extras.lock")
                for entry in locked(name) if entry.startswith("gensim==")}) == 1


def test_a_few_lines_of_ones_own_find_the_published_correlations():
    """NumPy, SciPy and the wheel; nothing of this package but its counts."""
    recorded = json.loads((ROOT / "paper/generated/13-human-judgement.json").read_text())["numbers"]
    counts = read_counts(COMMITTED)

    from scipy.sparse.linalg import svds
    from scipy.stats import spearmanr
    both = (counts.together + counts.together.T).tocoo()
    total = both.sum(axis=0)
    pmi = np.log(both.data * total.sum() / total[both.row] / total[both.col])
    U, s, _ = svds(sparse.coo_array((pmi * (pmi > 0), both.coords), both.shape).tocsr(), 100, v0=np.ones(len(total)))
    number = {word: i for i, word in enumerate(counts.words)}
    for name, ratings in (("wordsim", "wordsim353.tsv"), ("simlex", "simlex999.txt")):
        lines = [line.lower().split() for line in open(installed(ratings))]
        rated = [(number[a], number[b], float(r)) for a, b, r in (x for x in lines if x[0] != "#")
                 if a in number and b in number and a != b]
        a, b, people = zip(*rated, strict=True)
        for p, key in ((0, "flat"), (1, "free-predictions")):
            B = U * s**p / np.linalg.norm(U * s**p, axis=1, keepdims=True)
            assert f"{spearmanr((B[list(a)] * B[list(b)]).sum(axis=1), people)[0]:.2f}" == recorded[f"human-{name}-{key}"]


def test_word2vec_ends_balanced():
    """Input vectors start small and output vectors at zero: notebook 10 says what becomes of that."""
    pytest.importorskip("gensim.models", reason="gensim is not installed (optional extra: libraries)")
    if not GCIDE.exists():
        pytest.skip("the corpus is not installed (Debian: apt install dict-gcide)")
    committed = json.loads((COMMITTED.parent / "word2vec.json").read_text())
    assert len(committed) == 3
    for one in [measure(*train(GCIDE, seed=0, k=20, epochs=1)), *committed]:
        assert 0.4 < one["exponent"] < 0.6 and 1 < one["uneven"] < 1.6
        assert one["people"]["as trained"]["WordSim-353"] > one["people"]["1"]["WordSim-353"] + 0.02
    for one in committed:
        along = [found for name, found in one["people"].items() if name != "as trained"]
        for ratings in ("WordSim-353", "SimLex-999"):
            assert min(along, key=lambda found: found[ratings]) is one["people"]["1"]


def test_what_the_write_up_says_of_eq2_and_its_flat_scaling_follows_from_the_numbers():
    """Ahead on clusters and films, behind on similar words, and elsewhere not told apart."""
    found = json.loads((ROOT / "paper/generated/13-human-judgement.json").read_text())["numbers"]
    ends = {name: [float(found[f"human-{name}-eq2-own-flat-{end}"]) for end in ("low", "high")]
            for name in ("clusters", "films", "wordsim", "simlex", "documents")}
    ahead = {name for name, (low, _) in ends.items() if low > 0}
    behind = {name for name, (_, high) in ends.items() if high < 0}
    assert (ahead, behind) == ({"clusters", "films"}, {"simlex"})
    raw = {name: [float(found[f"human-{name}-judged-model-raw-{end}"]) for end in ("low", "high")] for name in ends}
    assert {name for name, (low, _) in raw.items() if low > 0} == {"clusters", "films"}
    assert {name for name, (_, high) in raw.items() if high < 0} == {"simlex", "documents"}


@pytest.mark.parametrize("pair", tomllib.loads((ROOT / "paper/claims.toml").read_text())["judged"], ids=lambda pair: pair["key"])
def test_a_judged_comparison_differs_in_one_of_data_model_and_view(pair):
    """Here the flat scaling of Eq. 2's product is compared, too, which training does not give."""
    sides = [pair[side].replace("columns", "predictions").split("-", 2) for side in ("first", "second")]
    for data, model, view in sides:
        assert data in DATA and model in MODELS and view in VIEWS
    assert sum(one != other for one, other in zip(*sides, strict=True)) == 1
