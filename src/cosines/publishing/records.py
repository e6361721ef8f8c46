"""Numbers and checks of notebooks, as data.

A notebook's `Records` become ``paper/generated/<notebook>.json``. From these and from the claims in
``paper/claims.toml``, which hold the wording, the module `ledger` makes what LaTeX and readers see.
"""

import json
import re
import tomllib
from pathlib import Path

from IPython.display import Markdown

from cosines._arrays import require, require_known
from cosines.publishing import CLAIMS, output_folder, repository, require_name

def read_claims(root=None):
    """The claims of the repository.

    Returns
    -------
    paper : dict of str to dict
        Statements of the paper, each with its wording, place and outcome.
    check : dict of str to dict
        What notebooks check: wording, place, and the statement it supports, or "beyond".
    pair : dict of str to dict
        Which two readings are compared: keys of the `first` and of the `second`.
    """
    claims = tomllib.loads(((root or repository()) / CLAIMS).read_text(encoding="utf-8"))
    return tuple({claim["key"]: claim for claim in claims.get(kind, [])} for kind in ("paper", "check", "pair"))


class Records:
    """The numbers and checks of one notebook, on their way into the paper.

    Parameters
    ----------
    notebook : str
        The notebook's name without its ending, such as ``"04-figure-1"``.
    stops : bool
        Whether a check that fails stops the notebook; on data that are not the published ones it
        is reported instead.

    Raises
    ------
    ValueError
        If a name has other characters than lower-case letters, digits and hyphens, or is taken.
    """

    def __init__(self, notebook, stops=True):
        self.notebook, self._stops = require_name("notebook", notebook), stops
        _, self._claims, self._pairs = read_claims()
        self._numbers, self._checks, self._tables, self._vectors = {}, {}, {}, {}

    def number(self, name, value, spec):
        """Record a number for the paper; return it as text, formatted by `spec`.

        LaTeX prints it by ``\\measured{name}``. Choose `spec` such that every digit is stable:
        the last bits of floating-point results differ from CPU to CPU.
        """
        self._numbers[self._new(name)] = text = format(value, spec)
        return text

    def vector(self, name, values, spec):
        """Record numbers for the page ``figures/explore.html``, as one text."""
        self._vectors[self._new(name)] = " ".join(format(value, spec) for value in values)

    def check(self, name, measured, *, at_most=None, at_least=None, spec=None):
        """Record a check for the paper; one that fails stops the notebook, or else is reported.

        Parameters
        ----------
        name : str
            Key of a ``[[check]]`` in the claims. LaTeX prints a mark by ``\\checked{name}``.
        measured : float
            The error, for a claim of equality; else the size of the effect.
        at_most, at_least : float
            The bound: exactly one of the two.
        spec : str, optional
            Format in which `measured` is published. Without it only the bound is: the digits of
            rounding errors differ from CPU to CPU.

        Returns
        -------
        IPython.display.Markdown
            The claim with a check mark, to be shown below the cell.

        Raises
        ------
        AssertionError
            If `measured` misses the bound or is not a number.
        ValueError
            If the claim is unknown, or not exactly one bound is given.
        """
        require_known("check", name, self._claims)
        one = (at_most is None) != (at_least is None)
        require(one, "at_most, at_least", "given one, not both", (at_most, at_least))
        wording = self._claims[name]["wording"]
        if at_least is None:
            holds, sign, bound = measured <= at_most, "<=", at_most
        else:
            holds, sign, bound = measured >= at_least, ">=", at_least
        if not holds and self._stops:
            raise AssertionError(f"{name}: measured {measured:.6g}, must be {sign} {bound:g}\n{wording}")
        shown = None if spec is None else format(measured, spec)
        required = f"{sign} {bound:g}"
        self._checks[self._new(name)] = {"measured": shown, "required": required}
        value = tex(required) if shown is None else tex(shown)
        return Markdown(f"{'✓' if holds else '✗ **Not here:**'} {wording}: ${value}$" + (f" (required: ${tex(required)}$)" if shown else ""))

    def interval(self, name, ends, spec):
        """Record a mean and both ends of its interval as `name`, ``<name>-low`` and ``<name>-high``.

        LaTeX prints "mean (low to high)" by ``\\interval{name}``; the same text is returned.
        """
        names = (name, f"{name}-low", f"{name}-high")
        mean, low, high = (self.number(*one, spec) for one in zip(names, ends, strict=True))
        return f"{mean} ({low} to {high})"

    def pairs(self, headline=False):
        """The comparisons written down in the claims, all of them or those that text may lead with.

        Returns
        -------
        dict of str to (str, str)
            Keys of the first and of the second reading.
        """
        return {key: (pair["first"], pair["second"]) for key, pair in self._pairs.items()
                if pair.get("headline") or not headline}

    def readings(self, name, measured, specs):
        """Record a table of readings for the paper: LaTeX prints its rows by ``\\recordedrows{name}``.

        Parameters
        ----------
        name : str
            Of the table; the number in a column is recorded as ``<name>-<reading>-<column>``.
        measured : dict of Reading to sequence of float
            A row each, in order.
        specs : dict of str to str
            Name and format of each column.

        Returns
        -------
        dict of Reading to list of str
            The numbers as text.
        """
        texts, rows = {}, []
        for reading, values in measured.items():
            keys = [f"{name}-{reading.key}-{column}" for column in specs]
            columns = zip(keys, values, specs.values(), strict=True)
            texts[reading] = [self.number(key, value, spec) for key, value, spec in columns]
            rows.append({"label": reading.label, "family": reading.family,
                         "determined": reading.determined, "numbers": keys})
        self._tables[require_name("name", name)] = rows
        return texts

    def comparisons(self, name, measured, specs):
        """Record a table of pairs of readings: LaTeX prints its rows by ``\\recordedrows{name}``.

        Parameters
        ----------
        name : str
            Of the table; a number in a column is recorded as ``<name>-<pair>-<column>``.
        measured : dict of str to (Reading, Reading, sequence)
            For the key of each pair its first and second reading, and a value per column: a number, a
            difference with both ends of its interval, or a word.
        specs : dict of str to str
            Name and format of each column.

        Returns
        -------
        dict of str to list of list of str
            By the question, "Which data?", "Which model?" or "Which view?", a row for each pair: what both
            readings have in common, what the first has for itself, the second, and the columns.
        """
        texts, rows = {}, []
        for pair, (first, second, values) in measured.items():
            question, sides = _contrast(first, second)
            row, cells = list(sides), list(sides)
            for (column, spec), value in zip(specs.items(), values, strict=True):
                key = f"{name}-{pair}-{column}"
                if isinstance(value, str):
                    text = cell = value
                elif isinstance(value, (tuple, list)):
                    text, cell = self.interval(key, value, spec), rf"\interval{{{key}}}"
                else:
                    text, cell = self.number(key, value, spec), rf"\measured{{{key}}}"
                row.append(text)
                cells.append(cell)
            texts.setdefault(question, []).append(row)
            rows.append({"family": question, "cells": cells})
        self._tables[require_name("name", name)] = rows
        return texts

    def publish(self):
        """Write what was recorded to ``paper/generated/<notebook>.json``."""
        recorded = {"numbers": self._numbers, "checks": self._checks, "tables": self._tables}
        if self._vectors:
            recorded["vectors"] = self._vectors
        target = output_folder("paper/generated") / f"{self.notebook}.json"
        target.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _new(self, name):
        require_name("name", name)
        taken = any(name in kind for kind in (self._numbers, self._checks, self._vectors))
        require(not taken, "name", "new in this notebook", name)
        return name


