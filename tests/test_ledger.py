"""What is made of records and claims: TeX, scorecard and ledger, README's numbers."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbconvert.filters import markdown2html

from cosines.publishing.ledger import (
    anchor,
    as_ledger,
    as_tex,
    notebook_address,
    publish,
    read_notebooks,
    read_places,
    repository_address,
    with_numbers,
)
from cosines.publishing.records import Records, read_claims

ROOT = Path(__file__).parents[1]
CLAIMS = r"""
[[paper]]
key = "statement"
where = "Eq. 5"
outcome = "corrected"
wording = 'as "said", $A\,B$'
note = "not quite"
here = "sec:one"
found = 'by \measured{gain}: \range{auc}, \ci{auc}, \interval{auc}; $x$ is \shown{another}, an error \shown{a-check}'

[[check]]
key = "a-check"
where = "Eq. 5"
supports = "statement"
wording = 'it holds, $\frac{a}{b}\,$ is $c_{i}$'

[[check]]
key = "another"
where = "beyond"
supports = "beyond"
wording = "so does this"
"""
NOTEBOOK = [("markdown", "# A title of *100 %*\n\nWords."), ("markdown", "## What $D$ `does`\n"),
            ("code", "save_figure(draw([1, 2]), 'a-plot', alt)"), ("code", "def f():\n    # no heading\n    record.check('a-check', 0, at_most=1)"), ("markdown", "### Later")]
PAPER = {
    "paper.tex": r"""\newcommand{\x}{\checked{another}}
\begin{document}\shown{another} \input{sections/a} \appendix\input{sections/b}""",
    "sections/a.tex": r"""\section{``First'' of \eqref{eq:product}}\label{sec:one}
\shown{a-check} % \checked{another}
\input{sections/c}""",
    "sections/b.tex": r"\section{Last}\checked{a-check}",
    "sections/c.tex": "\\subsection{\\texorpdfstring{$V_k$}{V} \\emph{as is}}\\checked{a-check}\\checked{another}",
}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """A repository of two claims, a notebook and a write-up."""
    for name in ("paper/sections", "notebooks"):
        (tmp_path / name).mkdir(parents=True)
    for name, text in PAPER.items():
        (tmp_path / "paper" / name).write_text(text)
    cells = [{"cell_type": kind, "source": source.splitlines(keepends=True)} for kind, source in NOTEBOOK]
    cells[2]["outputs"] = [{"metadata": {"image/png": {"alt": "Two bars – of $x$."}}}]
    (tmp_path / "notebooks" / "01-first.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "paper" / "claims.toml").write_text(CLAIMS)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "cosines"\n')
    (tmp_path / "README.md").write_text("An AUC of 0.97<!-- auc -->.\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path))
    first, second = Records("01-first"), Records("02-second")
    first.interval("auc", (0.948, 0.9, 0.99), ".2f")
    first.number("gain", 0.0014, "+.3f")
    first.check("a-check", 0, at_most=1e-12)
    second.check("another", 0.75, at_least=0.5, spec=".0%")
    first.publish(), second.publish()
    return tmp_path


def ledger_rows(root):
    """The ledger's lines that are rows of checks, as cells."""
    page = publish(root)[Path("paper/ledger.md")].partition("## Ledger")[2]
    return [line[2:-2].split(" | ") for line in page.splitlines() if re.match(r"\| \d", line)]


# TeX


def test_publish_makes_tex_ledger_and_the_readmes_numbers(root):
    made = publish(root)
    assert made[Path("README.md")] == "An AUC of 0.95<!-- auc -->.\n"
    assert "\\recordnumber{auc}{0.95}\n" in made[Path("paper/generated/records.tex")]
    assert len(ledger_rows(root)) == 2


def test_a_plus_is_printed_only_where_tex_is_asked_for_it(root):
    assert "\\recordnumber{gain}{\\plus 0.001}\n" in publish(root)[Path("paper/generated/records.tex")]


def test_a_notebooks_title_is_latex(root):
    assert "\\recordnotebook{01. A title of \\emph{100 \\%}}\n" in publish(root)[Path("paper/generated/records.tex")]


# Addresses


ADDRESSES = {
    "": "../notebooks/01-first.ipynb",
    "https://github.com/some/where": "https://nbviewer.org/github/some/where/blob/main/notebooks/01-first.ipynb#What-$D$-does",
    "https://codeberg.org/some/where/": "https://codeberg.org/some/where/blob/main/notebooks/01-first.ipynb",
}


@pytest.mark.parametrize(("repository", "address"), ADDRESSES.items())
def test_one_line_of_pyproject_leads_every_check_to_its_notebooks_section(root, repository, address):
    if repository:
        with (root / "pyproject.toml").open("a") as project:
            project.write(f'[project.urls]\nRepository = "{repository}"\n')
    made = publish(root)
    escaped = address.replace("%", r"\%").replace("#", r"\#")
    tex = next(line for line in made[Path("paper/generated/records.tex")].splitlines() if "{a-check}" in line)
    assert tex.endswith(f"{{{escaped}}}")
    assert ledger_rows(root)[0][4] == f"[What $D$ `does`]({address})"


