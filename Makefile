# Needs python3 (3.10 or newer) with venv, make and a package index; nothing else.
#   make demo    installs into .venv and animates a drawn character from a drawn actor's clip
#   make test    installs the test extras, checks style and types, runs the tests
#   make wheel-test   the wheel, from a whole source distribution, in a new environment: doctor, match, animate;
#                     PYTHON=python3.13 NEWEST=1 OPENCV=opencv-python as .ci/wheel-test says
#   make bench   measures speed, memory and accuracy; about an hour. BENCHMARKS="landmarks speed" runs only those
#   make bench-gpu   the large networks at full size with stand-in weights on a CUDA device
# On Linux without an NVIDIA GPU, TORCH_INDEX=https://download.pytorch.org/whl/cpu spares gigabytes of CUDA.
PYTHON ?= python3
TORCH_INDEX ?=
CHARACTER ?= examples/cat.png
DRIVING ?= examples/actor.mp4
WORKERS ?= 2
BENCHMARKS ?= landmarks ablations retarget driving_track warp speed waiting opencv features liveportrait mofa_nets mofa aniportrait
BENCHMARKS_GPU ?= features_gpu.py "liveportrait.py --gpu" mofa_nets.py mofa.py aniportrait.py

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# torch comes first and by its exact version, so that the build already chosen is kept by everything after it.
TORCH := torch==$(shell sed -n 's/^torch==//p' constraints.txt)

.DELETE_ON_ERROR:
COUNT ?= 2000
KILLS ?= 100
SEED ?= 1

.PHONY: demo test wheel-test fuzz check bench bench-gpu facexlib-side clean distclean

demo: .venv/.core
	@mkdir -p out
	$(BIN)/faceshot animate $(CHARACTER) --driving $(DRIVING) -o out/demo.mp4 --overwrite
	@echo "The video is $(CURDIR)/out/demo.mp4"

test: check facexlib-side
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

# Seeded: COUNT mutated files through every reader, then KILLS runs killed at random moments.
fuzz: .venv/.dev
	OMP_NUM_THREADS=1 PYTHONPATH=.:adapters:gallery $(BIN)/python -m tests.fuzz.fuzz --count $(COUNT) --seed $(SEED)
	OMP_NUM_THREADS=1 PYTHONPATH=.:adapters:gallery $(BIN)/python -m tests.fuzz.kill --count $(KILLS) --seed $(SEED)

wheel-test:
	PYTHON=$(PYTHON) TORCH_INDEX=$(TORCH_INDEX) .ci/wheel-test

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.dev
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python benchmarks/$$script.py || exit 1; done

bench-gpu: .venv/.dev
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then \
	for script in $(BENCHMARKS_GPU); do echo "== $$script"; $(BIN)/python benchmarks/$$script || exit 1; done; \
	else echo "no CUDA device here: nothing is measured"; fi

# facexlib needs a torchvision that breaks transformers, so its test has a folder of its own. Best effort: the test is
# skipped, with the reason, where this cannot be installed.
SIDE := .venv/facexlib-side
facexlib-side: .venv/.dev
	@test -f $(SIDE)/.done || ($(PIP) install -q --no-deps --upgrade --target $(SIDE) facexlib==0.3.0 filterpy==2.0.0 \
		numba==0.68.1 llvmlite==0.50.0 torchvision==0.28.0 && touch $(SIDE)/.done) \
		|| (rm -rf $(SIDE); echo "facexlib cannot be installed here; its test will be skipped")

clean:
	rm -rf out build dist .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "FaceShot needs Python 3.10 or newer, $(PYTHON) is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv

# The stamps: installing again only when the packaging changed.
.venv/.core: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -q -c constraints.txt $(TORCH) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	$(PIP) install -q -c constraints.txt -e '.[opencv]'
	@touch $@

.venv/.dev: .venv/.core
	$(PIP) install -q -c constraints.txt -e '.[dev]'
	@touch $@
