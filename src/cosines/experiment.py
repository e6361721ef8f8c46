"""The experiment of Steck et al. (2024) under one name, and one call that runs it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cosines._arrays import require_count, require_number
from cosines.factorization import (
    Factors,
    Spectrum,
    fit_factor_penalty,
    fit_product_penalty,
    item_gram,
    spectrum,
)
from cosines.simulation import Interactions, Simulation, simulate


@dataclass(frozen=True)
class Experiment:
    """A simulation and the two models fitted to it; the defaults are those of Steck et al. (Section 4).

    Parameters
    ----------
    simulation : Simulation
    k : int
        Latent dimensions of both models, ``1 <= k <= p``.
    lam_1, lam_2 : float
        Penalties of Eq. 1 and Eq. 2, ``>= 0``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    simulation: Simulation = Simulation()
    k: int = 50
    lam_1: float = 10_000
    lam_2: float = 100

    def __post_init__(self):
        require_count("k", self.k, 1, self.simulation.n_items)
        for name in ("lam_1", "lam_2"):
            require_number(name, getattr(self, name))

    def with_data(self, **choices):
        """The same experiment on other data: `choices` are parameters of `Simulation`."""
        return replace(self, simulation=replace(self.simulation, **choices))


PAPER = Experiment()


class Run(NamedTuple):
    """What `run` returns: `data`, `gram` (p, p), its whole `spectrum`, and `eq1` and `eq2` of k columns."""

    data: Interactions
    gram: np.ndarray
    spectrum: Spectrum
    eq1: Factors
    eq2: Factors


def run(experiment=PAPER):
    """Draw the data, decompose them, and fit both models.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    Run
    """
    data = simulate(experiment.simulation)
    gram = item_gram(data.X)
    decomposition = spectrum(gram)
    eq1 = fit_product_penalty(decomposition, experiment.lam_1, experiment.k)
    eq2 = fit_factor_penalty(decomposition, experiment.lam_2, experiment.k)
    return Run(data, gram, decomposition, eq1, eq2)
