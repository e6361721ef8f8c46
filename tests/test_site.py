"""The pages of `make site`: every link leads to a page, to the repository, or is plain text."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert.filters import markdown2html

ROOT = Path(__file__).parents[1]
# Python has a module `site` of its own.
SPEC = importlib.util.spec_from_file_location("make_site", ROOT / "tools" / "site.py")
SITE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SITE)

PAGE = """<a href="02.ipynb#A-$b$">two</a> <a class="x" href="../docs/how.md">how</a> <a href="../paper/paper.pdf">all</a>
<a href="../src/code.py"><code>code</code></a> <a href="https://elsewhere.org/a.md">there</a> <a class="y" href="#top">up</a>"""
KEPT = """<a href="02.html#A-$b$">two</a> <a class="x" href="../docs/how.html">how</a> <a href="../paper/paper.pdf">all</a>
{code} <a href="https://elsewhere.org/a.md">there</a> <a class="y" href="#top">up</a>"""


@pytest.mark.parametrize(("repository", "code"), [
    ("", "<code>code</code>"),
    ("https://github.com/some/where", '<a href="https://github.com/some/where/blob/main/src/code.py"><code>code</code></a>'),
])
def test_links_lead_to_pages_or_to_the_repository_or_are_plain_text(tmp_path, repository, code):
    for name in ("notebooks/01.html", "notebooks/02.html", "docs/how.html", "paper/paper.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "notebooks" / "01.html").write_text(PAGE)
    SITE.lead_somewhere(tmp_path, repository)
    assert (tmp_path / "notebooks" / "01.html").read_text() == KEPT.format(code=code)


def test_the_scorecard_is_among_the_pages_and_no_link_is_dead(tmp_path, monkeypatch):
    """With the notebooks' and docs' own links, but without the work of turning their outputs into HTML."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(SITE, "write_html", lambda notebook, path: path.write_text(markdown2html(
        "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown"))))
    SITE.main(tmp_path / "site")
    assert "<table>" in (tmp_path / "site" / "paper" / "ledger.html").read_text()
    dead = {(path.name, link) for path in (tmp_path / "site").rglob("*.html") for link in SITE.LINK.findall(path.read_text())
            if not (path.parent / link[1].partition("#")[0]).exists()}
    assert dead == set()


def test_formulas_in_narrow_columns_stay_in_one_piece(tmp_path):
    """Nbconvert asks MathJax to break them, which it does before a table has its width."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("$x$")], metadata={"title": "x"})
    SITE.write_html(notebook, tmp_path / "x.html")
    assert re.findall(r"linebreaks: \{\s*automatic: (\w+)", (tmp_path / "x.html").read_text()) == ["false"]
