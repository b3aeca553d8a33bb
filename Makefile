# Everything on a fresh machine that has Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP_ARGS = --quiet --disable-pip-version-check -c constraints.txt
# Tests start many processes, which would each compile every file again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test thorough quick docs links lint wheel install clean

demo: install  ## teach a network from the simulated brain, and write the report
	$(BIN)/b2m-drive demo

test: $(VENV)/.dev  ## the tests that a change has to pass
	$(BIN)/pytest -n auto --dist worksteal -m "not thorough"

thorough: $(VENV)/.dev  ## all tests, those that look longer too, and more damaged files
	B2M_MUTANTS=40 $(BIN)/pytest -n auto --dist worksteal

quick: $(VENV)/.dev  ## the quick tests
	$(BIN)/pytest -n auto --dist worksteal -m "not slow and not thorough"

docs: $(VENV)/.dev  ## the site of the documentation, into build/site, every link of it followed
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/site
	$(BIN)/python scripts/check_site.py build/site

links: $(VENV)/.dev  ## asks for every address outside; needs the internet
	$(BIN)/sphinx-build -q -b linkcheck docs build/links

lint: $(VENV)/.dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(VENV)/.dev  ## sdist and wheel: built, looked into, used far from here
	$(BIN)/python scripts/check_wheel.py $(WHEEL_ARGS)

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_ARGS) torch
	$(BIN)/python -m pip install $(PIP_ARGS) -e ".[agents]"
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install $(PIP_ARGS) -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
