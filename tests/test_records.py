"""Numbers and checks of notebooks, as data."""

import json
from pathlib import Path

import numpy as np
import pytest

from cosines.publishing.ledger import as_tex, read_records
from cosines.publishing.records import Records, read_claims, table, tex
from cosines.readings import named

CLAIMS = """
[[check]]
key = "a-check"
where = "Eq. 5"
supports = "statement"
wording = 'it holds, $\\frac{a}{b}$ is $c_{i}$'

[[check]]
key = "another"
where = "beyond"
supports = "beyond"
wording = "so does this"

[[pair]]
key = "this-that"
first = "raw-eq1-dot"
second = "raw-none-dot"
headline = true

[[pair]]
key = "that-this"
first = "raw-none-dot"
second = "raw-eq1-dot"
"""
NOT_NAMES = ["", "Upper", "a_b", "a b", "a.b", "../a", "ä", "a\n", "a}", "\\a", None, 3, ["a"]]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """A repository of two claims; artefacts go into it."""
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "claims.toml").write_text(CLAIMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path))
    return tmp_path


def recorded(record):
    """What the record publishes, read back."""
    record.publish()
    return json.loads(Path(f"paper/generated/{record.notebook}.json").read_text())


# Numbers and comparisons


def test_an_interval_is_three_numbers_and_a_text():
    record = Records("01-intervals")
    assert record.interval("gain", [0.1234, -0.05, 0.2], "+.2f") == "+0.12 (-0.05 to +0.20)"
    assert recorded(record)["numbers"] == {"gain": "+0.12", "gain-low": "-0.05", "gain-high": "+0.20"}


def test_comparisons_are_those_of_the_claims():
    record = Records("01-pairs")
    assert record.pairs() == {"this-that": ("raw-eq1-dot", "raw-none-dot"),
                              "that-this": ("raw-none-dot", "raw-eq1-dot")}
    assert list(record.pairs(headline=True)) == ["this-that"]


@pytest.mark.parametrize(
    ("value", "spec", "text", "latex"),
    [
        (0.123, ".2f", "0.12", "0.12"),
        (-3.14159, ".2f", "-3.14", "-3.14"),
        (7, "d", "7", "7"),
        (1e-12, ".0e", "1e-12", "10^{-12}"),
        (1e12, ".0e", "1e+12", "10^{12}"),
        (1.5e-3, ".1e", "1.5e-03", r"1.5 \times 10^{-3}"),
        (-2.5e-7, ".1e", "-2.5e-07", r"-2.5 \times 10^{-7}"),
        (10.0, ".1e", "1.0e+01", r"1.0 \times 10^{1}"),
        (20_000, ",", "20,000", "20{,}000"),
        (-1_234_567.8, ",.1f", "-1,234,567.8", "-1{,}234{,}567.8"),
        (0.12, ".0%", "12%", r"12\%"),
        (-0.005, ".1%", "-0.5%", r"-0.5\%"),
        (np.float64(0.25), ".2f", "0.25", "0.25"),
    ],
)
def test_numbers_are_text_in_notebook_and_record_and_latex_in_the_paper(value, spec, text, latex):
    record = Records("01-numbers")
    assert record.number("a-number", value, spec) == text
    assert recorded(record)["numbers"] == {"a-number": text}
    assert tex(text) == latex


# Checks


@pytest.mark.parametrize(
    ("measured", "bound"),
    [(0, {"at_most": 0}), (1e-13, {"at_most": 1e-12}), (-5, {"at_most": -4}),
     (np.int64(0), {"at_most": 0}), (0, {"at_least": 0}), (0.5, {"at_least": 0.25}),
     (np.inf, {"at_least": 1}), (np.float64(2), {"at_least": np.float32(2)})],
)
def test_a_check_within_its_bound_passes(measured, bound):
    record = Records("02-checks")
    assert record.check("another", measured, **bound).data.startswith("✓ so does this: ")
    assert list(recorded(record)["checks"]) == ["another"]


