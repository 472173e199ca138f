# Everything happens in .venv, which the first target that needs it makes from Python alone.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready
PEERS := .venv-peers

.PHONY: labs test bench check page coverage mutants mutants-generated test-thorough fuzz peers clean

labs: $(READY)
	$(VENV)/bin/python -m scratch_rnn

test: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest  # one thread per worker: two workers share two cores

bench: $(READY)
	$(VENV)/bin/python -m benchmarks

check: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

page: $(READY)
	$(VENV)/bin/python -m scratch_rnn page

# Longer proofs.
coverage: $(READY)
	$(VENV)/bin/python -m coverage erase
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m coverage run -m pytest
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report

mutants: $(READY)
	$(VENV)/bin/python -m tests.mutants

mutants-generated: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m tests.generated_mutants

test-thorough: $(READY)
	HYPOTHESIS_PROFILE=thorough $(VENV)/bin/python -m pytest tests/test_parity.py tests/test_seq2seq.py \
		tests/test_rnn.py tests/test_lstm.py tests/test_gru.py \
		tests/test_gru_reset_before.py

fuzz: $(READY)
	$(VENV)/bin/python -m tests.fuzz

peers: $(PEERS)/ready
	$(PEERS)/bin/python -m tests.convert.record --check
	$(PEERS)/bin/python -m pytest tests/convert

clean:
	rm -rf $(VENV) $(PEERS) runs .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

$(PEERS)/ready: pyproject.toml constraints.txt tests/convert/peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --constraint constraints.txt \
		--requirement tests/convert/peers.txt --editable '.[dev]'
	touch $(PEERS)/ready
