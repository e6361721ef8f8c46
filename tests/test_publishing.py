"""Figures, numbers and checks on their way into the paper, written to a temporary folder."""

import re
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cossim import publication
from cosines.publication import (
    Ledger,
    data_panels,
    labelled_curves,
    output_folder,
    save_animation,
    save_figure,
    score_panels,
    similarity_frame,
    similarity_panel,
    similarity_row,
    table,
    use_house_style,
)


@pytest.fixture(autouse=True)
def output(tmp_path, monkeypatch):
    """Artefacts go to a temporary folder, and Matplotlib's settings come back afterwards."""
    monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path))
    with mpl.rc_context():
        use_house_style()
        yield tmp_path


def drawing():
    figure = Figure(figsize=(2, 1.5))
    axes = figure.subplots()
    axes.plot([0, 1, 3], label="curve $x^2$")
    axes.imshow(np.arange(4).reshape(2, 2))
    axes.set(xlabel="items", title="A title")
    axes.legend()
    return figure


def fields(line):
    """A record's command and its arguments: what stands between balanced braces."""
    command, rest = re.fullmatch(r"(\\[a-z]+)(\{.*\})", line).groups()
    found, depth = [], 0
    for character in rest:
        depth -= character == "}"
        if depth:
            found[-1] += character
        elif character == "{":
            found.append("")
        else:
            assert character == "}", line
        depth += character == "{"
    assert depth == 0, line
    return [command, *found]


def published(ledger, output):
    ledger.publish()
    head, *lines = (output / f"paper/generated/{ledger.notebook}.tex").read_text().splitlines()
    assert head.startswith("%")
    return lines


NOT_NAMES = ["", "Upper", "a_b", "a b", "a.b", "../a", "ä", "a\n", "a}", "\\a", None, 3, ["a"]]


# Where artefacts go


def test_output_goes_where_the_environment_says(output):
    assert output_folder("paper/generated") == output / "paper/generated"
    assert (output / "paper/generated").is_dir()


@pytest.mark.parametrize("value", [None, ""])
def test_output_goes_to_the_repository_otherwise(value, tmp_path, monkeypatch):
    module = tmp_path / "repository" / "src" / "cossim" / "publication.py"
    monkeypatch.setattr(publication, "__file__", str(module))
    monkeypatch.delenv("COSINES_OUTPUT")
    if value is not None:
        monkeypatch.setenv("COSINES_OUTPUT", value)
    assert output_folder("figures") == tmp_path / "repository" / "figures"


# Figures


def test_figures_have_the_same_bytes_on_another_day(tmp_path, monkeypatch):
    written = []
    for folder, seconds in (("first", "0"), ("second", "86400")):
        monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path / folder))
        monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
        save_figure(drawing(), "a-figure")
        files = sorted((tmp_path / folder / "figures").iterdir())
        assert [file.name for file in files] == ["a-figure.pdf", "a-figure.png"]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_saving_twice_overwrites_with_the_same_bytes(output):
    figure = drawing()
    save_figure(figure, "a-figure")
    first = [path.read_bytes() for path in sorted((output / "figures").iterdir())]
    save_figure(figure, "a-figure")
    assert [path.read_bytes() for path in sorted((output / "figures").iterdir())] == first


def test_the_notebook_shows_the_png_that_is_committed(output):
    image = save_figure(drawing(), "a-figure")
    assert image.data == (output / "figures/a-figure.png").read_bytes()
    # Two pixels of the file per pixel on screen.
    assert Image.open(BytesIO(image.data)).size == (2 * image.width, 390)
    assert image.width == 260


def test_png_has_an_opaque_white_background():
    pixels = np.asarray(Image.open(BytesIO(save_figure(drawing(), "a").data)).convert("RGBA"))
    np.testing.assert_array_equal(pixels[0, 0], 255)
    assert pixels[..., 3].min() == 255


