# Stipend. Only Python 3.11 (or newer) and make are needed; everything else is fetched into .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
RUN := .run
BIN := .venv/bin
# Checks and tests read the settings, which want a key; theirs protects nothing.
WITH_SERVICES := SECRET_KEY=for-tests-and-for-nothing-else-but-long-enough $(BIN)/python -m config.embedded $(RUN)/test --test --

.PHONY: help run test quick test-all test-browser lint types migrations format bench manage lock clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

run: .venv/.installed ## start everything: web, worker, beat, PostgreSQL, Redis (PORT=8000)
	@exec $(BIN)/python -m config.launch

test: lint migrations ## every check and test; the types are looked at beside the tests
	@$(MAKE) --no-print-directory -j2 types quick args="$(args)"

quick: .venv/.installed
	@$(WITH_SERVICES) $(BIN)/python -m pytest -n 2 -q $(args)

test-all: lint types migrations ## the same, with the slow tests
	@$(WITH_SERVICES) $(BIN)/python -m pytest -n 2 -q -m "" $(args)

test-browser: .venv/.installed ## what people do in a browser: needs chromium, or CHROMIUM=/path/to/one
	@$(WITH_SERVICES) $(BIN)/python -m pytest -q -m browser $(args)

lint: .venv/.installed ## style, format, and which app may import which
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Not formatted: make format"; exit 1; }
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }

types: .venv/.installed ## mypy, strictly
	@SECRET_KEY=for-types $(BIN)/mypy --no-error-summary .

migrations: .venv/.installed ## refuse models that no migration makes
	@$(WITH_SERVICES) $(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/.installed ## put the code into its form
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

bench: .venv/.installed ## measure ourselves beside the bare upstream
	@$(BIN)/python -m bench $(args)

manage: .venv/.installed ## a management command: make manage do="audit_ledger"
	@if [ -f $(RUN)/services.env ]; then exec $(BIN)/python manage.py $(do); fi; \
		export SECRET_KEY="$${SECRET_KEY:-by-hand}"; exec $(BIN)/python -m config.embedded $(RUN) -- $(BIN)/python manage.py $(do)

lock: .venv/.installed ## pin requirements/*.in with hashes (args=--upgrade for the newest)
	@for name in base dev prod; do $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 $(args) \
		--custom-compile-command "make lock" --output-file requirements/$$name.txt requirements/$$name.in || exit 1; done

clean: ## forget .run (its database too), caches and builds; .venv stays
	@for pointer in $(RUN)/elsewhere $(RUN)/*/elsewhere; do \
		if [ -L "$$pointer" ]; then rm -rf "$$(readlink "$$pointer")"; fi; done
	@rm -rf $(RUN) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# An environment that works is kept, whichever Python made it: a second one must not be laid over it.
.venv/.installed: requirements/dev.txt
	@if ! $(BIN)/python -c 'import pip, ssl, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		python="$(PYTHON)"; \
		"$${python:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
			echo "Stipend needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11"; exit 1; }; \
		echo "Making .venv with $$python …"; "$$python" -m venv --clear .venv; fi
	@echo "Fetching what Stipend needs into .venv (this once, about two minutes) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
