# Everything a person does with the study; `make` alone lists it.
# The first use of a target sets up what it needs, later uses find it there.

# Which Python the environment is made with, such as python3.12; empty means any that fits.
PYTHON ?=
VENV ?= .venv
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || sysctl -n hw.ncpu)
# The maintainers' tool behind `make lock`; `make lock UV=uv` takes one that is already there.
UV ?= $(VENV)/uv/bin/uv
# Options of the benchmarks, such as BENCH="--only step"; PYTORCH=no goes without PyTorch.
BENCH ?=
PYTORCH ?= yes

study := requirements.txt
all := requirements.txt requirements-dev.txt

make_environment = sh scripts/make_environment.sh
# Jobs run the `python` that comes first in PATH, so the environment has to be there.
in_venv = PATH="$$(cd "$(VENV)/bin" && pwd):$$PATH"
# What an interrupted run has left half-made is made again.  Greedy: the highest priority first,
# without a linear program to be solved for each job that ends.
snakemake = $(in_venv) snakemake --cores $(CORES) --rerun-incomplete --scheduler greedy

.DEFAULT_GOAL := help
# One environment and one working directory; Snakemake itself runs jobs side by side.
.NOTPARALLEL:
.PHONY: help setup slurm ready ready-all ready-test ready-bench report quick progress test test-all \
	bench lint format lock clean distclean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Settings: CORES=4 (jobs at a time), PYTHON=python3.12, VENV=.venv"

setup: packages := $(study)
setup: ## install what the study needs, or repair it; instant when all is there
	@sh scripts/install_system_packages.sh apt.txt
	@$(make_environment) "$(VENV)" "$(PYTHON)" $(packages)
	@echo "Ready: $$("$(VENV)/bin/python" --version) in $(VENV). Next: make quick, or make report"

slurm: ## also install what submits the study to a SLURM cluster, see docs/scaling.md
	@$(MAKE) --no-print-directory setup packages="$(study) requirements-slurm.txt"

# System packages are looked at by `make setup` and the first time only: where they cannot be
# had, nobody wants to read about it, or wait for it, before every report.
ready:
	@$(make_environment) --check "$(VENV)" "$(PYTHON)" $(study) || \
		$(MAKE) --no-print-directory setup
ready-all:
	@$(make_environment) --check "$(VENV)" "$(PYTHON)" $(all) || \
		$(MAKE) --no-print-directory setup packages="$(all)"
# Tests fail without system packages, so these are looked at each time, which is instant.
# What could not be had is not tried again, until .venv is made anew: the tests themselves name it.
ready-test: ready-all
	@for list in apt apt-test; do \
		sh scripts/install_system_packages.sh --once "$(VENV)/.no-$$list" $$list.txt; done

report: ready ## run the whole study and write report/final.html and report/final.pdf
	@$(snakemake) report

quick: ready ## run a small version of it first: report/quick.html and report/quick.pdf
	@$(snakemake) report --configfile config/quick.yaml

progress: ## show how far a run in another terminal is
	@"$(VENV)/bin/python" scripts/show_progress.py

# Each takes a gigabyte; more than eight would only wait for the longest group of tests.
processes = -n $(CORES) --maxprocesses 8

test: ready-test ## run the tests that protect a change
	@$(in_venv) pytest $(processes)

test-all: ready-test ## run every test; installs SLURM for those that start a cluster
	@echo "Some of these tests start a SLURM cluster of one node, with the packages of apt-slurm.txt."
	@sh scripts/install_system_packages.sh --once "$(VENV)/.no-apt-slurm" apt-slurm.txt
	@$(in_venv) pytest $(processes) -m ""

# The peers are optional: whoever cannot be installed is told as not measured.
ready-bench: ready
	@$(make_environment) "$(VENV)/bench" "$(VENV)/bin/python" requirements-bench.txt || \
		echo "Going on without JAX."
	@[ "$(PYTORCH)" = no ] || "$(VENV)/bench/bin/python" -m pip install --quiet --no-input \
		--disable-pip-version-check -r requirements-pytorch.txt || echo "Going on without PyTorch."

bench: ready-bench ## measure speed, beside other frameworks, and write docs/performance.md
	@$(in_venv) python tests/benchmarks/run.py $(BENCH)

lint: ready-all ## check style, types and rules without changing anything
	@$(in_venv) ruff check --quiet --output-format concise
	@$(in_venv) ruff format --check --quiet
	@$(in_venv) snakefmt --check Snakefile workflow
	@$(in_venv) snakemake --lint
	@$(in_venv) mypy

format: ready-all ## format Python and rules, mend what can be mended
	@$(in_venv) ruff check --fix --exit-zero --quiet
	@$(in_venv) ruff format
	@$(in_venv) snakefmt Snakefile workflow

# The lock files hold versions and hashes, and no address: where packages come from is the
# business of the machine. The versions in workflow/envs/study.yaml follow them by hand; a test
# compares. Not after `ready`, because a lock that cannot be installed must be mendable.
compile = UV_CUSTOM_COMPILE_COMMAND="make lock" "$(UV)" pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url $(LOCK)

lock: $(filter $(VENV)/%,$(UV)) ## for maintainers: lock versions again, LOCK=--upgrade for newer ones
	@$(compile) requirements.in --output-file requirements.txt
	@$(compile) requirements-slurm.in --constraints requirements.txt --output-file requirements-slurm.txt
	@$(compile) requirements-dev.in --constraints requirements.txt --output-file requirements-dev.txt
	@$(compile) requirements-bench.in --constraints requirements.txt --output-file requirements-bench.txt

$(VENV)/uv/bin/uv:
	@$(or $(PYTHON),python3) -m venv "$(VENV)/uv"
	@"$(VENV)/uv/bin/python" -m pip install --quiet --disable-pip-version-check uv

# By name, so that nothing a person has put into report/ goes with it.
clean: ## remove data, results, logs and reports; keep config/ and the environment
	rm -rf resources results logs .snakemake
	rm -f report/final.html report/final.pdf report/quick.html report/quick.pdf

distclean: clean ## also remove the environment and the tools' caches
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	@if [ -f "$(VENV)/pyvenv.cfg" ]; then echo 'rm -rf $(VENV)' && rm -rf "$(VENV)"; fi
