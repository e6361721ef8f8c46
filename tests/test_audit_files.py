"""Reading factors from files, and refusing what is no matrix of numbers."""

import pickle

import numpy as np
import pytest

from cosines.audit.files import read_descriptions, read_factors, write_vectors

M = np.arange(1, 13, dtype=np.float32).reshape(4, 3) / 8


def test_npy_keeps_single_precision(tmp_path):
    np.save(tmp_path / "m.npy", M)
    factors = read_factors(tmp_path / "m.npy").factors
    assert factors.dtype == np.float32 and np.array_equal(factors, M)


def test_npz_finds_the_array_by_name_by_default_or_as_the_only_matrix(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, item_factors=M, user_factors=2 * M, rank=3)
    assert np.array_equal(read_factors(path, "user_factors").factors, 2 * M)
    np.savez(path, factors=M, other=2 * M, ids=[7, 8, 9, 10], labels=list("abcd"), counts=[1, 2, 3, 4])
    table = read_factors(path, "item_factors")
    assert np.array_equal(table.factors, M) and table.ids[0] == 7 and table.labels[3] == "d"
    assert table.counts.dtype == np.float64
    np.savez(path, anything=M, rank=3)
    assert np.array_equal(read_factors(path, "item_factors").factors, M)
    np.savez(path, one=M, two=M)
    with pytest.raises(ValueError, match=r'"item_factors" or "factors".*one.*two'):
        read_factors(path, "item_factors")


def test_csv_with_and_without_names(tmp_path):
    path = tmp_path / "m.csv"
    np.savetxt(path, M, delimiter=",")
    assert np.allclose(read_factors(path).factors, M)
    rows = [f"i{i},\"Heat, 1995\",{i},{','.join(map(str, row))}" for i, row in enumerate(M)]
    path.write_text("\n".join(["ID,label,count,f1,f2,f3", *rows]))
    table = read_factors(path)
    assert np.allclose(table.factors, M)
    assert table.ids[2] == "i2" and table.labels[0] == "Heat, 1995" and table.counts[3] == 3


def test_parquet_with_columns_or_with_lists(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (optional extra: tables)")
    import pandas

    path = tmp_path / "m.parquet"
    pandas.DataFrame(M, columns=["f1", "f2", "f3"]).assign(id=[5, 6, 7, 8]).to_parquet(path)
    assert np.array_equal(read_factors(path).factors, M) and read_factors(path).ids[0] == 5
    pandas.DataFrame({"id": [5, 6, 7, 8], "features": list(M)}).to_parquet(path)
    assert np.array_equal(read_factors(path).factors, M)
    assert read_factors(path).factors.dtype == np.float32
    pandas.DataFrame({"features": [[1.0, 2.0], [3.0]]}).to_parquet(path)
    with pytest.raises(ValueError, match=r"rows are of one length, got \[1, 2\]"):
        read_factors(path)


class Trap:
    def __reduce__(self):
        return exec, ("raise RuntimeError('a pickle was loaded')",)


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[Trap()]], dtype=object))
    np.savez(tmp_path / "o.npz", factors=np.array([[Trap()]], dtype=object))
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("o.npy", "o.npz", "p.npy"):
        with pytest.raises(ValueError, match=f"{name}: holds pickled objects, which are never loaded"):
            read_factors(tmp_path / name)


def write(path, text):
    path.write_text(text)


