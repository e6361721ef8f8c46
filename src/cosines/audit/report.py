"""An audit as text, as JSON and as an HTML page; nothing is computed here."""

import json
from base64 import b64encode
from html import escape
from io import BytesIO
from textwrap import TextWrapper

import numpy as np

SCHEMA = 2
# The page requests nothing: no script, no font, no other file. Bold is for neighbours that are new, and only those.
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>Audit of embeddings: {verdict}</title>
<style>
:root {{ --ink: #222; --paper: #fff; --soft: #666; --line: #ddd; --note: #f3f3f3 }}
@media (prefers-color-scheme: dark) {{
 :root {{ --ink: #ddd; --paper: #161616; --soft: #a5a5a5; --line: #3a3a3a; --note: #242424 }}
 img {{ filter: invert(0.9) hue-rotate(180deg) }}
}}
body {{ max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.45 Georgia, serif; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word }}
h1, h2, th {{ font-weight: normal; line-height: 1.2 }} h1 {{ font-size: 1.9rem }} h2 {{ font-size: 1.35rem; margin: 1.6rem 0 0.4rem }}
.action {{ margin: 0.6rem 0; padding: 0.6rem 0.9rem; border-left: 4px solid; background: var(--note) }}
.facts, caption, th {{ color: var(--soft) }} .facts {{ font-size: 0.9rem }} ul {{ padding-left: 1.2rem; margin: 0.4rem 0 }}
img {{ width: 100%; min-width: 34rem; max-width: 46rem }} .wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: 0.9rem }}
caption, td, th {{ text-align: left; vertical-align: top }} caption {{ padding-bottom: 0.3rem }}
td, th {{ padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid var(--line) }}
.number {{ white-space: nowrap; font-variant-numeric: tabular-nums }} code {{ font: 0.85rem monospace }}
@media (max-width: 40rem) {{
 .findings tr, .findings td {{ display: block; border: 0; padding: 0 }} .findings thead {{ display: none }}
 .findings tr {{ border-bottom: 1px solid var(--line); padding: 0.4rem 0 }} .findings .number {{ display: inline; margin-right: 0.8rem }}
 .findings .number br {{ display: none }} .findings .number small {{ margin-left: 0.4rem }}
 .findings .number + .number:not(:empty)::before {{ content: "threshold " }}
}}
@page {{ margin: 11mm }}
@media print {{
 :root {{ --ink: #000; --paper: #fff; --soft: #444; --line: #ccc; --note: #f3f3f3 }} img {{ filter: none; min-width: 0; max-width: 150mm }}
 body {{ max-width: none; margin: 0; padding: 0; font-size: 8.5pt; line-height: 1.25 }} h1 {{ font-size: 15pt; margin: 0 0 2mm }}
 h2 {{ font-size: 11.5pt; margin: 3mm 0 1mm; break-after: avoid }} table {{ font-size: 7.5pt }} code, .facts {{ font-size: 7.5pt }}
 p, .action {{ margin: 1mm 0 }} td, th {{ padding: 0.3mm 2mm 0.3mm 0 }} tr, img {{ break-inside: avoid }}
}}
</style></head><body><main>
{body}
</main></body></html>
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
    data["thresholds"] = [one._asdict() for one in audit.thresholds]
    data["other"] = audit.other and audit.other._asdict()
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
    body = ["<h1>Audit of embeddings</h1>", *_verdict(audit, "h2")]
    facts = [escape(shape(audit)), escape(audit.statement), *(_file(*one) for one in files)]
    body += [f'<p class="facts">{"<br>".join(facts)}</p>', *_picture(audit), "<h2>Findings</h2>", _findings(audit)]
    body += [*_thresholds(audit), *_side_by_side(audit)]
    if audit.notes:
        body += ["<h2>Notes</h2>", _list(audit.notes)]
    body.append('<p class="facts">How it works, and how it was checked: <code>notebooks/14-audit-your-embeddings.ipynb</code> '
                "of the cosines repository.</p>")
    return PAGE.format(verdict=escape(audit.verdict), body="\n".join(body))


def fragment(audit):
    """Verdict, advice and findings for a notebook: one element, which brings no style of its own.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
    """
    facts = f"<p>{escape(shape(audit))}<br>{escape(audit.statement)}</p>"
    return f'<div class="cosines-audit">{"".join(_verdict(audit, "h4"))}{facts}{_findings(audit)}</div>'


def _verdict(audit, heading):
    """What was found, what to do, and why."""
    parts = [f"<{heading}>Verdict: {escape(audit.verdict)}</{heading}>", f'<p class="action">{escape(audit.action)}</p>',
             _list(audit.reasons)]
    return parts if audit.other is None else [*parts, f"<p>Two runs: {escape(audit.other.statement)}</p>"]


def _findings(audit):
    """Each finding with its number, its threshold, on which side of it, its meaning, and what to try."""
    said = {None: "", True: "met", False: "not met"}
    rows = [(one.title, (measured(one), _interval(one)), ("" if None in (one.threshold, one.value) else f"{one.threshold:.3g}", said[one.ok]),
             f"{one.meaning} {one.advice}".strip()) for one in audit.findings]
    lines = [f'<tr><td>{escape(title)}</td>{"".join(_number(*pair) for pair in (value, threshold))}<td>{escape(meaning)}</td></tr>'
             for title, value, threshold, meaning in rows]
    head = "<tr><th>finding</th><th>value</th><th>threshold</th><th>what it means, and what to try</th></tr>"
    return f'<table class="findings"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table>'


def _number(value, below):
    """A cell with a number, and `below` it a smaller line."""
    return f'<td class="number">{escape(value)}{f"<br><small>{escape(below)}</small>" if below else ""}</td>'


def _interval(finding):
    """The interval of a sample, or nothing."""
    if finding.low is None or finding.high - finding.low <= 5e-4:
        return ""
    return f"{finding.low:.3g} to {finding.high:.3g}"


def _thresholds(audit):
    """What a cosine is worth, reading by reading."""
    if not audit.thresholds:
        return []
    below, quantiles = audit.thresholds[0].below, audit.thresholds[0].quantiles
    header = ["scaling", *(f"below {at:g}" for at in below), *(f"{share:.0%} are below" for share in quantiles)]
    rows = [[one.reading, *(f"{share:.1%}" for share in one.below.values()), *(f"{at:.2f}" for at in one.quantiles.values())]
            for one in audit.thresholds]
    return ["<h2>What a cosine is worth</h2>", "<p>Of random pairs of items, the share below a cosine, and the cosine that a "
            "share is below.</p>", _table(header, rows)]


def shape(audit):
    """Sizes and type of the factors, in one line."""
    users = "users unknown" if audit.n_users is None else f"{audit.n_users:,} users"
    return f"{audit.n_items:,} items, {users}, {audit.k} dimensions, {audit.dtype}"


def measured(finding):
    """The value, or nothing."""
    return "" if finding.value is None else f"{finding.value:.3g}"


def said(finding):
    """Meaning and advice, with the interval and the threshold of a sample."""
    about = [_interval(finding)] if _interval(finding) else []
    if finding.threshold is not None and finding.value is not None:
        about.append(f"threshold {finding.threshold:.3g}")
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
    return f'<div class="wide" tabindex="0"><table>{f"<tr>{head}</tr>" if head else ""}{"".join(lines)}</table></div>'


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
        from cosines.publishing.picture import audit_panels
    except ImportError:
        return ["<p>The picture needs Matplotlib, Seaborn and IPython: <code>pip install matplotlib seaborn ipython</code>.</p>"]
    file = BytesIO()
    with style.mpl.rc_context():  # what the caller has set stays
        style.use_house_style()
        figure = audit_panels(f"Nearest neighbours by cosine: {audit.verdict}", **audit.picture._asdict())
        figure.savefig(file, format="png", dpi=130)
    png = b64encode(file.getvalue()).decode()
    worst = min(audit.overlap, key=lambda name: audit.overlap[name].mean())
    alt = (f"Four panels: neighbours as trained that other scalings keep, fewest ({audit.overlap[worst].mean():.0%}) in {worst}; "
           "neighbours shared by every two scalings; cosines of random pairs; weights of latent directions")
    return [f'<div class="wide" tabindex="0"><img alt="{escape(alt)}" src="data:image/png;base64,{png}"></div>']
