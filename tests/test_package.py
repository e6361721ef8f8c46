"""The package works outside the repository: its core needs NumPy and SciPy, and nothing else."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import tokenize
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pytest
from packaging.requirements import Requirement

import cosines

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "cosines"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Which extras a part of the package may import from, and packages whose import has another name.
EXTRAS = {"publishing": ["figures"], "audit": ["tables", "sklearn", "scale"], "movielens.py": ["data"]}
DISTRIBUTIONS = {"PIL": "pillow", "IPython": "ipython", "sklearn": "scikit-learn"}
# All that is promised to work without any extra.
CORE = [f"cosines.{path.stem}" for path in PACKAGE.glob("[!_]*.py")]
AUDIT = [f"cosines.audit.{path.stem}" for path in (PACKAGE / "audit").glob("[!_]*.py")]
WITHOUT_EXTRAS = [*CORE, *AUDIT, "cosines.audit.__main__"]
MODEST = 800  # lines of code
SMALL_RUN = """
import numpy as np
from cosines.audit.findings import audit
from cosines.evaluation import cluster_auc
from cosines.factorization import fit_product_penalty, item_gram, spectrum
from cosines.similarity import cosine
from cosines.simulation import Simulation, simulate

data = simulate(Simulation(n_users=500, n_items=40, n_clusters=2))
model = fit_product_penalty(spectrum(item_gram(data.X)), 10, 5)
assert 0.6 < cluster_auc(cosine(model.B), data.cluster) <= 1
rng = np.random.default_rng(0)
print(audit(rng.normal(size=(90, 4)), rng.normal(size=(50, 4)) * [1, 1, 1, 99]).verdict)
"""


class Installed(NamedTuple):
    """An environment of NumPy, SciPy and our wheel: its Python, its packages, the wheel's files."""

    python: Path
    packages: Path
    wheel: dict

    def run(self, code, folder):
        """Run code in an empty folder and with none of this session's settings."""
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("PYTHON", "COSINES"))}
        # -B: or Python itself would write bytecode beside the modules.
        return subprocess.run([self.python, "-B", "-c", code], cwd=folder, env=clean,
                              text=True, capture_output=True, check=False)

    def files(self):
        """What is in the packages' folder now, by name."""
        return {path.relative_to(self.packages).as_posix(): path.read_bytes()
                for path in self.packages.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    wheel = zipfile.ZipFile(build_wheel(folder))
    venv.create(folder / "environment", symlinks=True)
    packages = next((folder / "environment" / "lib").glob("python*/site-packages"))
    wheel.extractall(packages)
    for name in ("numpy", "scipy"):
        ours = Path(importlib.util.find_spec(name).origin).parent
        for found in (ours, ours.with_name(f"{name}.libs")):
            if found.exists():
                (packages / found.name).symlink_to(found)
    held = {name: wheel.read(name) for name in wheel.namelist()}
    return Installed(folder / "environment" / "bin" / "python", packages, held)


def build_wheel(folder):
    """The wheel of what is in the repository now, built without a network."""
    project = folder / "project"
    bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, project / "src" / "cosines", ignore=bytecode)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    build = "from flit_core import buildapi; print(buildapi.build_wheel('..'))"
    built = subprocess.run([sys.executable, "-c", build], cwd=project, text=True,
                           stdout=subprocess.PIPE, check=True)
    return folder / built.stdout.strip()


# Installed elsewhere


@pytest.mark.parametrize("name", ["matplotlib", "pandas", "IPython"])
def test_environment_lacks_what_the_core_does_not_need(installed, name, tmp_path):
    ran = installed.run(f"import {name}", tmp_path)
    assert f"ModuleNotFoundError: No module named '{name}'" in ran.stderr


