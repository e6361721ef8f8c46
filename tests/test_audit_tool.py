"""`make audit`: a report and vectors, or one clear line and nothing."""

import re
import subprocess
import sys
from pathlib import Path

import audit  # tools/ is on the path
import nbformat
import numpy as np
import pytest
from papermill.exceptions import PapermillExecutionError

from cosines.similarity import cosine

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tools" / "audit.py"


@pytest.fixture
def files(tmp_path):
    """Factors of 60 users and 40 items, in single precision, and a table with awkward labels."""
    rng = np.random.default_rng(0)
    d = np.geomspace(1, 20, 5)
    np.save(tmp_path / "users.npy", (rng.standard_normal((60, 5)) * d).astype(np.float32))
    np.save(tmp_path / "items.npy", (rng.standard_normal((40, 5)) / d).astype(np.float32))
    rows = [f"m{i},<script>{i}</script> | *x* $y$,{i}" for i in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["id,label,count", *rows]))
    return tmp_path


def run(*arguments, cwd):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], cwd=cwd, capture_output=True,
                          text=True, check=False)


def contents(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_report_is_self_contained_and_vectors_are_the_predictions(files):
    committed = contents(ROOT / "figures") | contents(ROOT / "paper" / "generated")
    made = run("items.npy", "--users", "users.npy", "--table", "table.csv", "--chosen", "m3,m7", "--out", "my audit",
               cwd=files)
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in (files / "my audit").iterdir()) == ["prediction-space.npy", "report.html"]
    vectors = np.load(files / "my audit" / "prediction-space.npy")
    P, B = np.load(files / "users.npy"), np.load(files / "items.npy")
    assert vectors.dtype == np.float32
    assert np.allclose(cosine(vectors), cosine((P @ B.T).T), atol=1e-5)
    page = (files / "my audit" / "report.html").read_text()
    assert "Nearest neighbours: " in page and page.count("<img") == 1
    assert "&lt;script&gt;7&lt;/script&gt; | *x* $y$" in page
    assert "<script" not in page and "<link" not in page
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert contents(ROOT / "figures") | contents(ROOT / "paper" / "generated") == committed


def test_without_users_the_report_says_what_it_cannot_and_old_vectors_go(files):
    (files / "out").mkdir()
    (files / "out" / "prediction-space.npy").write_bytes(b"of an earlier audit")
    made = run("items.npy", "--out", "out", cwd=files)
    assert made.returncode == 0, made.stderr
    assert "they need the users' factors" in made.stdout
    assert [path.name for path in (files / "out").iterdir()] == ["report.html"]
    assert "Without user factors" in (files / "out" / "report.html").read_text()


@pytest.mark.parametrize("arguments, message", [
    (["none.npy"], "none.npy: no such file"),
    (["items.npy", "--users", "wide.npy"], "user factors must be of 5 columns, as the item factors, got (60, 6)"),
    (["zero.npy"], "item factors must be without zero rows, which have no cosine, got 1: rows [2]"),
    (["nan.npy"], "nan.npy: NaN or infinite numbers, first in row 1"),
    (["text.csv"], "text.csv: text where numbers belong, in column f2"),
    (["pickled.npy"], "pickled.npy: holds pickled objects, which are never loaded"),
    (["items.npy", "--table", "short.csv"], "short.csv must be a table of 40 rows, one per item, got 1"),
    (["items.npy", "--chosen", "40"], "chosen must be row numbers in 0..39, got ['40']"),
    (["items.npy", "--out", "items.npy"], "items.npy: not a folder"),
])
def test_bad_input_gets_one_line_and_writes_nothing(files, arguments, message, monkeypatch):
    np.save(files / "wide.npy", np.ones((60, 6)))
    np.save(files / "zero.npy", np.array([[1.0, 2], [3, 4], [0, 0]]))
    np.save(files / "nan.npy", np.array([[1.0, 2], [np.nan, 4]]))
    np.save(files / "pickled.npy", np.array([[object()]]))
    (files / "text.csv").write_text("f1,f2\n1,two\n")
    (files / "short.csv").write_text("id\n1\n")
    before = contents(files)
    monkeypatch.chdir(files)
    assert audit.main(arguments) == f"audit: {message}"
    assert contents(files) == before and not (files / "build").exists()


def test_bad_input_is_the_only_line_that_a_user_sees(files):
    made = run("none.npy", cwd=files)
    assert (made.returncode, made.stdout, made.stderr) == (1, "", "audit: none.npy: no such file\n")


def test_failure_half_way_leaves_an_earlier_report_as_it_was(files, monkeypatch):
    (files / "out").mkdir()
    (files / "out" / "report.html").write_text("of an earlier audit")

    def failing(source, target, *_, **__):
        Path(target).write_text("half")
        raise PapermillExecutionError(1, 1, "", "MemoryError", "out of memory", [])

    monkeypatch.setattr(audit.papermill, "execute_notebook", failing)
    message = audit.main([str(files / "items.npy"), "--out", str(files / "out")])
    assert message == "audit: MemoryError: out of memory"
    assert {path.name: path.read_text() for path in (files / "out").iterdir()} == {"report.html": "of an earlier audit"}


def test_notebook_has_the_headings_that_bound_the_report():
    notebook = nbformat.read(audit.NOTEBOOK, as_version=4)
    headings = [cell.source.splitlines()[0] for cell in notebook.cells if cell.cell_type == "markdown"]
    assert headings.index(audit.REPORT_STARTS) < headings.index(audit.REPORT_ENDS)
    report = notebook.cells[:next(i for i, c in enumerate(notebook.cells) if c.source.startswith(audit.REPORT_ENDS))]
    started = next(i for i, c in enumerate(report) if c.source.startswith(audit.REPORT_STARTS))
    shown = [audit._without_formulas(c.source) for c in report[started:] if c.cell_type == "markdown"]
    assert not any("$" in text for text in shown), "the report's page shows no formulas"
