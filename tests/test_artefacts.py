"""What is committed is what the code makes.

`make test` first re-executes every notebook, with its figures and records redirected to
``build/test``; here they are held against the committed ones.
"""

import re
import zlib
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
REGENERATED = ROOT / "build" / "test"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FIGURES = sorted((ROOT / "figures").iterdir())
RECORDS = sorted((ROOT / "paper" / "generated").glob("*.tex"))


def names(paths):
    return [path.name for path in paths]


def regenerated(folder, name):
    path = REGENERATED / folder / name
    assert path.exists(), f"no notebook wrote {folder}/{name} (make test runs them first)"
    return path


def pdf_streams(path):
    """The decompressed streams of a PDF: its content, whatever library compressed it."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), flags=re.DOTALL)
    return [_decompressed(stream) for stream in found]


def _decompressed(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


@pytest.mark.parametrize("name", [n for n in names(FIGURES) if n.endswith(".png")])
def test_png_is_what_the_notebook_draws(name):
    committed = np.asarray(Image.open(ROOT / "figures" / name).convert("RGB"), dtype=int)
    made = np.asarray(Image.open(regenerated("figures", name)).convert("RGB"), dtype=int)
    assert made.shape == committed.shape
    difference = np.abs(made - committed).max(axis=2)
    assert difference.max() <= 16 and (difference > 2).mean() < 1e-3


@pytest.mark.parametrize("name", [n for n in names(FIGURES) if n.endswith(".pdf")])
def test_pdf_is_what_the_notebook_draws(name):
    committed = pdf_streams(ROOT / "figures" / name)
    assert len(committed) >= 3
    assert pdf_streams(regenerated("figures", name)) == committed


@pytest.mark.parametrize("name", names(RECORDS))
def test_numbers_and_checks_are_what_the_notebook_records(name):
    committed = (ROOT / "paper" / "generated" / name).read_text()
    assert regenerated("paper/generated", name).read_text() == committed


def test_every_figure_and_record_is_committed():
    assert names(sorted((REGENERATED / "figures").iterdir())) == names(FIGURES)
    assert names(sorted((REGENERATED / "paper" / "generated").iterdir())) == names(RECORDS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_was_executed_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"readers see a warning: {cell.source}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_reads_well_on_github(path):
    notebook = nbformat.read(path, as_version=4)
    assert path.stat().st_size < 1_000_000
    assert notebook.cells[0].source.startswith("# ")
    assert any("## To take away" in cell.source for cell in notebook.cells)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells) == 1
    assert max(len(cell.source.splitlines()) for cell in notebook.cells if cell.cell_type == "code") <= 30


def test_every_included_figure_is_saved_by_a_notebook():
    source = "".join(path.read_text() for path in NOTEBOOKS)
    saved = set(re.findall(r'save_figure\([^\n]*?\\"([a-z0-9-]+)\\"\)', source))
    included = set(re.findall(r"figures/([a-z0-9-]+)\.pdf", (ROOT / "paper" / "paper.tex").read_text()))
    assert included <= saved
    assert {path.stem for path in FIGURES} == saved


def recorded_numbers():
    """Name and LaTeX text of every recorded number."""
    text = "".join(path.read_text() for path in RECORDS)
    return dict(re.findall(r"\\recordnumber\{([a-z0-9-]+)\}\{(.*)\}", text))


def test_numbers_in_the_readme_are_recorded():
    """In the README a measured number is followed by its name: 0.97<!-- auc-full -->."""
    prose = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    quoted = re.findall(r"([\d.,]+%?)<!-- ([a-z0-9-]+) -->", prose)
    assert quoted
    numbers = recorded_numbers()
    for value, name in quoted:
        assert numbers[name].replace("\\%", "%").replace("{,}", ",") == value, name
    unnamed = re.findall(r"(?<!Python )(?<!Section )(?<![\w./-])\d+(?:\.\d+%?|%)(?!<!--)(?![\w.])", prose)
    assert unnamed == [], "numbers without the name of their record"


def test_marks_and_numbers_in_the_paper_are_recorded():
    r"""Each \checked, \shown and \measured names a record, which LaTeX insists on as well."""
    paper = "".join(path.read_text() for path in (ROOT / "paper").rglob("*.tex") if path not in RECORDS)
    records = "".join(path.read_text() for path in RECORDS)
    checks = set(re.findall(r"\\recordcheck\{([a-z0-9-]+)\}", records))
    used = set(re.findall(r"\\(?:checked|shown)\{([a-z0-9-]+)\}", paper))
    assert used and used <= checks
    used = set(re.findall(r"\\measured\{([a-z0-9-]+)\}", paper))
    assert used and used <= set(recorded_numbers())


def test_no_measured_number_is_typed_into_the_paper():
    """Decimals and percentages in the text are parameters of the experiment, known by heart."""
    parameters = {"0.25", "1.5", "0.5"}
    text = "".join(path.read_text() for path in [ROOT / "paper" / "paper.tex", *(ROOT / "paper").glob("sections/*.tex")])
    body = re.sub(r"(?m)(?<!\\)%.*$", "", text.partition(r"\begin{document}")[2])
    body = re.sub(r"\[width=[^\]]*\]|p\{[^}]*\}|\\(?:vspace|hspace)\{[^}]*\}", "", body)
    typed = set(re.findall(r"\d+\.\d+|\d+\\%", body))
    assert typed <= parameters
