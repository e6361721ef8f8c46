"""House style, and figures on their way to the reader: the same bytes every time."""

import matplotlib as mpl
import seaborn as sns
from IPython.display import Image

from cosines._arrays import require
from cosines.publishing import output_folder, require_name

TEXT_WIDTH = 6.5  # inches, of the paper's page
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
        If `name` has other characters, or `alt` is empty.
    """
    require_name("name", name)
    require(alt.strip() != "", "alt", "a description of the picture", alt)
    folder = output_folder("figures")
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    png = folder / f"{name}.png"
    figure.savefig(png)
    return Image(data=png.read_bytes(), width=round(figure.get_figwidth() * SCREEN_DPI), alt=alt)
