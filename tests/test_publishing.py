"""Figures on their way into the paper, written to a temporary folder, and what panels draw."""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import seaborn as sns
from matplotlib.figure import Figure
from PIL import Image

from cosines.publishing import output_folder, repository, style
from cosines.publishing.panels import (
    COSINE_COLOURS,
    FAMILY_COLOURS,
    FAMILY_MARKS,
    interval_rows,
    labelled_curves,
    number_grid,
    similarity_panel,
    similarity_row,
)
from cosines.publishing.style import TEXT_WIDTH, ink, save_figure, use_house_style


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


# Where artefacts go


def test_output_goes_where_the_environment_says(output):
    assert output_folder("paper/generated") == output / "paper/generated"
    assert (output / "paper/generated").is_dir()


@pytest.mark.parametrize("value", [None, ""])
def test_output_goes_to_the_repository_otherwise(value, tmp_path, monkeypatch):
    """The one around the working directory, as in a notebook's folder."""
    (tmp_path / "other" / "paper").mkdir(parents=True)
    (tmp_path / "other" / "paper" / "claims.toml").write_text("")
    (tmp_path / "other" / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "other" / "notebooks")
    monkeypatch.delenv("COSINES_OUTPUT")
    if value is not None:
        monkeypatch.setenv("COSINES_OUTPUT", value)
    assert output_folder("figures") == tmp_path / "other" / "figures"


def test_from_elsewhere_the_repository_is_that_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repository() == Path(__file__).parents[1]


# Figures


def test_figures_have_the_same_bytes_on_another_day(tmp_path, monkeypatch):
    written = []
    for folder, seconds in (("first", "0"), ("second", "86400")):
        monkeypatch.setenv("COSINES_OUTPUT", str(tmp_path / folder))
        monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
        save_figure(drawing(), "a-figure", "A line.")
        files = sorted((tmp_path / folder / "figures").iterdir())
        assert [file.name for file in files] == ["a-figure.pdf", "a-figure.png"]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_saving_twice_overwrites_with_the_same_bytes(output):
    figure = drawing()
    save_figure(figure, "a-figure", "A line.")
    first = [path.read_bytes() for path in sorted((output / "figures").iterdir())]
    save_figure(figure, "a-figure", "A line.")
    assert [path.read_bytes() for path in sorted((output / "figures").iterdir())] == first


def test_the_notebook_shows_the_png_that_is_committed(output):
    image = save_figure(drawing(), "a-figure", "A line.")
    assert image.data == (output / "figures/a-figure.png").read_bytes()
    # Two pixels of the file per pixel on screen.
    assert Image.open(BytesIO(image.data)).size == (2 * image.width, 390)
    assert image.width == 260


def test_png_has_an_opaque_white_background():
    pixels = np.asarray(Image.open(BytesIO(save_figure(drawing(), "a", "A line.").data)).convert("RGBA"))
    np.testing.assert_array_equal(pixels[0, 0], 255)
    assert pixels[..., 3].min() == 255


