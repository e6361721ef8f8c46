"""Does `make figures` give the same bytes whatever the machine's settings?

    make reproduce-check                 every notebook under every setting: an hour or more
    make reproduce-check QUICK=--quick   three settings, only notebooks that changed since the last check

Clones the committed state into ``build/reproduce check`` (a path with a space), and there runs
`make figures` again and again: with other BLAS kernels and thread counts, without NumPy's vector
instructions, in another time zone and language, with a hostile configuration of Matplotlib, IPython
and Jupyter, from another folder, one notebook at a time and eight. After each run `git status` must
be clean, and under settings that a user may have, a run may take a third longer than the first, no
more. Stamps of the notebooks that passed stay in ``build/reproduced``: they tell what has changed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CLONE = ROOT / "build" / "reproduce check"
HOSTILE = ROOT / "build" / "hostile home"
PASSED = ROOT / "build" / "reproduced"
KERNELS = {"Nehalem": "SSE42", "Haswell": "AVX2", "SkylakeX": "AVX512F"}
SLOWER = 4 / 3


def main(quick=""):
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", ROOT, CLONE], check=True)
    subprocess.run(["make", ".venv/ready"], cwd=CLONE, check=True, stdout=subprocess.DEVNULL)
    if quick and PASSED.exists():
        shutil.copytree(PASSED, CLONE / "build", dirs_exist_ok=True)
    changed = stale()
    print("Notebooks:", *changed, flush=True)
    wanted = {title: how for title, how in variants().items() if not quick or title in QUICK}
    missed, first = [], None
    for title, (environment, arguments) in wanted.items():
        for name in changed:
            (CLONE / "build" / f"{name}.stamp").unlink(missing_ok=True)
        start = time.monotonic()
        same = run(environment, arguments)
        seconds = time.monotonic() - start
        first = first or seconds
        slow = title in AS_FAST and seconds > SLOWER * first
        missed += [title] * (not same or slow)
        print(f"{'same bytes' if same else 'DIFFERENT '}  {seconds / first:5.2f}{' TOO SLOW' * slow}  {title}", flush=True)
    print(f"{len(wanted) - len(missed)} of {len(wanted)} gave the same bytes in about the same time")
    if not missed:
        shutil.copytree(CLONE / "build", PASSED, dirs_exist_ok=True,
                        ignore=lambda folder, names: [name for name in names if not name.endswith(".stamp")])
    return 1 if missed else 0


def stale():
    """Names of the notebooks that are out of date in the clone."""
    command = [".venv/bin/python", "tools/stale.py"]
    return subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=True).stdout.split()


def variants():
    """Title of each run: the environment that it adds, and the arguments of make."""
    features = np._core._multiarray_umath.__cpu_features__
    dispatched = [f for f in np._core._multiarray_umath.__cpu_dispatch__ if features.get(f)]
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "GOTO_NUM_THREADS")
    runs = {
        "as it is": ({}, []),
        "from another folder, a hostile home, time zone and language": (hostile(), ["-C", str(CLONE)]),
        "two threads of every kind": (dict.fromkeys(threads, "2"), []),
        "eight at a time": ({}, ["-j8"]),
        "one at a time, two BLAS threads by force": ({}, ["-j1", "OPENBLAS_NUM_THREADS=2"]),
        "NumPy without vector instructions": ({"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)}, []),
    }
    for kernel, needed in KERNELS.items():
        if features.get(needed):
            runs[f"BLAS kernel {kernel}"] = ({"OPENBLAS_CORETYPE": kernel}, [])
        else:
            print(f"left out: BLAS kernel {kernel}, for this CPU has no {needed}")
    return runs


# What a user may well have set, or ask for.
AS_FAST = ["from another folder, a hostile home, time zone and language", "two threads of every kind",
           "eight at a time"]
QUICK = [*AS_FAST[:2], "BLAS kernel Nehalem"]


def run(environment, arguments):
    """Regenerate in the clone what has no stamp; whether git finds it unchanged."""
    folder = ROOT.parent if "-C" in arguments else CLONE
    parallel = [] if any(a.startswith("-j") for a in arguments) else ["-j2"]
    made = subprocess.run(
        ["make", *arguments, *parallel, "figures"],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False,
    )
    status = ["git", "status", "--porcelain"]
    changed = subprocess.run(status, cwd=CLONE, capture_output=True, text=True, check=True).stdout
    same = made.returncode == 0 and not changed
    if not same:
        print(changed or made.stdout[-2000:] + made.stderr[-2000:])
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=CLONE, check=True)
    return same


def hostile():
    """An environment with settings of a user's own that would spoil the results."""
    shutil.rmtree(HOSTILE, ignore_errors=True)
    bad_python = "raise RuntimeError('a file of the user was run')\n"
    kernel = {"argv": ["false"], "display_name": "Python 3", "language": "python"}
    files = {
        ".config/matplotlib/matplotlibrc": "font.size: 30\nfigure.dpi: 20\nimage.cmap: jet\n",
        ".ipython/profile_default/startup/00.py": bad_python,
        ".jupyter/jupyter_config.py": bad_python,
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(kernel),
        "path/cosines.py": bad_python,
        "path/numpy.py": bad_python,
        "path/sitecustomize.py": bad_python,
    }
    for name, text in files.items():
        (HOSTILE / name).parent.mkdir(parents=True, exist_ok=True)
        (HOSTILE / name).write_text(text)
    return {
        "HOME": str(HOSTILE),
        "MATPLOTLIBRC": str(HOSTILE / ".config/matplotlib/matplotlibrc"),
        "MPLBACKEND": "svg",
        "PYTHONPATH": str(HOSTILE / "path"),
        "PYTHONHASHSEED": "1",
        "JAX_ENABLE_X64": "0",
        "JAX_PLATFORMS": "cuda",
        "XLA_FLAGS": "--xla_that_is_not_there",
        "COSINES_OUTPUT": str(HOSTILE / "output"),
        "PYTHONWARNINGS": "error",
        "JUPYTER_CONFIG_PATH": str(HOSTILE / ".jupyter"),
        "JUPYTER_PATH": str(HOSTILE / ".local/share/jupyter"),
        "TZ": "Pacific/Kiritimati",
        "LANG": "C",
        "LC_ALL": "C",
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
