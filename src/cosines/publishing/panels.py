"""Drawing that notebooks share, and the figures of readings.

Values are rounded before they are drawn: their last bits differ from CPU to CPU, pixels must not.
"""

import numpy as np
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cosines.publishing.style import CLUSTER_COLOURS, SIMILARITY_COLOURS, TEXT_WIDTH, ink

# Cosines from -1 to 1. Above 0 darker is more similar; below, the hue turns warm while the lightness stays
# near that of 0, so that in grey nobody takes a negative cosine for a positive one.
_COOL = SIMILARITY_COLOURS(np.linspace(0, 1, 33))[1:]
COSINE_COLOURS = LinearSegmentedColormap.from_list("cosines", [
    (0, "#f2a33a"), (0.25, "#ffc368"), (0.4, "#ffdf9e"), (0.47, "#fff0d0"), (0.5, "#fbfbf6"),
    *zip(np.linspace(0.5, 1, 33)[1:], _COOL, strict=True),
], N=1024)

# Of families of readings, in every figure: a colour, and a mark for readers without colours.
FAMILY_COLOURS = {"no model": "0.2", "Eq. 1": "C0", "Eq. 2": "C3", "normalised": "C2"}
FAMILY_MARKS = {"no model": "s", "Eq. 1": "o", "Eq. 2": "^", "normalised": "D"}


def similarity_panel(axes, S, cluster=None, title=""):
    """Draw the similarity matrix `S` as a heat map from -1 to 1; below 0 the colours are warm.

    Values are rounded to three decimals first: the last bits of a cosine differ from CPU to CPU,
    and pixels must not.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    S : ndarray, shape (p, p)
        Rows and columns already in the order to be shown.
    cluster : ndarray of int, shape (p,), optional
        Sorted; a line is drawn where one cluster ends and the next begins.
    title : str

    Returns
    -------
    matplotlib.image.AxesImage
        For the colour bar.
    """
    image = axes.imshow(np.round(S, 3), vmin=-1, vmax=1, cmap=COSINE_COLOURS)
    if cluster is not None:
        borders = np.flatnonzero(np.diff(cluster)) + 0.5
        for line in (axes.axhline, axes.axvline):
            for border in borders:
                line(border, color="0.35", linewidth=0.4)
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(True)
    return image


