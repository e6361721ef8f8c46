"""Count which words stand near each other in a text, for notebook 13.

    python tools/count_words.py /usr/share/dictd/gcide.dict.dz data/gcide/counts.npz

The first file is that of Debian's package dict-gcide; data/gcide/README.md says which version.
"""

import gzip
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import sparse

from cosines._arrays import require
from cosines.words import Counts

MOST = 255  # what 8 bits hold


def main(corpus, target):
    write_counts(target, count_words(corpus))


def count_words(path, n_words=15_000, window=5):
    """Count which words stand within `window` words of each other.

    Each distance from 1 to `window` counts one. Words outside the vocabulary keep their place:
    the window is one of the text as it was written, and does not reach across what is left out.

    Parameters
    ----------
    path : str or path
        Plain text, or that compressed by gzip.
    n_words : int
        Number of words, the most frequent ones; equally frequent ones in the order of the alphabet.
    window : int

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        If the corpus is not a file of text, or has too few different words.
    """
    path = Path(path)
    require(path.is_file(), "corpus", "a file of text", str(path))
    try:
        text = (gzip.open if path.read_bytes()[:2] == b"\x1f\x8b" else open)(path, "rb").read()
    except (OSError, EOFError) as error:
        raise ValueError(f"corpus is damaged: {error}") from None
    require(b"\0" not in text, "corpus", "plain text, or that compressed by gzip", path.name)
    running = re.findall(rb"[a-z]+", text.lower())
    frequency = Counter(running)
    require(len(frequency) >= n_words, "corpus", f"of at least {n_words} different words", len(frequency))
    words = sorted(frequency, key=lambda word: (-frequency[word], word))[:n_words]
    number = {word: i for i, word in enumerate(words)}
    ids = np.array([number.get(word, -1) for word in running])
    near = [np.sort(np.stack([ids[:-d], ids[d:]])[:, (ids[:-d] >= 0) & (ids[d:] >= 0)], axis=0)
            for d in range(1, window + 1)]
    pairs, times = np.unique(np.concatenate([low * n_words + high for low, high in near]), return_counts=True)
    known = np.array([frequency[word] for word in words])
    together = sparse.csr_array((times, np.divmod(pairs, n_words)), shape=(n_words, n_words))
    return Counts(np.array(words).astype(str), known, together)


def write_counts(path, counts):
    """Write counts as ``.npz``: pairs by the gaps between them, 8 bits where these are enough."""
    pairs = counts.together.tocoo()
    gaps = np.diff(pairs.row.astype(np.int64) * len(counts.words) + pairs.col, prepend=-1)
    arrays = {name: part for kind, values in (("gaps", gaps), ("times", pairs.data))
              for name, part in zip((kind, f"long_{kind}"), _bytes(values), strict=True)}
    arrays |= {"words": counts.words.astype(bytes), "frequency": counts.frequency}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:  # an eighth less than numpy's deflate
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, values)


def _bytes(values):
    """Values as bytes, and those from 255 on, whose byte is 255, in full."""
    return np.minimum(values, MOST).astype(np.uint8), values[values >= MOST]


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