@pytest.mark.parametrize(
    ("measured", "bound"),
    [(1.001e-12, {"at_most": 1e-12}), (0, {"at_most": -1}), (np.inf, {"at_most": 1e300}),
     (np.nan, {"at_most": 1}), (np.nan, {"at_most": np.inf}), (0, {"at_most": np.nan}),
     (0.4999, {"at_least": 0.5}), (-1, {"at_least": 0}), (-np.inf, {"at_least": -1e300}),
     (np.nan, {"at_least": -1}), (np.float64(np.nan), {"at_least": -np.inf}),
     (0, {"at_least": np.nan})],
)
def test_a_check_out_of_bounds_stops_the_notebook_and_is_not_recorded(measured, bound):
    record = Records("02-checks")
    with pytest.raises(AssertionError, match=r"^a-check: .*must be [<>]=") as error:
        record.check("a-check", measured, **bound)
    assert "it holds" in str(error.value)
    assert recorded(record)["checks"] == {}


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1, "at_least": 0}])
def test_exactly_one_bound_is_needed(bounds):
    with pytest.raises(ValueError, match=r"^at_most, at_least\b"):
        Records("02-checks").check("a-check", 0.5, **bounds)


@pytest.mark.parametrize(
    ("measured", "arguments", "latex_measured", "latex_bound", "shown"),
    [
        (3e-15, {"at_most": 1e-12}, "", r"\le 10^{-12}", r"$\le 10^{-12}$"),
        (0.61, {"at_most": 0.8, "spec": ".0%"}, r"61\%", r"\le 80\%",
         r"$61\%$ (required: $\le 0.8$)"),
        (1.38, {"at_least": 0.5, "spec": ".2f"}, "1.38", r"\ge 0.5",
         r"$1.38$ (required: $\ge 0.5$)"),
        (4e-5, {"at_least": 2.5e-5, "spec": ".0e"}, r"4 \times 10^{-5}", r"\ge 2.5 \times 10^{-5}",
         r"$4 \times 10^{-5}$ (required: $\ge 2.5 \times 10^{-5}$)"),
    ],
)
def test_a_check_prints_its_wording_and_publishes_the_bound_and_on_demand_the_value(
    measured, arguments, latex_measured, latex_bound, shown
):
    record, wording = Records("02-checks"), r"it holds, $\frac{a}{b}$ is $c_{i}$"
    assert record.check("a-check", measured, **arguments).data == f"✓ {wording}: {shown}"
    line = as_tex({"02-checks": recorded(record)}, read_claims()[1]).splitlines()[-1]
    fields = ("a-check", "Eq.~5", wording, latex_measured, latex_bound, "../notebooks/02-checks.ipynb")
    assert line == "\\recordcheck" + "".join(f"{{{field}}}" for field in fields)


@pytest.mark.parametrize(("name", "nearest"), [("a-chek", "a-check"), ("an-other", "another")])
def test_an_unknown_claim_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"^check\b.*nearest is '{nearest}'.*got '{name}'"):
        Records("02-checks").check(name, 0, at_most=1)


# Names and files


@pytest.mark.parametrize("name", NOT_NAMES)
def test_record_names_are_restricted(name):
    with pytest.raises(ValueError, match=r"^notebook\b"):
        Records(name)
    record = Records("03-names")
    with pytest.raises(ValueError, match=r"^name\b"):
        record.number(name, 1, "d")
    with pytest.raises(ValueError, match=r"^name\b"):
        record.readings(name, {}, {})
    assert recorded(record) == {"numbers": {}, "checks": {}, "tables": {}}


def test_record_names_are_unique():
    record = Records("03-names")
    record.number("a", 1, "d")
    record.check("a-check", 0, at_most=1)
    with pytest.raises(ValueError, match=r"^name\b.*'a'"):
        record.number("a", 2, "d")
    with pytest.raises(ValueError, match=r"^name\b.*'a-check'"):
        record.check("a-check", 0, at_most=2)
    assert recorded(record)["numbers"] == {"a": "1"}


def test_publish_replaces_what_the_notebook_wrote_before(root):
    old, new, other = Records("04-file"), Records("04-file"), Records("05-other")
    old.number("old", 1, "d")
    other.number("old", 1, "d")
    new.number("new", 2, "d")
    assert list(recorded(old)["numbers"]) == ["old"]
    assert list(recorded(other)["numbers"]) == ["old"]
    assert list(recorded(new)["numbers"]) == ["new"]
    assert sorted(read_records(root / "paper/generated")) == ["04-file", "05-other"]


def test_table_is_markdown():
    expected = "| name | value |\n| --- | --- |\n| a | 1 |\n| b | 2.5 |"
    assert table(["name", "value"], iter([["a", 1], ["b", 2.5]])).data == expected


def test_on_other_data_a_check_that_fails_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path))
    name = next(iter(read_claims()[1]))
    with pytest.raises(AssertionError, match=f"^{name}: measured 2, must be <= 1"):
        Records("00-a").check(name, 2, at_most=1)
    record = Records("00-a", stops=False)
    assert record.check(name, 2, at_most=1).data.startswith("✗ **Not here:**")


