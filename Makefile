# Everything that a reader of the README is asked to type. GNU make and bash.
#
#   make run                                the quickstart
#   make test                               the tests that take seconds
#   make setup TORCH_INDEX=https://...      another build of torch (CPU, CUDA, ROCm)
#
# A setup is redone only when pyproject.toml or constraints.txt is newer than its stamp; while the
# stamps are fresh, no target touches the network.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The virtual environment, and the Python that makes it.
VENV ?= .venv
PYTHON ?= python3
# What pip installs first, and from which index (empty: pip's own). A wheel file will do too.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
# Versions of everything else; /dev/null for the newest. And what is installed to test with.
CONSTRAINTS ?= constraints.txt
EXTRA ?= dev
LOWEST ?= .venv-lowest
# Passed on: to `harness run`, to pytest, and to the benchmarks.
RUN_ARGS ?=
# What the quickstart ranks with, unless RUN_ARGS names other estimators.
ESTIMATORS ?= supernets,jacov,nwot,synflow
NAMED = $(findstring --estimators,$(RUN_ARGS))$(findstring --strategies,$(RUN_ARGS))$(findstring --config,$(RUN_ARGS))
PYTEST_ARGS ?= -n 2 --dist worksteal
BENCH_ARGS ?=

BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.stamp-run
DEV_STAMP := $(VENV)/.stamp-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help setup run test test-full test-lowest lint docs dist schema bench bench-compare ci clean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: $(DEV_STAMP) ## install the harness with its development tools into .venv (VENV=...)

run: $(RUN_STAMP) ## the quickstart: train, rank, report (more options: RUN_ARGS='...')
	$(BIN)/harness run --space nb201 $(if $(NAMED),,--estimators $(ESTIMATORS)) $(RUN_ARGS)

# One thread a process: two pytest workers with a thread pool each only get in each other's way.
test: export OMP_NUM_THREADS ?= 1
test: $(DEV_STAMP) ## the tests but the slow ones (PYTEST_ARGS='-k ranking')
	$(BIN)/python -m pytest -q -m "not slow" $(PYTEST_ARGS)

test-full: export OMP_NUM_THREADS ?= 1
test-full: $(DEV_STAMP) ## all tests, the slow ones too
	$(BIN)/python -m pytest -q $(PYTEST_ARGS)

$(LOWEST)/lowest.txt: pyproject.toml scripts/lowest.py
	@mkdir -p $(LOWEST)
	"$(PYTHON)" scripts/lowest.py > $@

test-lowest: $(LOWEST)/lowest.txt ## the tests with the lowest versions of the dependencies that are allowed
	$(MAKE) test VENV=$(LOWEST) CONSTRAINTS=$(LOWEST)/lowest.txt EXTRA=test

lint: $(DEV_STAMP) ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(DEV_STAMP) ## build the manual into build/site, and check its links
	$(BIN)/python scripts/manual.py

dist: $(DEV_STAMP) ## build the wheel and the source distribution into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build

schema: $(DEV_STAMP) ## write docs/reference/record.schema.json anew, after a change of the settings
	$(BIN)/python -c 'from harness.runs.record import render_schema; print(render_schema(), end="")' \
	  > docs/reference/record.schema.json

# One thread, as `harness run` gives a process. Each benchmark prints the ratio to its reference.
BENCH := $(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-autosave \
  --benchmark-storage=file://benchmarks/.benchmarks

bench: export OMP_NUM_THREADS ?= 1
bench: $(DEV_STAMP) ## time the hot paths; results pile up in benchmarks/.benchmarks
	$(BENCH) $(BENCH_ARGS)

bench-compare: export OMP_NUM_THREADS ?= 1
bench-compare: $(DEV_STAMP) ## the same, then how the ratios changed since they were last stored
	$(BENCH) $(BENCH_ARGS)
	@$(BIN)/python -m benchmarks.compare

ci: ## what CI does: a fresh environment, lint, tests, quickstart
	.ci/run

clean: ## remove caches and builds; results and the environment stay
	rm -rf build dist .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find harness $(wildcard tests benchmarks scripts) -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written last, after the imports were tried, and removed first: an interrupted or broken
# setup leaves none, and the next make starts it again.
# torch goes in before the rest and is then pinned to what was installed, so that the second pip
# cannot swap the build that was asked for.
$(RUN_STAMP): pyproject.toml $(CONSTRAINTS)
	@rm -f $(RUN_STAMP) $(DEV_STAMP)
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "make: '$(PYTHON)' was not found. Install Python 3.11 or later, or name one:" \
	    "make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1), the harness needs 3.11 or later." \
	    "Name another one: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: '$(PYTHON)' cannot make virtual environments (no venv or ensurepip)." \
	    "On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(PIP) install $(if $(TORCH_INDEX),--index-url "$(TORCH_INDEX)") "$(TORCH)"
	@{ sed '/^torch==/d' $(CONSTRAINTS); \
	  $(BIN)/python -c 'import importlib.metadata as m; print("torch==" + m.version("torch"))'; \
	} > $(VENV)/constraints.txt
	$(PIP) install -c $(VENV)/constraints.txt -e .
	@$(BIN)/python -c 'import harness, torch'
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@rm -f $@
	$(PIP) install -c $(VENV)/constraints.txt -e '.[$(EXTRA)]'
	@$(BIN)/python -c 'import pytest'
	@touch $@
