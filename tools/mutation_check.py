"""Does `make test` notice when something is wrong?   make mutation-check

Clones the committed state into ``build/mutants``. There each mutation changes one thing, runs
`make test`, which must fail, and is undone. Code is mutated by the name of a function and by what
to change in it, so that a mutation outlives whatever else is rewritten around it.
"""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CLONE = ROOT / "build" / "mutants"
REGENERATED = CLONE / "build" / "test"  # by the notebooks, as `make test` executes them
KEPT = CLONE / "build" / "regenerated"
SLOW = ("artefacts", "audit*", "librar*", "make", "package", "page", "scale", "stale", "words")


def require(condition, complaint):
    """Stop with one line unless `condition`."""
    if not condition:
        raise SystemExit(f"mutation_check.py: {complaint}")


# Code


class Operator(NamedTuple):
    """`change` returns what takes the place of a node, or None where nothing does."""

    looks_for: str
    change: Callable
    last_only: bool = False


def drop_call(name, last_only=False):
    """``name(x, ...)`` becomes ``x``."""
    def change(node):
        return node.args[0] if isinstance(node, ast.Call) and called(node) == name else None

    return Operator(f"call of {name}", change, last_only)


def swap(old, new, last_only=False):
    """One operator of `ast`, such as ``Div``, becomes another."""
    def change(node):
        return new() if isinstance(node, old) else None

    return Operator(old.__name__, change, last_only)


def drop_right(operator, last_only=False):
    """``x * y`` becomes ``x``, where the operator of `ast` is ``Mult``."""
    def change(node):
        found = isinstance(node, ast.BinOp) and isinstance(node.op, operator)
        return node.left if found else None

    return Operator(operator.__name__, change, last_only)


def never_raise(error):
    """``if condition: raise error(...)`` becomes ``if False: raise error(...)``."""
    def raises(statement):
        return (isinstance(statement, ast.Raise) and isinstance(statement.exc, ast.Call)
                and called(statement.exc) == error)

    def change(node):
        found = isinstance(node, ast.If) and any(map(raises, node.body))
        return ast.If(ast.Constant(False), node.body, node.orelse) if found else None

    return Operator(f"condition that raises {error}", change)


def called(call):
    """The name of a called function, without the module or object before it."""
    return getattr(call.func, "attr", None) or getattr(call.func, "id", None)


def mutate(name, operator):
    """Change the function `name`, such as "rescale" or "Records.check", below ``src/cosines``."""
    path, tree, function = find(name)
    places = [(holder, key) for holder, key in places_below(function)
              if operator.change(holder[key]) is not None]
    require(places, f"{name} in {path.name} has no {operator.looks_for}")
    # What is nested comes later: change it first.
    for holder, key in [places[-1]] if operator.last_only else reversed(places):
        holder[key] = operator.change(holder[key])
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)) + "\n", encoding="utf-8")


def find(name):
    """The module that defines the function `name`, such as "rescale" or "readings._weights": its path,
    its tree, and the function in it."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8"))
             for path in sorted((CLONE / "src" / "cosines").rglob("*.py"))}
    found = [(path, tree, function) for path, tree in trees.items()
             for known, function in functions(tree) if name in (known, f"{path.stem}.{known}")]
    require(len(found) == 1, f"{len(found)} functions {name} below src/cosines, must be one")
    return found[0]


def functions(tree, prefix=""):
    """Qualified name and tree of each function of a module or class."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node


def places_below(node):
    """Where each node below another is held, in the order of the source: ``holder[key]``."""
    for field, value in ast.iter_fields(node):
        several = isinstance(value, list)
        holder = value if several else vars(node)
        for key in range(len(value)) if several else [field]:
            if isinstance(holder[key], ast.AST):
                yield holder, key
                yield from places_below(holder[key])


IN_CODE = [
    ("Eq. 5 without its square root.", "fit_product_penalty", drop_call("sqrt")),
    ("Eq. 6: B without its square root.", "fit_factor_penalty", drop_call("sqrt", last_only=True)),
    ("Eq. 2 solved without lambda.", "fit_factor_penalty", drop_right(ast.Sub)),
    ("Weights of Eq. 2 that grow with lambda.", "soft_threshold", swap(ast.Sub, ast.Add)),
    ("Items sorted by rising popularity within their cluster.",
     "Interactions.order", swap(ast.USub, ast.UAdd)),
    ("d applied to A and to B alike.", "rescale", swap(ast.Div, ast.Mult)),
    ("Readings of a model without its weights.", "_view", drop_right(ast.Mult)),
    ("Normalised data under the penalty of raw data.",
     "readings._weights", swap(ast.Eq, ast.NotEq, last_only=True)),
    ("Cosines of predictions passed off as undetermined.",
     "Reading.determined", swap(ast.And, ast.Or)),
    ("Items whitened without a square root.", "scaling", drop_call("sqrt")),
    ("Attainable cosines that overlook negative entries.", "attainable_range", drop_call("abs")),
    ("Items of a ranking loss compared with their mean left in.",
     "canonical", drop_right(ast.Sub, last_only=True)),
    ("Neighbours shared where they differ.", "overlap", swap(ast.Eq, ast.NotEq, last_only=True)),
    ("The best found listed last.", "top", swap(ast.USub, ast.UAdd, last_only=True)),
    ("A failing check no longer stops the notebook.",
     "Records.check", never_raise("AssertionError")),
]


