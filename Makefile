# Reproduce everything:   make -j2 figures   ·   make test   ·   make paper
#
# Works with GNU make 3.81, which is what macOS ships.

PYTHON ?= python3
ENV    ?= .venv
OUT    ?= build/audit

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: help figures test paper audit movielens words extras bench site reproduce-check mutation-check lock clean update FORCE

# No setting of the user's own may reach a result, nor the time it takes.
unexport $(filter PYTHON% JUPYTER% IPYTHON% PYTEST% MPL% MATPLOTLIB% JAX_% XLA_% COSINES_% VIRTUAL_ENV \
  OPENBLAS_NUM_THREADS GOTO_NUM_THREADS OMP_NUM_THREADS MKL_NUM_THREADS VECLIB_MAXIMUM_THREADS, $(.VARIABLES))
export PYTHONNOUSERSITE       := 1
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_NO_CONFIG      := 1
export JUPYTER_PLATFORM_DIRS  := 1
export JUPYTER_CONFIG_DIR     := $(CURDIR)/build/jupyter
export JUPYTER_DATA_DIR       := $(CURDIR)/build/jupyter
export IPYTHONDIR             := $(CURDIR)/build/ipython
export MPLCONFIGDIR           := $(CURDIR)/build/matplotlib

# Notebooks run side by side (-j), each on one core: threads of OpenBLAS and of
# Apple's Accelerate would fight for the same cores, and take longer together.
export OPENBLAS_NUM_THREADS   := 1
export VECLIB_MAXIMUM_THREADS := 1

ifeq ($(ENV),active)
  PY    := python
  READY := build/active.ready
else
  PY    := .venv/bin/python
  READY := .venv/ready
endif

help:  ## list what can be made (this)
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make -j2 figures           two notebooks at a time"
	@echo "  make figures ENV=active    in the active environment (conda, Binder) in place of .venv"
	@echo "  make figures PYTHON=...    the Python, 3.11 to 3.13, that .venv is made from"

