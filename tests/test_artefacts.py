"""What is committed is what the code makes.

`make test` first re-executes every notebook, with its figures and records redirected to
``build/test``; here they are held against the committed ones.
"""

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stale import runnable
from test_published import FIGURES, NOTEBOOKS, RECORDS, ROOT, saved_figures

REGENERATED = ROOT / "build" / "test"


def names(paths):
    return [path.name for path in paths]


NOTEBOOK_OF = {name: path.stem for path in NOTEBOOKS for name in saved_figures(path)}
NOTEBOOK_OF |= {path.stem: path.stem for path in NOTEBOOKS}


def left_out(notebook):
    """Why `make test` did not re-execute this notebook, or nothing."""
    return runnable()[1].get(notebook)


def regenerated(folder, name):
    notebook = NOTEBOOK_OF.get(Path(name).stem)
    if left_out(notebook):
        pytest.skip(f"{notebook} was left out: {left_out(notebook)}")
    path = REGENERATED / folder / name
    assert path.exists(), f"no notebook wrote {folder}/{name} (make test runs them first)"
    return path


def pdf_streams(path):
    """The decompressed streams of a PDF: its content, whatever library compressed it."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), flags=re.DOTALL)
    return [_decompressed(stream) for stream in found]


def _decompressed(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


@pytest.mark.parametrize("name", [n for n in names(FIGURES) if n.endswith(".png")])
def test_png_is_what_the_notebook_draws(name):
    committed = np.asarray(Image.open(ROOT / "figures" / name).convert("RGB"), dtype=int)
    made = np.asarray(Image.open(regenerated("figures", name)).convert("RGB"), dtype=int)
    assert made.shape == committed.shape
    difference = np.abs(made - committed).max(axis=2)
    assert difference.max() <= 16 and (difference > 2).mean() < 1e-3


@pytest.mark.parametrize("name", [n for n in names(FIGURES) if n.endswith(".gif")])
def test_gif_is_what_the_notebook_draws(name):
    with Image.open(ROOT / "figures" / name) as committed, Image.open(regenerated("figures", name)) as made:
        assert made.n_frames == committed.n_frames > 1
        for frame in range(made.n_frames):
            committed.seek(frame)
            made.seek(frame)
            assert made.info["duration"] == committed.info["duration"]
            pixels = [np.asarray(image.convert("RGB"), dtype=int) for image in (made, committed)]
            assert (np.abs(pixels[0] - pixels[1]).max(axis=2) > 2).mean() < 1e-3


@pytest.mark.parametrize("name", [n for n in names(FIGURES) if n.endswith(".pdf")])
def test_pdf_is_what_the_notebook_draws(name):
    committed = pdf_streams(ROOT / "figures" / name)
    assert len(committed) >= 3
    assert pdf_streams(regenerated("figures", name)) == committed


@pytest.mark.parametrize("name", names(RECORDS))
def test_numbers_and_checks_are_what_the_notebook_records(name):
    committed = (ROOT / "paper" / "generated" / name).read_text()
    assert regenerated("paper/generated", name).read_text() == committed


@pytest.mark.parametrize(("folder", "committed"), [("figures", FIGURES), ("paper/generated", RECORDS)])
def test_exactly_what_notebooks_write_is_committed(folder, committed):
    expected = [path for path in committed if not left_out(NOTEBOOK_OF.get(path.stem))]
    assert names(sorted((REGENERATED / folder).iterdir())) == names(expected)
