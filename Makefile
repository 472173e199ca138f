# Everything happens in .venv, which the first target that needs it makes from Python alone.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready

.PHONY: labs test bench check mutants clean

labs: $(READY)
	$(VENV)/bin/python -m scratch_rnn

test: $(READY)
	$(VENV)/bin/python -m pytest

bench: $(READY)
	$(VENV)/bin/python -m benchmarks

check: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

mutants: $(READY)
	$(VENV)/bin/python -m tests.mutants

clean:
	rm -rf $(VENV) runs .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)
