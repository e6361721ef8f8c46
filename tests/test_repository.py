"""Promises of the Makefile and of the files around it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]


def make(*arguments):
    # Without the option, a make inside `make test` announces its folder in what it prints.
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def makefile_value(name):
    """What make itself says that a variable or a rule of its database holds."""
    lines = (line.partition(mark) for line in make("-pn", "help").splitlines() for mark in (" := ", ": "))
    return next(value for found, _, value in lines if found == name)


def test_help_lists_every_target_for_users():
    targets, options = make().split("\n\n")
    listed = {line.split()[1]: line.split()[2:] for line in targets.splitlines()}
    assert all(listed.values())
    assert set(listed) == set(makefile_value(".PHONY").split()) - {"update", "FORCE"}
    assert "make -j2 figures" in options and "ENV=active" in options


def test_looking_changes_nothing_on_disk(tmp_path):
    """`make help` and `make -n`, in a clone in which nothing has been made yet."""
    clone = tmp_path / "a clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    for arguments in (["help"], ["-n", "figures"], ["-n", "test"], ["-n", "paper"]):
        made = subprocess.run(["make", *arguments], cwd=clone, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
    status = ["git", "status", "--porcelain", "--ignored"]
    assert subprocess.run(status, cwd=clone, capture_output=True, text=True, check=True).stdout == ""


def test_versions_of_python_are_said_alike_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()
    assert "3.11 to 3.13" in make("help")
    workflows = "".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    assert 'python: ["3.11", "3.12", "3.13"]' in workflows


def test_makefile_needs_nothing_newer_than_make_3_81():
    makefile = (ROOT / "Makefile").read_text()
    for newer in ("&:", ".ONESHELL", ".SHELLFLAGS", "$(file ", "!=", "::=", "--output-sync"):
        assert newer not in makefile, newer


def locked(name):
    """The entries of a lock."""
    lock = (ROOT / name).read_text()
    assert "://" not in lock
    return re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE).strip())


@pytest.mark.parametrize(("name", "least"), [("requirements.lock", 100), ("requirements-extras.lock", 15), ("requirements-data.lock", 1)])
def test_lock_pins_every_package_with_hashes_and_names_no_address(name, least):
    packages = locked(name)
    assert len(packages) >= least
    for package in packages:
        assert re.match(r"[a-z0-9.-]+==\S+", package) and "--hash=sha256:" in package, package


def test_extras_change_no_version_of_the_other_lock():
    versions, extras = (dict(entry.split()[0].split("==") for entry in locked(name))
                        for name in ("requirements.lock", "requirements-extras.lock"))
    shared = versions.keys() & extras.keys()
    assert "numpy" in shared
    assert {name: extras[name] for name in shared} == {name: versions[name] for name in shared}


def test_workflows_follow_their_schema():
    workflows = [str(path) for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    assert workflows
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    result = subprocess.run([*command, *workflows], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def prose(document):
    """What a document says in Markdown."""
    if document.suffix == ".md":
        return document.read_text()
    cells = nbformat.read(document, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_local_links_lead_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    checked = 0
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+?)\)", prose(document)):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
            checked += 1
    assert checked > 5
