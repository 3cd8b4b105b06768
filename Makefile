# Two commands do everything: `make book` and `make test`. Each step leaves a stamp, so that a second run
# repeats only what changed. VENV and PYTHON may be set: `make test VENV=/some/where PYTHON=python3.12`.

PYTHON ?= python3
VENV   ?= .venv

BIN       := $(VENV)/bin
PY        := $(BIN)/python
ENV_STAMP := $(VENV)/.installed

# Notebooks that are tested side by side: as many as there are cores for their threads.
NOTEBOOK_WORKERS ?= 2

# What the benchmark measures, and what the pages show. A change in either runs just what stands on it.
RECORDS     := runs/pocket.jsonl
BENCH_STAMP := runs/.benchmarked
BOOK_STAMP  := _build/.book
FRESH_STAMP := _build/.fresh
HTML        := _build/html/index.html
EPUB        := _build/epub/speculative-decoding.epub
CHROMIUM    := $(PY) book/_ext/chromium.py

py_files = $(shell find $(1) -name '*.py' 2>/dev/null)
files    = $(shell find $(1) -type f -not -path '*/__pycache__/*' 2>/dev/null)

ENGINE   := $(call py_files,$(addprefix specdec_lib/,utils profiling data models decoding bench))
LIBRARY  := $(call py_files,specdec_lib)
DATA     := $(call files,data/models data/prompts)
RESULTS  := $(call files,data/results)
CHAPTERS := $(wildcard notebooks/*.ipynb)
BUILDER  := _config.yml $(call py_files,book/_ext)
PROSE    := _toc.yml CHANGELOG.md $(call files,book)

# One environment, whatever the shell had: no user site-packages, no stray kernels, no question asked.
unexport PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE := 1
export JUPYTER_PREFER_ENV_PATH := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TOKENIZERS_PARALLELISM := false

# Threads that wait for each other sleep soon: tests and kernels run side by side, and one that spins takes the
# core that the thread it waits for needs.
export GOMP_SPINCOUNT ?= 10000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help env book epub test lint unit notebooks strangers browser bench figure traces lab clean distclean

help: ## what can be done
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

book: $(BOOK_STAMP) ## the book: benchmark the embedded pair, execute the chapters, build the pages
	@echo "== the book is at $(CURDIR)/$(HTML)"

epub: $(EPUB) ## the book for e-readers; figures and formulas are drawn by a Chromium
	@echo "== the book for e-readers is at $(CURDIR)/$(EPUB)"

test: lint unit notebooks browser ## everything that must hold before a commit
	@echo "== all checks passed"

lint: $(ENV_STAMP) ## ruff, import-linter and codespell
	@echo "== linters"
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/codespell

unit: $(ENV_STAMP) ## pytest on the library
	@echo "== tests of the library"
	$(PY) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

notebooks: $(ENV_STAMP) ## nbval: every chapter runs, and its stored outputs still hold
	@echo "== notebooks against their stored outputs"
	$(PY) -m pytest -n $(NOTEBOOK_WORKERS) --dist loadfile --nbval --nbval-current-env -p no:cacheprovider notebooks --ignore=notebooks/bench

strangers: $(ENV_STAMP) ## every chapter with pairs that nobody has seen, through papermill
	$(PY) -m pytest -n 2 -m chapters tests/test_chapters.py

# Without a Chromium the rest of `make test` still means something, so a user is told and goes on; where
# SPECDEC_BROWSER is "required", as in .ci/run, it is a failure.
browser: $(ENV_STAMP) ## every page of the built book, and the EPUB, in a headless Chromium
	@echo "== the book in a browser"
	@if $(CHROMIUM) >/dev/null; then \
	  $(MAKE) --no-print-directory $(BOOK_STAMP) $(EPUB) && $(PY) -m pytest -n 2 -m browser tests/browser; \
	else test "$$SPECDEC_BROWSER" != required && echo "== not tested in a browser"; fi

bench: $(BENCH_STAMP) ## measure the embedded pair; records are appended to runs/pocket.jsonl

figure: $(ENV_STAMP) ## draw the landing figure anew, from the recorded runs
	$(PY) book/figures/landing.py data/results/pocket.jsonl book/_static/landing.svg

traces: $(ENV_STAMP) ## record anew what the step-through shows
	$(PY) book/figures/traces.py data/results/traces.jsonl

lab: $(ENV_STAMP) ## JupyterLab on copies of the chapters, in runs/lab
	@$(PY) book/lab/copies.py runs/lab
	JUPYTER_CONFIG_PATH=$(CURDIR)/book/lab $(BIN)/jupyter lab --ServerApp.root_dir=$(CURDIR)/runs/lab $(LAB_OPTIONS)

env: $(ENV_STAMP) ## the environment: .venv with the pinned versions

$(ENV_STAMP): pyproject.toml constraints.txt
	@echo "== environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Set PYTHON=.")'
	@$(PY) -m pip --version 2>/dev/null || $(PYTHON) -m venv $(VENV) || { : 'a Python without ensurepip, but with pip' && \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(PY) install pip; }
	$(PY) -m pip install "$$(grep '^torch==' constraints.txt)"
	$(PY) -m pip install -c constraints.txt hatchling editables
	$(PY) -m pip install -c constraints.txt --no-build-isolation -e '.[dev]'
	$(PY) -m pip check
	@touch $@

$(BENCH_STAMP): $(ENV_STAMP) $(ENGINE) $(DATA) notebooks/bench/benchmark_pair.ipynb
	@echo "== benchmark of the embedded pair, through papermill"
	$(BIN)/specdec bench --pair pocket --output $(RECORDS)
	@mkdir -p $(@D) && touch $@

# The execution cache sees the notebooks' own code only, and Sphinx the pages' own text, so a change in
# what they stand on clears both.
$(FRESH_STAMP): $(BENCH_STAMP) $(LIBRARY) $(DATA) $(RESULTS) $(BUILDER)
	rm -rf _build
	@mkdir -p $(@D) && touch $@

# A failed build forgets what it read: else the next one would pass over the page that was at fault.
$(BOOK_STAMP): $(FRESH_STAMP) $(CHAPTERS) $(PROSE)
	@echo "== book: execute the chapters, build the pages, warnings are errors"
	$(BIN)/jupyter-book build . -n -W --keep-going || { rm -rf _build/.doctrees; exit 1; }
	@touch $@

$(EPUB): $(BOOK_STAMP)
	@echo "== the book for e-readers: figures as pictures, formulas as MathML"
	@$(CHROMIUM) >/dev/null
	rm -rf $(@D)
	$(BIN)/jupyter-book build . -n -W --keep-going --builder custom --custom-builder epub || { rm -rf $(@D); exit 1; }

clean: ## drop the built book
	rm -rf _build

distclean: clean ## drop the environment too, and measure again next time (records are kept)
	rm -rf $(VENV) $(BENCH_STAMP)
