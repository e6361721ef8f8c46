"""The audit as text, as JSON and as a page: everything that was found, and nothing that runs."""

import json
import re
import sys
from dataclasses import replace
from html import escape, unescape

import numpy as np
import pytest

from cosines.audit.files import model_of
from cosines.audit.findings import audit
from cosines.audit.report import as_json, fragment, html, text
from cosines.publishing.picture import audit_panels

HOSTILE = '<script>alert("x")</script> | *x* $y$ {z} %s &amp;'


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    d = np.geomspace(1, 20, 5)
    labels = [f"{HOSTILE}{row}" for row in range(70)]
    return model_of(rng.standard_normal((70, 5)) / d, rng.standard_normal((60, 5)) * d, labels=labels,
                    counts=np.arange(70))


@pytest.fixture(scope="module")
def found(model):
    return audit(model)


@pytest.fixture(scope="module")
def page(found):
    return html(found, [("items", "<b>items.npy")])


def test_text_begins_with_what_was_audited_what_is_assumed_and_what_to_do(found):
    lines = text(found).splitlines()
    assert lines[0] == "70 items, 60 users, 5 dimensions, float64"
    assert lines[1] == "Assumed: the model scores by the dot product of user and item."
    assert lines[3:5] == [f"Verdict: {found.verdict}", f"What to do: {found.action}"]
    for finding in found.findings:
        assert sum(line.startswith(f"  {finding.title} ") for line in lines) == 1
    for sentence in (*found.reasons, *found.notes):
        assert f"  - {sentence}" in lines


def test_folded_text_says_the_same_within_the_width(found):
    folded = text(found, 72)
    assert 60 < max(map(len, folded.splitlines())) <= 72
    assert folded.split() == text(found).split()
    assert text(found, 1) == text(found, 40)  # no word a line


def test_every_kind_of_audit_has_a_text_and_a_page(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "cosines.publishing.picture", None)  # which takes long to draw
    B, P = model.items.factors, model.P
    for one in (audit(B), audit(B, P, "cosine"), audit(B, P, "ranking"), audit(B[:8], P), audit(B[:2])):
        data = json.loads(as_json(one))
        assert data["verdict"] == one.verdict and one.verdict in text(one)
        assert one.verdict in html(one) and one.action in unescape(html(one))
        assert not re.search(r"\b(nan|None|inf)\b", text(one).replace("None of the usual forms", ""))


def test_json_holds_everything_and_no_number_that_is_none(found):
    data = json.loads(as_json(found))
    assert data["schema"] == 2
    assert (data["verdict"], data["assumed"], data["score"]) == (found.verdict, True, "dot")
    assert (data["n_items"], data["n_users"], data["k"], data["dtype"]) == (70, 60, 5, "float64")
    assert set(data["findings"]) == {finding.key for finding in found.findings}
    kept = data["findings"]["kept-balanced"]
    assert kept["value"] == found["kept-balanced"].value and kept["threshold"] == 0.95
    assert data["side_by_side"][0]["item"] == found.side_by_side[0].item


def test_page_needs_no_other_file_and_runs_nothing(page):
    assert page.count("<img") == 1 and 'src="data:image/png;base64,' in page
    assert "<script" not in page and "<link" not in page and "javascript" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; | *x* $y$ {z} %s &amp;amp;69" in page
    assert "items: <code>&lt;b&gt;items.npy</code>" in page


def test_page_forbids_what_it_does_not_need(page):
    """Whatever a label may smuggle in, a browser asks for nothing and runs nothing."""
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)[1]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert "url(" not in page and "@import" not in page


def test_verdict_and_advice_come_first_and_then_what_was_audited(found, page):
    order = [f"<h2>Verdict: {found.verdict}</h2>", found.action, found.reasons[0], "70 items, 60 users, 5 dimensions, float64",
             found.statement, "<img", "<h2>Findings</h2>", "<h2>What a cosine is worth</h2>", "<h2>Neighbours side by side</h2>"]
    shown = unescape(page)
    places = [shown.index(part) for part in order]
    assert places == sorted(places)


