"""Audit embeddings of items from a shell or a pipeline.

    cosines audit my_items.npy --users my_users.npy --out audit
    python -m cosines.audit my_items.npy --users my_users.npy --fail-on arbitrary --json
    cosines audit monday.npy --users monday_users.npy --other tuesday.npy --other-users tuesday_users.npy

Input is read and checked before any work starts. Results are moved to where they belong only when
all of them are complete; on an error, one line says what is wrong.
"""

import argparse
import csv
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from cosines.audit.files import read_model, write_vectors
from cosines.audit.findings import ARBITRARY, DEPENDENT, SCORES, audit, chosen_rows, to_write
from cosines.audit.report import as_json, html, text

VECTORS = "prediction-space.npy"
USERS = "prediction-space-users.npy"
IDS = {"items": "prediction-space-ids.csv", "users": "prediction-space-users-ids.csv"}
FILES = ("items", "users", "table", "item_bias", "user_bias", "other", "other_users", "other_item_bias", "other_user_bias")
PASSED, GATE, INPUT = 0, 1, 2
EPILOG = """\
exit status: 0; 1 if --fail-on fires; 2 if the input is wrong or the audit had to stop; 130 or 143 if interrupted.
--fail-on fires on what is proven alone: not on borderline, undecided, too small or cosine-trained, and not on vectors
in prediction space already. It does fire when the dot product is only assumed; say --score to be sure.
`scaling-dependent` fires on arbitrary as well.

ids: where factors have them, prediction-space-ids.csv lies beside prediction-space.npy, one line each under "id",
in the order of the rows; --table takes it back. The same for users."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        raise ValueError(f"{message} (cosines audit --help lists what there is)")


def main(arguments=None):
    """Run the command; return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process: ``audit ITEMS ...``.

    Returns
    -------
    int
    """
    before = _on_termination(_interrupt)
    try:
        return _audit(_options(arguments))
    except (ValueError, OSError, MemoryError) as error:
        kind = "" if isinstance(error, ValueError) else f"stopped, nothing was written. {type(error).__name__}: "
        return _say(INPUT, f"{kind}{' '.join(str(error).split())}")
    except KeyboardInterrupt as error:
        return _say(128 + (signal.SIGTERM if error.args else signal.SIGINT), "interrupted, nothing was written")
    finally:
        _on_termination(before)


def _audit(options):
    """Read, audit, write, say."""
    out = options.out and _path(options.out)
    if out and out.exists() and not out.is_dir():
        raise ValueError(f"{out}: not a folder")
    paths = {name: str(_path(path)) if path else "" for name, path in vars(options).items() if name in FILES}
    given = {name: path for name, path in paths.items() if not name.startswith("other")}
    others = {name.removeprefix("other_"): path for name, path in paths.items() if name.startswith("other_")}
    if any(others.values()) and not paths["other"]:
        raise ValueError("files of another run need its items: --other")
    with _Progress(sys.stderr.isatty() and not options.quiet) as progress:
        progress("reading")
        model = read_model(**given, drop_zero_rows=options.drop_zero_rows)
        other = read_model(paths["other"], **others, drop_zero_rows=options.drop_zero_rows) if paths["other"] else None
        chosen = chosen_rows(options.chosen, model.items) if options.chosen.strip() else None
        found = audit(model, score=options.score, chosen=chosen, n_queries=options.queries,
                      n_neighbours=options.neighbours, other=other, progress=progress)
        if out:
            progress("writing")
        words = ["", *_write(out, found, model, paths)] if out else []
    try:
        print(_said(options, found, words), flush=True)
    except BrokenPipeError:  # the reader has left, as with `| head`: the exit status still counts
        sys.stdout = open(os.devnull, "w")
    fires = {ARBITRARY: (ARBITRARY,), DEPENDENT: (ARBITRARY, DEPENDENT)}.get(options.fail_on, ())
    if found.verdict in fires and not found.keeps:
        return _say(GATE, f"the verdict is {found.verdict}, and --fail-on {options.fail_on} was given")
    return PASSED


def _said(options, found, words):
    """The text for standard output."""
    if options.json:
        return as_json(found)
    if options.quiet:
        return found.verdict
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None  # a pipe's lines are whole
    return "\n".join([text(found, width), *words])


class _Progress:
    """The current step, on one line of a terminal that is cleared afterwards."""

    def __init__(self, shown):
        self.shown = shown

    def __call__(self, step):
        if self.shown:
            print(f"\r\x1b[K{step} ...", end="", file=sys.stderr, flush=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _options(arguments):
    parser = _Parser(prog="cosines", description="What cosines of embeddings are worth.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="audit")
    command = commands.add_parser("audit", help="audit embeddings of items", epilog=EPILOG, allow_abbrev=False,
                                  formatter_class=argparse.RawDescriptionHelpFormatter,
                                  description="Ask what the cosines of a model's items are worth.")
    add = command.add_argument
    add("items", metavar="ITEMS", help="item factors, one row each: .npy, .npz, .csv, .tsv, .parquet (also a folder, such "
        "as Spark's), word2vec's .txt, .vec or .bin; text and .bin also as .gz")
    add("--users", default="", help="user factors, likewise; without them the verdict stays undecided, unless scores "
        "are cosines. A model that implicit or Spark saved holds both: name it twice")
    add("--table", default="", help="ids, labels or counts of items, joined by id where the items have ids, "
        "else row by row: .csv, .tsv, .npz or .parquet")
    add("--other", default="", metavar="ITEMS2", help="items of another run of the same model: why do neighbours differ? "
        "Matched by ids where both have them, else by position")
    add("--other-users", default="", metavar="USERS2", help="its users")
    add("--other-item-bias", default="", metavar="F", help="its items' biases")
    add("--other-user-bias", default="", metavar="F", help="its users' biases")
    add("--score", choices=SCORES, help="how training scored: by dot product, by comparing one user's scores "
        "(ranking, softmax), or by cosine; by default cosine is assumed for rows of unit length, else dot")
    add("--item-bias", default="", metavar="F", help="the items' biases, one each")
    add("--user-bias", default="", metavar="F", help="the users' biases, one each")
    add("--drop-zero-rows", action="store_true", help="leave out items without a vector, which have no cosine")
    add("--chosen", default="", metavar="IDS", help='ids of items to show, with commas in between: 12,7,"a,b"')
    add("--queries", type=int, default=1000, metavar="N", help="items whose neighbours are compared (1000)")
    add("--neighbours", type=int, default=10, metavar="N", help="neighbours of each (10)")
    add("--json", action="store_true", help="print JSON, which schema.json in the package describes")
    add("--quiet", action="store_true", help="print the verdict alone (or JSON), and no progress")
    add("--fail-on", choices=(ARBITRARY, DEPENDENT), help="exit with 1 on this verdict")
    add("--out", default="", metavar="DIR", help="write report.html, report.json and, with users and "
        f"unless scores are cosines, {VECTORS} and {USERS}, with ids where there are some")
    return parser.parse_args(arguments)


def _path(name):
    """The path, with the home folder for ``~`` where a shell has left it."""
    path = Path(name)
    return path if path.exists() else path.expanduser()


def _write(out, found, model, paths):
    """Write everything or nothing; return a sentence for each file."""
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".unfinished-") as scratch:
            _fill(Path(scratch), found, model, paths)
            made = sorted(path.name for path in Path(scratch).iterdir())
            words = [f"{out / name}{' (an earlier one was replaced)' if (out / name).exists() else ''}" for name in made]
            words += [f"{out / name} is of an earlier audit, and was left as it was." for name in (VECTORS, USERS, *IDS.values())
                      if name not in made and (out / name).exists()]
            for name in made:
                (Path(scratch) / name).replace(out / name)
        return words
    except BaseException:
        for folder in missing:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def _fill(folder, found, model, paths):
    roles = [(name.replace("_", " "), path) for name, path in paths.items() if path]
    (folder / "report.html").write_text(html(found, roles), encoding="utf-8")
    (folder / "report.json").write_text(as_json(found) + "\n", encoding="utf-8")
    if model.P is None or found.score == "cosine":
        return
    for name, (matrix, T, shift) in zip((VECTORS, USERS), to_write(found, model), strict=True):
        write_vectors(folder / name, matrix, T, shift)
    for name, ids in ((IDS["items"], model.items.ids), (IDS["users"], model.user_ids)):
        if ids is not None:
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("id",), *((str(one),) for one in ids)])


def _say(status, line):
    print(f"cosines audit: {line}", file=sys.stderr)
    return status


def _interrupt(*_):
    raise KeyboardInterrupt("terminated")


def _on_termination(handler):
    """Set what SIGTERM does; return the handler before, or None outside the main thread, which alone may set one."""
    try:
        return signal.signal(signal.SIGTERM, handler)
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main(["audit", *sys.argv[1:]]))
