# Everything a contributor runs. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Bytecode is kept, whatever the environment says: a server is started some hundred times by the tests alone.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
PORT ?= 8080
DATA ?= ./data
ARGS ?=
# Test processes side by side: most tests wait, for a disk, a server or a clock. 0 is none, in this process.
WORKERS ?= 3

BIN := .venv/bin
STAMP := .venv/.installed
# TypeScript, which checks the page's types, runs on the node of .venv; npm brings it. Node trusts whom the system trusts,
# as pip does: behind a company's proxy it is needed.
NODE_STAMP := node_modules/.installed
WITH_NODE := NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(BIN):$$PATH"
SOURCES := $(wildcard src tests bench scripts examples)
# One writing of the options, so that both lock files are made alike and name no index and no machine.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

.PHONY: help setup run demo cluster test check format bench faults proto npm lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv and install everything locked; quick the second time
	@:

# The interpreter's version is checked first: a venv of an older one fails much later and obscurely.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Roost needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh scripts/install_venv.sh $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: setup ## serve on http://127.0.0.1:PORT with everything in DATA (PORT=8080 DATA=./data)
	@exec $(BIN)/roost serve --host 127.0.0.1 --port $(PORT) --data $(DATA) $(ARGS)

demo: setup ## a user goes offline, 10,000 messages arrive, the user returns
	@$(BIN)/python scripts/demo.py $(ARGS)

cluster: setup ## PostgreSQL, Redis, RabbitMQ, two nodes, a balancer; the demo across nodes (ARGS=--once ends with it)
	@sh scripts/install_servers.sh postgresql redis-server rabbitmq-server nginx-light
	@exec $(BIN)/python scripts/cluster.py --port $(PORT) $(if $(filter file,$(origin DATA)),,--data $(DATA)) $(ARGS)

test: setup ## all tests (ARGS='-k journal' chooses)
	@sh scripts/install_servers.sh
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

$(NODE_STAMP): package-lock.json | $(STAMP)
	@$(WITH_NODE) npm ci --silent --no-audit --no-fund --no-update-notifier
	@touch $(NODE_STAMP)

check: setup $(NODE_STAMP) ## format, lint, types, import rules, links in the docs
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(WITH_NODE) node_modules/.bin/tsc -p src/roost/web
	@$(WITH_NODE) node_modules/.bin/tsc -p src/roost/web/sdk
	@$(WITH_NODE) node_modules/.bin/tsc -p tests/web/types
	@$(BIN)/python scripts/check_docs.py

format: setup ## rewrite the sources as `check` wants them
	@$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: setup ## the benchmarks: a table, and JSON under bench/results
	@$(BIN)/python -m bench $(ARGS)

faults: setup ## the fault runs, long: kill -9 under load, 1,000 plans of chaos for the SDK, and the like
	@FAULTS=long $(BIN)/python -m pytest -m faults -o faulthandler_timeout=0 $(ARGS)

proto: setup ## regenerate roost_pb2.py from roost.proto
	@cd src && ../$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. roost/protocol/roost.proto

npm: setup $(NODE_STAMP) ## pack the browser SDK, with its .d.ts, as it goes to npm
	@mkdir -p dist
	@$(WITH_NODE) npm pack --silent --pack-destination dist ./src/roost/web/sdk

lock: setup ## resolve the dependencies anew (ARGS=--upgrade takes newer ones)
	@$(COMPILE) $(ARGS) -o requirements.lock pyproject.toml
	@$(COMPILE) $(ARGS) --constraint requirements.lock -o requirements-dev.lock pyproject.toml requirements-dev.in

clean: ## remove what setup and the tools made; DATA stays
	@rm -rf .venv node_modules src/roost/web/sdk/types .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
