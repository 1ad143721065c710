.DEFAULT_GOAL := help
SHELL := /bin/sh
# Tests start hundreds of processes: with this set, each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 3
SECONDS ?= 300
SEED ?= 1
MINUTES ?= 30

.PHONY: help demo demo-curation demo-documents demo-literature demo-reconstruction dev install test coverage pythons fuzz chaos mutations check fix lock reference audit sbom

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## start everything in one process and run a real job
	@.ci/venv examples $(VENV)
	@exec $(BIN)/python -m examples.demo

demo-curation: ## start the curation operations, cluster genes and find what each cluster shares
	@.ci/venv examples $(VENV)
	@exec $(BIN)/python -m examples.demo_curation

demo-documents: ## start the document operations and parse a sample with a scanned page
	@.ci/venv documents $(VENV)
	@exec $(BIN)/python -m examples.demo_documents

demo-literature: ## start the literature operations, index made-up papers and search them
	@.ci/venv examples $(VENV)
	@exec $(BIN)/python -m examples.demo_literature

demo-reconstruction: ## start the reconstruction operation and turn a scan of a brain into a mesh
	@.ci/venv reconstruction $(VENV)
	@exec $(BIN)/python -m examples.demo_reconstruction

dev: ## serve everything in one process, without RabbitMQ and Redis
	@.ci/venv examples $(VENV)
	@CALLBOARD_OPERATIONS=$${CALLBOARD_OPERATIONS:-examples.curation} exec $(BIN)/callboard dev

install: ## create the development environment and install the test servers
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tests.contract.node
	@.ci/install-servers

test: install ## run all tests in JOBS=3 processes; ARGS="-k lease -x" is passed to pytest
	@$(BIN)/pytest -n $(JOBS) $(ARGS)

pythons: install ## start a plain installation on every installed Python from 3.11 to 3.14
	@.ci/pythons $(VENV)
	@$(BIN)/pytest -q tests/system/test_plain_installation.py $(ARGS)

coverage: install ## run all tests and fail below the floor of lines and branches
	@$(BIN)/pytest -n $(JOBS) --cov --cov-report=term $(ARGS)

fuzz: install ## fuzz a server for SECONDS=300 and report what breaks
	@$(BIN)/pytest -q tests/contract/test_fuzz.py --fuzz-seconds=$(SECONDS) $(ARGS)

chaos: install ## inject faults into an installation for MINUTES=30 with SEED=1, and check its history
	@$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(MINUTES) \
		--out var/chaos/$(SEED)-$$(date +%Y%m%dT%H%M%S) $(ARGS)

mutations: install ## remove one guard at a time; each removal must be detected; ARGS="--only fence"
	@$(BIN)/python -m tests.chaos.mutations $(ARGS)

check: ## check format, lint, types, layers, sizes, headers; changes nothing
	@.ci/venv dev $(VENV)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict --no-error-summary
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/python -m tools.sizes
	@$(BIN)/pytest -q -m check tests/unit tests/contract

fix: ## format the code and apply the linter's fixes
	@.ci/venv dev $(VENV)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: ## check the locked packages for known vulnerabilities; fails if no service answers
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.audit

sbom: ## write dist/sbom.cdx.json, a bill of materials of the locked packages
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.sbom dist/sbom.cdx.json

reference: ## generate the reference pages and the client's types from the code
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.settings_reference > docs/reference/settings.md
	@$(BIN)/python -m tools.problems_reference > docs/reference/problems.md
	@$(BIN)/python -m tools.log_events_reference > docs/reference/log-events.md
	@$(BIN)/python -m tools.client_types > client/answer_types.py
	@$(BIN)/ruff format --quiet client/answer_types.py

lock: ## resolve all lock files again, with hashes for all platforms; ARGS=--keep keeps versions
	@.ci/venv dev $(VENV)
	@$(BIN)/python -m tools.lock $(ARGS)
