# `make help` lists the commands. Settings: PYTHON (the interpreter of a new environment), VENV (its folder),
# ARGS (options handed on to the command), STAGES (which of the suite's stages `make test` runs; all by default).
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
STAGES ?=
PORT ?= 8000

PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: help lab test targets book serve bench clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' Makefile

lab: $(VENV)/lab.stamp ## Open the chapters in JupyterLab (ARGS=--no-browser: serve them, print the address)
	@exec $(PY) -m snnlab lab chapters $(ARGS)

test: $(VENV)/test.stamp ## Check everything: lint, types, unit tests, book, chapters, browser
	@$(PY) tools/suite.py $(STAGES)

targets: $(VENV)/test.stamp ## Print every published number beside what its test measures
	@$(PY) tests/targets.py $(ARGS)

book: $(VENV)/test.stamp ## Build the site into _build/html
	@$(PY) tools/book.py

serve: ## Serve the built site on http://127.0.0.1:8000 (PORT=...)
	@$(PYTHON) tools/serve.py $(PORT)

bench: $(VENV)/lab.stamp ## Print the table of speeds (ARGS: its options)
	@NPROC=$${NPROC-1} $(PY) -m benchmarks $(ARGS)

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) _build dist .pytest_cache .ruff_cache

# A stamp is younger than the files that decide what is installed, so a second `make lab` installs nothing. The lab
# needs only the extras `lab` and `units`; the tests need all.
$(VENV)/lab.stamp: pyproject.toml constraints.txt | $(PY)
	@echo "installing snnlab and JupyterLab into $(VENV) ..."
	@$(INSTALL) '.[lab,units]'
	@touch $@

$(VENV)/test.stamp: pyproject.toml constraints.txt | $(PY)
	@echo "installing snnlab with everything its tests and its book need into $(VENV) ..."
	@$(INSTALL) '.[lab,book,test,units]'
	@touch $@ $(VENV)/lab.stamp

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "snnlab needs Python 3.11 or newer and this is %d.%d: make PYTHON=python3.13, say" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)
