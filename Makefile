# make run    opens the window, after setting up whatever is missing
# make test   checks style, imports and types, and runs all tests without a screen
# make bench  measures speed beside scikit-learn, hmmlearn and gensim (takes a few minutes)
# make soak   lets a monkey loose on the window: 2,000 random actions with each of 10 seeds
# make bench-ui  measures the window: its start, drawing, playing, memory
# make PYTHON=python3.12 run    takes another Python (3.11 or newer)

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := old-faithful

.PHONY: help run test lint types unit bench bench-ui soak format system clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

# em-explorer leaves with 2 when it finds no screen; then there is at least a film to look at.
run: NEED := window
run: .venv/.installed
	@$(BIN)/em-explorer; code=$$?; \
	if [ $$code -ne 2 ]; then exit $$code; fi; \
	echo "Rendering $(DEMO).gif instead."; \
	$(BIN)/em-explorer render $(DEMO) --out $(DEMO).gif && echo "Look at $(DEMO).gif."

# The kernels are compiled beside, once, and not in each of the tests' workers; without them the
# reference is tested all the same.
test: .venv/.installed-dev
	@nice -n 3 $(BIN)/em-explorer warm-up > /dev/null & kernels=$$!; \
	$(MAKE) --no-print-directory lint types unit; code=$$?; \
	kill $$kernels 2> /dev/null; exit $$code

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.installed-dev
	$(BIN)/mypy

# Two workers with one BLAS thread each: more would fight over two cores.
unit: .venv/.installed-dev
	QT_QPA_PLATFORM=offscreen OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# Alone on the machine it tells most; its table goes to tests/benchmarks/RESULTS.md.
bench: .venv/.installed-bench
	$(BIN)/python tests/benchmarks/bench.py

soak: .venv/.installed-dev
	QT_QPA_PLATFORM=offscreen OPENBLAS_NUM_THREADS=1 \
	$(BIN)/python -m tests.ui.monkey --seeds 10 --actions 2000

bench-ui: .venv/.installed-dev
	$(BIN)/python tests/benchmarks/bench_ui.py

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The stamps are younger than pyproject.toml when what it asks for is installed.
.venv/.installed: pyproject.toml | system
	@echo "Installing em_explorer into .venv (the first time takes a few minutes)"
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --editable .
	@touch $@

.venv/.installed-dev: pyproject.toml | system
	@echo "Installing em_explorer and its tools into .venv (the first time takes a few minutes)"
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --editable '.[dev]'
	@touch .venv/.installed $@

.venv/.installed-bench: pyproject.toml | system
	@echo "Installing em_explorer and its peers into .venv (the first time takes a few minutes)"
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --editable '.[bench]'
	@touch .venv/.installed $@

NEED := offscreen
system:
	@sh .ci/system-libraries $(NEED) $(PYTHON)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "em_explorer needs Python 3.11 or newer; this is %d.%d. Run: make PYTHON=python3.12 run" % sys.version_info[:2])'

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
