# What a developer types. `make` alone prints this list; every target installs what it needs.
#
# Needed on the machine: Python >= 3.11 with venv, git, make, and the package registries.
# PYTHON=python3.12 chooses the interpreter, ARGS="-k sse -x" is passed on to the tool.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
UV := $(BIN)/uv
# Compiled here, for where PYTHONDONTWRITEBYTECODE is set: every start would compile all modules again (2 s).
PIP_INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	--exclude-newer "7 days" $(if $(UPGRADE),--upgrade)
NODE := $(BIN)/python -m tools.node
FLOW_NODE := tests/flow/node
AGENTS_NODE := tests/agents/node

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo serve test lint types format bench crash test-agents lock upgrade map clean

help: ## Print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Emulated providers, 30 days of a simulated company, live calls: all on 127.0.0.1:4180
	$(BIN)/outlay demo $(ARGS)

serve: $(VENV)/.runtime ## The gateway alone, configured by the environment
	$(BIN)/outlay serve $(ARGS)

test: $(VENV)/.dev $(FLOW_NODE)/node_modules/.installed ## Every test but the large agents' (the real SDKs included)
	$(BIN)/pytest -n auto --dist loadfile $(ARGS)

lint: $(VENV)/.dev ## Style, format and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev ## Static types, strictly
	$(BIN)/mypy

format: $(VENV)/.dev ## Put every file into the one format
	$(BIN)/ruff format

bench: $(VENV)/.dev ## Speed and fairness of the gateway (see bench/README.md)
	$(BIN)/python -m bench $(ARGS)

crash: $(VENV)/.dev ## 200 kills with 1 and with 4 workers; figures go to bench/results
	OUTLAY_CRASH_KILLS=200 OUTLAY_CRASH_SEED=$$(date +%s) OUTLAY_CRASH_RESULT=bench/results/crash-$$(date +%F).jsonl \
		$(BIN)/pytest tests/crash $(ARGS)

test-agents: $(VENV)/.dev $(AGENTS_NODE)/node_modules/.installed ## Claude Code and Codex finish a turn (large downloads)
	$(BIN)/pytest tests/agents -m agents $(ARGS)

lock: $(UV) ## Resolve every dependency into lock files (nothing younger than a week, no registry addresses)
	$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) pyproject.toml --constraint requirements/runtime.txt --extra postgres --group dev --output-file requirements/dev.txt
	$(COMPILE) --group build --output-file requirements/build.txt
	$(MAKE) $(VENV)/.dev
	$(NODE) npm $(if $(UPGRADE),update,install) --prefix $(FLOW_NODE) --package-lock-only --no-audit --no-fund
	$(NODE) npm $(if $(UPGRADE),update,install) --prefix $(AGENTS_NODE) --package-lock-only --no-audit --no-fund

upgrade: ## The same with every version as new as the cool-down allows
	$(MAKE) lock UPGRADE=1

map: $(VENV)/.dev ## Write the generated pages: map, decision records, settings, commands
	$(BIN)/python tools/map.py
	$(BIN)/python tools/reference.py

clean: ## Remove what these targets made (never a data directory)
	rm -rf $(VENV) $(FLOW_NODE)/node_modules $(AGENTS_NODE)/node_modules .mypy_cache .pytest_cache .ruff_cache dist

# --- environments ------------------------------------------------------------------------------------

$(UV): requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Outlay needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/build.txt
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(UV)
	$(PIP_INSTALL) --require-hashes -r requirements/runtime.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

%/node_modules/.installed: %/package-lock.json $(VENV)/.dev
	$(NODE) npm ci --prefix $* --no-audit --no-fund
	@touch $@
