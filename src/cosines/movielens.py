"""MovieLens: real ratings, and genres as a stand-in for the meaning of an item.

Data are looked for in ``$COSINES_DATA`` (a folder or a zip), then in a cache, then on the server of
GroupLens. They are never part of this repository; their licence is in each release's README.
"""

import hashlib
import os
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cosines._arrays import require, require_known

SERVER = "https://files.grouplens.org/datasets/movielens/"
# MD5 checksums published beside the archives, which do not change.
PUBLISHED = {
    "ml-100k.zip": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m.zip": "c4d9eecfca2ab87c1945afe126590906",
    "ml-20m.zip": "cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m.zip": "6b51fb2759a8657d3bfcbfc42b592ada",
}
GENRES_OF_100K = (
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir "
    "Horror Musical Mystery Romance Sci-Fi Thriller War Western"
).split()
RATING, FILM = ["userId", "movieId", "rating"], ["movieId", "title", "genres"]
# Files of ratings and of films, and how pandas reads them; two formats have no first line of names.
_DAT = {"sep": "::", "engine": "python", "encoding": "latin-1", "header": None, "quoting": 3}
_OLD = {"encoding": "latin-1", "header": None, "quoting": 3}
FORMATS = [
    ("ratings.csv", {}, "movies.csv", {}),
    ("ratings.dat", _DAT | {"names": [*RATING, "timestamp"]}, "movies.dat", _DAT | {"names": FILM}),
    ("u.data", _OLD | {"sep": "\t", "names": [*RATING, "timestamp"]},
     "u.item", _OLD | {"sep": "|", "names": [*FILM[:2], "date", "video", "url", *GENRES_OF_100K]}),
]


class MovieLens(NamedTuple):
    """Ratings `X` (users x films, CSR, zero where not rated), `titles` (p,), `genres` (p, g) and their names."""

    X: sparse.csr_array
    titles: np.ndarray
    genres: np.ndarray
    genre_names: list


def find_movielens(release="ml-100k"):
    """Where the data are: ``$COSINES_DATA``, else the cache, else a download of `release`.

    Parameters
    ----------
    release : str
        An archive with a published checksum: "ml-100k", "ml-1m", "ml-20m" or "ml-25m".

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If ``$COSINES_DATA`` is not there, `release` is unknown, or a download is not what was published.
    """
    given = os.environ.get("COSINES_DATA")
    if given:
        require(Path(given).exists(), "COSINES_DATA", "a folder or a zip that exists", given)
        return Path(given)
    name = f"{release}.zip"
    require_known("release", name, PUBLISHED)
    import pooch

    md5, cache = f"md5:{PUBLISHED[name]}", pooch.os_cache("cosines")
    try:
        return Path(pooch.retrieve(SERVER + name, md5, fname=name, path=cache))
    except (OSError, ValueError) as error:
        raise ValueError(f"{name} could not be fetched: {error}. Set COSINES_DATA to a copy.") from None


def read_movielens(path):
    """Read a release in any of its three formats, from a folder or a zip.

    Parameters
    ----------
    path : str or path
        Holds ``ratings.csv`` and ``movies.csv``, or ``ratings.dat`` and ``movies.dat``, or ``u.data``
        and ``u.item``, itself or in a folder of its own.

    Returns
    -------
    MovieLens
        Films without a rating are left out; the order of films and users is that of their ids.

    Raises
    ------
    ValueError
        Names the file that is missing, damaged or not as published.
    """
    path = Path(path)
    require(path.exists(), "path", "a folder or a zip that exists", str(path))
    if path.is_file():
        _require_published(path)
    with _files(path) as files:
        known = [row for row in FORMATS if row[0] in files]
        require(known, "path", f"one with {', '.join(row[0] for row in FORMATS)}", path.name)
        ratings, how_ratings, films, how_films = known[0]
        require(films in files, "path", f"complete: it has {ratings} and not {films}", path.name)
        rated = _table(ratings, files[ratings], RATING, how_ratings, np.float64)
        described = _films(films, _table(films, files[films], how_films.get("names", FILM), how_films, str))
    user, film, rating = rated[RATING].to_numpy().T
    within = (user > 0) & (film > 0) & (rating >= 0.5) & (rating <= 5)
    bound = "rows of positive ids and ratings in 0.5..5"
    require(within.size and within.all(), ratings, bound, rated[~within].head(1).values.tolist())
    users, row = np.unique(user, return_inverse=True)
    ids, column = np.unique(film, return_inverse=True)
    unknown = [int(i) for i in ids if i not in described]
    require(not unknown, films, "complete: a line for each rated film", unknown[:5])
    X = sparse.csr_array((rating.astype(np.float32), (row, column)), shape=(len(users), len(ids)))
    names = sorted({genre for i in ids for genre in described[i][1]})
    genres = np.array([[name in described[i][1] for name in names] for i in ids])
    return MovieLens(X, np.array([described[i][0] for i in ids]), genres, names)


def _require_published(path):
    """Refuse an archive of a known name whose checksum is not the published one."""
    if path.name in PUBLISHED:
        with path.open("rb") as archive:
            found = hashlib.file_digest(archive, "md5").hexdigest()
        if found != PUBLISHED[path.name]:
            raise ValueError(f"{path.name} is damaged or changed: MD5 {found}, published {PUBLISHED[path.name]}")


@contextmanager
def _files(path):
    """Base name -> function that opens the file."""
    if path.is_dir():
        yield {file.name: lambda file=file: file.open("rb")
               for file in sorted(path.rglob("*")) if file.is_file()}
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield {Path(name).name: lambda name=name: archive.open(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def _table(name, opened, columns, how, dtype):
    """The columns of a file; pandas is looked for only here."""
    import pandas

    try:
        with opened() as file:
            return pandas.read_csv(file, usecols=columns, dtype=dtype, keep_default_na=False, **how)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{name} is damaged: {str(error).strip().splitlines()[0]}") from None


def _films(name, frame):
    """Id -> (title, set of genres) of each film."""
    try:
        if "genres" in frame:
            genres = [{genre for genre in listed.split("|") if genre and genre[0] != "("}
                      for listed in frame["genres"]]
        else:  # the 100k release marks each genre by a column
            genres = [{genre for genre, flag in zip(GENRES_OF_100K, row, strict=True) if flag == "1"}
                      for row in frame[GENRES_OF_100K].to_numpy()]
        films = zip(frame["movieId"].astype(int), frame["title"], genres, strict=True)
        return {film: (title, found) for film, title, found in films}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{name} is damaged: {error}") from None
