# Reproduce everything:   make figures   ·   make test   ·   make paper
#
#   make -j2 figures          two notebooks at a time
#   make figures ENV=active   use the active environment (conda, Binder) in place of .venv
#   make PYTHON=python3.12    the Python that .venv is made from
#
# Works with GNU make 3.81, which is what macOS ships.

PYTHON ?= python3
ENV    ?= .venv

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: help figures test paper audit movielens deep extras bench reproduce-check mutation-check lock clean stamps

# Nothing of the user's own settings may reach a result.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE MPLBACKEND MATPLOTLIBRC JUPYTER_PATH
unexport JUPYTER_CONFIG_PATH PYTHONWARNINGS COSINES_OUTPUT PYTEST_ADDOPTS VIRTUAL_ENV
export PYTHONNOUSERSITE       := 1
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_NO_CONFIG      := 1
export JUPYTER_PLATFORM_DIRS  := 1
export JUPYTER_CONFIG_DIR     := $(CURDIR)/build/home/jupyter
export JUPYTER_DATA_DIR       := $(CURDIR)/build/home/jupyter
export IPYTHONDIR             := $(CURDIR)/build/home/ipython
export MPLCONFIGDIR           := $(CURDIR)/build/home/matplotlib

# One BLAS thread per notebook, and notebooks side by side by -j: two threads in each of two
# notebooks fight for two cores, and take twice as long.
OPENBLAS_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS

