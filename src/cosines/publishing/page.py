"""``figures/explore.html``: the scaling in the reader's hand, one file that asks no server for anything."""

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex

from cosines.audit.findings import BALANCED_ENOUGH, REPLACEMENT, STABLE
from cosines.experiment import PAPER, run
from cosines.publishing import output_folder
from cosines.publishing.panels import COSINE_COLOURS

PARTS = Path(__file__).parent / "explore"
STEP = 1e-4  # V is embedded with four decimals: enough for the page, and the same on every machine
N_USERS = 40


def numbers(best, worst, experiment=PAPER):
    """The numbers of the page: the experiment of Steck et al. (2024), the same on every machine.

    Parameters
    ----------
    best, worst : sequence of float, length k
        ``log d`` of the scalings that find clusters best and worst (notebook 09).
    experiment : Experiment

    Returns
    -------
    dict
        V (n, k) as 16-bit integers in Base64, in units of `step`; items in the order shown.
    """
    fitted = run(experiment)
    order, k = fitted.data.order, experiment.k
    V = np.rint(fitted.spectrum.V[order, :k] / STEP).astype("<i2")
    largest = V[np.abs(V).argmax(axis=0), np.arange(k)]
    users = fitted.data.X[:N_USERS].tocsc()[:, order].tocsr()
    return {
        "n": len(V), "k": k, "step": STEP, "lam": experiment.lam_1,
        "sigma": np.round(fitted.spectrum.sigma[:k], 3).tolist(),
        "cluster": fitted.data.cluster[order].tolist(),
        "users": [users[[u]].indices.tolist() for u in range(N_USERS)],
        "best": list(best), "worst": list(worst),
        "colours": colours(), "thresholds": {"stable": STABLE, "balanced": BALANCED_ENOUGH}, "instead": REPLACEMENT,
        "V": base64.b64encode((V * np.where(largest < 0, -1, 1)).astype("<i2").tobytes()).decode(),
    }


def colours():
    """256 colours for cosines from -1 to 1, those of the heat maps."""
    return [to_hex(colour)[1:] for colour in COSINE_COLOURS(np.linspace(0, 1, 256))]


def bundle(*names):
    """JavaScript modules as one script, in a block of its own: imports and exports fall away."""
    parts = [(PARTS / name).read_text(encoding="utf-8") for name in names]
    plain = [re.sub(r"^import .*?;\n|^export ", "", part, flags=re.DOTALL | re.MULTILINE) for part in parts]
    return "{\n" + "".join(plain) + "}"


def page(content):
    """The page as one text.

    Parameters
    ----------
    content : dict
        From `numbers`.

    Returns
    -------
    str
    """
    script, worker = bundle("model.js", "dial.js", "drop.js"), bundle("linear.js", "audit.js", "files.js", "worker.js")
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; worker-src blob:"
    values = {"policy": policy, "script": script, "worker": worker, "numbers": json.dumps(content, separators=(",", ":")),
              "style": (PARTS / "style.css").read_text(encoding="utf-8").rstrip()}
    template = (PARTS / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\{(policy|style|numbers|script|worker)\}", lambda match: values[match[1]], template)


def save_page(best, worst):
    """Write ``figures/explore.html``; return its path.

    Parameters
    ----------
    best, worst : sequence of float, length k
        As in `numbers`.
    """
    path = output_folder("figures") / "explore.html"
    path.write_text(page(numbers(best, worst)), encoding="utf-8")
    return path
