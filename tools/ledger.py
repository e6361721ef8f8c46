"""Write paper/ledger.md, the page of all checks for readers on GitHub, from what notebooks recorded.

    python tools/ledger.py build/ledger.stamp
"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path("paper/ledger.md")
FIELD = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"  # braces nest up to twice in it
CHECK = re.compile(r"\\recordcheck" + 6 * FIELD)

HEAD = """\
# Ledger of checks

Written by `make figures` from what the notebooks recorded; do not edit. Each row is a claim, where the
paper makes it, the notebook that checks it, what was measured, and what is required. Where only a bound
is given, the error is at rounding level, and its digits differ from computer to computer. A check that
fails stops its notebook.

| paper | claim | notebook | measured | required |
|---|---|---|---|---|
"""


def main(stamp):
    rows = []
    for path in sorted(Path("paper/generated").glob("*.tex")):
        for line in path.read_text().splitlines():
            if line.startswith("\\recordcheck"):
                _, notebook, where, claim, shown, bound = CHECK.fullmatch(line).groups()
                link = f"[{notebook}](../notebooks/{notebook}.ipynb)"
                rows.append(f"| {where} | {claim} | {link} | ${shown}$ | ${bound}$ |\n")
    page = HEAD + "".join(rows)
    if not (PAGE.exists() and PAGE.read_text() == page):
        new = Path(stamp).with_suffix(".md")
        new.write_text(page)
        new.replace(PAGE)
    checksum = subprocess.run(["cksum", PAGE], capture_output=True, text=True, check=True).stdout
    Path(stamp).write_text(checksum)


if __name__ == "__main__":
    main(*sys.argv[1:])
