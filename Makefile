# `make` sets up .venv and runs the experiment of config.yaml; `make help` lists the rest.

PYTHON ?= python3
CORES ?= all
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS := .venv-docs
SMK := Snakefile workflow/Snakefile $(wildcard workflow/rules/*.smk)
LOCKS := requirements.lock envs/torch.lock
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Jobs and tests run side by side, one core each: a math library that starts a thread per core in
# every one of them would only slow them down.
export OMP_NUM_THREADS ?= 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := all
.PHONY: all setup test test-slurm test-install test-containers lint style types format status benchmark docs docs-serve docs-lock clean lock help

all: setup ## set up, then train, evaluate and report everything that config.yaml names
	$(BIN)/snakemake --cores $(CORES) $(ARGS)

setup: $(READY) ## create .venv from requirements.lock

$(READY): $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "fwp-lab needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot create virtual environments. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# Python compiles what is imported, once: all of it now would take longer.
	$(PIP) install --no-compile --require-hashes -r requirements.lock
	$(PIP) install --no-compile -r envs/torch.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@# Where the system has no C compiler, a Python package brings one for the CPU kernels.
	@command -v $(firstword $(CC)) > /dev/null || command -v gcc > /dev/null || command -v clang > /dev/null || \
	  { echo "No C compiler found: installing the one in the package ziglang"; \
	    $(PIP) install --require-hashes -r envs/ziglang.lock; }
	@touch $@

# Tests start Python hundreds of times; compiled once, modules are loaded in a fraction of the time.
test: export PYTHONDONTWRITEBYTECODE :=
# Types are checked beside them, in one thread: their own time would be half a minute of two cores.
# What they say comes last. Ctrl-C ends both; a shell's background jobs ignore it.
test: setup style ## lint, then run all tests
	@mkdir -p build
	@trap 'kill 0' INT; $(BIN)/pyright --project pyproject.toml > build/types.log 2>&1 & types=$$!; \
	echo $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS); \
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS); tests=$$?; \
	echo $(BIN)/pyright --project pyproject.toml; \
	wait $$types; types=$$?; cat build/types.log; exit $$((tests || types))

test-slurm: setup ## run grids on a Slurm within this machine, as root, some five minutes
	@tests/slurm/cluster.sh missing
	$(BIN)/python -m pytest -m slurm tests/slurm $(ARGS)

test-install: setup ## build wheel and sdist, and use them in a bare environment, some three minutes
	$(BIN)/python -m pytest -m install tests/environments $(ARGS)

test-containers: setup ## run a grid in a container, with podman, apptainer and conda where they are, some five minutes
	$(BIN)/python -m pytest -m containers -rs tests/environments $(ARGS)

lint: style types ## check style, spelling, types, imports and workflow

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache
	$(BIN)/snakefmt --check $(SMK)
	$(BIN)/snakemake --lint

types: setup
	$(BIN)/pyright --threads 2 --project pyproject.toml

format: setup ## bring all files into the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt $(SMK)

benchmark: setup ## measure the speed of ops and training steps, some ten minutes
	$(BIN)/snakemake --cores $(CORES) benchmark

status: setup ## show the grid as a board
	@$(BIN)/python -m fwp status

docs: $(DOCS)/.ready ## build the documentation site into build/site
	PYTHONPATH=docs:. $(DOCS)/bin/python -m builder

docs-serve: $(DOCS)/.ready ## show the documentation site at localhost:8000
	PYTHONPATH=docs:. $(DOCS)/bin/python -m builder --serve

docs-lock: setup ## renew envs/docs.lock from pyproject.toml
	$(PIP) install pip-tools
	@echo "# For the documentation site: see the Makefile." > $@.tmp
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["docs"], sep="\n")' | \
	  $(BIN)/pip-compile --quiet --strip-extras --no-header --no-annotate --allow-unsafe --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --output-file - - >> $@.tmp && mv $@.tmp envs/docs.lock

# The tools of the site have an environment of their own, without PyTorch.
$(DOCS)/.ready: envs/docs.lock
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r envs/docs.lock
	@touch $@

clean: ## delete all generated results
	rm -rf results .snakemake

lock: setup ## renew requirements.lock from pyproject.toml and envs/torch.lock
	$(PIP) install pip-tools
	$(BIN)/pip-compile --quiet --extra pipeline --extra slurm --extra text --extra dev --strip-extras --no-header --allow-unsafe \
	  --generate-hashes --constraint envs/torch.lock --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --output-file $@.tmp pyproject.toml
	@# PyTorch itself is left to envs/torch.lock; what every build of it needs is here.
	awk '/^[^ ]/ {torch = /^torch==/} !torch' $@.tmp > requirements.lock && rm $@.tmp

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Settings: PYTHON=$(PYTHON)  CORES=$(CORES)  ARGS=(more arguments of snakemake or pytest)"
