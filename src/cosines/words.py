"""Words: how often they stand near each other in a text, and how alike people find them.

Items are words, and "users" are words as contexts: X is the positive pointwise mutual information of
the two. Ratings and documents ship inside a wheel, `WHEEL`, which requirements-data.lock pins; the
counts of one corpus are in ``data/gcide``, the one exception to "no data committed";
``tools/count_words.py`` made them.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cosines._arrays import require

WHEEL = "gensim"


class Counts(NamedTuple):
    """`words` (p,), the most frequent first, their `frequency` (p,), and `together` (p, p).

    `together` is upper triangular: how often two words, in any order, are within the window.
    """

    words: np.ndarray
    frequency: np.ndarray
    together: sparse.csr_array


def installed(name):
    """The path of a file in `WHEEL`, which is not imported.

    Raises
    ------
    ValueError
        If the wheel is not installed.
    """
    found = find_spec(WHEEL)
    require(found, name, f"installed with {WHEEL}: pip install --no-deps -r requirements-data.lock", found)
    return Path(found.origin).parent / "test" / "test_data" / name


def read_counts(path):
    """Read what ``tools/count_words.py`` wrote.

    The pairs ``i p + j``, ``i <= j``, are given by the gaps between them. Gaps and counts have 8 bits
    each; where these are all set, the number itself is the next one in an array of its own.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Counts
    """
    with np.load(path) as stored:
        gaps, times = (stored[name].astype(np.int64) for name in ("gaps", "times"))
        gaps[gaps == 255], times[times == 255] = stored["long_gaps"], stored["long_times"]
        words, frequency = stored["words"].astype(str), stored["frequency"]
    places = np.divmod(np.cumsum(gaps) - 1, len(words))
    return Counts(words, frequency, sparse.csr_array((times, places), shape=2 * words.shape))


def positive_pmi(together):
    """Positive pointwise mutual information of words and contexts, ``max(0, log(P(i, j) / (P(i) P(j))))``.

    Parameters
    ----------
    together : sparse array, shape (p, p)
        Upper triangular, as in `Counts`.

    Returns
    -------
    csr_array, shape (p, p)
        Symmetric; words that occur with no other have a zero row.
    """
    both = (together + together.T).tocoo()  # a word near itself is seen from both places
    total = both.sum(axis=1)
    information = np.log(both.data * total.sum() / (total[both.row] * total[both.col]))
    kept = information > 0
    return sparse.csr_array((information[kept], (both.row[kept], both.col[kept])), shape=both.shape)


def read_ratings(path, words):
    """People's ratings of pairs of words.

    Parameters
    ----------
    path : str or path
        Lines of two words and a number; those that begin with # are skipped.
    words : array_like of str, shape (p,)
        The vocabulary, in small letters.

    Returns
    -------
    pairs : ndarray of int, shape (m, 2)
        Places in `words`, of different words that are both there.
    rating : ndarray, shape (m,)
    listed : int
        Pairs of different words in the file.

    Raises
    ------
    ValueError
        If a line is of another form, or fewer than ten pairs are known.
    """
    name, number = Path(path).name, {word: i for i, word in enumerate(words)}
    lines = [line.lower().split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    try:
        rated = [(first, second, float(rating)) for first, second, rating in filter(None, lines) if first != second]
    except ValueError:
        raise ValueError(f"{name} must have lines of two words and a number") from None
    known = np.array([(number[a], number[b], rating) for a, b, rating in rated if a in number and b in number])
    require(len(known) >= 10, name, "of at least ten pairs of words of the corpus", len(known))
    return known[:, :2].astype(int), known[:, 2], len(rated)