# What is committed


def edit(pattern, old, new):
    """Replace `old` by `new` in the first of the files of this `pattern` that contains it; one must."""
    for path in sorted(CLONE.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        if old in text:
            path.write_text(text.replace(old, new), encoding="utf-8")
            return
    require(False, f"{pattern} no longer contains {old!r}")


def change_pixels():
    """Grey out a block of 24 x 24 pixels of a committed figure."""
    path = CLONE / "figures" / "figure-1.png"
    pixels = np.asarray(Image.open(path)).copy()
    pixels[100:124, 100:124, :3] = 128
    Image.fromarray(pixels).save(path)


def change_vector_figure():
    """Replace one committed vector figure by another."""
    shutil.copy(CLONE / "figures" / "angles.pdf", CLONE / "figures" / "shrinkage.pdf")


def change_output():
    """Change one digit in the printed output of a committed notebook."""
    path = CLONE / "notebooks" / "04-figure-1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    printed = [output for cell in notebook.cells for output in cell.get("outputs", [])
               if output.output_type == "stream" and any(map(str.isdigit, output.text))]
    require(printed, f"{path.name} no longer prints a number")
    digit = next(filter(str.isdigit, printed[0].text))
    printed[0].text = printed[0].text.replace(digit, str((int(digit) + 1) % 10), 1)
    nbformat.write(notebook, path)


def strip_counts():
    """Take the execution counts from a notebook; nbval then compares nothing."""
    path = CLONE / "notebooks" / "04-figure-1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for counted in (cell, *cell.get("outputs", [])):
            if "execution_count" in counted:
                counted.execution_count = None
    nbformat.write(notebook, path)


def change_number():
    """Change a number that a notebook recorded and the write-up prints."""
    path = CLONE / "paper" / "generated" / "03-low-rank-simulation.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    require("eq2-kept" in recorded["numbers"], f"{path.name} no longer records eq2-kept")
    recorded["numbers"]["eq2-kept"] += "1"
    path.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def type_number():
    """Type a number into the write-up by hand."""
    edit("paper/sections/*.tex", r"\shown{cosines-change-under-d}", "1.37")


def type_number_into_readme():
    """Change a number in the README by hand."""
    name = "<!-- figure-1-auc-raw-eq1-g-0 -->"
    edit("README.md", name, f"1{name}")


def orphan_mark():
    """Put a check mark into the write-up that no notebook made."""
    edit("paper/sections/*.tex", r"\checked{rotations}", r"\checked{rotations-and-more}")


def orphan_claim():
    """Claim what no notebook checks."""
    with (CLONE / "paper" / "claims.toml").open("a", encoding="utf-8") as claims:
        claims.write('\n[[check]]\nkey = "checked-by-nobody"\nwhere = "Sec. 4"\n'
                     'supports = "beyond"\nwording = "cosines are what they seem"\n')


def orphan_figure():
    """Leave a figure that no notebook writes."""
    shutil.copy(CLONE / "figures" / "angles.png", CLONE / "figures" / "forgotten.png")


IN_ARTEFACTS = [
    change_pixels, change_vector_figure, change_output, strip_counts, change_number, type_number,
    type_number_into_readme, orphan_mark, orphan_claim, orphan_figure,
]

MUTATIONS = [
    *((change.__doc__, change) for change in IN_ARTEFACTS),
    *((meaning, partial(mutate, name, operator)) for meaning, name, operator in IN_CODE),
]


def main():
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", ROOT, CLONE], check=True)
    # A mutation that no longer finds its place is known at once, not after minutes.
    for _, change in MUTATIONS:
        change()
        undo()
    if complaint := failure():
        raise SystemExit(f"{complaint}\nmutation_check.py: make test fails without any mutation")
    shutil.copytree(REGENERATED, KEPT)
    missed = 0
    for meaning, change in MUTATIONS:
        change()
        survived = not failure()
        missed += survived
        print(f"{'MISSED' if survived else 'caught'}  {meaning}", flush=True)
        undo()
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} caught")
    return 1 if missed else 0


def undo():
    """Bring the clone back to the committed state."""
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=CLONE, check=True)
    subprocess.run(["git", "clean", "--quiet", "-fd"], cwd=CLONE, check=True)


def failure():
    """What `make test` in the clone ends with if it fails.

    The comparison with what the notebooks made before any mutation goes first, and the tests of the
    mathematics: most mutations do not survive these. `make test` itself has the last word on the others.
    """
    slow = [f"--ignore-glob=tests/test_{name}.py" for name in SLOW]
    tests = [".venv/bin/python", "-m", "pytest", "-q", "-x"]
    commands = [["make", ".venv/ready"], [*tests, "-n", "2", "tests", *slow], ["make", "test"]]
    if KEPT.exists():
        shutil.rmtree(REGENERATED, ignore_errors=True)
        shutil.copytree(KEPT, REGENERATED)
        commands.insert(1, [*tests, "tests/test_artefacts.py"])
    for command in commands:
        run = subprocess.run(command, cwd=CLONE, text=True, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            return run.stdout[-3000:]
    return ""


if __name__ == "__main__":
    sys.exit(main())
