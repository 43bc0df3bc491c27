# Everything a person does with the study; `make` alone lists it.
# The first use of a target sets up what it needs, later uses find it there.

# Which Python the environment is made with, such as python3.12; empty means any that fits.
PYTHON ?=
VENV ?= .venv
# Which study `make report` runs and `make new` makes; the one that `make new` copies.
STUDY ?=
FROM ?= digits
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || sysctl -n hw.ncpu)
# What `make lock` runs: the uv that also installs; `make lock UV=uv` takes one that is already there.
UV ?= $(VENV)/bin/uv
# Options of the benchmarks, such as BENCH="--only step"; PYTORCH=no goes without PyTorch.
BENCH ?=
PYTORCH ?= yes
# What `make compare` compares, and the page that it writes.
A ?=
B ?=
PAGE ?= report/comparison.html

study := requirements/study.txt
all := requirements/study.txt requirements/dev.txt
# An environment with TensorFlow's build for GPUs keeps it: the last lock file is what is installed,
# and this one holds all others.
gpu := $(if $(shell grep -s gpu.txt "$(VENV)/.setup-stamp"),requirements/gpu.txt)

make_environment = sh scripts/make_environment.sh
# Jobs run the `python` that comes first in PATH, so the environment has to be there.
in_venv = PATH="$$(cd "$(VENV)/bin" && pwd):$$PATH"
# The lock of a killed run is removed in a separate shell: the one that runs Snakemake would itself
# be taken for a run.
unlock = sh scripts/unlock.sh
snakemake = $(in_venv) snakemake --cores $(CORES)

.DEFAULT_GOAL := help
# One environment and one working directory; Snakemake itself runs jobs side by side.
.NOTPARALLEL:
# Modules of another installation must not get in the way of the environment's, here or in jobs.
unexport PYTHONPATH PYTHONHOME
# Where programs cannot keep their caches in the home folder, they keep them here.
home_caches = "$${XDG_CACHE_HOME:-$$HOME/.cache}"
ifneq ($(shell [ -n "$$HOME" ] && mkdir -p $(home_caches) 2>/dev/null && [ -w $(home_caches) ] && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/caches
export MPLCONFIGDIR := $(XDG_CACHE_HOME)/matplotlib
endif
.PHONY: help setup slurm lsf kubernetes gpu ready ready-all ready-test ready-bench report new quick \
	compare named predict test test-faults test-all bench audit lint hooks format \
	docs schemas lock clean distclean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Settings: CORES=4 (jobs at a time), PYTHON=python3.12, VENV=.venv"
	@echo "Parts of a study: snakemake --list-target-rules (first: . $(VENV)/bin/activate)"

setup: packages := $(study)
setup: ## install what the study needs, or repair it
	@sh scripts/install_system_packages.sh requirements/apt.txt
	@$(make_environment) "$(VENV)" "$(PYTHON)" $(packages) $(gpu)
	@echo "Ready: $$("$(VENV)/bin/python" --version) in $(VENV). Next: make quick, or make report"

slurm: ## also install what a SLURM cluster needs, see docs/how-to/run-on-a-cluster.md
lsf: ## also install what an LSF cluster needs
kubernetes: ## also install what Kubernetes needs
slurm lsf kubernetes:
	@$(MAKE) --no-print-directory setup packages="$(study) requirements/$@.txt"

gpu: ## also install what an NVIDIA GPU needs, see docs/how-to/train-on-a-gpu.md
	@$(MAKE) --no-print-directory setup packages="$(study)" gpu=requirements/gpu.txt

# Only `make setup` and the first use check system packages: where they cannot be installed,
# nobody wants to wait for that, or read about it, before every report.
ready:
	@$(make_environment) --check "$(VENV)" "$(PYTHON)" $(study) $(gpu) || \
		$(MAKE) --no-print-directory setup
ready-all:
	@$(make_environment) --check "$(VENV)" "$(PYTHON)" $(all) $(gpu) || \
		$(MAKE) --no-print-directory setup packages="$(all)"
# Tests fail without system packages, so these are looked at each time, which is instant.
# What could not be had is not tried again, until .venv is made anew: the tests themselves name it.
# The tools that check files for others are in a separate environment; tests fail if it is missing.
ready-test: ready-all
	@$(make_environment) --check "$(VENV)/audit" "" requirements/audit.txt || \
		$(make_environment) "$(VENV)/audit" "$(VENV)/bin/python" requirements/audit.txt || \
		echo "Going on without the packages in requirements/audit.txt."
	@for list in apt apt-test; do sh scripts/install_system_packages.sh \
		--once "$(VENV)/.no-$$list" requirements/$$list.txt; done

# The file of STUDY: the name of a folder in config/studies, or the path of another one.
find_study = for file in "config/studies/$(STUDY)/config.yaml" "$(STUDY)/config.yaml" ""; do \
		[ -f "$$file" ] && break; done; \
	[ -n "$$file" ] || { echo 'There is no study "$(STUDY)": neither config/studies/$(STUDY) nor' \
		'$(STUDY) is a folder with a config.yaml. Make it: make new STUDY=$(STUDY)' >&2; exit 2; };

report: ready ## run the default study, or yours (STUDY=mine), and write its page and PDF
	@$(if $(STUDY),$(find_study)) $(unlock)
	@$(if $(STUDY),$(find_study)) $(snakemake) report $(if $(STUDY),--configfile "$$file")

new: ## copy a small study to config/studies/mine: make new STUDY=mine [FROM=digits]
	@case "$(STUDY)" in ""|[!A-Za-z0-9]*|*[!A-Za-z0-9_-]*) \
		echo 'Name the study with letters, digits, hyphens and underscores: make new STUDY=mine' >&2; \
		exit 2;; \
	final|playground|quick|full|thorough|comparison|data) \
		echo 'report/$(STUDY).html or results/$(STUDY) belongs to something else. Choose another name.' >&2; exit 2;; esac
	@[ -f "config/studies/$(FROM)/config.yaml" ] || { \
		echo 'There is no study "$(FROM)" to copy. Studies:' $$(ls config/studies) >&2; exit 2; }
	@[ ! -e "config/studies/$(STUDY)" ] || { \
		echo 'config/studies/$(STUDY) exists already. Edit it, or choose another name.' >&2; exit 2; }
	@cp -r "config/studies/$(FROM)" "config/studies/$(STUDY)"
	@echo "Edit config/studies/$(STUDY)/config.yaml, then: make report STUDY=$(STUDY)"

