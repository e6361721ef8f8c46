"""What is committed hangs together: notebooks, figures, records, README and paper.

Nothing is executed here; `test_artefacts.py` compares with what the notebooks make.
"""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FIGURES = sorted((ROOT / "figures").iterdir())
RECORDS = sorted((ROOT / "paper" / "generated").glob("*.tex"))
SOURCES = [path for path in (ROOT / "paper").rglob("*.tex") if path not in RECORDS]


def saved_figures(notebook):
    """Names of the figures that a notebook saves."""
    return re.findall(r'save_(?:figure|animation)\([^\n]*?\\"([a-z0-9-]+)\\"\)', notebook.read_text())


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
    saved = {name for path in NOTEBOOKS for name in saved_figures(path)}
    included = set(re.findall(r"figures/([a-z0-9-]+)\.pdf", "".join(path.read_text() for path in SOURCES)))
    assert included and included <= saved
    assert {path.stem for path in FIGURES} == saved


def recorded_numbers():
    """Name and LaTeX text of every recorded number."""
    text = "".join(path.read_text() for path in RECORDS)
    return dict(re.findall(r"\\recordnumber\{([a-z0-9-]+)\}\{(.*)\}", text))


def test_numbers_in_the_readme_are_recorded():
    """In the README a measured number is followed by its name: 0.97<!-- auc-full -->."""
    prose = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    quoted = re.findall(r"([+−]?[\d.,]+%?)<!-- ([a-z0-9-]+) -->", prose)
    assert quoted
    numbers = recorded_numbers()
    for value, name in quoted:
        assert numbers[name].replace("\\%", "%").replace("{,}", ",").replace("-", "−") == value, name
    unnamed = re.findall(r"(?<!Python )(?<!Section )(?<![\w./-])\d+(?:\.\d+%?|%)(?!<!--)(?![\w.])", prose)
    assert unnamed == [], "numbers without the name of their record"


def test_marks_and_numbers_in_the_paper_are_recorded():
    r"""Each \checked, \shown and \measured names a record, which LaTeX insists on as well."""
    paper = "".join(path.read_text() for path in SOURCES)
    records = "".join(path.read_text() for path in RECORDS)
    checks = set(re.findall(r"\\recordcheck\{([a-z0-9-]+)\}", records))
    used = set(re.findall(r"\\(?:checked|shown)\{([a-z0-9-]+)\}", paper))
    assert used and used <= checks
    used = set(re.findall(r"\\measured\{([a-z0-9-]+)\}", paper))
    assert used and used <= set(recorded_numbers())


def test_no_measured_number_is_typed_into_the_paper():
    """Decimals and percentages in the text are parameters of the experiment, known by heart."""
    parameters = {"0.25", "1.5", "0.5"}
    main = (ROOT / "paper" / "paper.tex").read_text().partition(r"\begin{document}")[2]
    text = main + "".join(path.read_text() for path in (ROOT / "paper" / "sections").glob("*.tex"))
    body = re.sub(r"(?m)(?<!\\)%.*$", "", text)
    body = re.sub(r"\[width=[^\]]*\]|p\{[^}]*\}|\\(?:vspace|hspace)\{[^}]*\}", "", body)
    typed = set(re.findall(r"\d+\.\d+|\d+\\%", body))
    assert typed <= parameters