def test_core_and_audit_import_and_write_nothing(installed, tmp_path):
    ran = installed.run(f"import {', '.join(WITHOUT_EXTRAS)}; print(cosines.__file__)", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert Path(ran.stdout.strip()).is_relative_to(installed.packages)
    assert installed.files() == installed.wheel
    assert list(tmp_path.iterdir()) == []


def test_small_run_and_audit_work(installed, tmp_path):
    ran = installed.run(SMALL_RUN, tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "arbitrary\n"), ran.stderr


def test_command_needs_no_extra(installed, tmp_path):
    module, _, function = PROJECT["scripts"]["cosines"].partition(":")
    ran = installed.run(f"""
import numpy as np
from {module} import {function} as command
rng = np.random.default_rng(0)
np.save("items.npy", rng.normal(size=(90, 4)))
np.save("users.npy", rng.normal(size=(50, 4)) * [1, 1, 1, 99])
raise SystemExit(command(["audit", "items.npy", "--users", "users.npy", "--out", "out", "--fail-on", "arbitrary"]))
""", tmp_path)
    assert ran.returncode == 1 and "Verdict: arbitrary" in ran.stdout, ran.stderr
    assert "pip install matplotlib seaborn ipython" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert np.load(tmp_path / "out" / "prediction-space.npy").shape == (90, 4)


def test_there_are_no_artefacts_outside_a_repository(installed, tmp_path):
    ran = installed.run("""
from cosines.publishing import output_folder
try:
    output_folder("figures")
except ValueError as error:
    print(error)
""", tmp_path)
    complaint = "the working directory must lie in a repository with paper/claims.toml, got "
    assert ran.stdout.startswith(complaint) and ran.stdout.count("\n") == 1, ran.stderr
    assert installed.files() == installed.wheel
    assert list(tmp_path.iterdir()) == []


# What is declared and what is imported


def imports(nodes):
    """Dotted names of all that is imported by the nodes of a tree."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages_of(names):
    """Distributions of other people among dotted names."""
    packages = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"cosines"}
    return {DISTRIBUTIONS.get(name, name) for name in packages}


def at_import(node):
    """The nodes of a tree that importing it runs: none in the body of a function."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from at_import(child)


def declared(extras=None):
    """Distributions that the package needs, or that some extras add."""
    listed = PROJECT["dependencies"] if extras is None else [
        line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return {Requirement(line).name for line in listed}


def part_of(path):
    """The name directly below the package: a module's file or a subpackage's folder."""
    return path.relative_to(PACKAGE).parts[0]


def named(path):
    return path.relative_to(PACKAGE).as_posix()


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_every_import_is_declared(path):
    allowed = declared() | declared(EXTRAS.get(part_of(path), []))
    assert packages_of(imports(ast.walk(tree_of(path)))) <= allowed


@pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) != "publishing"], ids=named)
def test_import_needs_numpy_and_scipy_alone(path):
    assert packages_of(imports(at_import(tree_of(path)))) <= {"numpy", "scipy"}


@pytest.mark.parametrize(("part", "extras"), EXTRAS.items())
def test_extras_declare_what_their_modules_add(part, extras):
    used = {name for path in MODULES if part_of(path) == part
            for name in packages_of(imports(ast.walk(tree_of(path))))}
    # pandas itself imports pyarrow, and Dask distributed; one extra may bring another.
    unseen = {"pyarrow", "distributed", "cosines"}
    assert used - declared() - unseen == declared(extras) - unseen


# Promises about size and dependence


def lines_of_code(path):
    """Number of lines with code, not counting docstrings, comments and blank lines."""
    with path.open("rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    layout = (tokenize.ENCODING, tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT,
              tokenize.DEDENT, tokenize.ENDMARKER)
    code = {line for token in tokens if token.type not in layout
            for line in range(token.start[0], token.end[0] + 1)}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(code)


def test_lines_of_code_leave_out_what_is_not_code(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""Two lines\n\nof docstring."""\n\n# a comment\ndef f():\n    """One."""\n'
                    '    return """two\n    lines"""  # of code\n')
    assert lines_of_code(path) == 3


def test_core_is_modest():
    counts = {path.name: lines_of_code(path) for path in PACKAGE.glob("*.py")}
    total = sum(counts.values())
    assert total < MODEST, f"{total} lines of code in the core, must be below {MODEST}: {counts}"


def imports_audit(notebook):
    """Whether a notebook imports anything of ``cosines.audit``."""
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells
             if cell.cell_type == "code"]
    lines = [line for source in cells for line in source.splitlines() if line[:1] not in ("%", "!")]
    names = imports(ast.walk(ast.parse("\n".join(lines))))
    return any(f"{name}.".startswith("cosines.audit.") for name in names)


def test_only_the_last_two_notebooks_import_the_audit():
    assert len(NOTEBOOKS) >= 10
    assert [path.name[:3] for path in NOTEBOOKS if imports_audit(path)] == ["14-", "15-"]


def test_docstring_names_every_module():
    parts = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert {part for part in parts if f"``{part}``" not in cosines.__doc__} == set()