def test_pdf_embeds_its_fonts_as_truetype(output):
    save_figure(drawing(), "a")
    pdf = (output / "figures/a.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


@pytest.mark.parametrize("name", NOT_NAMES)
def test_figure_names_are_restricted(name, output):
    with pytest.raises(ValueError, match=r"^name\b"):
        save_figure(drawing(), name)
    assert list(output.iterdir()) == []


def frames(grey_levels):
    """One plain picture per grey level, with the same black half in all of them."""
    S = np.zeros((2, 2))
    return [similarity_frame(np.full((2, 2), level), S, None, f"{level}") for level in grey_levels]


def test_animation_runs_there_and_back_and_stands_still_where_nothing_changes(output):
    assert save_animation(frames([0, 0.5, 1]), "moving", seconds=0.1, pause=0.5) is None
    with Image.open(output / "figures/moving.gif") as gif:
        shown = []
        for i in range(gif.n_frames):
            gif.seek(i)
            shown.append((np.asarray(gif.convert("RGB"), dtype=int), gif.info["duration"]))
    pictures, durations = zip(*shown, strict=True)
    assert list(durations) == [500, 100, 500, 100]
    np.testing.assert_array_equal(pictures[1], pictures[3])
    width = pictures[0].shape[1]
    left, right = (slice(width // 8, width // 3), slice(5 * width // 8, 7 * width // 8))
    middle = slice(pictures[0].shape[0] // 3, pictures[0].shape[0] // 2)
    levels = [picture[middle, left].mean() for picture in pictures[:3]]
    assert levels[0] > levels[1] + 20 > levels[2] + 40  # from light to dark
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture[middle, right], pictures[0][middle, right])


def test_animation_has_the_same_bytes_again(output):
    written = []
    for _ in range(2):
        save_animation(frames([0, 1]), "moving")
        written.append((output / "figures/moving.gif").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_animation_names_are_restricted(name, output):
    with pytest.raises(ValueError, match=r"^name\b"):
        save_animation(frames([0, 1]), name)
    assert list(output.iterdir()) == []


HOSTILE = {
    "font.size": 30, "font.family": "monospace", "savefig.dpi": 40, "savefig.bbox": "tight",
    "savefig.transparent": True, "savefig.facecolor": "black", "axes.grid": True,
    "image.cmap": "hot", "lines.linestyle": ":", "axes.facecolor": "pink", "path.sketch": (1, 2, 3),
    "pdf.compression": 0, "text.color": "red", "legend.frameon": True, "figure.dpi": 30,
}


def test_hostile_settings_of_the_user_do_not_survive_the_house_style(output):
    clean = save_figure(drawing(), "clean").data
    mpl.rcParams.update(HOSTILE)
    assert save_figure(drawing(), "hostile").data != clean
    use_house_style()
    assert save_figure(drawing(), "restored").data == clean
    pdf = [(output / f"figures/{name}.pdf").read_bytes() for name in ("clean", "restored")]
    assert pdf[0] == pdf[1]


@pytest.mark.parametrize("name", HOSTILE)
def test_each_setting_is_ours_or_matplotlibs_default(name):
    mpl.rcParams[name] = HOSTILE[name]
    use_house_style()
    ours = publication.HOUSE_STYLE.get(name, mpl.rcParamsDefault[name])
    assert mpl.rcParams[name] in (ours, [ours])
    assert mpl.rcParams[name] != HOSTILE[name]


def test_similarity_panel_shows_rounded_values_from_0_to_1():
    S = np.array([[1, 0.1234567], [-0.5, 0.99951]])
    image = similarity_panel(Figure().subplots(), S, title="cosines")
    np.testing.assert_array_equal(image.get_array(), [[1, 0.123], [-0.5, 1.0]])
    assert image.get_clim() == (0, 1)
    assert image.axes.get_title() == "cosines"


def test_similarity_panel_draws_lines_between_clusters():
    axes = Figure().subplots()
    similarity_panel(axes, np.eye(5), cluster=np.array([0, 0, 1, 3, 3]))
    ends = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    horizontal = [([0, 1], [y, y]) for y in (1.5, 2.5)]
    assert sorted(ends) == sorted(horizontal + [(y, x) for x, y in horizontal])


def test_similarity_row_has_one_colour_scale():
    panels = {"small": np.full((3, 3), 0.2), "large\nindeed": np.full((3, 3), 0.9)}
    figure = similarity_row(panels, np.array([0, 0, 1]))
    *drawn, bar = figure.axes
    assert [axes.get_title() for axes in drawn] == list(panels)
    assert {axes.images[0].get_clim() for axes in drawn} == {(0, 1)}
    assert list(bar.get_yticks()) == [0, 0.5, 1]


def test_curves_are_named_at_their_right_ends():
    axes = Figure().subplots()
    labelled_curves(axes, {"up": [0, 1, 2], "down": [0, 3]}, {"up": [1, 2, 4], "down": [2, 1]})
    assert {text.get_text(): text.xy for text in axes.texts} == {"up": (2, 4), "down": (3, 1)}
    for line, text in zip(axes.lines, axes.texts, strict=True):
        assert line.get_color() == text.get_color()


def test_data_panels_show_popularity_activity_and_spectrum():
    users_of, cluster = np.array([5, 2, 9, 7, 1]), np.array([0, 1, 0, 0, 1])
    exponent, k_u = np.array([0.25, 1.5]), np.array([1, 2, 2])
    law, sigma = np.array([0.4, 0.3, 0.2, 0.06, 0.04]), np.array([9.0, 4, 2, 1, 0.5])
    figure = data_panels(users_of, cluster, exponent, k_u, law, sigma, lam=3, k=2)
    popularity, activity, spectrum = figure.axes
    assert [list(line.get_ydata()) for line in popularity.lines] == [[9, 7, 5], [2, 1]]
    assert [text.get_text() for text in popularity.get_legend().get_texts()] == ["0.25", "1.50"]
    bars = [(bar.get_x(), bar.get_height()) for bar in activity.patches]
    expected = [(0.5, 1 / 3), (1.5, 2 / 3), (2.5, 0), (3.5, 0), (4.5, 0)]
    np.testing.assert_allclose(bars, expected, atol=1e-12)
    np.testing.assert_array_equal(activity.lines[0].get_xydata(), list(enumerate(law, start=1)))
    curve, across, up = spectrum.lines
    np.testing.assert_array_equal(curve.get_xydata(), list(enumerate(sigma, start=1)))
    assert set(across.get_ydata()) == {3}
    assert set(up.get_xdata()) == {2}


def test_score_panels_show_auc_from_chance_and_shares_as_percentages():
    shares = np.array([[1, 0.126], [0.994, 0]])
    left, right = score_panels(["a", "b"], [0.75, 0.9], shares, ["C0", "C3"]).axes
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in left.patches]
    np.testing.assert_allclose(ends, [(0.5, 0.75), (0.5, 0.9)])
    assert [text.get_text() for text in left.texts] == ["0.75", "0.90"]
    assert [text.get_text() for text in right.texts] == ["100", "13", "99", "0"]
    for axes in (left, right):
        assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]


def test_table_is_markdown():
    expected = "| name | value |\n| --- | --- |\n| a | 1 |\n| b | 2.5 |"
    assert table(["name", "value"], iter([["a", 1], ["b", 2.5]])).data == expected


# Numbers


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
def test_numbers_are_text_in_the_notebook_and_latex_in_the_paper(value, spec, text, latex, output):
    ledger = Ledger("01-numbers")
    assert ledger.number("a-number", value, spec) == text
    (line,) = published(ledger, output)
    assert fields(line) == [r"\recordnumber", "a-number", latex]


# Checks


@pytest.mark.parametrize(
    ("measured", "bound"),
    [(0, {"at_most": 0}), (1e-13, {"at_most": 1e-12}), (-5, {"at_most": -4}),
     (np.int64(0), {"at_most": 0}), (0, {"at_least": 0}), (0.5, {"at_least": 0.25}),
     (np.inf, {"at_least": 1}), (np.float64(2), {"at_least": np.float32(2)})],
)
def test_a_check_within_its_bound_passes(measured, bound, output):
    ledger = Ledger("02-checks")
    shown = ledger.check("a-check", "Eq. 5", "it holds", measured, **bound)
    assert shown.data.startswith("✓ it holds")
    assert len(published(ledger, output)) == 1


@pytest.mark.parametrize(
    ("measured", "bound"),
    [(1.001e-12, {"at_most": 1e-12}), (0, {"at_most": -1}), (np.inf, {"at_most": 1e300}),
     (np.nan, {"at_most": 1}), (np.nan, {"at_most": np.inf}), (0, {"at_most": np.nan}),
     (0.4999, {"at_least": 0.5}), (-1, {"at_least": 0}), (-np.inf, {"at_least": -1e300}),
     (np.nan, {"at_least": -1}), (np.float64(np.nan), {"at_least": -np.inf}),
     (0, {"at_least": np.nan})],
)
def test_a_check_out_of_bounds_stops_the_notebook_and_is_not_recorded(measured, bound, output):
    ledger = Ledger("02-checks")
    with pytest.raises(AssertionError, match=r"^a-check: .*must be [<>]=") as error:
        ledger.check("a-check", "Eq. 5", "it holds", measured, **bound)
    assert "it holds" in str(error.value)
    assert published(ledger, output) == []


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1, "at_least": 0}])
def test_exactly_one_bound_is_needed(bounds):
    with pytest.raises(ValueError, match=r"^at_most, at_least\b"):
        Ledger("02-checks").check("a-check", "Eq. 5", "it holds", 0.5, **bounds)


