"""Every format of MovieLens, whole and damaged; nothing here needs the data or a network."""

import hashlib
import zipfile

import numpy as np
import pooch
import pytest

from cosines import movielens
from cosines.movielens import find_movielens, read_movielens

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
ENCODING = {".csv": "utf-8", ".dat": "latin-1", ".data": "latin-1", ".item": "latin-1"}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode(ENCODING[name[name.rindex("."):]]))
    return folder


def pack(folder, archive):
    with zipfile.ZipFile(archive, "w") as target:
        for file in folder.iterdir():
            target.write(file, f"{folder.name}/{file.name}")
    return archive


@pytest.mark.parametrize("files", [CSV, DAT, OLD], ids=["csv", "dat", "100k"])
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
    (OLD | {"u.item": "ten|Heat|||url|0\n"}, "u.item"),
])
def test_what_is_damaged_is_named(files, named, tmp_path):
    with pytest.raises(ValueError, match=rf"^{named}\b"):
        read_movielens(write(tmp_path / "ml", files))


def test_an_archive_that_is_not_as_published_is_refused_by_name(tmp_path):
    archive = pack(write(tmp_path / "ml-1m", DAT), tmp_path / "ml-1m.zip")
    with pytest.raises(ValueError, match=r"^ml-1m.zip is damaged or changed"):
        read_movielens(archive)


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


def test_data_of_ones_own_come_first(tmp_path, monkeypatch):
    monkeypatch.setenv("COSINES_DATA", str(tmp_path))
    assert find_movielens() == tmp_path
    monkeypatch.setenv("COSINES_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"^COSINES_DATA\b"):
        find_movielens()


def test_a_download_is_checked_and_kept(tmp_path, monkeypatch):
    """From a file:// address in place of the server, into a temporary cache."""
    served = pack(write(tmp_path / "ml-1m", DAT), tmp_path / "ml-1m.zip")
    monkeypatch.delenv("COSINES_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    fetched = []

    def fetch(url, output_file, pooch):
        fetched.append(url)
        with open(output_file, "wb") as target:
            target.write(served.read_bytes())

    monkeypatch.setattr("pooch.core.choose_downloader", lambda url, progressbar=False: fetch)
    with pytest.raises(ValueError, match=r"^ml-1m.zip could not be fetched"):
        find_movielens("ml-1m")
    md5 = hashlib.md5(served.read_bytes()).hexdigest()
    monkeypatch.setitem(movielens.PUBLISHED, "ml-1m.zip", md5)
    assert [read_movielens(find_movielens("ml-1m")).X.nnz for _ in range(2)] == [3, 3]
    assert fetched == 2 * ["https://files.grouplens.org/datasets/movielens/ml-1m.zip"]  # refused, then kept


def test_an_unknown_release_is_refused(monkeypatch):
    monkeypatch.delenv("COSINES_DATA", raising=False)
    with pytest.raises(ValueError, match=r"^release\b"):
        find_movielens("ml-2m")