def test_a_check_that_no_cell_names_leads_to_its_notebook(root):
    link = notebook_address("02-second", None, "https://github.com/some/where")
    assert link == "https://nbviewer.org/github/some/where/blob/main/notebooks/02-second.ipynb"
    assert ledger_rows(root)[1][4] == "[02-second](../notebooks/02-second.ipynb)"


def test_anchors_are_those_that_nbconvert_gives_to_headings():
    headings = {heading for one in read_notebooks(ROOT / "notebooks").values() for heading in one["headings"].values()}
    assert len(headings) > 50
    for heading in headings | {"What *else* `D` does: $w^{1/2}$ & 50 % (more)?"}:
        found = re.search(r'id="([^"]*)"', markdown2html(f"## {heading}"))[1]
        assert anchor(heading) == html.unescape(found)


def test_every_check_is_found_in_the_section_that_makes_it():
    _, claims, _ = read_claims(ROOT)
    notebooks = read_notebooks(ROOT / "notebooks").values()
    assert {key for one in notebooks for key, heading in one["headings"].items() if heading} == set(claims)


# Scorecard and ledger


def test_the_scorecards_numbers_are_records(root):
    row = publish(root)[Path("paper/ledger.md")].partition("|---|\n")[2].splitlines()[0]
    assert row == (
        '| as "said", $A B$ | **corrected** | Eq. 5 | “First” of Eq. 1 | by 0.001: 0.95 (range 0.90 to 0.99), '
        "0.95 [0.90, 0.99], 0.95 (95 % CI 0.90 to 0.99); $x$ is 75%, an error $\\le 10^{-12}$ |")
    tex = publish(root)[Path("paper/generated/records.tex")].splitlines()[-1]
    assert tex.startswith(r"\recordstatement{as ``said'', $A\,B$}{corrected}{Eq.~5}{sec:one}{by \measured{gain}: ")


@pytest.mark.parametrize("wrong", ["measured{aux}", "shown{a-chek}", "ci{gain}"])
def test_a_scorecard_that_names_an_unknown_record_is_refused(root, wrong):
    (root / "paper/claims.toml").write_text(CLAIMS.replace("measured{gain}", wrong))
    with pytest.raises(ValueError, match=r"^(number|check)\b"):
        publish(root)


def test_the_ledger_has_numbers_and_both_places_and_says_a_bound_once(root):
    first, second = ledger_rows(root)
    assert (first[0], second[0]) == ("1", "2")
    assert first[1] == r"it holds, $\frac{a}{b} $ is $c_{i}$"  # a comma on GitHub, where there is \,
    assert (first[2], first[3]) == ("Eq. 5", "$V_k$ *as is*")
    assert (first[5], first[6]) == ("", r"$\le 10^{-12}$")


def test_measured_and_required_have_one_unit(root):
    assert ledger_rows(root)[1][5:] == [r"$75\%$", r"$\ge 50\%$"]


def test_the_place_of_a_check_is_the_section_of_its_first_mark_or_else_of_its_value():
    places, titles = read_places(Path("paper"))
    assert places == {"a-check": "$V_k$ *as is*", "another": "$V_k$ *as is*"}
    assert titles == {"sec:one": "“First” of Eq. 1"}
    Path("paper/sections/c.tex").write_text("")
    Path("paper/sections/b.tex").write_text("")
    assert read_places(Path("paper"))[0] == {"a-check": "“First” of Eq. 1"}


def test_ledger_keeps_the_order_of_notebooks_and_of_their_checks():
    checks = {"another": {"measured": None, "required": "<= 1"}, "a-check": {"measured": None, "required": "<= 0"}}
    one = {"numbers": {}, "checks": checks, "tables": {}}
    page = as_ledger({"01-a": one}, read_claims()[1])
    assert page.index("so does this") < page.index("it holds")


def test_every_check_of_the_write_up_has_a_place_in_it():
    places, titles = read_places(ROOT / "paper")
    statements, claims, _ = read_claims(ROOT)
    assert set(claims) - set(places) == set()
    assert {statement["here"] for statement in statements.values()} - set(titles) == set()


# LaTeX itself


PAGE = r"""\documentclass{article}
\usepackage{amssymb,amsmath,etoolbox,graphicx,booktabs,longtable,array,xcolor,accsupp}
\usepackage[colorlinks]{hyperref}
\pdfcompresslevel=0 \pdfobjcompresslevel=0
\input{records}
\input{generated/records}
\begin{document}
\section{One}\label{sec:one} \measured{gain}, \signed{\measured{gain}}, \interval{auc}, \range{auc}, \ci{auc}.
\begin{align} a \checked{a-check} \end{align}
so \checked{another}. It is so\checked{another}\checked{a-check}, $b \checked{another}$ \scorecard \plot{a-plot}
\section{Two} \ledger
\end{document}
"""


