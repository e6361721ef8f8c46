"""What LaTeX and readers see of records and claims: TeX, the ledger of checks, numbers in the README."""

import ast
import json
import re
import tomllib
from pathlib import Path
from urllib.parse import quote

from cosines._arrays import require, require_known
from cosines.publishing import CLAIMS
from cosines.publishing.records import _minus, read_claims, tex

LEDGER_HEAD = """\
# Scorecard and ledger of checks

Made by `make figures` from what the notebooks recorded; do not edit.

## Scorecard: what became of the statements of Steck et al.

*Corrected*: true with the stated change. *Extended*: true, and more is known. *There*: the place in the
original; *here*: the section of the [write-up](paper.pdf).

| Steck et al. say | outcome | there | here | found |
|---|---|---|---|---|
{scorecard}
## Ledger: every check

Equation numbers in claims are those of Steck et al. Each row is a claim: its place there (or "beyond" it), the
section of the write-up that prints its mark, the section of the notebook that makes the check, what was
measured, and what is required. Where no measured value stands, the measurement met the bound, and its digits
are not published: the bound says all that is claimed, or the digits differ from computer to computer, as
rounding errors do and ends of optimisers and of training. A check that fails stops its notebook. Rows have
the numbers of the check marks in the PDF.
"""
LEDGER_COLUMNS = """
| | claim | Steck et al. | here | notebook | measured | required |
|---|---|---|---|---|---|---|
"""
NO_NOTEBOOK = {"title": "", "headings": {}, "pictures": {}}


def read_records(folder):
    """What the notebooks recorded: a dict of notebook to its numbers, checks and tables."""
    paths = sorted(Path(folder).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def numbers_of(recorded):
    """All numbers of all notebooks, by name."""
    return {name: text for one in recorded.values() for name, text in one["numbers"].items()}


def publish(root):
    """Make TeX, ledger and the numbers in README.md and REPRODUCING.md from records and claims.

    Parameters
    ----------
    root : Path
        Of the repository.

    Returns
    -------
    dict of Path to str
        Path below the root, and what it must hold.

    Raises
    ------
    ValueError
        If a check has no claim, a claim no check, or a page names an unknown number.
    """
    recorded = read_records(root / "paper" / "generated")
    statements, claims, _ = read_claims(root)
    checked = [name for one in recorded.values() for name in one["checks"]]
    for name in checked:
        require_known("check", name, claims)
    missing = [name for name in claims if name not in checked]
    require(not missing, str(CLAIMS), "of claims that a notebook checks", missing[:5])
    notebooks, repository = read_notebooks(root / "notebooks"), repository_address(root)
    places, titles = read_places(root / "paper")
    scorecard = as_scorecard(statements, recorded, titles)
    numbers = numbers_of(recorded)
    return {
        Path("paper/generated/records.tex"): as_tex(recorded, claims, notebooks, repository, statements),
        Path("paper/ledger.md"): as_ledger(recorded, claims, notebooks, repository, places, scorecard),
        **{Path(page.name): with_numbers(page.read_text(encoding="utf-8"), numbers) for page in sorted(root.glob("*.md"))},
    }


def read_notebooks(folder):
    """What the ledger needs of the notebooks.

    Returns
    -------
    dict of str to dict
        For the name of each notebook its `title`; in `headings` for each check that a cell makes by its
        key the last heading before that cell; in `pictures` for each figure that it saves what it shows.
    """
    found = {}
    for path in sorted(Path(folder).glob("*.ipynb")):
        title, heading, headings, pictures = "", "", {}, {}
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code":
                headings |= dict.fromkeys(re.findall(r"""\.check\(\s*["']([a-z0-9-]+)["']""", source), heading)
                images = [output.get("metadata", {}).get("image/png", {}) for output in cell.get("outputs", [])]
                saved = [call.args[1].value for call in ast.walk(ast.parse(source))
                         if isinstance(call, ast.Call) and ast.unparse(call.func) == "save_figure"]
                pictures |= zip(saved, (image["alt"] for image in images if "alt" in image))
            for line in re.findall(r"^#+ +(.*)", source, re.MULTILINE) if cell["cell_type"] == "markdown" else ():
                title, heading = title or line, line
        found[path.stem] = {"title": title, "headings": headings, "pictures": pictures}
    return found


def repository_address(root):
    """Where the repository can be found, ``Repository`` in pyproject.toml's ``[project.urls]``; "" if not said."""
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "").rstrip("/")


