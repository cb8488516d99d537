# One command for each chore. Everything lives in .venv; nothing is installed elsewhere.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# How many test processes run at once.
JOBS ?= 2

.PHONY: help serve test test-deps system-deps compat-deps check coverage mutate format compat bench stall fuzz docs clean

help:
	@echo "make serve      serve S3 on 127.0.0.1:8080, data in ./s3gw-data (ARGS='--port 8000' for more)"
	@echo "make test       run the tests (ARGS='-k name' for some)"
	@echo "make check      style, types, import directions, the last coverage"
	@echo "make coverage   all tests, and which lines they run"
	@echo "make mutate     which changes of the core no test notices (ARGS=storage/ranges.py for one file)"
	@echo "make test-deps  install the system's tools that some tests use"
	@echo "make compat     run real S3 clients against the server"
	@echo "make bench      measure"
	@echo "make stall      the longest step of a worker's loop under the worst lawful input"
	@echo "make fuzz       feed a parser with bytes (ARGS='documents 300' for one, for so many seconds)"
	@echo "make format     write the code as ruff formats it"
	@echo "make docs       write docs/configuration.md and the map in docs/architecture.md from the code"
	@echo "make clean      remove what was made, but no data"

# Made anew only when the dependencies may have changed.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("s3gw needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	touch $@

serve: $(VENV)/installed
	$(BIN)/python -m s3gw serve $(ARGS)

test: $(VENV)/installed test-deps
	$(BIN)/python -m pytest tests -n $(JOBS) $(ARGS)

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if total=$$($(BIN)/coverage report --ignore-errors --format=total 2>/dev/null); then \
		echo "coverage: $$total % of the lines, in the last 'make coverage'"; \
	else \
		echo "coverage: not measured, see 'make coverage'"; \
	fi

# In the tests' own processes; servers that they start are not measured.
coverage: $(VENV)/installed test-deps
	$(BIN)/python -m pytest tests -n $(JOBS) --cov --cov-report=term:skip-covered $(ARGS)

mutate: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,mutate]'
	$(BIN)/python -m tests.mutation $(ARGS)

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compat: $(VENV)/installed compat-deps
	$(BIN)/python -m compat $(ARGS)

bench: $(VENV)/installed test-deps
	$(BIN)/python -m compat.bench $(ARGS)

stall: $(VENV)/installed
	$(BIN)/python -m tests.stall $(ARGS)

fuzz: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,fuzz]'
	$(BIN)/python -m tests.fuzz $(ARGS)

docs: $(VENV)/installed
	$(BIN)/python -m s3gw config docs > docs/configuration.md
	$(BIN)/python -m tests.rooms

# What tests need beside Python. A test whose tool is missing is skipped and says so, so failing to
# install is no failure; tools that are there already cost nothing. What else `make compat` needs of
# Debian it fetches and unpacks below .compat.
SYSTEM_TOOLS := strace:strace nginx:nginx-light wrk:wrk node:nodejs npm:npm valgrind:valgrind psql:postgresql pgbouncer:pgbouncer ip:iproute2
compat-deps: SYSTEM_TOOLS := node:nodejs npm:npm openssl:openssl curl:curl
test-deps: system-deps
	@$(PYTHON) -m compat.npm oidc-provider
	@$(PYTHON) -m compat.npm azurite
	@$(PYTHON) -m compat.programs hdfs

system-deps compat-deps:
	@packages=; for tool in $(SYSTEM_TOOLS); do \
		PATH=$$PATH:/usr/sbin command -v $${tool%%:*} >/dev/null || packages="$$packages $${tool##*:}"; \
	done; \
	if [ -z "$$packages" ]; then \
		:; \
	elif ! command -v apt-get >/dev/null; then \
		echo "No apt-get here; please install:$$packages"; \
	elif [ "$$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then \
		echo "Installing needs root; please run: sudo apt-get install$$packages"; \
	else \
		run=$$([ "$$(id -u)" -eq 0 ] || echo sudo); \
		{ $$run apt-get update --quiet && \
			$$run apt-get install --yes --quiet --no-install-recommends $$packages; } >/dev/null \
			|| echo "Not all could be installed ($$packages); the tests that need them are skipped."; \
	fi

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
