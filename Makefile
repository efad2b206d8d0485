# Everything starts here, with Python 3.11+ and make.  `make help` lists the verbs.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
# Quiet, and never anything that is not pinned: see requirements/.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint bench bench-revocation bench-failover bench-scale pictures lock clean venv clients browser etcd pooler

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@echo '  Arguments are passed on: make run ARGS="--port 0", make test ARGS="-k sudo".  Another Python: PYTHON=python3.13'

run: .venv/.run ## start the demo world on 127.0.0.1:8080
	@exec $(BIN)/tallystick demo $(ARGS)

test: .venv/.dev clients browser etcd pooler ## all tests
	@exec $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: .venv/.dev ## rules, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/.dev ## the measurements that the documentation quotes
	@exec $(BIN)/python -m bench $(ARGS)

bench-revocation: .venv/.dev ## the long proof that what was revoked is accepted by nobody, on SQLite and on PostgreSQL (half an hour)
	@exec $(BIN)/python -m bench revocation revocation-postgresql

bench-failover: .venv/.dev ## the long proof that nothing is lost when a database fails (as root: it cuts networks)
	@exec $(BIN)/python -m bench failover

bench-scale: .venv/.dev ## what grows with the number of tokens, up to ten million, and with the number of nodes (half an hour)
	@exec $(BIN)/python -m bench scale

pictures: .venv/.dev clients browser ## new pictures of the console for docs/images
	@exec $(BIN)/python -m pytest -q tests/web/test_pages.py --pictures docs/images $(ARGS)

venv: .venv/.dev ## only make .venv, with everything in it

lock: .venv/.dev ## pin the newest versions that pyproject.toml allows
	$(LOCK) --group build --output-file requirements/run.txt pyproject.toml
	$(LOCK) --group dev --constraints requirements/run.txt --output-file requirements/dev.txt pyproject.toml
	cd tests/clients && npm install --package-lock-only --ignore-scripts --no-audit --no-fund
	@! grep -nE 'https?://|"resolved"|file:' requirements/*.txt || { echo "make lock: an address got into a lock file"; exit 1; }

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --extra server

clean: ## remove what make made (never the demo's data)
	rm -rf .venv tests/clients/node_modules build dist
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true


# Stamps: each is made once, and again when what it depends on is newer.

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo >&2 "Tallystick needs Python 3.11 or newer, and '$(PYTHON)' is" \
		"$$($(PYTHON) --version 2>/dev/null || echo 'not there'). Name another one: make PYTHON=python3.12"; exit 1; }
	@echo "Making .venv (once)"
	@$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/.run: .venv/.python requirements/run.txt pyproject.toml
	@echo "Installing what the server needs, pinned and hashed (once)"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	@echo "Installing what the tests need, pinned and hashed (once)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# The official Node clients, for tests/clients.  Without node the tests say what they skipped; this says it first.
clients:
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		$(MAKE) --silent --no-print-directory tests/clients/node_modules/.installed; \
	else \
		echo '************************************************************************************'; \
		echo '** node and npm are not here: the tests with the official npm clients (fastly and  **'; \
		echo '** @fastly/cli) will be SKIPPED.  To run them:                                     **'; \
		echo '**     apt-get install nodejs npm    or    brew install node                       **'; \
		echo '************************************************************************************'; \
	fi

# Chromium, for tests/web.  Without it the tests say what they skipped; this says it first.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo '************************************************************************************'; \
		echo '** Chromium is not here: the tests that use the console in a real browser will be **'; \
		echo '** SKIPPED.  To run them:                                                          **'; \
		echo '**     apt-get install chromium       or    brew install --cask google-chrome     **'; \
		echo '************************************************************************************'; \
	}

# etcd, for Patroni in tests/e2e.  Without it the test says that it is skipped; this says it first.
etcd:
	@command -v etcd >/dev/null || { \
		echo '************************************************************************************'; \
		echo '** etcd is not here: the test in which Patroni decides who is the primary will be  **'; \
		echo '** SKIPPED.  To run it:                                                            **'; \
		echo '**     apt-get install etcd-server     or    brew install etcd                     **'; \
		echo '************************************************************************************'; \
	}

# PgBouncer, for tests/pooler.py.  Without it the tests say what they skipped; this says it first.
pooler:
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v pgbouncer >/dev/null || { \
		echo '************************************************************************************'; \
		echo '** PgBouncer is not here: the tests with a pooler before PostgreSQL will be        **'; \
		echo '** SKIPPED.  To run them:                                                          **'; \
		echo '**     apt-get install pgbouncer      or    brew install pgbouncer                 **'; \
		echo '************************************************************************************'; \
	}

tests/clients/node_modules/.installed: tests/clients/package.json tests/clients/package-lock.json
	@echo "Installing the official npm clients and axe, pinned and hashed (once)"
	@cd tests/clients && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
