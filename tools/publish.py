"""Make what readers and LaTeX see from what the notebooks recorded: TeX, ledger, README's numbers; and how to cite.

    python tools/publish.py build/publish.stamp

The stamp, written last, lists the checksums of all that was read and made.
"""

import sys
from pathlib import Path

from stale import CLAIMS, ingredients, write_stamp

from cosines.publishing.citation import citation
from cosines.publishing.ledger import publish

# What it reads besides the claims: records, titles and headings, sections and their order, and pyproject.toml.
READ = ["paper/generated/*.json", "notebooks/*.ipynb", "paper/paper.tex", "paper/sections/*.tex", "pyproject.toml"]


def main(stamp):
    stamp = Path(stamp)
    try:
        made = publish(Path.cwd()) | citation(Path.cwd())
    except (ValueError, OSError) as error:
        return f"publish: {error}"
    for path, text in made.items():
        if not (path.exists() and path.read_text(encoding="utf-8") == text):
            new = stamp.with_suffix(path.suffix)
            new.write_text(text, encoding="utf-8")
            new.replace(path)
    found = [path for pattern in READ for path in Path().glob(pattern)]
    read = [*found, CLAIMS, *ingredients("publish", __file__)]
    write_stamp(stamp, ["tools/publish.py", *read, *made])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
