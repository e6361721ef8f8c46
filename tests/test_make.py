"""Whatever happens to a build, committed files stay as they were and the next `make` works.

Each test builds a small project of one notebook with this repository's Makefile and tools.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from reproduce_check import KERNELS, hostile

ROOT = Path(__file__).parents[1]
# This test's Python comes first on the PATH, as in an activated environment. What an outer make
# hands down must not reach the inner one.
ACTIVE = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
ACTIVE["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
WRITES_A_FIGURE = """\
import os, time
from pathlib import Path
figures = Path(os.environ["COSINES_OUTPUT"]) / "figures"
figures.mkdir(exist_ok=True)
(figures / "tiny.txt").write_text("as it should be")
print("the figure is written")
"""


@pytest.fixture
def project(tmp_path):
    """A folder, with a space in its name, in which `make figures` takes seconds."""
    folder = tmp_path / "a project"
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copytree(ROOT / "src", folder / "src")
    for name in ("Makefile", "requirements.lock", "requirements-data.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("paper/generated", "figures", "notebooks"):
        (folder / name).mkdir(parents=True)
    # One notebook checks nothing of what the claims ask for, so that the folder has none.
    (folder / "paper" / "claims.toml").write_text("paper = []\ncheck = []\n")
    (folder / "README.md").write_text("A project.\n")
    (folder / "figures" / "tiny.txt").write_text("committed")
    return folder


def write_notebook(project, *cells):
    cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), project / "notebooks" / "00-tiny.ipynb")


def make(project, *arguments, path=None):
    """Run make with this test's Python as the active environment; merged output and exit status."""
    environment = ACTIVE | {"PATH": path} if path else ACTIVE
    return subprocess.run(["make", "ENV=active", *arguments], cwd=project, env=environment, text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def committed(project):
    """The contents of what `make figures` may change."""
    paths = [p for name in ("notebooks", "figures", "paper") for p in (project / name).rglob("*")]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


def assert_next_make_works(project):
    write_notebook(project, WRITES_A_FIGURE)
    made = make(project, "figures")
    assert made.returncode == 0, made.stdout
    assert (project / "figures" / "tiny.txt").read_text() == "as it should be"


def test_only_what_is_missing_is_made_again(project):
    assert_next_make_works(project)
    assert "started" not in make(project, "figures").stdout
    before = committed(project)
    (project / "figures" / "tiny.txt").write_text("damaged")
    assert "00-tiny: done" in make(project, "figures").stdout
    assert committed(project) == before


def test_another_release_of_movielens_overwrites_nothing(project):
    write_notebook(project, 'data = ""', WRITES_A_FIGURE, "print(data)")
    notebook = nbformat.read(project / "notebooks/00-tiny.ipynb", as_version=4)
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, project / "notebooks/12-movielens.ipynb")
    (project / "my data").mkdir()
    before = committed(project)
    made = make(project, "movielens", "COSINES_DATA=my data")
    assert made.returncode == 0, made.stdout
    assert committed(project) == before
    shown = nbformat.read(project / "build/movielens-my data/notebooks/12-movielens.ipynb", as_version=4)
    assert shown.cells[-1].outputs[0].text == f"{project / 'my data'}\n"
    assert (project / "build/movielens-my data/figures/tiny.txt").read_text() == "as it should be"
    made = make(project, "movielens", "COSINES_DATA=nowhere")
    assert made.returncode != 0 and made.stdout.startswith("Which release?")


