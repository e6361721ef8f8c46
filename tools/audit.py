"""Audit somebody's embeddings: a self-contained HTML report, and vectors that no scaling changes.

    python tools/audit.py my_items.npy [--users my_users.npy] [--table items.csv]
                          [--chosen 12,7] [--out build/audit]

Input is read and checked before any work starts. Then the part of notebook 14 before the heading
"How it works" is executed on it. ``report.html`` and ``prediction-space.npy`` are moved to where
they belong only when both are complete; on an error, one line says what is wrong.
"""

import argparse
import sys
import tempfile
from html import escape
from pathlib import Path

import nbformat
import papermill
from nbconvert.filters import markdown2html
from nbclient.exceptions import CellControlSignal, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from cosines.audit.findings import chosen_rows, read_model

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "14-audit-your-embeddings.ipynb"
REPORT_ENDS = "## How it works"
REPORT_STARTS = "## The verdict"
PAGE = """\
<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Audit of embeddings</title>
<style>
body {{ max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 Georgia, serif; color: #222; background: #fff }}
h1, h2, h3 {{ line-height: 1.2 }} img {{ max-width: 100% }} a.anchor-link {{ display: none }}
table {{ border-collapse: collapse; font-size: 0.9rem }} td, th {{ padding: 0.2rem 0.8rem; border-bottom: 1px solid #ddd; text-align: left }}
pre, code {{ font: 0.85rem monospace }}
</style>
<h1>Audit of embeddings</h1>
<p>Items: <code>{items}</code><br>Users: <code>{users}</code></p>
{body}
<p>How it works, and how it was checked: <code>notebooks/14-audit-your-embeddings.ipynb</code> of the cosines repository.</p>
</html>
"""


def main(arguments):
    """Write the report; return nothing, or one line that says what is wrong."""
    options = _options(arguments)
    out = Path(options.out)
    try:
        items, P = read_model(options.items, options.users, options.table)
        chosen_rows(options.chosen, items)
        items, P = None, P is not None  # from here on, the notebook needs the memory
        if out.exists() and not out.is_dir():
            raise ValueError(f"{out}: not a folder")
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".unfinished-") as scratch:
            executed = _execute(options, Path(scratch))
            page = PAGE.format(items=escape(options.items), users=escape(options.users or "unknown"),
                               body="\n".join(_body(executed)))
            (Path(scratch) / "report.html").write_text(page, encoding="utf-8")
            vectors = out / "prediction-space.npy"
            if not P:
                vectors.unlink(missing_ok=True)  # of an earlier audit, of other items
            else:
                (Path(scratch) / vectors.name).replace(vectors)
            (Path(scratch) / "report.html").replace(out / "report.html")
    except ValueError as error:
        return f"audit: {error}"
    except PapermillExecutionError as error:
        return f"audit: {error.ename}: {error.evalue}"
    except (OSError, MemoryError, CellControlSignal, DeadKernelError) as error:
        return f"audit: stopped, nothing was written. {type(error).__name__}: {error}"
    except KeyboardInterrupt:
        return "audit: interrupted, nothing was written"
    print(out / "report.html")
    print(vectors if P else "No prediction-space vectors: they need the users' factors.")


def _options(arguments):
    parser = argparse.ArgumentParser(description="Audit embeddings of items.")
    parser.add_argument("items", help="item factors: .npy, .npz, .csv or .parquet")
    parser.add_argument("--users", default="", help="user factors, likewise")
    parser.add_argument("--table", default="", help="ids, labels and counts of items: .csv or .parquet")
    parser.add_argument("--chosen", default="", help="ids of items to show, with commas in between")
    parser.add_argument("--out", default="build/audit", help="folder for the report")
    return parser.parse_args(arguments)


def _execute(options, scratch):
    """The executed cells of the report."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    first_beyond = next(i for i, cell in enumerate(notebook.cells) if cell.source.startswith(REPORT_ENDS))
    notebook.cells = notebook.cells[:first_beyond]
    nbformat.write(notebook, scratch / "report.ipynb")
    files = {"item_factors": options.items, "user_factors": options.users, "item_table": options.table}
    parameters = {name: str(Path(path).absolute()) if path else "" for name, path in files.items()}
    parameters |= {"chosen": options.chosen, "output": str(scratch.absolute())}
    papermill.execute_notebook(
        scratch / "report.ipynb",
        scratch / "executed.ipynb",
        parameters,
        progress_bar={"desc": "audit", "leave": False, "mininterval": 1 if sys.stderr.isatty() else 15},
        start_timeout=120,
        extra_arguments=["--log-level=CRITICAL"],
    )
    return nbformat.read(scratch / "executed.ipynb", as_version=4)


def _body(notebook):
    """HTML of the text and the outputs, without code, from the verdict on."""
    started = False
    for cell in notebook.cells:
        started = started or cell.source.startswith(REPORT_STARTS)
        if started and cell.cell_type == "markdown":
            yield markdown2html(_without_formulas(cell.source))
        for output in cell.get("outputs", []) if started else []:
            data = output.get("data", {})
            if "text/markdown" in data:
                yield markdown2html(data["text/markdown"])
            elif "image/png" in data:
                png = data["image/png"].replace("\n", "")
                yield f'<img alt="The audit in four panels" src="data:image/png;base64,{png}">'
            elif output.output_type == "stream" and output.name == "stdout":
                yield f"<pre>{escape(output.text)}</pre>"


def _without_formulas(text):
    """The few formulas of the report in plain characters: a page without scripts shows no others."""
    return text.replace("$B(P^\\top P)^{1/2}$", "B (PᵀP)<sup>½</sup>")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
