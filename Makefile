# `make demo` and `make test` are all a newcomer needs; both set everything up first.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_LINK_MODE ?= copy
export UV_SYSTEM_CERTS ?= true

.PHONY: help setup demo test test-fast campaign mutation bench lab lab-down lint generated lock clean
help:
	@echo 'make demo       set everything up and trade a day on a simulated exchange; the last line says what to type next'
	@echo '                BARS=FILE.parquet SECTORS=FILE.csv DAY=YYYY-MM-DD DAYS=N PROFILE=demo|stress STATE=DIR'
	@echo 'make lab        three throw-away systemd hosts on this machine, deployed and trading; make lab-down removes them'
	@echo 'make test       set everything up, check the style and run every test'
	@echo 'make test-fast  the unit and architecture tests alone'
	@echo 'make mutation   change the gates expression by expression and see that a test notices: some ten minutes'
	@echo 'make campaign   every date of 2025 and 2026 as timers would start it, and hosts under every fault: some two hours'
	@echo 'make bench      what this costs beside what people do instead, side by side; BARS=FILE.parquet for real bars'
	@echo 'make setup      the virtual environment in $(VENV), from the hash-locked requirements'
	@echo 'make generated  write again what is made from the policies: schema, reference, comments in config/'
	@echo 'make lock       resolve the requirements anew'
	@echo 'make clean      remove the environment and all caches; never a state directory'

setup: $(VENV)/READY

$(VENV)/READY: requirements/uv.lock requirements/dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo 'make setup: $(PYTHON) is missing (apt-get install python3)'; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'make setup: Python 3.11 or newer is needed (apt-get install python3)'; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo 'make setup: the venv module is missing (apt-get install python3-venv)'; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.lock
	$(BIN)/uv pip sync -q --python $(BIN)/python --compile-bytecode --require-hashes requirements/dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

PROFILE ?= demo
STATE ?= var/$(PROFILE)
demo: setup
	@$(BIN)/trader --config config/$(PROFILE).yaml --state '$(STATE)' day --fresh \
	  $(if $(BARS),--bars '$(BARS)') $(if $(SECTORS),--sectors '$(SECTORS)') \
	  $(if $(DAY),--date '$(DAY)') $(if $(DAYS),--days '$(DAYS)')
	@printf 'Next: $(BIN)/trader --config config/$(PROFILE).yaml --state %q status\n' '$(STATE)'

test: lint
	@command -v systemd-analyze >/dev/null || \
	  { echo 'make test: systemd-analyze is missing (apt-get install systemd)'; exit 2; }
	@command -v restic >/dev/null || { echo 'make test: restic is missing (apt-get install restic)'; exit 2; }
	$(BIN)/python -m pytest -n 2

lab: setup
	@$(BIN)/python -m tests.fleet.lab down >/dev/null 2>&1 || true # one that another program uses stays
	@$(BIN)/python -m tests.fleet.demo

lab-down: setup
	@$(BIN)/python -m tests.fleet.lab down
	@rm -f inventories/lab/connection.yml

test-fast: setup
	$(BIN)/python -m pytest -n 2 tests/unit tests/architecture

campaign: setup
	$(BIN)/python -m tests.campaigns.two_years
	$(BIN)/python -m tests.campaigns.fleet

mutation: setup
	tests/mutation/run.sh

bench: setup
	$(BIN)/python -m benchmarks $(if $(BARS),--bars '$(BARS)')

lint: setup
	@command -v git >/dev/null || { echo 'make test: git is missing (apt-get install git)'; exit 2; }
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .
	$(BIN)/mypy

generated: setup
	$(BIN)/python -m trader.settings

COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: setup
	$(COMPILE) pyproject.toml -o requirements/runtime.lock
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.lock
	$(COMPILE) requirements/uv.in -o requirements/uv.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
