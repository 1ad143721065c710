.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 3
SECONDS ?= 300
SEED ?= 1
MINUTES ?= 30

.PHONY: help demo dev install test pythons fuzz chaos mutations check fix lock reference audit sbom

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## start everything in one process, with no servers, and show it
	@.ci/venv examples $(VENV)
	@exec $(BIN)/python -m examples.demo

dev: ## serve everything in one process, without RabbitMQ and Redis
	@.ci/venv examples $(VENV)
	@CALLBOARD_OPERATIONS=$${CALLBOARD_OPERATIONS:-examples.curation} exec $(BIN)/callboard dev

install: ## make the virtual environment for development, and install what the tests start
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tests.contract.node
	@.ci/install-servers

test: install ## run all tests in JOBS=3 processes; ARGS="-k lease -x" goes to pytest
	@$(BIN)/pytest -n $(JOBS) $(ARGS)

pythons: install ## start a plain installation on every Python that is here, from 3.11 on
	@.ci/pythons $(VENV)
	@$(BIN)/pytest -q tests/system/test_plain_installation.py $(ARGS)

fuzz: install ## send requests of all kinds to a server for SECONDS=300; finds nothing, or says what
	@$(BIN)/pytest -q tests/contract/test_fuzz.py --fuzz-seconds=$(SECONDS) $(ARGS)

chaos: install ## break an installation for MINUTES=30 by the plan of SEED=1, and judge what it did
	@$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(MINUTES) \
		--out var/chaos/$(SEED)-$$(date +%Y%m%dT%H%M%S) $(ARGS)

mutations: install ## take out one guard after another: each must be missed; ARGS="--only fence"
	@$(BIN)/python -m tests.chaos.mutations $(ARGS)

check: ## format, lint, types, layers, sizes, headers; changes nothing
	@.ci/venv dev $(VENV)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict --no-error-summary
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/python -m tools.sizes
	@$(BIN)/pytest -q -m check tests/unit tests/contract

fix: ## format, and mend what the linter can mend
	@.ci/venv dev $(VENV)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: ## ask whether advisories are known against what is locked; fails if nobody answers
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.audit

sbom: ## write dist/sbom.cdx.json, the bill of materials of what is locked
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.sbom dist/sbom.cdx.json

reference: ## write docs/reference/settings.md and problems.md anew from the code
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.settings_reference > docs/reference/settings.md
	@$(BIN)/python -m tools.problems_reference > docs/reference/problems.md

lock: ## resolve all locks anew, with hashes for all platforms
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.lock
