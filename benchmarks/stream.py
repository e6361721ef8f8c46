"""Ten times the users: the same memory, and the same CPU time per user?

    python benchmarks/stream.py

Simulates users block by block and adds up their Gram matrix, each run in a process of its own.
"""

import os
import subprocess
import sys

import numpy as np
from paired import at_most, report

FEW, MANY = 10_000, 100_000
PAIRS = 3

RUN = """
import resource, sys, time
from cosines.factorization import item_gram
from cosines.simulation import Simulation, simulate_blocks
start = time.process_time()
item_gram(simulate_blocks(Simulation(n_users=int(sys.argv[1]))))
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main():
    runs = np.array([[measure(n_users) for n_users in (FEW, MANY)] for _ in range(PAIRS)])
    seconds, memory = (runs[:, 1] / runs[:, 0]).T
    # Ten runs beside busy processes gave medians of 1.00 to 1.04 and of 0.87 to 0.99 (see
    # paired.py); were cost to grow with the square of the users, the second would be 10.
    return report([
        at_most(f"peak memory, {MANY:,} users / {FEW:,} users", memory, 1.2),
        at_most(f"time per user, {MANY:,} users / {FEW:,} users", seconds * FEW / MANY, 1.5),
    ])


def measure(n_users):
    """CPU seconds and peak memory of one run."""
    # On Linux a child's peak memory starts from its parent's. The shell in between is small.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", RUN, str(n_users)]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    output = subprocess.run(command, env=one_thread, capture_output=True, text=True, check=True)
    return [float(number) for number in output.stdout.split()]


if __name__ == "__main__":
    sys.exit(main())
