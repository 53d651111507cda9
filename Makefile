# SPDX-License-Identifier: LGPL-3.0-or-later
# `make demo` and `make test` set themselves up; Debian's python3 (3.11), pip, make and gcc suffice.
# Nothing is taken from an environment that happens to be active.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
SEED ?=
SEEDS ?= 2000
WORLD ?=
SECONDS ?= 600
CASE ?=
# A range of seeds begins here; a file of finished pieces, so that a long run can be taken up again.
FROM ?= 0
PIECES ?=
SAMPLE ?= 400
# Mutants at a time.
JOBS ?= 2
# Processes that share the tests, a file each: half of a test's time is waiting.
WORKERS ?= 3
# The tests of the pure rooms, which `make test` runs once: in `make coverage`.
MEASURED := tests/stories tests/unit/protocol tests/unit/coordinator/core tests/unit/participant/core

.PHONY: all demo unit test test-flux coverage mutants lint types arrows check bench simulate explore diagrams man clean

all: test

# --without-pip: Debian splits ensurepip off; the system's pip installs into the venv instead.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[dev]' --config-settings editable_mode=compat
	touch $@

demo: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)
	$(BIN)/mypy

arrows: $(STAMP)
	$(BIN)/lint-imports

check: lint types arrows

# What needs no process but this one, properties on a fifth of their examples: seconds.
unit: $(STAMP)
	QUICK=1 $(BIN)/python -m pytest -q tests/unit tests/stories tests/conformance

test: check coverage
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(addprefix --ignore=,$(MEASURED))

# Against a real flux-core: FLUX_CORE=/path/to/flux, or on PATH.  Without one it fails.
test-flux: $(STAMP)
	FLUX_DEMANDED=1 $(BIN)/python -m pytest tests/fluxcore

# Every branch of the pure rooms is taken by their unit tests, a story, or a short simulation.
coverage: $(STAMP)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q $(MEASURED) tests/documents/test_diagrams_and_links.py
	$(BIN)/coverage run --append -m tests.simulation --seeds 300 --jobs 1
	$(BIN)/coverage report

# One line wrong at a time: SAMPLE mutants that SEED draws.  What was tried is in mutants.jsonl, and is
# not tried again; AGAIN=1 tries what survived.  AT=FILE:LINE: every mutant of that line instead.
# QUICK=1 has unit tests and stories only: a first look.
mutants: $(STAMP)
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[mutants]' --config-settings editable_mode=compat
	nice $(BIN)/python -m tests.mutation --seed $(or $(SEED),1) --sample $(SAMPLE) \
		--jobs $(JOBS) $(if $(AT),--at $(AT)) $(if $(QUICK),--quick) $(if $(AGAIN),--again)

simulate: $(STAMP)
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(FROM) \
		$(if $(PIECES),--pieces $(PIECES)))

# Every interleaving of the small worlds and of the large ones, each for at most SECONDS.
explore: $(STAMP)
	$(BIN)/python -m tests.exploration --seconds $(SECONDS) $(if $(WORLD),--world "$(WORLD)")

# Timings as ratios to a floor measured in the same run; bench.json has them too.
bench: $(STAMP)
	$(BIN)/python -m tests.bench $(if $(CASE),--case "$(CASE)")

# Writes the manual pages anew, of the parsers and of docs/.
man: $(STAMP)
	$(BIN)/python -m cli.manual man

# Draws the state diagrams of docs/design.md anew.
diagrams: $(STAMP)
	$(BIN)/python -m coordinator.core.diagrams < docs/design.md > docs/design.md.new
	mv docs/design.md.new docs/design.md

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .coverage .ruff_cache .pytest_cache .hypothesis
