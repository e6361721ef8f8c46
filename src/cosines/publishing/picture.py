"""An audit in four panels."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from cosines.publishing.panels import name_ends, number_grid
from cosines.publishing.style import SIMILARITY_COLOURS, TEXT_WIDTH

# Colour, line and mark of the scalings, in their order: told apart without colour, too.
LOOKS = (("0.2", "-", "s"), ("C0", (0, (5, 2)), "o"), ("C3", (0, (5, 1, 1, 1)), "^"), ("#7b3f8c", (0, (1, 1)), "D"))
GAP = 0.085  # between the names of two curves, as a share of the panel's height


def audit_panels(verdict, by_group, group, overlap, pairs, weighing):
    """Draw an audit on one page: neighbours kept by group, shared neighbours, cosines of pairs, weights.

    Everything is rounded to three digits before it is drawn.

    Parameters
    ----------
    verdict : str
        The title.
    by_group : dict of str to ndarray, shape (g,)
        For each scaling, the mean share of neighbours as trained that it keeps in each group.
    group : str
        By what items are grouped, from the largest.
    overlap : dict of str to dict of str to float
        Mean share of neighbours that two scalings have in common.
    pairs : ndarray, shape (m, 5)
        For each pair of items the cosine as trained, its extremes over scalings, and over any D.
    weighing : dict of str to ndarray
        Positive weights of latent directions under each scaling.

    Returns
    -------
    matplotlib.figure.Figure
    """
    looks = {name: LOOKS[i % len(LOOKS)] for i, name in enumerate(overlap)}
    figure = Figure(figsize=(TEXT_WIDTH, 5.6), layout="constrained")
    figure.get_layout_engine().set(hspace=0.07, wspace=0.04)
    (kept, shared), (cosines, weights) = figure.subplots(2, 2, width_ratios=[1.05, 1])
    figure.suptitle(verdict, fontsize=10.5)
    _kept(kept, by_group, group, looks)
    _shared(shared, overlap)
    _cosines(cosines, pairs)
    _weights(weights, weighing, looks)
    return figure


def _kept(axes, by_group, group, looks):
    """The share of neighbours that each scaling keeps, by size of the item."""
    ends = {}
    for name, share in by_group.items():
        colour, dash, mark = looks[name]
        share = np.round(100 * share, 1)
        axes.plot(1 + np.arange(len(share)), share, color=colour, linestyle=dash, marker=mark, markersize=3.5)
        ends[name] = (len(share), share[-1], colour)
    axes.set(ylim=(0, 103), ylabel="kept of an item's neighbours (%)", title="neighbours as trained that stay",
             xlabel=f"tenth of the items, by {group} (1: largest)", xticks=[1, 4, 7, 10])
    name_ends(axes, ends, GAP)


def _shared(axes, overlap):
    """The same share between every two scalings, averaged over items."""
    shares = np.array([list(row.values()) for row in overlap.values()])
    texts = [[f"{100 * value:.0f}" for value in row] for row in shares]
    two_lines = [name.replace(" ", "\n").replace("-", "-\n") for name in overlap]
    number_grid(axes, shares, texts, two_lines, two_lines, vmin=0, vmax=1.25, cmap=SIMILARITY_COLOURS)
    axes.tick_params(axis="x", rotation=0)
    axes.set_xlabel("neighbours that two scalings share (%)")
    for text in axes.texts:
        text.set_fontsize(9)


def _cosines(axes, pairs):
    """Of random pairs of items, the cosine as trained and its ranges."""
    as_trained, low, high, least, most = np.round(pairs[np.argsort(pairs[:, 0])].T, 3)
    x = np.arange(len(pairs))
    axes.vlines(x, least, most, color="0.82", linewidth=1, label="under any $D$")
    axes.vlines(x, low, high, color="C0", linewidth=1.6, label="under the scalings")
    axes.plot(x, as_trained, ".", color="0.1", markersize=4, label="as trained")
    axes.set(ylim=(-1.05, 1.05), yticks=[-1, -0.5, 0, 0.5, 1], xticks=[], ylabel="cosine of the pair",
             title=f"{len(pairs)} random pairs of items")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3,
                handlelength=1, columnspacing=1, handletextpad=0.4, borderpad=0)


def _weights(axes, weighing, looks):
    """How strongly each scaling counts each direction of latent space."""
    ends = {}
    for name, weight in weighing.items():
        colour, dash, _ = looks[name]
        weight = np.array([float(f"{value:.2e}") for value in weight])
        axes.plot(1 + np.arange(len(weight)), weight, color=colour, linestyle=dash)
        ends[name] = (len(weight), weight[-1], colour)
    axes.set(xscale="log", yscale="log", xlabel="direction of latent space, strongest first",
             ylabel="weight (balanced: even)", title="how strongly directions count")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    name_ends(axes, ends, GAP)
