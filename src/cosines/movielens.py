"""MovieLens: real ratings, and genres as a stand-in for the meaning of an item.

Data are looked for in ``$COSINES_DATA`` (a folder or a zip), then in a cache, then on the server of
GroupLens. They are never part of this repository; their licence is in each release's README.
"""

import csv
import hashlib
import io
import os
import zipfile
import zlib
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cosines._arrays import require

SERVER = "https://files.grouplens.org/datasets/movielens/"
# MD5 checksums published beside the archives, which do not change.
PUBLISHED = {
    "ml-100k.zip": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m.zip": "c4d9eecfca2ab87c1945afe126590906",
    "ml-20m.zip": "cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m.zip": "6b51fb2759a8657d3bfcbfc42b592ada",
}
# Files of ratings and of films, what separates their fields, their encoding, and whether a line of
# names comes first.
FORMATS = [
    ("ratings.csv", "movies.csv", ",", "utf-8", True),
    ("ratings.dat", "movies.dat", "::", "latin-1", False),
    ("u.data", "u.item", "\t", "latin-1", False),
]
GENRES_OF_100K = ("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
                  "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
                  "Thriller", "War", "Western")
LINES_AT_A_TIME = 1_000_000


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
    known = ", ".join(archive.removesuffix(".zip") for archive in PUBLISHED)
    require(name in PUBLISHED, "release", f"one of {known}", release)
    import pooch

    try:
        cached = pooch.retrieve(SERVER + name, f"md5:{PUBLISHED[name]}", fname=name, path=pooch.os_cache("cosines"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{name} could not be fetched: {error}. Set COSINES_DATA to a copy.") from None
    return Path(cached)


def read_movielens(path):
    """Read a release in any of its three formats, from a folder or a zip, ratings in pieces.

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
        for ratings, films, separator, encoding, named in FORMATS:
            if ratings in files:
                require(films in files, "path", f"complete: it has {ratings} and not {films}", path.name)
                break
        else:
            wanted = ", ".join(ratings for ratings, *_ in FORMATS)
            raise ValueError(f"path must hold one of {wanted}; {path.name} has none")
        with files[ratings](encoding) as lines:
            user, film, rating = _ratings(ratings, lines, separator, named)
        with files[films](encoding) as lines:
            described = dict(_films(films, lines, separator))
    users, row = np.unique(user, return_inverse=True)
    ids, column = np.unique(film, return_inverse=True)
    unknown = [int(i) for i in ids if i not in described]
    require(not unknown, films, "complete: a line for each rated film", unknown[:5])
    X = sparse.csr_array((rating, (row, column)), shape=(len(users), len(ids)))
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
    """Base name -> function of an encoding that opens the file as text."""
    if path.is_dir():
        yield {file.name: lambda encoding, file=file: file.open(encoding=encoding, newline="")
               for file in sorted(path.rglob("*")) if file.is_file()}
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield {Path(name).name: lambda encoding, name=name: io.TextIOWrapper(archive.open(name), encoding, newline="")
                   for name in archive.namelist()}
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def _ratings(name, lines, separator, named):
    """Arrays of users, films and ratings."""
    columns = [0, 1, 2]
    if named:
        header = next(csv.reader(lines), [])
        missing = [field for field in ("userId", "movieId", "rating") if field not in header]
        require(not missing, name, "a table with columns userId, movieId, rating", header)
        columns = [header.index(field) for field in ("userId", "movieId", "rating")]
    if separator == "::":
        lines, separator = (line.replace("::", "\t") for line in lines), "\t"
    lines, pieces = iter(lines), []
    while some := _decoded(name, lines):
        try:
            piece = np.loadtxt(some, delimiter=separator, usecols=columns, ndmin=2)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{name} is damaged: {error}") from None
        pieces.append((piece[:, 0].astype(np.int32), piece[:, 1].astype(np.int32), piece[:, 2].astype(np.float32)))
    require(bool(pieces), name, "a table of ratings", "no rows")
    user, film, rating = (np.concatenate(part) for part in zip(*pieces, strict=True))
    within = (user > 0).all() and (film > 0).all() and (rating >= 0.5).all() and (rating <= 5).all()
    require(bool(within), name, "of positive ids and ratings in 0.5..5", (float(rating.min()), float(rating.max())))
    return user, film, rating


def _decoded(name, lines):
    """The next lines, as many as fit into memory at a time."""
    try:
        return list(islice(lines, LINES_AT_A_TIME))
    except (UnicodeDecodeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{name} is damaged: {error}") from None


def _films(name, lines, separator):
    """Id and (title, set of genres) of each film."""
    if separator == ",":
        rows = csv.DictReader(lines)
        wanted = {"movieId", "title", "genres"}
        require(wanted <= set(rows.fieldnames or ()), name, "a table with columns movieId, title, genres", rows.fieldnames)
        split = ((row["movieId"], row["title"], row["genres"]) for row in rows)
    elif separator == "::":
        split = (line.rstrip("\r\n").split("::") for line in lines)
    else:  # the 100k release marks each genre by a column
        split = ((fields[0], fields[1], "|".join(g for g, flag in zip(GENRES_OF_100K, fields[5:], strict=False) if flag == "1"))
                 for fields in csv.reader(lines, delimiter="|", quoting=csv.QUOTE_NONE))
    try:
        for film, title, genres in split:
            yield int(film), (title, {genre for genre in genres.split("|") if genre and genre[0] != "("})
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{name} is damaged: {error}") from None
