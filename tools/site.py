"""Put what readers want into build/site: the page to drag, the write-up, its ledger, the notebooks and docs/ as HTML.

    python tools/site.py build/site

A link to a file that is no page leads to the repository, if pyproject.toml says where that is; else it is plain text.
"""

import html
import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from cosines.publishing.ledger import repository_address

INDEX = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Is cosine similarity of embeddings really about similarity?</title>
<style>body {{ font: 17px/1.6 Georgia, serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }}</style>
<h1>Is cosine similarity of embeddings really about similarity?</h1>
<p><a href="figures/explore.html">A page to drag</a>: one recommender, any similarity you like; and a place to drop your own file.</p>
<p><a href="docs/audit.html">Audit your embeddings</a>: recipes for <code>cosines audit</code>. And <a href="docs/which-power.html">which power
did your library hand you</a>, U, U sqrt(s) or U s?</p>
<p><a href="paper/paper.pdf">The write-up</a>, and its <a href="paper/ledger.html">scorecard and ledger of checks</a>. The notebooks:</p>
<ul>
{notebooks}
</ul>
</html>
"""
# A link to a file: what stands before its address, the address, what stands behind it, and the text.
LINK = re.compile(r'<a((?:\s[^>]*?)?\s)href="([^":#][^":]*)"([^>]*)>(.*?)</a>', re.DOTALL)


def main(target):
    target = Path(target)
    shutil.rmtree(target, ignore_errors=True)
    for folder, pattern in (("figures", "*.[!p]*"), ("figures", "*.png"), ("paper", "paper.pdf")):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for path in Path(folder).glob(pattern):
            shutil.copy(path, target / folder)
    for folder in ("notebooks", "docs"):
        (target / folder).mkdir()
    for path in [*Path("docs").glob("*.md"), Path("paper/ledger.md")]:
        cell = nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))
        page = nbformat.v4.new_notebook(cells=[cell], metadata={"title": path.stem})
        write_html(page, (target / path).with_suffix(".html"))
    rows = []
    for path in sorted(Path("notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        write_html(notebook, target / "notebooks" / f"{path.stem}.html")
        title = re.search(r"^# (.*)", notebook.cells[0].source)[1].replace("$", "")
        rows.append(f'<li><a href="notebooks/{path.stem}.html">{path.stem[:2]}</a> {html.escape(title)}</li>')
    (target / "index.html").write_text(INDEX.format(notebooks="\n".join(rows)), encoding="utf-8")
    lead_somewhere(target, repository_address("."))


def write_html(notebook, path):
    """A notebook as a page."""
    page, _ = HTMLExporter().from_notebook_node(notebook)
    # Or MathJax breaks formulas at the width that a column of a table had before they were typeset.
    page = re.sub(r"(linebreaks: \{\s*automatic:) true", r"\1 false", page)
    path.write_text(page, encoding="utf-8")


def lead_somewhere(target, repository):
    """Let links between files lead to their pages, and others to the repository, or nowhere."""
    for path in target.rglob("*.html"):
        def replace(match, folder=path.parent):
            start, link, end, text = match.groups()
            name, mark, anchor = html.unescape(link).partition("#")
            for there in (folder / name, (folder / name).with_suffix(".html")):
                if there.exists():
                    name = re.sub(r"\.\w+$", there.suffix, name)
                    return f'<a{start}href="{html.escape(name + mark + anchor)}"{end}>{text}</a>'
            place = (folder / name).resolve().relative_to(target.resolve())
            return f'<a{start}href="{repository}/blob/main/{place}"{end}>{text}</a>' if repository else text

        page = path.read_text(encoding="utf-8")
        path.write_text(LINK.sub(replace, page), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
