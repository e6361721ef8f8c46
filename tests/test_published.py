"""What is committed hangs together: notebooks, figures, records, claims, README and paper.

Nothing is executed here; `test_artefacts.py` compares with what the notebooks make.
"""

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from cosines.publishing.citation import citation
from cosines.publishing.ledger import numbers_of, publish, read_records
from cosines.publishing.records import read_claims
from cosines.readings import named

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FIGURES = sorted(path for path in (ROOT / "figures").iterdir() if path.suffix != ".html")
RECORDS = [path for path in sorted((ROOT / "paper" / "generated").glob("*.json"))
           if (ROOT / "notebooks" / f"{path.stem}.ipynb").exists()]  # one more is of a script
RECORDED = read_records(ROOT / "paper" / "generated")
STATEMENTS, CLAIMS, PAIRS = read_claims(ROOT)


def code_of(notebook):
    """The cells of code of a notebook."""
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def saved_figures(notebook):
    """Names of the figures that a notebook saves."""
    calls = (node for cell in code_of(notebook) for node in ast.walk(ast.parse(cell.source))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [call.args[1].value for call in calls if call.func.id in ("save_figure", "save_animation")]


def used(kind):
    """What the paper prints of a kind, as LaTeX itself has listed it."""
    lines = (ROOT / "paper" / "generated" / "used.txt").read_text().splitlines()
    return {name for found, _, name in (line.partition(" ") for line in lines) if found == kind}


PAGES = sorted(ROOT.glob("*.md"))


def names_in_pages():
    """In README.md and its like a measured number is followed by its name: 0.97<!-- auc-full -->."""
    return {part.partition(" -->")[0] for page in PAGES for part in page.read_text().split("<!-- ")[1:]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_was_executed_from_top_to_bottom(path):
    code = code_of(path)
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
    assert max(len(cell.source.splitlines()) for cell in code_of(path)) <= 20
    assert max(len(line) for cell in code_of(path) for line in cell.source.splitlines()) <= 95


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_key_figure_stands_with_its_caption_right_under_the_claim(path):
    """A picture that this notebook makes, before any code, and a caption in italics."""
    claim, *_ = nbformat.read(path, as_version=4).cells
    shown = re.findall(r"!\[[^\]]+\]\(\.\./figures/([a-z0-9-]+)\.png\)\n\n\*[^*].*[^*]\*\n\n", claim.source)
    assert len(shown) == 1 and shown[0] in saved_figures(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_made_for_readers(path):
    """No line that GitHub would cut, and no bare repr of what a cell happens to end on."""
    for output in (output for cell in code_of(path) for output in cell.outputs):
        assert max(map(len, output.get("text", "").splitlines()), default=0) <= 95, output.text
        assert output.output_type != "execute_result" or len(output.data) > 1, output.data


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_have_alternative_text(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert "![](" not in cell.source and "<img" not in cell.source
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 20, cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_check_is_one_short_line(path):
    for cell in code_of(path):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "record.check":
                assert node.lineno == node.end_lineno and node.end_col_offset <= 95, ast.unparse(node)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_papers_experiment_is_not_typed(path):
    """Its k and penalties have one name, PAPER."""
    for cell in code_of(path):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.keyword | ast.Assign):
                names = [node.arg] if isinstance(node, ast.keyword) else map(ast.unparse, node.targets)
                value = getattr(node.value, "value", None)
                assert not ({"k", "lam_1", "lam_2"} & set(names) and value in (50, 10_000, 100)), cell.source


def test_the_list_of_what_the_paper_prints_is_that_of_its_sources():
    """Otherwise `make paper` has to be run, which also tells of a name that is not recorded."""
    paper = ROOT / "paper"
    sources = [paper / "paper.tex", paper / "records.tex", *sorted((paper / "sections").glob("*.tex"))]
    text = b"".join(path.read_bytes() for path in sources)
    checksum = subprocess.run(["cksum"], input=text, capture_output=True, check=True).stdout
    assert used("sources") == {checksum.decode().strip()}, "the paper was edited: run `make paper`"


def numbered_results():
    """Theorems and propositions of the write-up in order, which LaTeX numbers together."""
    paper = ROOT / "paper"
    text = re.sub(r"\\input\{(sections/[^}]+)\}", lambda found: (paper / f"{found[1]}.tex").read_text(),
                  (paper / "paper.tex").read_text())
    found = re.findall(r"\\begin\{(theorem|proposition)\}(?:\[([^]]+)\])?", text)
    return {(kind.capitalize(), number): name for number, (kind, name) in enumerate(found, 1)}


def test_a_theorem_has_one_number_and_one_name_in_write_up_and_notebooks():
    cells = [cell.source for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    kinds = "(Theorem|Proposition)"
    stated = [((kind, int(number)), name) for source in cells
              for kind, number, name in re.findall(rf"\*\*{kinds} (\d+) \(([^)]+)\)\.\*\*", source)]
    assert all(numbered_results().values())
    assert sorted(stated) == sorted(numbered_results().items())
    mentioned = {(kind, int(number)) for source in cells for kind, number in re.findall(rf"{kinds} (\d+)", source)}
    assert mentioned <= set(numbered_results())


def test_every_figure_of_the_paper_is_saved_by_a_notebook():
    saved = {name for path in NOTEBOOKS for name in saved_figures(path)}
    assert used("figure") and used("figure") <= saved
    assert {path.stem for path in FIGURES} == saved


def test_the_readme_lists_every_notebook_with_a_short_answer_and_seconds():
    rows = [line.split("|")[1:-1] for line in (ROOT / "README.md").read_text().splitlines()
            if line.startswith("| [")]
    assert [re.search(r"notebooks/(.*)\.ipynb", row[0])[1] for row in rows] == [path.stem for path in NOTEBOOKS]
    for _, question, answer, seconds in rows:
        assert question.strip().endswith("?")
        assert 3 <= len(answer.split()) <= 10, answer
        assert 0 < int(seconds) < 200


def test_the_readme_takes_two_minutes():
    """At 300 words a minute; code, pictures' descriptions and the table of notebooks aside."""
    text = (ROOT / "README.md").read_text()
    prose = re.sub(r"```.*?```|<!--.*?-->|!\[.*?\]|\]\(.*?\)|^\|.*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert len(prose.split()) < 660


def test_every_record_has_a_reader():
    """In the write-up or on a page; and whatever these print is recorded."""
    numbers, read = numbers_of(RECORDED), used("number") | names_in_pages()
    assert sum(len(one["numbers"]) for one in RECORDED.values()) == len(numbers)
    assert read - set(numbers) == set()
    assert set(numbers) - read == set(), "recorded, and printed nowhere"
    sources = [ROOT / "paper" / "paper.tex", *(ROOT / "paper" / "sections").glob("*.tex")]
    printed = {name for path in sources for name in re.findall(r"\\recordedrows\{(.*?)\}", path.read_text())}
    assert {name for one in RECORDED.values() for name in one["tables"]} == printed


def test_every_claim_has_one_check_and_every_check_a_claim():
    checked = Counter(name for one in RECORDED.values() for name in one["checks"])
    assert checked == Counter(list(CLAIMS))
    assert used("check") | used("value") <= set(CLAIMS)


def test_claims_support_what_the_paper_says_or_go_beyond_it():
    assert 10 <= len(STATEMENTS) <= 15
    for statement in STATEMENTS.values():
        assert statement["outcome"] in ("holds", "corrected", "extended", "beyond", "could not be tested")
        assert "note" in statement or statement["outcome"] == "holds", statement["key"]
        assert {"here", "found"} <= set(statement), statement["key"]
    supported = {claim["supports"] for claim in CLAIMS.values()}
    assert supported == {*STATEMENTS, "beyond"}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_comparison_is_fair_its_sides_differ_in_one_of_data_model_and_view(pair):
    first, second = (named(pair[side]) for side in ("first", "second"))
    views = ["predictions" if side.view == "columns" else side.view for side in (first, second)]
    differ = (first.data != second.data) + (first.model != second.model) + (views[0] != views[1])
    assert differ == 1


def test_every_comparison_is_published_with_the_verdict_of_its_interval():
    rows, numbers = RECORDED["06-remedies"]["tables"]["pairs"], RECORDED["06-remedies"]["numbers"]
    assert [row["cells"][3] for row in rows] == [f"\\interval{{pairs-{key}-auc}}" for key in PAIRS]
    for key, row in zip(PAIRS, rows, strict=True):
        low, high = (float(numbers[f"pairs-{key}-auc-{end}"]) for end in ("low", "high"))
        said = {"holds"} if low > 0 else {"reversed"} if high < 0 else {"undecided"} if low < 0 < high else (
            {"holds", "reversed", "undecided"})  # an end that is 0 when rounded
        assert row["cells"][4] in said, key


@pytest.mark.parametrize("made", (publish(ROOT) | citation(ROOT)).items(), ids=lambda made: made[0].name)
def test_what_is_made_of_the_records_is_up_to_date(made):
    path, text = made
    assert (ROOT / path).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_numbers_in_a_page_are_recorded(page):
    prose = re.sub(r"```.*?```|Python 3.11 to 3.13|version 1.1", "", page.read_text(), flags=re.DOTALL)
    assert "<!-- " in prose
    unnamed = re.findall(r"(?<!Python )(?<!Section )(?<![\w./-])\d+(?:\.\d+%?|%)(?!<!--)(?![\w.])", prose)
    assert unnamed == [], "numbers without the name of their record"


def test_no_measured_number_is_typed_into_the_paper():
    """Decimals and percentages in the text are parameters of the experiment, known by heart."""
    sources = [ROOT / "paper" / "paper.tex", *(ROOT / "paper" / "sections").glob("*.tex")]
    body = sources[0].read_text().partition("\\begin{document}")[2]
    typed = set()
    for line in "\n".join([body, *(path.read_text() for path in sources[1:])]).splitlines():
        text = line.replace("\\%", "PERCENT").partition("%")[0]
        for mark in "{}[]()$,;:&~=":
            text = text.replace(mark, " ")
        for word in text.split():
            number = word.removesuffix(".").removesuffix("PERCENT")
            decimal = [part.isdigit() for part in number.split(".")] == [True, True]
            if decimal or ("PERCENT" in word and number.isdigit()):
                typed.add(word)
    assert typed <= {"0.25", "1.5", "0.5"}