def test_failing_cell_is_named_last_and_changes_nothing(project):
    write_notebook(project, WRITES_A_FIGURE, "# the culprit\nraise ValueError('lam must be >= 0')")
    before = committed(project)
    made = make(project, "figures")
    assert made.returncode != 0
    last = made.stdout.strip().splitlines()[-4:]
    assert "00-tiny failed in cell [2], which starts: # the culprit" in last[0]
    assert "ValueError: lam must be >= 0" in last[1]
    assert committed(project) == before
    kept = nbformat.read(project / "build/00-tiny/notebooks/00-tiny.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in kept.cells for output in cell.get("outputs", []))
    assert_next_make_works(project)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interruption_changes_nothing(project, how):
    write_notebook(project, WRITES_A_FIGURE, "time.sleep(120)")
    before = committed(project)
    # What a shell starts in the background ignores Ctrl-C, and hands that down; a user's make does not.
    running = subprocess.Popen(["make", "ENV=active", "figures"], cwd=project, env=ACTIVE,
                               start_new_session=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    written = project / "build/00-tiny/figures/tiny.txt"
    deadline = time.monotonic() + 60
    while not written.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert written.exists()
    os.killpg(running.pid, how)
    assert running.wait(timeout=60) != 0
    assert committed(project) == before
    assert_next_make_works(project)


def test_full_disk_changes_nothing(project):
    """A limit on the size of files stands in for the full disk: both fail in the middle of a write."""
    write_notebook(project, WRITES_A_FIGURE, "print('x' * 200_000)")
    before = committed(project)
    limited = ["sh", "-c", "ulimit -f 64 && exec make ENV=active figures"]
    made = subprocess.run(limited, cwd=project, env=ACTIVE, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert made.returncode != 0
    assert "00-tiny stopped" in made.stdout and "File too large" in made.stdout
    assert committed(project) == before
    assert_next_make_works(project)


def commands_without(tmp_path, missing):
    """A PATH of the usual commands, without those that are `missing`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for directory in ("/usr/bin", "/bin"):
        for command in Path(directory).iterdir():
            if command.name not in missing and not (folder / command.name).exists():
                (folder / command.name).symlink_to(command)
    return str(folder)


def test_paper_without_latex_says_what_to_install(project, tmp_path):
    made = make(project, "paper", path=commands_without(tmp_path, {"latexmk"}))
    assert made.returncode != 0
    assert made.stdout.startswith("No LaTeX found. Debian: apt install latexmk")


def test_python_that_is_too_old_or_too_new_is_refused(project, tmp_path):
    """Stand-ins that run this Python, and claim to be of another version."""
    for version in ("3.9", "3.14"):
        other = tmp_path / f"python{version}"
        other.write_text(f'''#!/bin/sh
[ "$1" = --version ] && echo Python {version}.1 && exit 0
shift; code=$1; shift
exec "{sys.executable}" -c "import sys; sys.version_info = ({version.replace(".", ",")}, 1); exec(sys.argv.pop(1))" "$code" "$@"
''')
        other.chmod(0o755)
        made = make(project, "ENV=.venv", f"PYTHON={other}", "figures")
        assert made.returncode != 0
        assert made.stdout.startswith(f"Python {version}.1 will not do: >=3.11,<3.14 is needed.")
    assert not (project / ".venv").exists()


def test_missing_python_is_named(project):
    made = make(project, "ENV=.venv", "PYTHON=python-that-is-not-there", "figures")
    assert made.returncode != 0
    assert made.stdout.startswith("No python-that-is-not-there found.")


def test_active_environment_without_packages_is_refused(project, tmp_path):
    empty = tmp_path / "python"
    empty.write_text("#!/bin/sh\nexit 1\n")
    empty.chmod(0o755)
    write_notebook(project, WRITES_A_FIGURE)
    made = make(project, "figures", path=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert made.returncode != 0
    assert "The active environment lacks a package" in made.stdout


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_one_cannot_write_is_named(project):
    project.chmod(0o555)
    made = make(project, "figures")
    project.chmod(0o755)
    assert made.returncode != 0
    assert "Cannot write to" in made.stdout


def test_first_set_up_without_network_says_so(project, tmp_path):
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1",
               "PIP_CONFIG_FILE": os.devnull}
    command = ["make", f"PYTHON={sys.executable}", "figures"]
    path = commands_without(tmp_path, {"uv"})
    made = subprocess.run(command, cwd=project, env=ACTIVE | offline | {"PATH": path}, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert made.returncode != 0
    assert "the first set-up needs a network" in made.stdout
    assert not (project / ".venv/ready").exists()


def test_settings_of_the_user_and_the_blas_kernel_change_no_byte(project):
    """The cheap half of `make reproduce-check`: one notebook, all at once, against build/test."""
    name = "04-figure-1"
    shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", project / "notebooks")
    shutil.copytree(ROOT / "paper", project / "paper", dirs_exist_ok=True)
    (project / "paper" / "generated" / f"{name}.json").unlink()
    shutil.copy(ROOT / "README.md", project)
    settings = hostile() | {"OPENBLAS_CORETYPE": next(iter(KERNELS)), "OPENBLAS_NUM_THREADS": "2"}
    made = subprocess.run(["make", "ENV=active", "-j8", "-C", str(project), "figures"], cwd=project.parent,
                          env=ACTIVE | settings, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert made.returncode == 0, made.stdout
    assert (project / f"notebooks/{name}.ipynb").read_bytes() == (ROOT / f"notebooks/{name}.ipynb").read_bytes()
    for artefact in ("figures/figure-1.png", "figures/figure-1.pdf", f"paper/generated/{name}.json"):
        assert (project / artefact).read_bytes() == (ROOT / "build/test" / artefact).read_bytes(), artefact
