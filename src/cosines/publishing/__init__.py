"""From notebook to write-up: ``style``, ``panels`` that notebooks share, and ``records``.

Artefacts go below the repository's root, or below ``$COSINES_OUTPUT`` where it is set, so that
tests can run the notebooks without touching the committed files.
"""

import os
import re
from pathlib import Path

from cosines._arrays import require

CLAIMS = Path("paper") / "claims.toml"


def repository():
    """The root of the repository: of the working directory's, or else of this file's.

    Raises
    ------
    ValueError
        If neither lies in a repository with claims, as after ``pip install``.
    """
    for start in (Path.cwd(), Path(__file__).resolve()):
        for folder in (start, *start.parents):
            if (folder / CLAIMS).is_file():
                return folder
    raise ValueError(f"the working directory must lie in a repository with {CLAIMS}, got {Path.cwd()}")


def output_folder(name):
    """The folder `name` ("figures" or "paper/generated") for artefacts; made if missing."""
    folder = Path(os.environ.get("COSINES_OUTPUT") or repository()) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def require_name(argument, name):
    """Return `name`, or raise ``ValueError`` unless it is of lower-case letters, digits and hyphens."""
    valid = isinstance(name, str) and re.fullmatch(r"[a-z0-9-]+", name)
    require(valid, argument, "of lower-case letters, digits and hyphens", name)
    return name
