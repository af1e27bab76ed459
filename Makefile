# Everything builds what it needs: a virtual environment in .venv, made once and again when its inputs change.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
# The examples that `make demo` replays.
EXAMPLES := $(wildcard examples/captures/*.sse)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs check bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "streamfsm needs Python 3.10 or newer; say which with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' \
		|| { echo "this Python has no ensurepip; on Debian: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## replay the example captures, then one of them cut three ways
	@$(BIN)/python examples/demo.py

test: $(STAMP) ## run the tests, with branch coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

lint: $(STAMP) ## format check and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## type check
	$(BIN)/mypy

docs: $(STAMP) ## write the generated parts of the docs
	$(BIN)/python -m streamfsm.diagrams docs

check: lint types $(STAMP) ## all checks but the tests
	$(BIN)/python -m streamfsm.diagrams --check docs

bench: $(STAMP) ## run the benchmarks
	$(BIN)/python benchmarks/feed.py

clean: ## remove what was built
	rm -rf $(VENV) .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist build
