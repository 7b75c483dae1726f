# Two commands matter: `make demo` and `make test`. Each does its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OBJECTS := .venv-objects
LOCKS := requirements/bootstrap.txt requirements/dev.txt
# A file's tests stay together: they share a server, a database or a demo; the longest files come first by name.
# One worker more than there are cores, for while one waits for its PostgreSQL another can work.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
SIDE_BY_SIDE = -n $(WORKERS) --dist loadscope --no-loadscope-reorder

# Uncompiled bytecode makes every Airflow process start seconds later; uv follows the machine's certificates.
unexport PYTHONDONTWRITEBYTECODE
export UV_NATIVE_TLS := 1

.PHONY: help setup demo up down test lint check check-full check-objects bench mutants lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv from the locked, hashed requirements

$(STAMP): $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Deskledger needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "setup: making .venv (about 1 GB, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r requirements/dev.txt
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(STAMP)  ## resolve requirements/*.in again into hashed locks
	@for name in bootstrap runtime dev compose object_storage; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	    --custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt || exit 1; done

demo: $(STAMP)  ## three months of demo tickets through a real Airflow, to posted statements and reports
	@$(BIN)/deskledger demo

up: $(STAMP)  ## leave the UI on loopback, with the data that is there
	@$(BIN)/deskledger up

down:  ## stop what `make up` or `make demo` started, and only that
	@test ! -x $(BIN)/deskledger || $(BIN)/deskledger down

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/sqlfluff lint --disable-progress-bar sql

test: $(STAMP)  ## every test that needs nothing but Python: unit, golden, warehouse, DAGs, end to end
	@$(BIN)/python -m pytest -m "not full" $(SIDE_BY_SIDE)

check: lint test  ## lint, types, floors, SQL style, then the tests

check-full: $(STAMP)  ## what is slow or needs Debian packages (installs them; needs root on Debian)
	@.ci/debian-packages
	@$(BIN)/python -m pytest -m full
	@$(MAKE) --no-print-directory check-objects

check-objects: $(OBJECTS)/.installed  ## landing and evidence in object storage, in an environment of its own (part of check-full)
	@$(OBJECTS)/bin/python -m pytest tests/object_storage

$(OBJECTS)/.installed: requirements/object_storage.txt $(STAMP)
	@echo "setup: making $(OBJECTS), with what object storage takes"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(OBJECTS)
	@VIRTUAL_ENV="$(CURDIR)/$(OBJECTS)" $(BIN)/uv pip install --quiet --require-hashes -r requirements/object_storage.txt
	@touch $@

bench: $(STAMP)  ## speed and memory beside peers and floors, as ratios of one run
	@for name in business_time clocks servicenow_log warehouse_load ingest task_time; do \
	  echo "== benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit 1; done

mutants: $(STAMP)  ## mutation testing of the engine, an hour of a free core; MODULE=csat for one room (docs/mutation.md)
	@$(BIN)/python -m tests.mutation $(MODULE)

clean: down  ## stop everything and remove the state folder: the next demo starts from nothing
	@rm -rf .deskledger
