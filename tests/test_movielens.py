"""Every format of MovieLens, whole and damaged; nothing here needs the data or a network."""

import zipfile

import numpy as np
import pytest

from cosines import movielens
from cosines.movielens import installed_movielens, read_movielens

CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.0,1\n1,30,0.5,2\n7,10,5.0,3\n",
    "movies.csv": 'movieId,title,genres\n10,"Heat, The (1995)",Crime|Drama\n20,Nobody saw it (1990),Comedy\n'
                  "30,Café (2000),(no genres listed)\n",
}
DAT = {
    "ratings.dat": "1::10::4::1\n1::30::0.5::2\n7::10::5::3\n",
    "movies.dat": "10::Heat, The (1995)::Crime|Drama\n20::Nobody saw it (1990)::Comedy\n30::Café (2000)::\n",
}
FLAGS = {"Crime": 6, "Drama": 8, "Comedy": 5}


def flags(*genres):
    marked = {FLAGS[genre] for genre in genres}
    return "|".join("1" if i in marked else "0" for i in range(19))


OLD = {
    "u.data": "1\t10\t4\t1\n1\t30\t0.5\t2\n7\t10\t5\t3\n",
    "u.item": f"10|Heat, The (1995)|||url|{flags('Crime', 'Drama')}\n20|Nobody saw it (1990)|||url|{flags('Comedy')}\n"
              f"30|Café (2000)|||url|{flags()}\n",
}
WHEEL = {
    "ml-100k.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                     "1\t10\t4\t1\n1\t30\t0.5\t2\n7\t10\t5\t3\n",
    "ml-100k.item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
                    "10\tHeat, The\t1995\tCrime Drama\n20\tNobody saw it\t1990\tComedy\n30\tCafé\t2000\t\n",
}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        encoding = "utf-8" if name.endswith(".csv") or name.startswith("ml-") else "latin-1"
        (folder / name).write_bytes(text.encode(encoding))
    return folder


def pack(folder, archive):
    with zipfile.ZipFile(archive, "w") as target:
        for file in folder.iterdir():
            target.write(file, f"{folder.name}/{file.name}")
    return archive


@pytest.mark.parametrize("files", [CSV, DAT, OLD, WHEEL], ids=["csv", "dat", "100k", "wheel"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_all_formats_say_the_same(files, packed, tmp_path):
    path = write(tmp_path / "ml-tiny", files)
    data = read_movielens(pack(path, tmp_path / "ml-tiny.zip") if packed else path)
    np.testing.assert_array_equal(data.X.toarray(), [[4, 0.5], [5, 0]])
    assert data.titles.tolist() == ["Heat, The (1995)", "Café (2000)"]
    assert data.genre_names == ["Crime", "Drama"]
    np.testing.assert_array_equal(data.genres, [[True, True], [False, False]])


def test_columns_are_found_by_name(tmp_path):
    swapped = "rating,userId,timestamp,movieId\n4.0,1,1,10\n0.5,1,2,30\n5.0,7,3,10\n"
    path = write(tmp_path / "ml", CSV | {"ratings.csv": swapped})
    np.testing.assert_array_equal(read_movielens(path).X.toarray(), [[4, 0.5], [5, 0]])


@pytest.mark.parametrize(("files", "named"), [
    ({}, "path"),
    ({"ratings.csv": CSV["ratings.csv"]}, "path"),
    (CSV | {"ratings.csv": "userId,movieId\n1,2\n"}, "ratings.csv"),
    (CSV | {"ratings.csv": "userId,movieId,rating\n"}, "ratings.csv"),
    (CSV | {"ratings.csv": "userId,movieId,rating\n1,10,4\n1,3"}, "ratings.csv"),
    (CSV | {"ratings.csv": "userId,movieId,rating\n1,ten,4\n"}, "ratings.csv"),
    (CSV | {"ratings.csv": "userId,movieId,rating\n1,10,7\n"}, "ratings.csv"),
    (CSV | {"ratings.csv": "userId,movieId,rating\n1,99,4\n"}, "movies.csv"),
    (CSV | {"movies.csv": "movieId,title\n10,Heat\n"}, "movies.csv"),
    (DAT | {"movies.dat": "10::Heat\n"}, "movies.dat"),
    (WHEEL | {"ml-100k.item": "item_id:token\n10\n"}, "ml-100k.item"),
    (OLD | {"u.item": "ten|Heat|||url|0\n"}, "u.item"),
])
def test_what_is_damaged_is_named(files, named, tmp_path):
    with pytest.raises(ValueError, match=rf"^{named}\b"):
        read_movielens(write(tmp_path / "ml", files))


def test_a_damaged_archive_is_refused_by_name(tmp_path):
    archive = pack(write(tmp_path / "ml", CSV), tmp_path / "mine.zip")
    content = bytearray(archive.read_bytes())
    at = content.index(b"userId")
    content[at + 40] ^= 1
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged"):
        read_movielens(archive)
    archive.write_bytes(content[:50])
    with pytest.raises(ValueError, match=r"^mine.zip is damaged"):
        read_movielens(archive)


def test_the_wheel_holds_the_whole_release():
    """943 users, 1,682 films, 100,000 ratings, as its README says; and 2,893 marks of a genre."""
    data = read_movielens(installed_movielens())
    assert data.X.shape == (943, 1682) and data.X.nnz == 100_000
    assert np.bincount(data.X.data.astype(int)).tolist() == [0, 6_110, 11_370, 27_145, 34_174, 21_201]
    assert data.genres.sum() == 2_893 and data.genre_names == sorted(movielens.GENRES_OF_100K)
    assert {"Toy Story (1995)", "Star Wars (1977)"} <= set(data.titles)


def test_without_the_wheel_what_to_install_is_said(monkeypatch):
    monkeypatch.setattr(movielens, "WHEEL", "a-wheel-that-is-not-there")
    with pytest.raises(ValueError, match=r"^MovieLens 100k must be installed: .*requirements-data.lock"):
        installed_movielens()
