"""Measure what an audit costs at the sizes promised, from files to report.

    python benchmarks/audit.py

One million items and users in 128 dimensions within 40 s and 2 GB on two cores, and 10,000 of each in 64
dimensions within 5 s: the whole command, from its start to the report and the vectors.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MILLION = 1_000_000


def write_factors(path, rows, k):
    """Single-precision factors with a falling spectrum, written in blocks."""
    rng = np.random.default_rng(rows)
    d = np.arange(1, k + 1, dtype=np.float32) ** -0.5
    factors = np.lib.format.open_memmap(path, "w+", np.float32, (rows, k))
    for start in range(0, rows, 50_000):
        block = factors[start : start + 50_000]
        block[:] = rng.standard_normal(block.shape, dtype=np.float32) * d
    return str(path)


def audited(folder, rows, k):
    """Seconds, CPU seconds and gigabytes of the command on items and users of a size."""
    items, users = (write_factors(folder / f"{name}-{rows}.npy", rows, k) for name in ("items", "users"))
    command = [sys.executable, "-m", "cosines.audit", items, "--users", users, "--out", str(folder / f"out-{rows}")]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, used.ru_maxrss / 2**20  # of the largest so far: sizes rise


def main():
    met = True
    with tempfile.TemporaryDirectory() as folder:
        for rows, k, most, memory in ((10_000, 64, 5, 2), (MILLION, 128, 40, 2)):
            seconds, cpu, peak = audited(Path(folder), rows, k)
            print(f"{rows:>9,} x {k} items and users, files to report: {seconds:5.1f} s ({cpu:.1f} s CPU), at most "
                  f"{most} s; {peak:.1f} GB, at most {memory} GB", flush=True)
            met = met and seconds <= most and peak <= memory
    return not met


if __name__ == "__main__":
    sys.exit(main())
