"""Does `make figures` give the same bytes whatever the machine's settings?   make reproduce-check

Clones the committed state into ``build/reproduce check`` (a path with a space), and there runs
`make figures` again and again: with other BLAS kernels and thread counts, without NumPy's vector
instructions, in another time zone and language, with a hostile configuration of Matplotlib, IPython
and Jupyter, from another folder, one notebook at a time and eight. After each run `git status` must
be clean. Takes some minutes; needs the network or a package cache once, for the clone's own .venv.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CLONE = ROOT / "build" / "reproduce check"
HOSTILE = ROOT / "build" / "hostile home"
KERNELS = {"Nehalem": "SSE42", "Sandybridge": "AVX", "Haswell": "AVX2", "Zen": "AVX2", "SkylakeX": "AVX512F"}


def main():
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", ROOT, CLONE], check=True)
    outcomes = {title: run(title, *how) for title, how in variants().items()}
    missed = [title for title, same in outcomes.items() if not same]
    print(f"{len(outcomes) - len(missed)} of {len(outcomes)} gave the same bytes")
    return 1 if missed else 0


def variants():
    """Title of each run: the environment that it adds, and the arguments of make."""
    features = np._core._multiarray_umath.__cpu_features__
    dispatched = [f for f in np._core._multiarray_umath.__cpu_dispatch__ if features.get(f)]
    runs = {
        "as it is": ({}, []),
        "again, one at a time": ({}, ["-j1"]),
        "eight at a time": ({}, ["-j8"]),
        "from another folder": ({}, ["-C", str(CLONE)]),
        "one BLAS thread": ({"OPENBLAS_NUM_THREADS": "1"}, []),
        "two BLAS threads": ({"OPENBLAS_NUM_THREADS": "2"}, ["-j1"]),
        "NumPy without vector instructions": ({"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)}, []),
        "a hostile home, time zone and language": (hostile(), []),
    }
    for kernel, needed in KERNELS.items():
        if features.get(needed):
            runs[f"BLAS kernel {kernel}"] = ({"OPENBLAS_CORETYPE": kernel}, [])
        else:
            print(f"left out: BLAS kernel {kernel}, for this CPU has no {needed}")
    return runs


def run(title, environment, arguments):
    """Regenerate everything in the clone; whether git finds it unchanged."""
    for stamp in (CLONE / "build").glob("*.stamp"):
        stamp.unlink()
    folder = ROOT.parent if "-C" in arguments else CLONE
    parallel = [] if any(a.startswith("-j") for a in arguments) else ["-j2"]
    made = subprocess.run(
        ["make", *arguments, *parallel, "figures"],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False,
    )
    status = ["git", "status", "--porcelain"]
    changed = subprocess.run(status, cwd=CLONE, capture_output=True, text=True, check=True).stdout
    same = made.returncode == 0 and not changed
    print(f"{'same bytes' if same else 'DIFFERENT '}  {title}", flush=True)
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
        "PYTHONWARNINGS": "error",
        "JUPYTER_CONFIG_PATH": str(HOSTILE / ".jupyter"),
        "JUPYTER_PATH": str(HOSTILE / ".local/share/jupyter"),
        "TZ": "Pacific/Kiritimati",
        "LANG": "C",
        "LC_ALL": "C",
    }


if __name__ == "__main__":
    sys.exit(main())
