# Tidemark's doors. `make` lists them; the work of `setup` is in setup.sh, so that it can be read as a script.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup setup-test page run check test bench chaos histories searches contract soak lock clean

PY := .venv/bin/python
# Else every process compiles everything anew, and pytest rewrites 500 files' assertions in each of its workers.
export PYTHONDONTWRITEBYTECODE :=
FEED ?= simulated
PORT ?= 8000
NAME ?= throughput
HISTORIES ?= 10000
# Real data that is not part of the repository; tests that want it skip, saying so, where it is absent.
REFERENCE := $(firstword $(wildcard ../shared))
ifneq ($(REFERENCE),)
export TIDEMARK_REFERENCE ?= $(abspath $(REFERENCE))
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## everything installed and built, nothing started; afterwards .venv/bin/tidemark is the program
	@./setup.sh run

setup-test:
	@./setup.sh test

page: setup ## the web page built anew into api/page/dist
	@cd api/page && npm run --silent build

run: setup ## Kafka, worker, API and page with a simulated bank day; FEED=berka:DIR|none PORT=8000 ARGS=…
	@exec .venv/bin/tidemark up --feed "$(FEED)" --port "$(PORT)" $(ARGS)

check: ## format, lint, types and import directions, in seconds
	@.venv/bin/mypy & types=$$!  # as long as all the others together
	trap 'kill $$types 2>/dev/null || true' EXIT
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	(cd api/page && npm run --silent check)
	wait $$types

test: setup-test ## everything: check, page tests, and all tests with Kafka, PostgreSQL and Chromium
	@make check & checks=$$!
	trap 'kill $$checks 2>/dev/null || true' EXIT
	(cd api/page && npm test --silent)
	# Meanwhile pytest rewrites the assertions of all tests once; else each of its workers does.
	$(PY) -m pytest --collect-only -qqq >/dev/null 2>&1 || true  # what is wrong is said below
	wait $$checks
	failed=0
	# Tests that start no servers fill the cores, their stores in memory where it is ample (some 100 MB are written);
	# those that wait for brokers and browsers follow, two files at a time, each with a broker of its own.
	shm=$$(df --output=avail -k /dev/shm 2>/dev/null | tail -n1 || true)
	[ "$${shm:-0}" -lt 4000000 ] || memory=/dev/shm
	TMPDIR=$${memory:-$${TMPDIR:-/tmp}} $(PY) -m pytest -n auto --maxprocesses 4 -m "not kafka and not browser" $(PYTEST_ARGS) || failed=$$?
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "kafka or browser" tests/kafka tests/browser $(PYTEST_ARGS) || failed=$$?
	exit $$failed

bench: setup ## one benchmark, NAME=throughput
	@.venv/bin/tidemark bench "$(NAME)" $(ARGS)

chaos: setup-test ## kills of workers and broker during a feed, many rounds
	@CHAOS_KILLS=60 $(PY) -m pytest tests/kafka/test_worker.py tests/streams/test_partitions.py $(PYTEST_ARGS)

histories: setup-test ## 10,000 random histories of cases, on every core, some 20 minutes; HISTORIES=…
	@seq $$(nproc) | HISTORIES=$$(( ($(HISTORIES) + $$(nproc) - 1) / $$(nproc) )) TIDEMARK_HYPOTHESIS=search \
	  TMPDIR=$$(test -w /dev/shm && echo /dev/shm || echo $${TMPDIR:-/tmp}) xargs -P 0 -I{} \
	  $(PY) -m pytest -q --timeout=0 --hypothesis-seed={} tests/aggregates/test_cases_machine.py $(PYTEST_ARGS)

searches: setup-test ## random suites at length: ledgers, tampering, queries, archive, counterfactuals, rules, pivots, deliveries
	@LEDGER_PAIRS=100 LEDGER_HISTORIES=20 QUERY_EXAMPLES=1000 COUNTERFACTUAL_EXAMPLES=50 PIVOT_EXAMPLES=200 \
	  RULE_WATCH_EXAMPLES=1000 DELIVERY_EXAMPLES=300 ARCHIVE_KILLS=20 MUTATIONS=1000 MUTATIONS_POSTGRES=300 TIDEMARK_HYPOTHESIS=search $(PY) -m pytest -n auto --maxprocesses 4 --timeout=1500 \
	  tests/projections/ledgers tests/infra/test_tampering_sqlite.py tests/infra/test_tampering_postgres.py tests/infra/test_archive_store.py \
	  tests/streams/test_counterfactual_alerts.py tests/projections/test_rule_watch.py tests/infra/test_pivot.py \
	  tests/infra/test_deliveries_sender.py $(PYTEST_ARGS)

contract: setup-test ## schemathesis on the whole OpenAPI document at length, some twelve minutes
	@CONTRACT_EXAMPLES=50 TIDEMARK_HYPOTHESIS=search $(PY) -m pytest -q -s --timeout=3000 tests/api/test_contract_schemathesis.py $(PYTEST_ARGS)

soak: setup ## ten minutes under load, watching memory and lag; ARGS='--minutes 60'
	@.venv/bin/tidemark bench soak $(ARGS)

lock: ## requirements.lock anew from pyproject.toml, with hashes and no addresses
	@.venv/bin/uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --universal --python-version 3.11 --no-header --quiet --output-file requirements.lock

clean: ## remove what setup and the tools made; data directories stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info \
	  api/page/node_modules api/page/dist tests/client/node_modules tests/client/generated infra/kafka/target
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
