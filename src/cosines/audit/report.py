"""An audit as text, as JSON and as an HTML page; nothing is computed here."""

import json
from base64 import b64encode
from html import escape
from io import BytesIO
from textwrap import TextWrapper

import numpy as np

SCHEMA = 1
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Audit of embeddings: {verdict}</title>
<style>
body {{ max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 Georgia, serif; color: #222; background: #fff }}
h1, h2 {{ line-height: 1.2 }} img {{ max-width: 100% }} .action {{ font-weight: bold }}
table {{ border-collapse: collapse; font-size: 0.9rem }}
td, th {{ padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top }}
code {{ font: 0.85rem monospace }}
</style></head><body>
{body}
</body></html>
"""


def text(audit, width=None):
    """The report for a console: one line for each thing found.

    Parameters
    ----------
    audit : Audit
    width : int, optional
        Where lines are folded, which makes several of one; by default nowhere.

    Returns
    -------
    str
    """
    lines = [shape(audit), audit.statement, "", f"Verdict: {audit.verdict}", f"What to do: {audit.action}", "", "Why:"]
    lines += [f"  - {reason}" for reason in audit.reasons]
    lines += ["", "Findings:"]
    title = max(len(finding.title) for finding in audit.findings)
    between = "  " if width is None else "\n    "
    lines += [line for finding in audit.findings
              for line in f"  {finding.title:<{title}}  {measured(finding):<8}{between}{said(finding)}".split("\n")]
    if audit.notes:
        lines += ["", "Notes:", *(f"  - {note}" for note in audit.notes)]
    return "\n".join(lines if width is None else _folded(lines, max(width, 40)))


def as_json(audit):
    """The report for other programs.

    Without the transforms and the lists of neighbours of all queries, which `Audit` holds.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
        Numbers that do not exist are null.
    """
    said_once = ("n_items", "n_users", "k", "dtype", "distinct", "score", "assumed", "statement", "notes", "verdict",
                 "action", "reasons", "saved", "n_neighbours")
    data = {"schema": SCHEMA} | {name: getattr(audit, name) for name in said_once}
    data["findings"] = {finding.key: _without_key(finding) for finding in audit.findings}
    data["queries"] = len(audit.queries)
    data["side_by_side"] = [one._asdict() for one in audit.side_by_side]
    return json.dumps(_plain(data), indent=1, ensure_ascii=False, allow_nan=False)


def html(audit, files=()):
    """The report as one page that needs no other file, no network and no script.

    Parameters
    ----------
    audit : Audit
    files : sequence of (str, str)
        What was read: "items" and a path, for example.

    Returns
    -------
    str
    """
    body = ["<h1>Audit of embeddings</h1>"]
    body += [f"<p>{'<br>'.join([escape(shape(audit)), *(_file(*one) for one in files)])}</p>"]
    body += [f"<p>{escape(audit.statement)}</p>", f"<h2>Verdict: {escape(audit.verdict)}</h2>",
             f'<p class="action">{escape(audit.action)}</p>', _list(audit.reasons)]
    body += _picture(audit)
    rows = [[finding.title, measured(finding), said(finding)] for finding in audit.findings]
    body += ["<h2>Findings</h2>", _table(["", "", ""], rows)]
    body += _side_by_side(audit)
    if audit.notes:
        body += ["<h2>Notes</h2>", _list(audit.notes)]
    body.append("<p>How it works, and how it was checked: <code>notebooks/14-audit-your-embeddings.ipynb</code> "
                "of the cosines repository.</p>")
    return PAGE.format(verdict=escape(audit.verdict), body="\n".join(body))


def shape(audit):
    """Sizes and type of the factors, in one line."""
    users = "users unknown" if audit.n_users is None else f"{audit.n_users:,} users"
    return f"{audit.n_items:,} items, {users}, {audit.k} dimensions, {audit.dtype}"


def measured(finding):
    """The value, or nothing."""
    return "" if finding.value is None else f"{finding.value:.3g}"


def said(finding):
    """Meaning and advice, with the interval and the threshold of a sample."""
    about = []
    if finding.low is not None:
        about += [f"{finding.low:.3g} to {finding.high:.3g}"] if finding.high - finding.low > 5e-4 else []
        about += [] if finding.threshold is None else [f"threshold {finding.threshold:g}"]
    brackets = f"({'; '.join(about)}) " if about else ""
    return f"{brackets}{finding.meaning} {finding.advice}".strip()


def _folded(lines, width):
    """Lines of at most `width` characters, but for longer words; what goes on is indented."""
    fold = TextWrapper(width, subsequent_indent=4 * " ", break_long_words=False, break_on_hyphens=False)
    return [part for line in lines for part in fold.wrap(line) or [""]]


def _without_key(finding):
    return {name: value for name, value in finding._asdict().items() if name != "key"}


def _plain(value):
    """Data of lists, dicts, strings and finite numbers."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _file(role, path):
    return f"{escape(role)}: <code>{escape(str(path))}</code>"


def _list(sentences):
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>"


def _table(header, rows):
    """Cells are escaped; a cell that is a tuple holds (text, whether to print it in bold)."""
    def cell(content):
        if isinstance(content, str):
            return escape(content)
        return "; ".join(f"<b>{escape(name)}</b>" if bold else escape(name) for name, bold in content)

    head = "".join(f"<th>{escape(name)}</th>" for name in header) if any(header) else ""
    lines = [f"<tr>{''.join(f'<td>{cell(one)}</td>' for one in row)}</tr>" for row in rows]
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{''.join(lines)}</table>"


def _side_by_side(audit):
    if not audit.side_by_side:
        return []
    readings = list(audit.side_by_side[0].lists)
    rows = [[one.item, *([(name, not kept) for name, kept in one.lists[reading]] for reading in readings)]
            for one in audit.side_by_side]
    bold = " Bold: not among the neighbours as trained." if len(readings) > 1 else ""
    return ["<h2>Neighbours side by side</h2>", f"<p>The five nearest, nearest first.{bold}</p>",
            _table(["neighbours of", *readings], rows)]


def _picture(audit):
    """The audit in four panels, where something was compared and Matplotlib is there."""
    if audit.picture is None:
        return []
    try:
        from cosines.publishing import style
        from cosines.publishing.panels import audit_panels
    except ImportError:
        return ['<p>The picture needs Matplotlib: <code>pip install "cosines[figures]"</code>.</p>']
    file = BytesIO()
    with style.mpl.rc_context():  # what the caller has set stays
        style.use_house_style()
        figure = audit_panels(f"Nearest neighbours by cosine: {audit.verdict}", **audit.picture._asdict())
        figure.savefig(file, format="png", dpi=130)
    png = b64encode(file.getvalue()).decode()
    return [f'<p><img alt="The audit in four panels" src="data:image/png;base64,{png}"></p>']
