"""A notebook is out of date if something that it takes or made has changed, and not otherwise."""

import contextlib
import shutil
from pathlib import Path

import pytest
from execute import code_of
from stale import NEEDS, claims_checked, ingredients, is_stale, runnable, stamp_of, wording, write_stamp

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A copy of the repository, as if each notebook had just been executed."""
    copy = tmp_path_factory.mktemp("made") / "repository"
    for name in ("notebooks", "src", "tools", "data"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "paper/generated", copy / "paper/generated")
    shutil.copy(ROOT / "paper/claims.toml", copy / "paper")
    for lock in ROOT.glob("requirements*.lock"):
        shutil.copy(lock, copy)
    with contextlib.chdir(copy):
        wording.cache_clear()
        Path("build").mkdir()
        for notebook in sorted(Path("notebooks").glob("*.ipynb")):
            script = Path("build/code.py")
            script.write_text(code_of(notebook), encoding="utf-8")
            records = Path("paper/generated") / f"{notebook.stem}.json"
            taken = ingredients(notebook.stem, script)
            write_stamp(stamp_of(notebook.stem), [*taken, claims_checked(records), notebook, records])
    return copy


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of one's own to change."""
    copy = shutil.copytree(made, tmp_path / "repository")
    monkeypatch.chdir(copy)
    return copy


def stale():
    """Numbers of the notebooks that are out of date."""
    wording.cache_clear()
    return [path.stem[:2] for path in sorted(Path("notebooks").glob("*.ipynb")) if is_stale(path.stem)]


def change(path):
    path = Path(path)
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def test_nothing_is_out_of_date_after_it_was_made(folder):
    assert stale() == []


@pytest.mark.parametrize(("changed", "expected"), [
    ("src/cosines/movielens.py", ["12", "13", "14", "15"]),
    ("src/cosines/words.py", ["13"]),
    ("src/cosines/remedies.py", ["03", "04", "06", "07", "08", "12", "13", "15"]),
    ("src/cosines/audit/files.py", ["14", "15"]),
    ("notebooks/02-full-rank.ipynb", ["02"]),
    ("paper/generated/04-figure-1.json", ["04"]),
    ("requirements-data.lock", ["12", "13", "14", "15"]),
    ("requirements-extras.lock", []),
    ("tools/publish.py", []),
])
def test_what_changes_re_runs_those_that_use_it(folder, changed, expected):
    change(changed)
    assert stale() == expected


@pytest.mark.parametrize("changed", [
    "src/cosines/publishing/style.py", "src/cosines/_arrays.py", "requirements.lock", "tools/execute.py",
])
def test_what_all_use_re_runs_all(folder, changed):
    change(changed)
    assert len(stale()) == len(list(Path("notebooks").glob("*.ipynb"))) > 12


def test_a_claim_belongs_to_the_notebook_that_checks_it(folder):
    claims = Path("paper/claims.toml")
    claims.write_text(claims.read_text().replace("pairs of items", "pairs  of items", 1))
    assert len(stale()) == 1
    change("paper/claims.toml")
    assert len(stale()) == 1


def test_comparisons_belong_to_the_notebooks_that_make_them(folder):
    """Those that ask for the pairs, and no other; the wording of somebody else's check is none of theirs."""
    asking = [path.stem[:2] for path in sorted(Path("notebooks").glob("*.ipynb")) if ".pairs(" in code_of(path)]
    claims = Path("paper/claims.toml")
    before = claims.read_text()
    assert "06" in asking and len(asking) < 6
    claims.write_text(before.replace("pairs of items", "pairs  of items", 1))
    assert "06" not in stale()
    changed = before.replace('second = "raw-none-columns"', 'second = "raw-none-dot"', 1)
    added = f"{before}\n[[pair]]\nkey = 'new'\nfirst = 'raw-none-dot'\nsecond = 'centred-none-dot'\n"
    for after in (changed, added):
        claims.write_text(after)
        assert after != before and stale() == asking


def test_a_file_that_is_only_touched_has_not_changed(folder):
    Path("src/cosines/factorization.py").touch()
    assert stale() == []


def test_a_deleted_or_unknown_file_is_a_change(folder):
    Path("paper/generated/01-derivations.json").unlink()
    stamp_of("03-low-rank-simulation").unlink()
    assert stale() == ["01", "03"]


def test_what_cannot_run_here_is_left_out_by_name(folder, monkeypatch):
    names, missing = runnable()
    assert len(names) + len(missing) == len(list(Path("notebooks").glob("*.ipynb")))
    monkeypatch.setitem(NEEDS, "11-deep-models", ("a_package_that_is_not_there", "no such package", []))
    assert "11-deep-models" not in runnable()[0]
    assert runnable()[1]["11-deep-models"] == "no such package"