def test_pdf_embeds_its_fonts_as_truetype(output):
    save_figure(drawing(), "a", "A line.")
    pdf = (output / "figures/a.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_figure_names_are_restricted(output):
    with pytest.raises(ValueError, match=r"^name\b.*'../a'"):
        save_figure(drawing(), "../a", "A line.")
    assert list(output.iterdir()) == []


def test_a_picture_has_alternative_text(output):
    assert save_figure(drawing(), "a", "A line.")._repr_mimebundle_()[1]["image/png"]["alt"] == "A line."
    with pytest.raises(ValueError, match="^alt must be a description"):
        save_figure(drawing(), "b", " ")
    assert sorted(path.name for path in (output / "figures").iterdir()) == ["a.pdf", "a.png"]


def test_a_figure_with_text_too_small_to_print_is_refused(output):
    figure = drawing()
    figure.axes[0].tick_params(labelsize=7.4)
    save_figure(figure, "readable", "A line.")
    figure.axes[0].tick_params(axis="y", labelsize=7.3)
    with pytest.raises(ValueError, match="^figure must be without text smaller than 7.4 points, got .*'0.5': 7.3"):
        save_figure(figure, "small", "A line.")
    figure.axes[0].tick_params(axis="y", labelleft=False)  # nobody reads what is not there
    figure.text(0, 0, " ", fontsize=1)
    save_figure(figure, "readable-again", "A line.")
    names = {path.stem for path in (output / "figures").iterdir()}
    assert names == {"readable", "readable-again"}


def test_a_figure_wider_than_the_text_is_refused(output):
    figure = drawing()
    figure.set_figwidth(TEXT_WIDTH + 0.01)
    with pytest.raises(ValueError, match="^figure must be at most 6.5 inches wide, got 6.51"):
        save_figure(figure, "wide", "A line.")
    assert list(output.iterdir()) == []


HOSTILE = {
    "font.size": 30, "font.family": "monospace", "savefig.dpi": 40, "savefig.bbox": "tight",
    "savefig.transparent": True, "savefig.facecolor": "black", "axes.grid": True,
    "image.cmap": "hot", "lines.linestyle": ":", "axes.facecolor": "pink", "path.sketch": (1, 2, 3),
    "pdf.compression": 0, "text.color": "red", "legend.frameon": True, "figure.dpi": 30,
}


def test_hostile_settings_of_the_user_do_not_survive_the_house_style(output):
    clean = save_figure(drawing(), "clean", "A line.").data
    mpl.rcParams.update(HOSTILE)
    assert save_figure(drawing(), "hostile", "A line.").data != clean
    use_house_style()
    assert save_figure(drawing(), "restored", "A line.").data == clean
    pdf = [(output / f"figures/{name}.pdf").read_bytes() for name in ("clean", "restored")]
    assert pdf[0] == pdf[1]


@pytest.mark.parametrize("name", HOSTILE)
def test_each_setting_is_ours_or_matplotlibs_default(name):
    mpl.rcParams[name] = HOSTILE[name]
    use_house_style()
    ours = style.HOUSE_STYLE.get(name, mpl.rcParamsDefault[name])
    assert mpl.rcParams[name] in (ours, [ours])
    assert mpl.rcParams[name] != HOSTILE[name]


def test_similarity_panel_shows_rounded_values_from_minus_1_to_1():
    S = np.array([[1, 0.1234567], [-0.5, 0.99951]])
    image = similarity_panel(Figure().subplots(), S, title="cosines")
    np.testing.assert_array_equal(image.get_array(), [[1, 0.123], [-0.5, 1.0]])
    assert image.get_clim() == (-1, 1)
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
    assert {axes.images[0].get_clim() for axes in drawn} == {(-1, 1)}
    assert list(bar.get_yticks()) == [-1, 0, 1]


def test_a_bracket_spans_the_panels_that_it_names():
    panels = {name: np.eye(3) for name in "abc"}
    figure = similarity_row(panels, np.array([0, 0, 1]), below=["x", "y"], brackets={"two": (1, 2)},
                            colours=["C3"])
    first, second, third, _ = figure.axes
    assert [axes.get_xlabel() for axes in (first, second, third)] == ["x", "y", ""]
    (line,), (text,) = figure.artists, figure.texts
    assert list(line.get_xdata()) == [second.get_position().x0, third.get_position().x1]
    assert (text.get_text(), text.get_color(), line.get_color()) == ("two", ink("C3"), "C3")
    assert line.get_ydata()[0] > second.get_position().y1


def test_the_colours_of_cosines_show_sign_and_never_pass_for_similarity_in_grey():
    colours = COSINE_COLOURS(np.linspace(0, 1, 201))[:, :3]
    assert (colours[:100, 0] > colours[:100, 2]).all()  # warm: more red than blue
    grey = colours @ [0.299, 0.587, 0.114]
    assert (np.diff(grey[101:]) < 0).all()  # darker is more similar
    assert grey[:100].min() > grey[101 + 33]  # a cosine of -1 is lighter than one of 0.33


def test_families_differ_in_colour_and_for_readers_without_colours_in_mark():
    assert FAMILY_MARKS.keys() == FAMILY_COLOURS.keys()
    assert len(set(FAMILY_MARKS.values())) == len(set(FAMILY_COLOURS.values())) == len(FAMILY_COLOURS)


def test_curves_are_named_at_their_right_ends():
    axes = Figure().subplots()
    labelled_curves(axes, {"up": [0, 1, 2], "down": [0, 3]}, {"up": [1, 2, 4], "down": [2, 1]})
    assert {text.get_text(): text.xy for text in axes.texts} == {"up": (2, 4), "down": (3, 1)}
    for line, text in zip(axes.lines, axes.texts, strict=True):
        assert text.get_color() == ink(line.get_color())


def test_names_of_curves_that_end_together_keep_their_distance():
    axes = Figure().subplots()
    axes.set(ylim=(1, 100), yscale="log")
    curves = {"high": [1, 11], "low": [1, 10], "far": [1, 90]}
    labelled_curves(axes, np.array([0, 1]), curves, gap=0.1)
    places = {text.get_text(): text.xy[1] for text in axes.texts}
    middle = (np.log10(11) + 1) / 2  # both move away from here
    assert places == pytest.approx({"high": 10 ** (middle + 0.1), "low": 10 ** (middle - 0.1), "far": 90})


def contrast(one, other):
    light, dark = sorted(map(sns.utils.relative_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [*style.CLUSTER_COLOURS, "0.6", "yellow"])
def test_ink_can_be_read_on_white_and_keeps_its_hue(colour):
    assert contrast(ink(colour), "white") >= 4.5
    before, after = mpl.colors.rgb_to_hsv([mpl.colors.to_rgb(colour), ink(colour)])
    np.testing.assert_allclose(after[:2], before[:2], atol=1e-12)
    assert ink("0.2") == (0.2, 0.2, 0.2)


@pytest.mark.parametrize("colours", ["Blues", "Greys", style.SIMILARITY_COLOURS])
def test_each_number_of_a_grid_can_be_read_on_its_ground(colours):
    axes = Figure().subplots()
    values = np.linspace(0, 1, 40).reshape(4, 10)
    number_grid(axes, values, [["1"] * 10] * 4, list("abcd"), list("0123456789"), cmap=colours)
    grounds = axes.collections[0].get_facecolors()
    ratios = [contrast(text.get_color(), ground) for text, ground in zip(axes.texts, grounds, strict=True)]
    assert min(ratios) >= 4.5


def lines_of(axes, n):
    return [axes.lines[i].get_ydata().tolist() for i in range(n)]


@pytest.mark.parametrize("n", [2, 12])
def test_a_panel_that_is_given_one_curve_more_draws_it(n):
    """Twelve are more than the palette has colours."""
    curves = {f"curve {i}": np.array([i, i + 0.5]) for i in range(n)}
    axes = Figure().subplots()
    labelled_curves(axes, np.array([0, 1]), curves)
    assert lines_of(axes, n) == [list(curve) for curve in curves.values()]
    assert [text.get_text() for text in axes.texts] == list(curves)


def test_interval_rows_have_one_colour_each():
    rows = {"a": (0.5, 0.4, 0.6), "b": (0.7, 0.65, 0.8)}
    axes = Figure().subplots()
    interval_rows(axes, rows, ["C3", "C0"])
    assert [line.get_color() for line in axes.lines] == ["C3", "C3", "C0", "C0"]
    with pytest.raises(ValueError, match="zip"):
        interval_rows(axes, rows, ["C3", "C0", "C2"])