# A notebook runs if something that it takes or makes has changed: tools/stale.py tells, by content.
figures: $(READY)  ## execute every notebook and regenerate every figure and number
	@test -w . || { echo "Cannot write to $(CURDIR): copy the repository to a folder of your own." >&2; exit 1; }
	@stale=$$("$$(command -v $(PY) || echo $(PYTHON))" tools/stale.py) && $(MAKE) --no-print-directory update STALE="$$stale" || { cat build/*.failed 2>/dev/null; exit 1; }
	@echo "Every figure and number is up to date."

MADE = $(STALE:%=build/%.stamp)
update: $(MADE)
	@:

# What LaTeX and readers on GitHub see of the records: TeX, the ledger of checks, README's numbers.
build/publish.stamp: $(filter-out build/publish.stamp,$(MADE)) FORCE
	@$(PY) tools/publish.py $@

# figures/explore.html, from the experiment and what notebook 09 recorded.
build/page.stamp: $(filter-out build/page.stamp build/publish.stamp,$(MADE)) FORCE
	@$(PY) tools/page.py $@

build/%.stamp: FORCE
	@$(PY) tools/execute.py notebooks/$*.ipynb $@

FORCE:

test: $(READY)  ## re-execute every notebook under strict nbval, compare all results, run the unit tests
	@rm -rf build/test && mkdir -p build/test
	@echo "Re-executing every notebook and comparing every output:"
	@notebooks=$$($(PY) tools/stale.py --all | sed 's|[^ ]*|notebooks/&.ipynb|g') && \
	  COSINES_OUTPUT="$(CURDIR)/build/test" $(PY) -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder \
	  --nbval --nbval-current-env --nbval-cell-timeout 3600 $$notebooks
	@echo "Testing the helper, and comparing regenerated with committed results:"
	@$(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests

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

# What the user typed, as one word for the shell: make and the shell leave $ and spaces alone.
typed  = '$(subst ','\'',$(value $(1)))'
option = $(if $(value $(2)),--$(1) $(call typed,$(2)))
audit: $(READY)  ## audit your own embeddings: make audit ITEMS=items.npy USERS=users.npy
	@test -n $(call typed,ITEMS) || { echo "Which file? make audit ITEMS=items.npy USERS=users.npy [TABLE=items.csv] [SCORE=dot|ranking|cosine] [ITEM_BIAS=file] [USER_BIAS=file] [OTHER=items2.npy] [OTHER_USERS=users2.npy] [CHOSEN=id,id] [OUT=folder]" >&2; exit 1; }
	@$(PY) -m cosines.audit $(call typed,ITEMS) $(call option,users,USERS) $(call option,table,TABLE) $(call option,score,SCORE) \
	  $(call option,item-bias,ITEM_BIAS) $(call option,user-bias,USER_BIAS) $(call option,other,OTHER) \
	  $(call option,other-users,OTHER_USERS) $(call option,chosen,CHOSEN) $(call option,out,OUT)

movielens: $(READY)  ## run notebook 12 on another release: make movielens COSINES_DATA=ml-1m.zip
	@test -e "$(COSINES_DATA)" || { echo "Which release? make movielens COSINES_DATA=folder-or-zip, got '$(COSINES_DATA)'" >&2; exit 1; }
	@name=$$(basename "$(COSINES_DATA)") && folder=$$(cd "$$(dirname "$(COSINES_DATA)")" && pwd) && \
	  stamp="build/movielens-$${name%.zip}.stamp" && \
	  $(PY) tools/execute.py notebooks/12-movielens.ipynb "$$stamp" "data=$$folder/$$name" || { cat build/movielens-*.failed 2>/dev/null; exit 1; }

words: $(READY)  ## run notebook 13 on another corpus: make words COSINES_CORPUS=text.txt [RATINGS=pairs.tsv]
	@test -f "$(COSINES_CORPUS)" || { echo "Which text? make words COSINES_CORPUS=text.txt [RATINGS=pairs.tsv], got '$(COSINES_CORPUS)'" >&2; exit 1; }
	@name=$$(basename "$(COSINES_CORPUS)") && stamp="build/words-$${name%%.*}.stamp" && mkdir -p build && \
	  $(PY) tools/count_words.py "$(COSINES_CORPUS)" "build/counts-$${name%%.*}.npz" && \
	  $(PY) tools/execute.py notebooks/13-human-judgement.ipynb "$$stamp" "counts=$(CURDIR)/build/counts-$${name%%.*}.npz" \
	    ratings="$(if $(RATINGS),$(abspath $(RATINGS)))" || { cat build/words-*.failed 2>/dev/null; exit 1; }

extras: $(READY)  ## install what more tests need: the libraries that the audit is tested on, a browser's driver
	@$(PY) -m uv pip install --quiet --require-hashes -r requirements-extras.lock

bench: $(READY)  ## time the helper against the pipeline one would write first, and more (minutes)
	@for script in pipeline stream solvers; do $(PY) benchmarks/$$script.py || failed=1; done; test -z "$$failed"

site: $(READY)  ## the page to drag, the write-up, its ledger, docs/ and the notebooks as HTML, into build/site
	@$(PY) tools/site.py build/site

reproduce-check: $(READY)  ## regenerate under many settings and compare the bytes: an hour or more; or QUICK=--quick
	@$(PY) tools/reproduce_check.py $(QUICK)

mutation-check: $(READY)  ## break code and results on purpose and see that `make test` notices (an hour or more)
	@$(PY) tools/mutation_check.py

COMPILE = $(PY) -m uv pip compile --quiet pyproject.toml --universal --upgrade --python-version 3.11 \
  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: $(READY)  ## renew both locks of packages from pyproject.toml
	$(COMPILE) --extra notebooks --extra bench -o requirements.lock
	$(COMPILE) --extra libraries --extra tables --extra browser --constraints requirements.lock -o requirements-extras.lock

clean:  ## remove the environment and everything else that can be made again
	rm -rf .venv build

# An environment that was made in another folder is no longer valid.
MOVED := $(shell test ! -f .venv/ready || pwd -P | cmp -s - .venv/ready || echo FORCE)
.venv/ready: requirements.lock requirements-data.lock pyproject.toml tools/make-environment $(MOVED)
	@sh tools/make-environment "$(PYTHON)"

build/active.ready: requirements.lock requirements-data.lock
	@$(PY) -c "import cosines, nbval, papermill" || { echo "The active environment lacks a package: conda env create -f environment.yml, then sh postBuild" >&2; exit 1; }
	@mkdir -p build && touch $@