# Notebooks run in their own folder, so that a relative path to data must become an absolute one.
override COSINES_DATA := $(shell case "$(COSINES_DATA)" in (""|/*) echo "$(COSINES_DATA)";; (*) echo "$(CURDIR)/$(COSINES_DATA)";; esac)
export COSINES_DATA

ifeq ($(ENV),active)
  PY     := python
  READY  := build/active.ready
  EXTRAS := build/active.extras
else
  PY     := .venv/bin/python
  READY  := .venv/ready
  EXTRAS := .venv/extras
endif

# Notebooks that need data or packages of their own: see `movielens` and `deep`.
APART     := notebooks/12-movielens.ipynb notebooks/11-deep-models.ipynb
NOTEBOOKS := $(filter-out $(APART),$(sort $(wildcard notebooks/[0-9]*.ipynb)))
STAMPS    := $(NOTEBOOKS:notebooks/%.ipynb=build/%.stamp)
HELPER    := $(wildcard src/cosines/*.py src/cosines/*/*.py)

# A stamp lists the checksums of what its notebook wrote. One that no longer matches is removed
# here, so that a deleted or damaged figure brings back just its notebook. An environment that
# was made in another folder is no longer valid either.
CHECKED := $(shell mkdir -p build/home 2>/dev/null && test -w build && echo writable; \
  for stamp in build/*.stamp; do test -f "$$stamp" || continue; \
    cut -d' ' -f3- "$$stamp" | xargs cksum 2>/dev/null | cmp -s - "$$stamp" || rm -f "$$stamp"; done; \
  test ! -f .venv/ready || pwd -P | cmp -s - .venv/ready || rm -f .venv/ready)
ifneq ($(CHECKED),writable)
  $(error Cannot write to $(CURDIR): copy the repository to a folder of your own)
endif

help:  ## list what can be made (this)
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

figures:  ## execute every notebook and regenerate every figure and number
	@$(MAKE) --no-print-directory stamps || { cat $(STAMPS:.stamp=.failed) 2>/dev/null; exit 1; }
	@echo "Every figure and number is up to date. Left out: 12-movielens, 11-deep-models (make movielens, make deep)."

stamps: $(STAMPS) build/publish.stamp
	@:

# What LaTeX and readers on GitHub see of the records: TeX, the ledger of checks, README's numbers.
build/publish.stamp: $(STAMPS) paper/claims.toml README.md tools/publish.py $(READY)
	@$(PY) tools/publish.py $@

build/%.stamp: notebooks/%.ipynb $(HELPER) paper/claims.toml tools/execute.py $(READY)
	@$(PY) tools/execute.py $< $@

# Notebook 12 takes part where the data are that its committed results come from.
TESTED = $(NOTEBOOKS) $(if $(filter %ml-latest-small %ml-latest-small.zip,$(lastword $(COSINES_DATA))),notebooks/12-movielens.ipynb)
test: $(READY)  ## re-execute every notebook under strict nbval, compare all results, run the unit tests
	@rm -rf build/test && mkdir -p build/test
	@echo "Re-executing $(words $(TESTED)) notebooks and comparing every output:"
	@COSINES_OUTPUT="$(CURDIR)/build/test" $(PY) -m pytest -q -n 2 --dist loadscope \
	  --nbval --nbval-current-env --nbval-cell-timeout 600 $(TESTED)
	@echo "Left out: $(notdir $(filter-out $(TESTED),$(APART))) (make movielens, make deep; 12 needs COSINES_DATA=.../ml-latest-small)"
	@echo "Testing the helper, and comparing regenerated with committed results:"
	@$(PY) -m pytest -q tests

# Replace a committed file in one step, if what was made is different.
update = cmp -s $(1) $(2) || { cp $(1) build/new && mv build/new $(2); }

# LaTeX itself lists what it printed of the records, so that a record that nobody prints is found
# without it; the checksum of the sources tells that the list is theirs.
# A fixed date makes the PDF repeatable: that of the paper reproduced here.
paper:  ## build paper/paper.pdf from the figures and numbers (needs LaTeX)
	@command -v latexmk >/dev/null || { echo "No LaTeX found. Debian: apt install latexmk texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended   macOS: brew install --cask mactex-no-gui" >&2; exit 1; }
	@$(MAKE) --no-print-directory figures
	@cd paper && SOURCE_DATE_EPOCH=1710115200 FORCE_SOURCE_DATE=1 latexmk >../build/latexmk.log 2>&1 || \
	  { grep -E "^[^ ]+:[0-9]+: |^! " ../build/paper/paper.log || tail -20 ../build/latexmk.log; \
	    echo "The paper was not built. The full log: build/paper/paper.log"; exit 1; } >&2
	@{ cat paper/paper.tex paper/records.tex paper/sections/*.tex | cksum | sed 's/^/sources /'; \
	  LC_ALL=C sort -u build/paper/used.txt; } >build/used.txt
	@$(call update,build/paper/paper.pdf,paper/paper.pdf)
	@$(call update,build/used.txt,paper/generated/used.txt)
	@echo "paper/paper.pdf"

OUT ?= build/audit
audit: $(READY)  ## audit your own embeddings: make audit ITEMS=items.npy USERS=users.npy
	@test -n "$(ITEMS)" || { echo "Which file? make audit ITEMS=items.npy USERS=users.npy [TABLE=items.csv] [CHOSEN=id,id] [OUT=folder]" >&2; exit 1; }
	@$(PY) tools/audit.py "$(ITEMS)" --users "$(USERS)" --table "$(TABLE)" --chosen "$(CHOSEN)" --out "$(OUT)"

# Execute one notebook that `figures` leaves out, whether or not it is up to date.
define apart
@rm -f build/$(1).stamp
@$(MAKE) --no-print-directory build/$(1).stamp || { cat build/$(1).failed 2>/dev/null; exit 1; }
@$(PY) tools/publish.py build/publish.stamp
endef

movielens: $(READY)  ## execute notebook 12; COSINES_DATA=folder or zip, or else it downloads
	$(call apart,12-movielens)

deep: $(EXTRAS)  ## execute notebook 11, on JAX (minutes)
	$(call apart,11-deep-models)

extras: $(EXTRAS)  ## install the optional packages: JAX, and the libraries the audit is tested on
	@:

bench: $(READY)  ## time the helper against the pipeline one would write first, in one run
	$(PY) tools/bench.py

reproduce-check: $(READY)  ## regenerate everything under many settings and compare the bytes (minutes)
	@$(PY) tools/reproduce_check.py

mutation-check: $(READY)  ## break code and results on purpose and see that `make test` notices (minutes)
	@$(PY) tools/mutation_check.py

COMPILE = $(PY) -m uv pip compile --quiet pyproject.toml --universal --upgrade --python-version 3.11 \
  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: $(READY)  ## renew both locks from pyproject.toml
	$(COMPILE) --extra notebooks --extra bench -o requirements.lock
	$(COMPILE) --extra deep --extra libraries --extra tables --constraints requirements.lock -o requirements-extras.lock

clean:  ## remove the environment and everything else that can be made again
	rm -rf .venv build

.venv/ready: requirements.lock pyproject.toml tools/make-environment
	@sh tools/make-environment "$(PYTHON)"

$(EXTRAS): requirements-extras.lock $(READY)
	@echo "Installing requirements-extras.lock"
	@$(PY) -m uv pip install --quiet --require-hashes -r requirements-extras.lock || \
	  { echo "Could not install requirements-extras.lock (see above): this needs a network." >&2; exit 1; }
	@touch $@

build/active.ready: requirements.lock
	@$(PY) -c "import cosines, nbval, papermill" || { echo "The active environment lacks a package: conda env create -f environment.yml" >&2; exit 1; }
	@touch $@