@pytest.mark.parametrize(
    ("measured", "arguments", "latex_measured", "latex_bound", "shown"),
    [
        (3e-15, {"at_most": 1e-12}, r"\le 10^{-12}", r"\le 10^{-12}", r"$\le 10^{-12}$"),
        (0.61, {"at_most": 0.8, "spec": ".0%"}, r"61\%", r"\le 0.8",
         r"$61\%$ (required: $\le 0.8$)"),
        (1.38, {"at_least": 0.5, "spec": ".2f"}, "1.38", r"\ge 0.5",
         r"$1.38$ (required: $\ge 0.5$)"),
        (4e-5, {"at_least": 2.5e-5, "spec": ".0e"}, r"4 \times 10^{-5}", r"\ge 2.5 \times 10^{-5}",
         r"$4 \times 10^{-5}$ (required: $\ge 2.5 \times 10^{-5}$)"),
    ],
)
def test_a_check_publishes_the_bound_and_the_measured_value_on_demand(
    measured, arguments, latex_measured, latex_bound, shown, output
):
    ledger, claim = Ledger("02-checks"), r"$\frac{a}{b}$ is $c_{i}$"
    markdown = ledger.check("a-check", "Eq. 5", claim, measured, **arguments)
    assert markdown.data == f"✓ {claim}: {shown}"
    (line,) = published(ledger, output)
    assert fields(line) == [
        r"\recordcheck", "a-check", "02-checks", "Eq. 5", claim, latex_measured, latex_bound
    ]