def similarity_row(panels, cluster, label="cosine similarity", below=(), brackets=None, colours=()):
    """Draw similarity matrices side by side, on one colour scale with one colour bar.

    Parameters
    ----------
    panels : dict of str to ndarray, shape (p, p)
        Title and matrix of each panel, from left to right.
    cluster : ndarray of int, shape (p,)
        As in `similarity_panel`.
    label : str
        Of the colour bar.
    below : sequence of str
        What stands below each panel, from the left.
    brackets : dict of str to (int, int), optional
        What the panels from the first to the last of these two have in common.
    colours : sequence, optional
        Of the brackets; black by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    brackets = brackets or {}
    title_lines = 1 + max(title.count("\n") for title in panels)
    lines = title_lines + 1.6 * bool(brackets) + max((1 + text.count("\n") for text in below), default=0)
    size = 9 if len(panels) < 6 else 8.5
    line = 1.45 * size / 72  # inches
    panel = TEXT_WIDTH / (len(panels) + 0.45)
    figure = Figure(figsize=(TEXT_WIDTH, panel + line * lines))
    figure.get_layout_engine().set(w_pad=0.03, wspace=0.02 if len(panels) > 5 else 0.1)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (title, S) in zip(axes, panels.items(), strict=True):
        image = similarity_panel(ax, S, cluster, "\n" * bool(brackets) + title)
        ax.title.set(fontsize=size, linespacing=1.15)
    for ax, text in zip(axes, below, strict=False):
        ax.set_xlabel(text, fontsize=size, linespacing=1.15)
    bar = figure.colorbar(image, ax=axes, label=label, pad=0.015, aspect=15,
                          shrink=panel / figure.get_figheight())
    bar.set_ticks([-1, 0, 1])
    bar.outline.set_linewidth(0.6)
    figure.draw_without_rendering()  # the layout is known from here on
    colours = [*colours, *["0.1"] * len(brackets)]
    for (text, (first, last)), colour in zip(brackets.items(), colours, strict=False):
        left, right = axes[first].get_position(), axes[last].get_position()
        y = left.y1 + (line * title_lines + 0.05) / figure.get_figheight()
        figure.add_artist(Line2D([left.x0, right.x1], [y, y], color=colour, linewidth=1.2))
        figure.text((left.x0 + right.x1) / 2, y, text, ha="center", va="bottom", fontsize=9.5,
                    color=ink(colour))
    return figure


def labelled_curves(axes, x, curves, colours=CLUSTER_COLOURS, gap=0):
    """Draw curves with each one's name at its right end, so that no legend is needed.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    x : ndarray, shape (m,), or dict of str to ndarray where the curves' lengths differ
    curves : dict of str to ndarray
        Name and values of each curve.
    colours : sequence
    gap : float
        Least distance of two names, as a share of the height of the axes, whose limits and scale are set
        already if it is positive.
    """
    ends = {}
    for (name, y), colour in _coloured(curves, colours):
        at = x[name] if isinstance(x, dict) else x
        axes.plot(at, y, color=colour)
        ends[name] = (at[-1], y[-1], colour)
    name_ends(axes, ends, gap)


def name_ends(axes, ends, gap=0):
    """Write the names of curves beside their right ends.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    ends : dict of str to (float, float, colour)
        For each name the last point of its curve, and its colour.
    gap : float
        As in `labelled_curves`.
    """
    scale = axes.yaxis.get_transform()
    low, high = scale.transform(axes.get_ylim()) if gap else (0, 1)
    names = sorted(ends, key=lambda name: ends[name][1])
    places = [float(scale.transform(ends[name][1])) for name in names]
    for _ in range(100):
        for i in range(len(names) - 1):  # whoever is too near moves away, both by as much
            push = max(0, gap * (high - low) - (places[i + 1] - places[i])) / 2
            places[i], places[i + 1] = places[i] - push, places[i + 1] + push
    places = dict(zip(names, places, strict=True))
    for name, (x, y, colour) in ends.items():
        y = float(scale.inverted().transform(places[name])) if gap else y
        axes.annotate(name, (x, y), xytext=(5, 0), textcoords="offset points", color=ink(colour),
                      va="center", fontsize=8, annotation_clip=False)


def interval_rows(axes, rows, colours=None):
    """Draw one dot with its interval per row, rows from top to bottom.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    rows : dict of str to (float, float, float)
        Label; value, lower and upper end. Rounded to three decimals before they are drawn.
    colours : sequence, optional
        One per row.
    """
    colours = ["C0"] * len(rows) if colours is None else colours
    values = np.round(list(rows.values()), 3)
    for y, ((middle, low, high), colour) in enumerate(zip(values, colours, strict=True)):
        axes.plot([low, high], [y, y], color=colour, linewidth=1.2)
        axes.plot(middle, y, "o", color=colour, markersize=4)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def reading_intervals(axes, intervals):
    """Draw `interval_rows` of readings, each with its label and the colour of its family.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    intervals : dict of Reading to (float, float, float)
        Value, lower and upper end.
    """
    rows = {reading.label: interval for reading, interval in intervals.items()}
    interval_rows(axes, rows, [FAMILY_COLOURS[reading.family] for reading in intervals])


def number_grid(axes, values, texts, rows, columns, **colours):
    """Draw a matrix as text on a coloured ground, with the names of its columns on top.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : ndarray, shape (m, n)
        Rounded to two decimals before they become colours.
    texts : list of list of str
        What is written into each cell.
    rows, columns : list of str
    colours
        Colour map and its range, for ``seaborn.heatmap``.
    """
    sns.heatmap(
        np.round(values, 2), annot=np.array(texts), fmt="", cbar=False, ax=axes, linewidths=0.5,
        annot_kws={"fontsize": 8}, xticklabels=columns, yticklabels=rows, **colours,
    )
    for text, ground in zip(axes.texts, axes.collections[0].get_facecolors(), strict=True):
        light = sns.utils.relative_luminance(ground) > 0.179  # either way the contrast is at least 4.5:1
        text.set_color("black" if light else "white")
    axes.tick_params(length=0, rotation=0)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, rotation=90)


def _coloured(curves, colours):
    """Pairs of an item of the dict and its colour; colours start again where there are too few."""
    return [(item, colours[i % len(colours)]) for i, item in enumerate(curves.items())]