def notebook_address(notebook, heading="", repository=""):
    """Where a notebook can be read, at a heading if its pages can be entered there.

    Without an address of the repository it is the file beside the write-up's folder. GitHub's pages of
    notebooks do not scroll to headings: those of nbviewer do, and lead to GitHub's.
    """
    if not repository:
        return f"../notebooks/{notebook}.ipynb"
    place = f"blob/main/notebooks/{notebook}.ipynb"
    owner = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", repository)
    if not owner:
        return f"{repository}/{place}"
    return f"https://nbviewer.org/github/{owner[1]}/{place}" + (f"#{anchor(heading)}" if heading else "")


def anchor(heading):
    """The anchor of a heading on the pages that nbconvert makes of notebooks, for an address."""
    return quote(re.sub(r"[*`]", "", heading).replace(" ", "-"), safe="?/:@!$&'()*+,;=")


def as_tex(recorded, claims, notebooks=None, repository="", statements=None):
    """Records and statements as the commands of ``paper/records.tex``."""
    lines = ["% Made from the JSON beside this file and from claims.toml; do not edit."]
    for name, one in recorded.items():
        notebook = (notebooks or {}).get(name, NO_NOTEBOOK)
        for key, text in one["numbers"].items():
            lines.append(f"\\recordnumber{{{key}}}{{{_tex_number(text)}}}")
        if one["checks"]:
            lines.append(f"\\recordnotebook{{{name[:2]}. {_tex_text(notebook['title'])}}}")
        for key, check in one["checks"].items():
            address = notebook_address(name, notebook["headings"].get(key), repository)
            where, wording = (_tied(claims[key][field]) for field in ("where", "wording"))
            fields = (key, where, wording, _tex_number(check["measured"] or ""),
                      _required(check), address.replace("%", r"\%").replace("#", r"\#"))
            lines.append("\\recordcheck" + "".join(f"{{{field}}}" for field in fields))
        for key, rows in one["tables"].items():
            lines.append(f"\\recordrows{{{key}}}{{{_tex_rows(rows)}}}")
    for notebook in (notebooks or {}).values():
        for name, shown in notebook["pictures"].items():  # for a PDF: UTF-16 in hexadecimal digits
            lines.append(f"\\recordpicture{{{name}}}{{{shown.encode('utf-16-be').hex().upper()}}}")
    for one in (statements or {}).values():
        fields = (one.get(field, "") for field in ("wording", "outcome", "where", "here", "found"))
        lines.append("\\recordstatement" + "".join(f"{{{_tied(_tex_text(field))}}}" for field in fields))
    return "".join(f"{line}\n" for line in lines)


def as_ledger(recorded, claims, notebooks=None, repository="", places=None, scorecard=""):
    """The page of all checks for readers on GitHub."""
    page, number = LEDGER_HEAD.format(scorecard=scorecard), 0
    for name, one in recorded.items():
        notebook = (notebooks or {}).get(name, NO_NOTEBOOK)
        if one["checks"]:
            page += f"\n### [{name[:2]}](../notebooks/{name}.ipynb) {notebook['title']}\n{LEDGER_COLUMNS}"
        for key, check in one["checks"].items():
            number, claim, heading = number + 1, claims[key], notebook["headings"].get(key, "")
            link = f"[{heading or name}]({notebook_address(name, heading, repository)})"
            measured = f"${tex(check['measured'])}$" if check["measured"] else ""
            cells = (str(number), claim["wording"], claim["where"], (places or {}).get(key, ""), link, measured,
                     f"${_required(check)}$")
            page += f"| {' | '.join(cells)} |\n"
    return _spaced(page)


def as_scorecard(statements, recorded, titles):
    """Rows of a Markdown table: statements of the reproduced paper, and what became of them.

    Parameters
    ----------
    statements : dict of str to dict
        See `read_claims`; `found` may hold ``\\measured{name}``, ``\\range{name}`` and so on.
    recorded : dict of str to dict
        See `read_records`.
    titles : dict of str to str
        Titles of the write-up's sections by label.
    """
    numbers = numbers_of(recorded)
    checks = {key: check for one in recorded.values() for key, check in one["checks"].items()}

    def plain(text):
        return f"${tex(text)}$" if re.search("[e<>]", text) else _minus(text)

    def number(name):
        require_known("number", name, numbers)
        return plain(numbers[name].removeprefix("+"))

    def replace(match):
        kind, name = match.groups()
        if kind == "shown":
            require_known("check", name, checks)
            return plain(checks[name]["measured"] or checks[name]["required"])
        if kind == "measured":
            return number(name)
        one, low, high = (number(name + end) for end in ("", "-low", "-high"))
        return {"interval": f"{one} (95 % CI {low} to {high})", "range": f"{one} (range {low} to {high})",
                "ci": f"{one} [{low}, {high}]"}[kind]

    rows = ""
    for statement in statements.values():
        found = re.sub(r"\\(measured|shown|interval|range|ci)\{([a-z0-9-]+)\}", replace, statement.get("found", ""))
        here = titles.get(statement.get("here"), "")
        rows += f"| {statement['wording']} | **{statement['outcome']}** | {statement['where']} | {here} | {found} |\n"
    return rows