def test_bold_means_one_thing(found, page):
    """A neighbour that was none as trained; headings, verdict and figure have other means."""
    bold = re.findall(r"<(?:b|strong)>", page)
    new = sum(not kept for one in found.side_by_side for names in one.lists.values() for _, kept in names)
    assert len(bold) == new > 0
    assert "font-weight: bold" not in page and re.search(r"h1, h2, th \{ font-weight: normal", page)


def test_page_has_dark_and_printed_colours_for_everything(page):
    names = set(re.findall(r"var\((--[a-z]+)\)", page))
    for where in ("prefers-color-scheme: dark", "@media print", "<style>"):
        rules = page[page.index(where):page.index(where) + 700]
        assert names and all(f"{name}: #" in rules for name in names), where


def test_thresholds_are_a_table_with_a_row_for_each_reading(found, page):
    section = page[page.index("What a cosine is worth"):page.index("Neighbours side by side")]
    for one in found.thresholds:
        assert f"<td>{one.reading}</td><td>{one.below[0.3]:.1%}</td>" in section


def test_findings_say_on_which_side_of_their_threshold_they_are(found, page):
    kept = found["kept-prediction-space"]
    assert not kept.ok and f'{kept.threshold:.3g}<br><small>not met</small>' in page
    assert page.count("not met</small>") == sum(one.ok is False for one in found.findings)


def test_fragment_is_one_element_without_a_style_of_its_own(found):
    part = fragment(found)
    assert part.startswith('<div class="cosines-audit">') and part.endswith("</div>")
    assert "<style" not in part and "<img" not in part and "<html" not in part
    assert found.verdict in part and found.action in unescape(part)


def test_two_runs_are_said_in_the_page_and_in_json(model):
    B, P = model.items.factors, model.P
    one = audit(B, P, other=(B * np.arange(1, 6), P / np.arange(1, 6)), n_neighbours=5)
    assert escape(one.other.statement) in html(one) and escape(one.other.statement) in fragment(one)
    assert json.loads(as_json(one))["other"]["statement"] == one.other.statement


def test_page_says_what_the_text_says(found, page):
    shown = unescape(page)
    for sentence in (found.statement, found.action, *found.reasons, *(one.meaning for one in found.findings)):
        assert sentence in shown


def test_page_does_without_matplotlib(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "cosines.publishing.picture", None)
    page = html(found)
    assert "pip install matplotlib seaborn ipython" in page
    assert "<img" not in page and "pip install" in page and found.verdict in page


def test_the_picture_draws_any_number_of_scalings_and_names_each():
    names = [f"scaling {i}" for i in range(5)]
    overlap = {a: {b: float(a == b) for b in names} for a in names}
    weights = {name: np.array([2.0, 1, 1 + i / 100]) for i, name in enumerate(names)}
    by_group = {name: np.array([0.5, 0.75]) for name in names[1:]}
    figure = audit_panels("verdict", by_group, "norm", overlap, np.array([[0.1, 0, 0.2, -1, 1]]), weights)
    kept, shared, _, counts = figure.axes
    assert [text.get_text() for text in counts.texts] == names
    onto_page = counts.transData + counts.transAxes.inverted()
    heights = [onto_page.transform(text.xy)[1] for text in counts.texts]
    assert min(np.diff(heights)) > 0.08  # so that no name covers another
    assert len(kept.lines) == 4 and [text.get_text() for text in shared.texts] == [
        f"{100 * value:.0f}" for row in overlap.values() for value in row.values()]


def test_numbers_that_do_not_exist_are_null(found):
    odd = replace(found, findings=(found.findings[0]._replace(value=float("nan"), high=np.float64("inf")),))
    assert json.loads(as_json(odd))["findings"]["saved"]["value"] is None


def test_where_the_replacement_is_offered_it_is_not_promised_to_be_better(found, page):
    for said in (text(found), as_json(found), page):
        assert "not promised to be better" in said


def test_nothing_is_compared_for_a_model_trained_by_cosine(model):
    one = audit(model.items.factors, model.P, "cosine")
    assert not any(finding.key.startswith(("kept", "moves", "replacement", "free")) for finding in one.findings)
    assert {"hubs-as-trained", "duplicates", "dimensions", "thresholds", "anisotropy"} <= {f.key for f in one.findings}
    assert "prediction-space" not in text(one)
