# The door to the hub on a machine that has nothing but Python 3.11 to 3.13 and make.

PYTHON ?=
BIN := .venv/bin

# What the tests or the bench are given besides, for instance: make test ARGS="-k money"
ARGS ?=

.PHONY: help run demo install test bench clean always
.DEFAULT_GOAL := help

help: ## Say what can be made
	@echo "make run      start the hub at http://localhost:6543, with all it needs; Ctrl-C stops it"
	@echo "make demo     show the whole way into QuickBooks in a sandbox"
	@echo "make test     run all tests"
	@echo "make bench    measure how fast the hub is, and write it into bench/README.md"
	@echo "make install  install the hub and its tools into .venv"
	@echo "make clean    remove .venv and what tools left behind; var/ and its data stay"
	@echo
	@echo "PYTHON=/path/to/python3.12 chooses the Python that .venv is made with."

run: $(BIN)/.installed
	@exec $(BIN)/hub run

demo: $(BIN)/.installed
	@exec $(BIN)/hub demo

install: $(BIN)/.installed-test

test: $(BIN)/.installed-test
	@found=; for name in chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null 2>&1 && found=1; \
	done; \
	[ -n "$$found" ] || echo "There is no Chromium here, so the browser tests are skipped."
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal -q $(ARGS)

bench: $(BIN)/.installed-test
	@exec $(BIN)/python -m bench $(ARGS)

clean:
	rm -rf .venv bench/.peers *.egg-info build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find hub tests alembic bench -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are renewed, and with them the installation, only when setup.py has changed.
$(BIN)/.installed: setup.py $(BIN)/.made
	@echo "Installing the hub into .venv; the first time takes a minute."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . || { \
		echo "The installation failed. It needs the Python package index; pip says why above."; exit 1; }
	@touch $@

$(BIN)/.installed-test: setup.py $(BIN)/.made
	@echo "Installing the hub and its tools into .venv; the first time takes a minute."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]' || { \
		echo "The installation failed. It needs the Python package index; pip says why above."; exit 1; }
	@touch $@ $(BIN)/.installed

# Tried in the order of what people expect: python3, then the newest. A .venv that works and
# lies where it was made is kept.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
$(BIN)/.made: $(if $(shell $(BIN)/python -c '' 2>/dev/null && grep -sxF '$(CURDIR)' $(BIN)/.made),,always)
	@if ! [ -w . ]; then \
		echo "This directory cannot be written. Copy the hub to one that can, and run make there."; exit 1; \
	fi; \
	if ! [ -e $@ ] && $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null; then echo '$(CURDIR)' > $@; exit 0; fi; \
	for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if $$python -c '$(SUPPORTED)' >/dev/null 2>&1; then \
			rm -rf .venv; \
			if $$python -m venv .venv; then echo '$(CURDIR)' > $@; exit 0; fi; \
			echo "$$python could not make .venv. On Debian and Ubuntu, install python3-venv first."; \
			rm -rf .venv; exit 1; \
		fi; \
	done; \
	echo "The hub needs Python 3.11, 3.12 or 3.13. Install one, or name it: make PYTHON=/path/to/python"; \
	exit 1

always:
