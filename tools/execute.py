"""Execute one notebook with papermill and publish what it made: all of it, or nothing.

    python tools/execute.py notebooks/04-figure-1.ipynb build/04-figure-1.stamp
    python tools/execute.py notebooks/12-movielens.ipynb build/ml-1m.stamp data=/path/to/ml-1m.zip

Everything is written below ``build/<stamp's name>/`` first. Only when the last cell has run are the
notebook, its figures and its numbers moved to where they are committed, each in one step, and the
stamp is written. With a parameter of its own a notebook shows something else than what is
committed: then all that it made stays where it is. When a cell fails, the committed files stay as
they were, and ``build/<stamp's name>.failed`` says what happened.
"""

import filecmp
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

# With this package jsonschema could check internationalised addresses, of which notebooks have none;
# importing it compiles a grammar, for more than a second.
sys.modules["rfc3987_syntax"] = None

import nbformat
import papermill
from nbclient.exceptions import CellControlSignal, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from stale import claims_checked, ingredients, write_stamp
from traitlets.config import Config

CELL_TIMEOUT = 3600  # seconds; an overloaded machine needs ten times the minute of the longest cell
KERNEL_TIMEOUT = 120


def main(notebook, stamp, *parameters):
    notebook, stamp = Path(notebook), Path(stamp)
    name = stamp.stem
    scratch = stamp.with_suffix("")
    failed = stamp.with_suffix(".failed")
    executed = scratch / "notebooks" / notebook.name
    shutil.rmtree(scratch, ignore_errors=True)
    executed.parent.mkdir(parents=True)
    failed.unlink(missing_ok=True)
    os.environ["COSINES_OUTPUT"] = str(scratch.absolute())

    print(f"{name}: started", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as sockets:
            papermill.execute_notebook(
                notebook,
                executed,
                dict(parameter.split("=", 1) for parameter in parameters),
                cwd=notebook.parent,
                progress_bar={"desc": name, "leave": False, "mininterval": _progress_seconds()},
                start_timeout=KERNEL_TIMEOUT,
                execution_timeout=CELL_TIMEOUT,
                extra_arguments=["--log-level=CRITICAL"],
                config=_sockets_in(sockets),
            )
        normalise(executed)
        if parameters:
            print(f"{name}: done, in {scratch}", file=sys.stderr, flush=True)
            return None
        made = sorted(path.relative_to(scratch) for path in scratch.rglob("*") if path.is_file())
        script = scratch / "code.py"
        script.write_text(code_of(executed), encoding="utf-8")
        records = [path for path in made if path.suffix == ".json"]
        taken = [*ingredients(name, script), *(claims_checked(scratch / path) for path in records)]
        for path in made:
            publish(scratch / path, path)
        write_stamp(stamp, [*taken, *made])
    except PapermillExecutionError as error:
        failed.write_text(_report(name, executed, error))
        return f"{name}: failed"
    except (OSError, CellControlSignal, DeadKernelError) as error:
        return f"{name} stopped; what is not yet replaced is as it was. {type(error).__name__}: {error}"
    except KeyboardInterrupt:
        return f"{name}: interrupted; the committed files are as they were"
    shutil.rmtree(scratch)
    print(f"{name}: done in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def normalise(path):
    """Remove from an executed notebook what differs from run to run, and nothing else."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            cell.outputs = _join_streams(cell.outputs)
    nbformat.write(notebook, path)


def publish(source, target):
    """Move `source` to `target` in one step; leave an identical target as it is."""
    if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def code_of(path):
    """The code of a notebook, as one script."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")


def _join_streams(outputs):
    """Join consecutive pieces of one stream: how text is cut depends on timing."""
    joined = []
    for output in outputs:
        previous = joined[-1] if joined else {}
        if output.output_type == "stream" and output.get("name") == previous.get("name"):
            previous["text"] += output.text
        else:
            joined.append(output)
    return joined


def _sockets_in(folder):
    """Talk to the kernel through files, because two notebooks started at once may pick the same port."""
    return Config(KernelManager={"transport": "ipc", "connection_file": str(Path(folder) / "kernel.json")})


def _progress_seconds():
    """Seconds between two states of the progress bar: rarely, where each becomes a line."""
    return 0.2 if sys.stderr.isatty() else 15


def _report(name, executed, error):
    """What a person needs to know of a failed cell."""
    first_line = next((line for line in error.source.splitlines() if line.strip()), "")
    message = error.evalue.strip() or "(no message)"
    return (
        f"\n{name} failed in cell [{error.exec_count}], which starts: {first_line}\n"
        f"  {error.ename}: {message}\n"
        f"The committed files are as they were. The notebook as far as it ran: {executed}\n"
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
