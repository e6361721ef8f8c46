"""Which notebooks are out of date?

    python tools/stale.py           those of which something changed, and "page" and "publish" if they have to follow
    python tools/stale.py --all     all that can run here

The stamp of a notebook lists a checksum of all that its last run took and made: the notebook, the
modules that it imports, directly or through others, the wording of the claims that it checks, the
comparisons if it makes them, its data, the tools, the locked packages, its figures and records.
Contents count, dates do not.
Only the standard library is needed.
"""

import hashlib
import json
import sys
import tomllib
from functools import cache
from importlib.util import find_spec
from modulefinder import ModuleFinder
from pathlib import Path

CLAIMS = "paper/claims.toml"
PAIRS = "[[pair]]"
TOOLS = ["requirements.lock", "tools/execute.py"]
# What a notebook needs besides, why it may be missing, and what says which version it is.
MOVIELENS = ("recbole", "MovieLens 100k is not installed: sh postBuild", ["requirements-data.lock"])
NEEDS = {
    "11-deep-models": ("jax", "there is no JAX for this machine", []),
    "12-movielens": MOVIELENS,
    "13-human-judgement": ("gensim", "the ratings are not installed: sh postBuild",
                           ["requirements-data.lock", "data/gcide/counts.npz", "data/gcide/word2vec.json"]),
    "14-audit-your-embeddings": MOVIELENS,
    "15-models-people-train": MOVIELENS,
}
# figures/explore.html shows what this one found.
PAGE_FROM = "09-attainable-cosines"
# These take the longest: started first, none of them is waited for at the end.
LONGEST = ["06-remedies", "08-how-far-it-holds", "11-deep-models", "15-models-people-train", "13-human-judgement",
           "05-one-dial", "04-figure-1", "07-training-for-the-cosine", "12-movielens", "10-training-picks-the-scaling",
           "09-attainable-cosines", "02-full-rank", "14-audit-your-embeddings", "03-low-rank-simulation"]


def main(everything=""):
    names, missing = runnable()
    for name, reason in missing.items():
        print(f"Left out: {name} ({reason})", file=sys.stderr)
    if not everything:
        there = PAGE_FROM in names
        names = [name for name in names if is_stale(name)]
        if PAGE_FROM in names or (there and is_stale("page")):
            names.append("page")
        if names or is_stale("publish"):
            names.append("publish")
    print(*names)


def runnable():
    """Names of the notebooks that can run here, and why the others cannot."""
    names = sorted((path.stem for path in Path("notebooks").glob("[0-9]*.ipynb")),
                   key=lambda name: (LONGEST.index(name) if name in LONGEST else len(LONGEST), name))
    missing = {name: reason for name, (package, reason, _) in NEEDS.items()
               if name in names and find_spec(package) is None}
    return [name for name in names if name not in missing], missing


def is_stale(name):
    """Whether something that the last run took or made is no longer what it was."""
    try:
        lines = stamp_of(name).read_text(encoding="utf-8").splitlines()
        return any(checksum(what) != found for found, what in (line.split(" ", 1) for line in lines))
    except OSError:
        return True


def write_stamp(stamp, taken_and_made):
    """List the checksums; written last, and in one step."""
    new = stamp.with_suffix(".new")
    lines = sorted(f"{checksum(str(what))} {what}\n" for what in taken_and_made)
    new.write_text("".join(lines), encoding="utf-8")
    new.replace(stamp)


def ingredients(name, script):
    """What a notebook of this `name`, with its code in the file `script`, takes besides its own text."""
    finder = ModuleFinder(path=["src"])
    finder.run_script(str(script))
    found = {module.__file__ for module in finder.modules.values()} - {None, str(script)}
    modules = [Path(path).relative_to(Path.cwd()) for path in found]
    pairs = [f"{CLAIMS} {PAIRS}"] if ".pairs(" in Path(script).read_text(encoding="utf-8") else []
    return [*modules, *pairs, *TOOLS, *NEEDS.get(name, ("", "", []))[2]]


def claims_checked(records):
    """The wording of the claims that a notebook checks, as a line of its stamp."""
    checked = json.loads(Path(records).read_text(encoding="utf-8"))["checks"]
    return f"{CLAIMS} {','.join(checked)}"


def stamp_of(name):
    return Path("build") / f"{name}.stamp"


def checksum(what):
    """Of a file; or of the wording of claims, whose keys follow the file's name, or of all comparisons."""
    path, _, keys = what.partition(f"{CLAIMS} ")
    content = Path(path).read_bytes() if not keys else repr([wording().get(k) for k in keys.split(",")]).encode()
    return hashlib.sha256(content).hexdigest()


@cache
def wording():
    claims = tomllib.loads(Path(CLAIMS).read_text(encoding="utf-8"))
    return {claim["key"]: claim["wording"] for claim in claims["check"]} | {PAIRS: claims["pair"]}


if __name__ == "__main__":
    main(*sys.argv[1:])
