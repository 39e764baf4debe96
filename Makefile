# Segue: `make help` lists what can be done here. Every target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast lint type contract format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@echo "==> setting up $(VENV) (once; some minutes on a slow network)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Segue needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Way out: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "==> installing torch (CPU build)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	@echo "==> installing segue with everything it can use"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,ears,game,ports,dev]'
	@echo "==> making what the instruments need"
	@$(BIN)/segue instruments --prepare
	@mkdir -p .typing && ln -sfn .. .typing/segue
	@touch $@

install: $(STAMP)  ## set up .venv with all that Segue needs
	@echo "==> ready: $(BIN)/segue --help"

demo: $(STAMP)  ## play a real game and score it: leaves out/demo/
	@$(BIN)/segue demo

test: lint type contract  ## every check and every test
	@echo "==> tests"
	@$(BIN)/python -m pytest -n 2

test-fast: $(STAMP)  ## the tests that take no more than a few seconds each
	@$(BIN)/python -m pytest -n 2 -m "not slow"

lint: $(STAMP)
	@echo "==> ruff"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

type: $(STAMP)
	@echo "==> mypy (strict)"
	@$(BIN)/mypy

contract: $(STAMP)
	@echo "==> import contract"
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)  ## format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:  ## remove what the targets made (not the set-up)
	rm -rf build dist out runs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
