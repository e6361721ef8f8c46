"""Ratios of the cost of two ways to do the same, robust to whatever else the machine is doing.

Two ways take turns (ours, theirs, ours, theirs, ...), and each neighbouring pair gives one ratio.
A claim is about the median ratio; the range over pairs is printed with it. Cost is CPU time, of
all threads together: a clock on the wall would measure the neighbours too. BLAS gets one thread,
as in `make figures`, because a second one that waits for a busy core counts as work.

Bounds were chosen from ten runs beside one or two other busy processes, on two cores: about a third
away from the worst of the ten medians, and beyond every single pair. They are not the best that
was ever measured.
"""

import time
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits


class Claim(NamedTuple):
    """A sentence, the figures that support it, and whether they do."""

    text: str
    figures: str
    met: bool


def alternate(ways, pairs):
    """CPU seconds of every way, by name: one run of each that does not count, then in turns."""
    seconds = defaultdict(list)
    with threadpool_limits(1, user_api="blas"):
        for turn in range(pairs + 1):
            for name, way in ways.items():
                start = time.process_time()
                way()
                if turn:
                    seconds[name].append(time.process_time() - start)
    return {name: np.array(measured) for name, measured in seconds.items()}


def spread(ratios):
    """Median (min to max)."""
    return f"{np.median(ratios):.3g} ({np.min(ratios):.3g} to {np.max(ratios):.3g})"


def at_least(text, ratios, bound):
    return Claim(f"{text}: at least {bound}", spread(ratios), bool(np.median(ratios) >= bound))


def at_most(text, ratios, bound):
    return Claim(f"{text}: at most {bound}", spread(ratios), bool(np.median(ratios) <= bound))


def report(claims):
    """Print claims; the exit status, 1 if one is not met."""
    for claim in claims:
        print(f"{'met    ' if claim.met else 'NOT MET'}  {claim.text}; measured {claim.figures}",
              flush=True)
    return int(not all(claim.met for claim in claims))