quick: ready ## run a small version of the default study: report/quick.html and report/quick.pdf
	@$(unlock)
	@$(snakemake) report --configfile config/quick.yaml

compare: ready ## compare two result folders, such as A=results/quick B=results/mine
	@$(in_venv) python scripts/compare_studies.py "$(A)" "$(B)" --page "$(PAGE)"

# The shell takes these from the environment, as they were given: nothing has to be quoted, and make
# does not read `$` in a name as the start of one of its variables.
override IMAGE := $(value IMAGE)
override MODELS := $(value MODELS)
override PICTURE := $(value PICTURE)
override JSON := $(value JSON)
export IMAGE MODELS PICTURE JSON
# First, because nobody wants to wait for an environment to be told this.
named:
	@[ -n "$$IMAGE" ] || { echo 'Name a picture, several, or a folder: make predict IMAGE=photo.jpg' \
		'[STUDY=quick] [MODELS="a b"] [PICTURE=steps.png] [JSON=answers.json]' >&2; exit 2; }
predict: named ready ## classify pictures: make predict IMAGE=photo.jpg [STUDY=quick] [MODELS="a b"]
	@$(in_venv) python scripts/predict_images.py --results "results$(if $(STUDY),/$(notdir $(STUDY:/=)))" \
		--models "$$MODELS" --picture "$$PICTURE" --json "$$JSON" -- "$$IMAGE"

# Each takes a gigabyte; more than eight would only wait for the longest group of tests.
processes = -n $(CORES) --maxprocesses 8

test: ready-test ## run the tests that protect a change
	@$(in_venv) pytest $(processes)

test-faults: ready-test ## kill runs and fill disks, and check that nothing is lost
	@$(in_venv) pytest $(processes) -m faults

test-all: ready-test ## run every test; installs SLURM for those that start a cluster
	@echo "Some tests start a SLURM cluster of one node, with the packages in requirements/apt-slurm.txt."
	@sh scripts/install_system_packages.sh --once "$(VENV)/.no-apt-slurm" requirements/apt-slurm.txt
	@for cluster in lsf kubernetes; do $(make_environment) "$(VENV)/$$cluster" \
		"$(VENV)/bin/python" requirements/$$cluster.txt || exit; done
	@$(in_venv) pytest $(processes) -m ""

# The peers are optional: those that cannot be installed are reported as not measured.
ready-bench: ready
	@$(make_environment) "$(VENV)/bench" "$(VENV)/bin/python" requirements/bench.txt || \
		echo "Going on without JAX."
	@[ "$(PYTORCH)" = no ] || "$(VENV)/bench/bin/python" -m pip install --quiet --no-input \
		--disable-pip-version-check -r requirements/pytorch.txt || echo "Going on without PyTorch."

bench: ready-bench ## measure speed, beside other frameworks, for docs/explanation/performance.md
	@$(in_venv) python tests/benchmarks/run.py $(BENCH)