@pytest.fixture
def printed(root):
    """What a write-up of these records says, as text, and its PDF."""
    if subprocess.run(["which", "pdflatex", "pdftotext"], capture_output=True, check=False).returncode:
        pytest.skip("no LaTeX here")
    with (root / "pyproject.toml").open("a") as project:
        project.write('[project.urls]\nRepository = "https://github.com/some/where"\n')
    for path, text in publish(root).items():
        (root / path).write_text(text)
    (root / "paper" / "records.tex").write_text((ROOT / "paper" / "records.tex").read_text())
    (root / "paper" / "page.tex").write_text(PAGE)
    (root / "figures").mkdir()
    shutil.copy(next((ROOT / "figures").glob("*.pdf")), root / "figures" / "a-plot.pdf")
    for _ in range(2):
        subprocess.run(["pdflatex", "-halt-on-error", "page.tex"], cwd="paper", capture_output=True, check=True)
    text = subprocess.run(["pdftotext", "-layout", "paper/page.pdf", "-"], capture_output=True, text=True, check=True).stdout
    return re.sub(r"\s+", " ", text), Path("paper/page.pdf").read_bytes()


def test_intervals_ranges_and_signs_are_printed_as_promised(printed):
    expected = "0.001, +0.001, 0.95 (95% CI 0.90 to 0.99), 0.95 (range 0.90 to 0.99), 0.95 [0.90, 0.99]."
    assert expected in printed[0]


def test_marks_have_the_number_of_their_row_and_lead_there(printed):
    text, pdf = printed
    assert "so [✓ 2]. It is so [✓ 2] [✓ 1], b [✓ 2]" in re.sub(r"\[X|\[3", "[✓", text).replace("[ X", "[✓")
    assert re.findall(r"1 it holds, .* Eq\. 5 1 ≤ 10", text) and "2 so does this beyond 1 75% ≥ 50%" in text
    for key in ("a-check", "another"):
        assert f"(check:{key})".encode() in pdf


def test_figures_have_their_alternative_text_in_the_pdf(printed):
    found = re.search(rb"/Alt ?<([0-9A-F]+)>", printed[1])[1]
    assert bytes.fromhex(found.decode()).decode("utf-16") == "Two bars – of $x$."


def test_every_figure_of_the_write_up_says_what_it_shows():
    shown = {name for one in read_notebooks(ROOT / "notebooks").values() for name in one["pictures"]}
    printed = re.findall(r"\\plot(?:\[.*?\])?\{(.*?)\}", "".join(path.read_text() for path in (ROOT / "paper").rglob("*.tex")
                                                              if path.name != "records.tex"))
    assert len(printed) > 8 and set(printed) <= shown


def test_a_row_leads_on_to_the_section_of_its_notebook(printed):
    addresses = re.findall(rb"/URI\(([^\n]*)\)\n?>>", printed[1])
    assert addresses == [ADDRESSES["https://github.com/some/where"].encode(),
                         b"https://nbviewer.org/github/some/where/blob/main/notebooks/02-second.ipynb"]


@pytest.mark.parametrize(("change", "message"), [
    (lambda root: (root / "paper/generated/02-second.json").unlink(), r"claims.toml must be .*'another'"),
    (lambda root: (root / "README.md").write_text("1<!-- auk -->"), r"^number\b.*nearest is 'auc'"),
    (lambda root: (root / "paper/claims.toml").write_text(CLAIMS.replace("another", "an-other")),
     r"^check\b.*nearest is 'an-other', got 'another'|^check\b.*got 'another'"),
])
def test_what_does_not_fit_together_is_named(root, change, message):
    change(root)
    with pytest.raises(ValueError, match=message):
        publish(root)


@pytest.mark.parametrize(("before", "after"), [
    ("by 0.1<!-- gain -->,", "by −0.001<!-- gain -->,"),
    ("(−0.5<!-- gain -->)", "(−0.001<!-- gain -->)"),
    ("**7%<!-- share -->**", "**61%<!-- share -->**"),
    ("is <!-- many --> in all", "is 499,500<!-- many --> in all"),
    ("51<!-- share -->of", "61%<!-- share -->of"),
    ("a <!-- remark --> in words", None),
])
def test_numbers_stand_before_the_name_of_their_record(before, after):
    numbers = {"gain": "-0.001", "share": "61%", "many": "499,500"}
    if after is None:
        with pytest.raises(ValueError, match=r"^number\b"):
            with_numbers(before, numbers)
    else:
        assert with_numbers(before, numbers) == with_numbers(after, numbers) == after
