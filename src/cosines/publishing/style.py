"""House style, and figures on their way to the reader: the same bytes every time."""

from io import BytesIO

import matplotlib as mpl
import numpy as np
import seaborn as sns
from IPython.display import Image
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from cosines._arrays import require
from cosines.publishing import output_folder, require_name

TEXT_WIDTH = 6.5  # inches, of the paper's page
SMALLEST_TEXT = 7.4  # points; LaTeX prints figures a little smaller, but not below 7 points
SCREEN_DPI = 130
CLUSTER_COLOURS = sns.color_palette("colorblind")
SIMILARITY_COLOURS = sns.color_palette("mako_r", as_cmap=True)

HOUSE_STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 2 * SCREEN_DPI,
    "figure.constrained_layout.use": True,
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.prop_cycle": mpl.cycler(color=CLUSTER_COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,
}


def use_house_style():
    """Start from Matplotlib's defaults, whatever the user's own settings, and add ours."""
    mpl.rcdefaults()
    mpl.rcParams.update(HOUSE_STYLE)


def ink(colour):
    """`colour`, darkened where text in it would be hard to read on white (contrast below 4.5:1, WCAG 2).

    Parameters
    ----------
    colour : Matplotlib colour

    Returns
    -------
    tuple of float
        Red, green, blue.
    """
    colour = np.array(to_rgb(colour))
    while 1.05 / (sns.utils.relative_luminance(colour) + 0.05) < 4.5:
        colour = 0.97 * colour
    return tuple(colour.tolist())


def save_figure(figure, name, alt):
    """Write ``figures/<name>.pdf`` for LaTeX and ``.png`` for reading, the same bytes every time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Lower-case letters, digits and hyphens.
    alt : str
        What the picture shows, for readers who do not see it.

    Returns
    -------
    IPython.display.Image
        The PNG, so that the notebook shows the very picture that is committed.

    Raises
    ------
    ValueError
        If `name` has other characters, `alt` is empty, or the figure is wider than the text or has text
        smaller than `SMALLEST_TEXT`.
    """
    require_name("name", name)
    require(alt.strip() != "", "alt", "a description of the picture", alt)
    width = float(figure.get_figwidth())
    require(width <= TEXT_WIDTH, "figure", f"at most {TEXT_WIDTH} inches wide", width)
    pdf = BytesIO()
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})  # from here on tick labels are known
    small = {text.get_text(): text.get_fontsize() for text in figure.findobj(Text)
             if text.get_visible() and text.get_text().strip() and text.get_fontsize() < SMALLEST_TEXT}
    require(not small, "figure", f"without text smaller than {SMALLEST_TEXT} points", small)
    folder = output_folder("figures")
    (folder / f"{name}.pdf").write_bytes(pdf.getvalue())
    png = folder / f"{name}.png"
    figure.savefig(png)
    return Image(data=png.read_bytes(), width=round(width * SCREEN_DPI), alt=alt)