def test_a_table_has_real_minus_signs_and_formulas_stay():
    row = ["-0.1 to -.05", "$V^{-1}$: -2", "ml-100k", -3]
    last = table(["a", "b", "c", "d"], [row]).data.splitlines()[-1]
    assert last == "| −0.1 to −.05 | $V^{-1}$: −2 | ml-100k | −3 |"


# Tables of readings


ROWS = [named(key) for key in ("raw-none-columns", "raw-eq1-g-half", "raw-eq1-predictions", "raw-eq2-dot")]


def test_rows_of_readings_are_recorded_with_what_follows_from_them():
    record = Records("06-rows")
    texts = record.readings("study", {row: [0.5, i] for i, row in enumerate(ROWS)}, {"auc": ".2f", "n": "d"})
    assert texts[ROWS[2]] == ["0.50", "2"]
    found = recorded(record)
    assert found["numbers"]["study-raw-eq2-dot-n"] == "3"
    assert [row["determined"] for row in found["tables"]["study"]] == ["yes", "no", "yes", "yes"]
    line = as_tex({"06-rows": found}, {}).splitlines()[-1]
    assert line.startswith("\\recordrows{study}{raw columns & yes & \\measured{study-raw-none-columns-auc}")
    assert line.count("\\midrule") == 2 and line.count("\\\\") == 4  # no model, Eq. 1, Eq. 2


def test_a_row_with_a_number_too_few_is_refused():
    with pytest.raises(ValueError, match="zip"):
        Records("06-rows").readings("study", {ROWS[0]: [0.5]}, {"auc": ".2f", "ap": ".2f"})


# Tables of pairs


COLUMNS = {"auc": "+.2f", "says": "s", "draws": "d"}


def compared(*pairs):
    """Pairs of keys with a difference, its verdict, and a number."""
    return {f"pair-{i}": (*map(named, keys), [[0.1, -0.05, 0.2], "undecided", 7]) for i, keys in enumerate(pairs)}


@pytest.mark.parametrize(("first", "second", "question", "sides"), [
    ("centred-none-columns", "raw-none-columns", "Which data?", ["columns", "centred", "raw"]),
    ("raw-eq1-dot", "raw-eq1-predictions", "Which view?", ["raw, Eq. 1", "dot", "predictions"]),
    ("centred-eq2-dot", "centred-eq1-dot", "Which model?", ["centred, dot", "Eq. 2", "Eq. 1"]),
    ("raw-eq1-predictions", "raw-none-columns", "Which model?", ["raw", "Eq. 1 predictions", "columns"]),
    ("raw-eq2-sqrt-sigma", "raw-eq1-sqrt-sigma", "Which model?",
     ["raw", "Eq. 2 own cosines", r"Eq. 1 $V_k(w\sigma)^{1/2}$"]),
])
def test_a_comparison_says_what_both_sides_share_and_what_either_has_for_itself(first, second, question, sides):
    texts = Records("06-pairs").comparisons("study", compared((first, second)), COLUMNS)
    assert texts == {question: [[*sides, "+0.10 (-0.05 to +0.20)", "undecided", "7"]]}


def test_comparisons_are_recorded_once_and_printed_from_the_record():
    record = Records("06-pairs")
    pairs = [("raw-eq1-dot", "raw-none-dot"), ("raw-eq2-dot", "raw-eq1-dot"), ("raw-eq1-g-1", "raw-eq1-g-0")]
    texts = record.comparisons("study", compared(*pairs), COLUMNS)
    assert [len(rows) for rows in texts.values()] == [2, 1]
    found = recorded(record)
    assert found["numbers"]["study-pair-0-auc-low"] == "-0.05" and len(found["numbers"]) == 3 * 4
    line = as_tex({"06-pairs": found}, {}).splitlines()[-1]
    row = r"raw, dot & Eq.~1 & no model & \signed{\ci{study-pair-0-auc}} & undecided & \measured{study-pair-0-draws} \\"
    assert line.startswith(rf"\recordrows{{study}}{{{row}")
    assert line.count("\\midrule") == 1 and line.count("\\\\") == 3


def test_a_comparison_with_a_column_too_few_is_refused():
    with pytest.raises(ValueError, match="zip"):
        Records("06-pairs").comparisons("study", compared(("raw-eq1-dot", "raw-none-dot")), {"auc": ".2f"})