# Names and files


@pytest.mark.parametrize("name", NOT_NAMES)
def test_record_names_are_restricted(name, output):
    with pytest.raises(ValueError, match=r"^notebook\b"):
        Ledger(name)
    ledger = Ledger("03-names")
    with pytest.raises(ValueError, match=r"^name\b"):
        ledger.number(name, 1, "d")
    with pytest.raises(ValueError, match=r"^name\b"):
        ledger.check(name, "Eq. 5", "it holds", 0, at_most=1)
    assert published(ledger, output) == []


def test_record_names_are_unique(output):
    ledger = Ledger("03-names")
    ledger.number("a", 1, "d")
    ledger.check("b", "Eq. 5", "it holds", 0, at_most=1)
    for taken in "ab":
        with pytest.raises(ValueError, match=rf"^name\b.*'{taken}'"):
            ledger.number(taken, 2, "d")
        with pytest.raises(ValueError, match=rf"^name\b.*'{taken}'"):
            ledger.check(taken, "Eq. 5", "it holds", 0, at_most=2)
    first, second = published(ledger, output)
    assert fields(first)[1:] == ["a", "1"]
    assert fields(second)[1] == "b"


def test_publish_writes_one_line_per_record_in_the_order_recorded(output):
    ledger = Ledger("04-file")
    names = ["zeta", "alpha", "m-1", "0"]
    for name in names:
        ledger.number(name, 0.5, ".0%")
    ledger.check("last", "beyond", "the claim", 0, at_most=0)
    lines = published(ledger, output)
    assert [fields(line)[1] for line in lines] == [*names, "last"]
    assert {fields(line)[0] for line in lines} == {r"\recordnumber", r"\recordcheck"}
    head = (output / "paper/generated/04-file.tex").read_text().splitlines()[0]
    assert "notebooks/04-file.ipynb" in head


def test_publish_replaces_what_the_notebook_wrote_before(output):
    old, new, other = Ledger("04-file"), Ledger("04-file"), Ledger("05-other")
    old.number("old", 1, "d")
    other.number("old", 1, "d")
    new.number("new", 2, "d")
    assert [fields(line)[1] for line in published(old, output)] == ["old"]
    assert [fields(line)[1] for line in published(other, output)] == ["old"]
    assert [fields(line)[1] for line in published(new, output)] == ["new"]
    assert len(list((output / "paper/generated").iterdir())) == 2