lint: ready-all ## check style, spelling, types, and rules without changing anything
	@$(in_venv) ruff check --quiet --output-format concise
	@$(in_venv) ruff format --check --quiet
	@$(in_venv) snakefmt --check Snakefile workflow
	@$(in_venv) codespell
	@$(in_venv) snakemake --lint
	@$(in_venv) mypy

# Without these tools, which need a package index, the rest is checked all the same.
audit: ready-all ## check packages (hashes, licenses, vulnerabilities), citation, and Dockerfile
	@if $(make_environment) "$(VENV)/audit" "$(VENV)/bin/python" requirements/audit.txt; then \
		"$(VENV)/audit/bin/cffconvert" --validate && "$(VENV)/audit/bin/hadolint" Dockerfile; \
	else echo "Going on without pip-audit, cffconvert, and hadolint."; fi
	@$(in_venv) python scripts/audit_packages.py "$(VENV)/audit/bin/pip-audit" \
		$(addprefix requirements/,uv.txt audit.txt bench.txt pytorch.txt study.txt slurm.txt lsf.txt \
		kubernetes.txt gpu.txt dev.txt) $(gpu)

hooks: ready-all ## for maintainers: check the changed files before each commit
	@$(in_venv) pre-commit install

format: ready-all ## format Python and rules, and fix what can be fixed
	@$(in_venv) ruff check --fix --exit-zero --quiet
	@$(in_venv) ruff format
	@$(in_venv) snakefmt Snakefile workflow

docs: ready-all ## build the documentation in site/, a folder of pages that work offline
	@$(in_venv) NO_MKDOCS_2_WARNING=1 mkdocs build --strict
	@echo "Open it in a browser: file://$(CURDIR)/site/index.html"

schemas: ready ## for maintainers: renew the schemas that editors use for the files in config/
	@$(in_venv) PYTHONPATH=scripts python -m fmstudy.study.schema workflow/schemas

# The lock files hold versions and hashes but no addresses: each machine knows where it gets
# packages from. The file for conda gets the versions of the packages that pyproject.toml names.
# This does not depend on `ready`: it must be possible to fix a lock that cannot be installed.
compile = UV_CUSTOM_COMPILE_COMMAND="make lock" "$(UV)" pip compile --quiet --universal \
	--python-version 3.11 --no-emit-index-url $(LOCK)
compile_hashed = $(compile) --generate-hashes
# The others have the study's versions of the packages they share with it, except for the audit, whose
# packages need other ones.
as_in_study = --constraints requirements/study.txt
conda := workflow/envs/study.yaml

lock: $(filter $(VENV)/%,$(UV)) ## for maintainers: renew the lock files, LOCK=--upgrade for newer versions
	@$(compile_hashed) --group uv --output-file requirements/uv.txt
	@$(compile_hashed) pyproject.toml --output-file requirements/study.txt
	@for group in slurm lsf kubernetes dev; do $(compile_hashed) pyproject.toml --group $$group \
		$(as_in_study) --output-file requirements/$$group.txt || exit; done
	@$(compile_hashed) pyproject.toml --group gpu --no-emit-package tensorflow-cpu \
		--constraints requirements/dev.txt --output-file requirements/gpu.txt
	@$(compile_hashed) --group audit --output-file requirements/audit.txt
	@$(compile_hashed) --group bench $(as_in_study) --output-file requirements/bench.txt
	@$(compile) --group pytorch --no-deps --output-file requirements/pytorch.txt
	@pins=$$($(compile) pyproject.toml --no-deps $(as_in_study) --no-header --no-annotate) && \
		{ sed '/- pip:/q' $(conda); echo "$$pins" | sed 's/^/      - /'; } >$(conda).new && \
		mv $(conda).new $(conda)

$(VENV)/bin/uv:
	@$(make_environment) "$(VENV)" "$(PYTHON)" requirements/uv.txt

# By name, so that nothing else in report/ is lost.
clean: ## remove data, results, logs, reports, and the site; keep the environment
	rm -rf resources results logs site .snakemake
	rm -f report/final.html report/final.pdf report/quick.html report/quick.pdf
	rm -f report/playground.html report/quick-playground.html report/comparison.html
	@for study in config/studies/*/; do page=report/$$(basename "$$study"); \
		rm -f "$$page.html" "$$page.pdf" "$$page-playground.html"; done

# The environment first: if VENV is somebody's folder by mistake, nothing is removed.
distclean: ## also remove the environment and the tools' caches
	@$(make_environment) --remove "$(VENV)"
	@$(MAKE) --no-print-directory clean
	rm -rf .mypy_cache .pytest_cache .ruff_cache
