"""Measure what an audit costs at the sizes promised, from files to report.

    python benchmarks/audit.py

One million items and users in 128 dimensions within 60 s and 4 GB on two cores; 10,000 items within
5 s for the audit itself (the rest of the command is starting Jupyter and drawing).
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cosines.audit.findings import audit, read_model

AUDIT = Path(__file__).parents[1] / "tools" / "audit.py"
K = 128
MILLION = 1_000_000


def write_factors(path, rows):
    """Single-precision factors with a falling spectrum, written in blocks."""
    rng = np.random.default_rng(rows)
    d = np.arange(1, K + 1, dtype=np.float32) ** -0.5
    factors = np.lib.format.open_memmap(path, "w+", np.float32, (rows, K))
    for start in range(0, rows, 50_000):
        block = factors[start : start + 50_000]
        block[:] = rng.standard_normal(block.shape, dtype=np.float32) * d
    return str(path)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        small = write_factors(folder / "small.npy", 10_000)
        start, cpu = time.monotonic(), time.process_time()
        items, P = read_model(small, small)
        audit(items.factors, P)
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
        print(f"10,000 items, the audit alone:      {seconds:5.1f} s ({cpu:.1f} s CPU), "
              "at most 5 s")

        large = [write_factors(folder / name, MILLION) for name in ("items.npy", "users.npy")]
        command = [sys.executable, str(AUDIT), large[0], "--users", large[1]]
        start = time.monotonic()
        subprocess.run([*command, "--out", str(folder / "report")], check=True, capture_output=True)
        total, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20
        print(f"1,000,000 items, files to report:   {total:5.1f} s ({cpu:.1f} s CPU), at most 60 s")
        print(f"                 largest process:   {peak:5.1f} GB, at most 4 GB")
    return not (seconds <= 5 and total <= 60 and peak <= 4)


if __name__ == "__main__":
    sys.exit(main())