def read_places(paper):
    """Where the write-up speaks of what.

    Parameters
    ----------
    paper : Path
        Folder of ``paper.tex``.

    Returns
    -------
    places : dict of str to str
        For each check the title of the section in which its mark is printed first, or else its value.
    titles : dict of str to str
        Titles of sections by label.
    """
    def expand(name):
        lines = (paper / name).read_text(encoding="utf-8").splitlines()
        text = "\n".join(re.sub(r"(?<!\\)%.*", "", line) for line in lines)
        return re.sub(r"\\input\{(sections/[^}]+)\}", lambda found: expand(f"{found[1]}.tex"), text)

    if not (paper / "paper.tex").exists():
        return {}, {}
    title, titles, marks, values = "", {}, {}, {}
    what = r"\\(?:(?:sub)*section)\{((?:[^{}]|\{[^{}]*\})*)\}|\\label\{(sec:[^}]*)\}|\\(checked|shown)\{([^}]*)\}"
    for heading, label, kind, key in re.findall(what, expand("paper.tex").partition(r"\begin{document}")[2]):
        if heading:
            title = _markdown(heading)
        elif label:
            titles.setdefault(label, title)
        elif title:
            (marks if kind == "checked" else values).setdefault(key, title)
    return values | marks, titles


def with_numbers(markdown, numbers):
    """Markdown in which each ``<!-- name -->`` follows the number of that name.

    What stands before it, up to a space, bracket or star, is replaced. Running text has no plus signs.
    """
    def replace(match):
        require_known("number", match[1], numbers)
        return _minus(numbers[match[1]].removeprefix("+")) + match[0][match[0].index("<!--"):]

    return re.sub(r"[^\s()*|]*<!-- ([a-z0-9-]+) -->", replace, markdown)


def _required(check):
    """The bound of a check as LaTeX, in the unit of what was measured."""
    sign, number = check["required"].split()
    if (check["measured"] or "").endswith("%"):
        number = f"{100 * float(number):g}%"
    return tex(f"{sign} {number}")


def _spaced(markdown):
    """Markdown without commands for thin spaces, of which GitHub's formulas may show a comma."""
    return markdown.replace(r"\,", " ")


def _markdown(title):
    """The title of a section, in LaTeX, as Markdown."""
    title = re.sub(r"\\texorpdfstring\{((?:[^{}]|\{[^{}]*\})*)\}\{[^{}]*\}", r"\1", title)
    for latex, plain in ((r"\eqref{eq:product}", "Eq. 1"), (r"\eqref{eq:factors}", "Eq. 2"), (r"\dmat", r"\mathrm{dMat}"),
                         ("``", "“"), ("''", "”"), ("~", " "), (r"\%", "%"), (r"\&", "&")):
        title = title.replace(latex, plain)
    return re.sub(r"\\emph\{([^{}]*)\}", r"*\1*", title)


def _tex_number(text):
    """A number of which LaTeX prints a leading plus only where it is asked for."""
    return re.sub(r"^\+", r"\\plus ", tex(text))


def _tex_text(markdown):
    """A line of Markdown as LaTeX, formulas left as they are."""
    def replace(match):
        plain = re.sub(r"[%&#]", r"\\\g<0>", match[2] or "")
        return match[1] or re.sub(r'"([^"]*)"', r"``\1''", re.sub(r"\*([^*]+)\*", r"\\emph{\1}", plain))

    return re.sub(r"(\$[^$]*\$)|([^$]+)", replace, markdown)


def _tied(text):
    """Text in which no line breaks between "Eq." and its number."""
    return re.sub(r"\b(Eq|Fig|Sec|Theorem)(\.?) (?=\d)", r"\1\2~", text)


def _tex_rows(rows):
    """Rows of a tabular, with a line between families: of readings, or of pairs."""
    lines, family = [], None
    for row in rows:
        if family not in (None, row["family"]):
            lines.append(r"\midrule")
        family = row["family"]
        cells = row.get("cells") or [row["label"], row["determined"],
                                     *(rf"\measured{{{key}}}" for key in row["numbers"])]
        line = re.sub(r"\\interval(\{.*?\})", r"\\signed{\\ci\1}", " & ".join(cells))
        lines.append(_tied(line) + r" \\")
    return " ".join(lines)
