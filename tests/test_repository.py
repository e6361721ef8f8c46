"""Promises of the Makefile and of the files around it."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]


def make(*arguments):
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def makefile_value(name):
    """What make itself says that a variable or a rule of its database holds."""
    lines = (line.partition(mark) for line in make("-pn", "help").splitlines() for mark in (" := ", ": "))
    return next(value for found, _, value in lines if found == name)


def test_help_lists_every_target_for_users():
    listed = {line.split()[1]: line.split()[2:] for line in make().splitlines() if line.startswith("  make ")}
    internal = {"stamps"}
    assert all(listed.values())
    assert set(listed) == set(makefile_value(".PHONY").split()) - internal


def test_makefile_needs_nothing_newer_than_make_3_81():
    makefile = (ROOT / "Makefile").read_text()
    for newer in ("&:", ".ONESHELL", ".SHELLFLAGS", "$(file ", "!=", "::=", "--output-sync"):
        assert newer not in makefile, newer


def locked(name):
    """The entries of a lock."""
    lock = (ROOT / name).read_text()
    assert "://" not in lock
    return re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE).strip())


@pytest.mark.parametrize(("name", "least"), [("requirements.lock", 100), ("requirements-extras.lock", 30)])
def test_lock_pins_every_package_with_hashes_and_names_no_address(name, least):
    packages = locked(name)
    assert len(packages) > least
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


def test_local_links_in_readme_and_notebooks_lead_somewhere():
    documents = [ROOT / "README.md", *(ROOT / "notebooks").glob("*.ipynb")]
    checked = 0
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+?)\)", prose(document)):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
            checked += 1
    assert checked > 5
