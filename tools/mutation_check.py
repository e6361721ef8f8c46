"""Does `make test` notice when something is wrong?   make mutation-check

Clones the committed state into ``build/mutants``. There each mutation changes one thing, runs
`make test`, which must fail, and is undone.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CLONE = ROOT / "build" / "mutants"


def edit(name, old, new):
    """Replace `old`, which must occur, by `new` in the file `name`."""
    path = CLONE / name
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"mutation_check.py: {name} no longer contains {old!r}")
    path.write_text(text.replace(old, new))


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
    notebook = json.loads(path.read_text())
    printed = [line for cell in notebook["cells"] for output in cell.get("outputs", [])
               for line in [output] if output["output_type"] == "stream"][0]
    printed["text"][0] = re.sub(r"\d\n", lambda m: f"{(int(m[0]) + 1) % 10}\n", printed["text"][0])
    path.write_text(json.dumps(notebook))


def strip_counts():
    """Take the execution counts from a notebook; nbval then compares nothing."""
    path = CLONE / "notebooks" / "04-figure-1.ipynb"
    path.write_text(re.sub(r'"execution_count": \d+', '"execution_count": null', path.read_text()))


def change_number():
    """Change a digit of a number that the paper prints."""
    edit("paper/generated/03-low-rank-simulation.tex", "{eq2-kept}{7}", "{eq2-kept}{8}")


def type_number():
    """Type a number into the paper by hand."""
    edit("paper/paper.tex", r"\shown{cosines-change-under-d}", "1.37")


def orphan_mark():
    """Put a check mark into the paper that no notebook made."""
    edit("paper/paper.tex", r"\checked{rotations}", r"\checked{rotations-and-more}")


def orphan_figure():
    """Leave a figure that no notebook writes."""
    shutil.copy(CLONE / "figures" / "angles.png", CLONE / "figures" / "forgotten.png")


def drop_root_in_eq5():
    """Eq. 5 without its square root."""
    edit("src/cosines/factorization.py", "root = np.sqrt(shrinkage(sigma, lam))", "root = shrinkage(sigma, lam)")


def drop_root_in_eq6():
    """Eq. 6: B without its square root."""
    edit("src/cosines/factorization.py", "V * np.sqrt(kept))", "V * kept)")


def halve_lam_in_eq2():
    """Eq. 2: the threshold lambda / 2 in place of lambda."""
    edit("src/cosines/factorization.py", "np.maximum(sigma - lam, 0)", "np.maximum(sigma - lam / 2, 0)")


def sort_wrongly():
    """Items sorted by rising popularity within their cluster."""
    edit("src/cosines/simulation.py", "np.lexsort((-self.popularity, self.cluster))",
         "np.lexsort((self.popularity, self.cluster))")


def rescale_alike():
    """d applied to A and to B alike."""
    edit("src/cosines/factorization.py", "Factors(factors.A * d, factors.B / d)",
         "Factors(factors.A * d, factors.B * d)")


def swallow_failed_checks():
    """A failing check no longer stops the notebook."""
    edit("src/cosines/publication.py", "if not holds:", "if False:")


MUTATIONS = [
    change_pixels, change_vector_figure, change_output, strip_counts, change_number, type_number,
    orphan_mark, orphan_figure, drop_root_in_eq5, drop_root_in_eq6, halve_lam_in_eq2, sort_wrongly,
    rescale_alike, swallow_failed_checks,
]


def main():
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", ROOT, CLONE], check=True)
    if complaint := failure():
        raise SystemExit(f"{complaint}\nmutation_check.py: make test fails without any mutation")
    missed = 0
    for mutate in MUTATIONS:
        mutate()
        survived = not failure()
        missed += survived
        print(f"{'MISSED' if survived else 'caught'}  {mutate.__doc__}", flush=True)
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=CLONE, check=True)
        subprocess.run(["git", "clean", "--quiet", "-fd"], cwd=CLONE, check=True)
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} caught")
    return 1 if missed else 0


def failure():
    """What `make test` in the clone ends with if it fails. Its quick half goes first: most mutations do
    not survive it.
    """
    slow = [f"--ignore=tests/{name}.py" for name in ("test_artefacts", "test_make")]
    quick = [".venv/bin/python", "-m", "pytest", "-x", "tests", *slow]
    for command in (["make", ".venv/ready"], quick, ["make", "test"]):
        run = subprocess.run(command, cwd=CLONE, text=True, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            return run.stdout[-3000:]
    return ""


if __name__ == "__main__":
    sys.exit(main())