@pytest.mark.parametrize("name, make, message", [
    ("none.npy", lambda path: None, "no such file"),
    ("folder.npy", lambda path: path.mkdir(), "no such file"),
    ("m.txt", lambda path: write(path, "1,2"), "file must be .npy or .npz or .csv or .parquet"),
    ("m.npy", lambda path: path.write_bytes(b"\x93NUMPY"), "not a NumPy file"),
    ("m.npz", lambda path: path.write_bytes(b"PK\x03\x04 cut off"), "not a NumPy file"),
    ("m.npy", lambda path: np.save(path, np.array([["a", "b"]])), "text or objects where numbers belong"),
    ("m.npy", lambda path: np.save(path, np.ones(3)), r"must be a matrix, one row each, got shape \(3,\)"),
    ("m.npy", lambda path: np.save(path, np.ones((0, 3))), "must be a matrix"),
    ("m.npy", lambda path: np.save(path, np.array([[1, 2], [3, np.nan]])), "NaN or infinite numbers, first in row 1"),
    ("m.npy", lambda path: np.save(path, np.ones((2, 2), dtype=complex)), "text or objects"),
    ("m.npz", lambda path: np.savez(path, factors=M, ids=[1, 2]), "ids must be of length 4, one per row, got 2"),
    ("m.npz", lambda path: np.savez(path, factors=M, counts=[1, 2, 3, -4]), "counts must be numbers >= 0"),
    ("m.csv", lambda path: write(path, "f1,f2\n1,2\n3,four\n"), "text where numbers belong, in column f2"),
    ("m.csv", lambda path: write(path, "5,2\n3,four\n"), "text where numbers belong, in column 1"),
    ("m.csv", lambda path: write(path, "f1,f2\n1,2\n3,\n"), "NaN or infinite numbers, first in row 1"),
    ("m.csv", lambda path: write(path, "5,2\n3,4,5\n"), "not a .csv file"),
    ("m.csv", lambda path: write(path, ""), "not a .csv file"),
    ("m.csv", lambda path: write(path, "id,label\n1,a\n"), "a column per dimension"),
    ("m.csv", lambda path: path.write_bytes(b"\x00\xff\xfe\x00"), "m.csv"),
    ("m.parquet", lambda path: write(path, "no parquet"), "not a .parquet file|needs pyarrow"),
])
def test_bad_files_get_one_clear_line(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=message) as error:
        read_factors(tmp_path / name)
    assert "\n" not in str(error.value) and name in str(error.value)


def test_descriptions_come_from_a_table_of_any_of_three_columns(tmp_path):
    path = tmp_path / "items.csv"
    write(path, "Label,year,count\nHeat,1995,3\nRonin,1998,1\n")
    table = read_descriptions(path, 2)
    assert list(table.labels) == ["Heat", "Ronin"] and list(table.counts) == [3, 1] and table.ids is None
    with pytest.raises(ValueError, match="a table of 3 rows, one per item, got 2"):
        read_descriptions(path, 3)
    write(path, "title\nHeat\nRonin\n")
    with pytest.raises(ValueError, match='a table with a column "id", "label" or "count"'):
        read_descriptions(path, 2)


def test_vectors_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr("cosines.audit.files.BLOCK", 3)
    path = tmp_path / "new" / "vectors.npy"
    T = np.diag([1.0, 2.0, 4.0])[:, :2]
    write_vectors(path, M, T)
    assert np.load(path).dtype == np.float32 and np.array_equal(np.load(path), M @ T)

    class Failing:
        shape, dtype = M.shape, M.dtype

        def __getitem__(self, rows):
            if rows.start:
                raise OSError("the disk went away")
            return M[rows]

    path.unlink()
    with pytest.raises(OSError, match="went away"):
        write_vectors(path, Failing(), T)
    assert list(path.parent.iterdir()) == []


AMBIGUOUS = "may be names of columns or an item"
AN_INDEX = 'may be ids or a dimension: call it "id", or leave it out'


@pytest.mark.parametrize(("how", "message"), [
    ({"index": False}, AMBIGUOUS),  # the first line is 0,1,2
    ({}, f"the first column {AN_INDEX}"),  # the index is a column without a name
    ({"index_label": "item_id"}, f'column "item_id" {AN_INDEX}'),
    ({"index_label": "movieId"}, f'column "movieId" {AN_INDEX}'),
    ({"index_label": "row"}, f'column "row" {AN_INDEX}'),  # told by its values
    ({"header": False}, f"the first column {AN_INDEX}"),
])
def test_csv_that_pandas_writes_is_never_misread(tmp_path, how, message):
    import pandas

    path = tmp_path / "items.csv"
    pandas.DataFrame(M).to_csv(path, **how)
    with pytest.raises(ValueError) as error:
        read_factors(path)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)
    assert "\n" not in str(error.value)


def test_csv_that_pandas_writes_with_names_is_read(tmp_path):
    import pandas

    path = tmp_path / "items.csv"
    named = pandas.DataFrame(M, columns=["f0", "f1", "f2"])
    named.to_csv(path, index=False)
    assert np.allclose(read_factors(path).factors, M)
    named.to_csv(path, index_label="id")
    assert np.allclose(read_factors(path).factors, M) and list(read_factors(path).ids) == [0, 1, 2, 3]


def test_ids_in_a_parquet_column_of_another_name_are_no_dimension(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (optional extra: tables)")
    import pandas

    path = tmp_path / "m.parquet"
    pandas.DataFrame(M, columns=["f1", "f2", "f3"]).assign(movieId=[5, 6, 7, 8]).to_parquet(path)
    with pytest.raises(ValueError, match='column "movieId" may be ids'):
        read_factors(path)