def table(header, rows):
    """A Markdown table from a list of column names and an iterable of rows of text.

    A hyphen before a digit becomes a minus sign, but for what stands between dollar signs.
    """
    lines = [header, ["---"] * len(header), *([_minus(str(cell)) for cell in row] for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def reading_table(header, rows):
    """A Markdown table with a row per reading.

    Parameters
    ----------
    header : list of str
        Names of the columns after the first, which holds the label.
    rows : dict of Reading to list of str
    """
    return table(["similarity", *header], [[reading.label, *texts] for reading, texts in rows.items()])


def tex(text):
    """A formatted number as LaTeX mathematics: ``<= 1e-12`` becomes ``\\le 10^{-12}``."""
    sign, _, number = text.rpartition(" ")
    mantissa, _, exponent = number.replace("%", r"\%").replace(",", "{,}").partition("e")
    sign = {"<=": r"\le ", ">=": r"\ge "}.get(sign, "")
    if not exponent:
        return sign + mantissa
    power = f"10^{{{int(exponent)}}}"
    return sign + (power if mantissa == "1" else rf"{mantissa} \times {power}")


def _minus(text):
    """`text` with minus signs in place of hyphens before digits, formulas left as they are."""
    return re.sub(r"(\$[^$]*\$)|(?<!\w)-(?=[\d.])", lambda match: match[1] or "−", text)


def _contrast(first, second):
    """Which question two readings answer; what they have in common, and what either has for itself."""
    question = "model" if first.model != second.model else "view" if first.view != second.view else "data"
    both = zip(first.parts, second.parts, strict=True)
    common = ", ".join(one for one, other in both if one == other and one)
    sides = (" ".join(one for one, other in zip(mine.parts, theirs.parts, strict=True) if one != other and one)
             or "no model" for mine, theirs in ((first, second), (second, first)))
    return f"Which {question}?", [common, *sides]
