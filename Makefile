# One verb per job. `make demo` and `make test` need nothing before them but git, make, python3
# (3.11+) and, for the cluster, Docker or root with apt and go.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VENV := .venv
PYTHON := $(VENV)/bin/python
export BENTOML_DO_NOT_TRACK := True
export KUBECONFIG := $(CURDIR)/build/kubeconfig
UV := $(VENV)/bin/uv pip install --quiet --python $(PYTHON)
# Tests with processes, clocks and nodes of their own: what fails is tried once more, and named.
TWICE := --reruns 1
IMAGES = $$($(PYTHON) -m images list)
# Tests side by side, one thread of numbers each: two that share a core wait for each other.
SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(PYTHON) -m pytest --numprocesses logical --maxprocesses 4

.PHONY: help
help:  ## What each verb does
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: venv
venv: $(VENV)/.installed  ## The Python environment, from the hashed lock

$(VENV)/.installed: locks/dev.txt pyproject.toml
	@echo "python environment: about a minute on a new machine"
	python3 -c 'import sys; sys.exit("python3 is %d.%d; 3.11 or newer is needed" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	python3 -m venv --clear $(VENV)
	@# pip brings uv by its hash, and uv all the rest in a tenth of pip's time.
	awk '/^uv==/ {ours = 1; print; next} /^[^ ]/ {ours = 0} ours' locks/dev.txt > $(VENV)/uv.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $(VENV)/uv.txt
	$(UV) --require-hashes --only-binary :all: --no-binary vw-estimators -r locks/dev.txt
	$(UV) --no-deps --no-build-isolation --editable .
	@touch $@

# CLUSTER=1 takes a cluster; TRUTH=worse lets the challenger be worse than the champion;
# STORY=satisfaction trains the two versions of the example, and lets customers judge them.
.PHONY: demo
ifdef CLUSTER
demo: cluster-with-images  ## From nothing to a champion and a challenger under traffic; CLUSTER=1: on a cluster
	eval "$$($(PYTHON) -m cluster env)" && $(PYTHON) -m examples.demo --cluster $(addprefix --story ,$(STORY))
else
demo: venv
	$(PYTHON) -m examples.demo --truth $(or $(TRUTH),better) $(addprefix --story ,$(STORY))
endif

.PHONY: test
test: check unit charts local integration e2e  ## Everything, from the linters to the stories on the cluster

.PHONY: check
check: venv  ## Linters, types, import layers, generated files
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check-types check-rules

.PHONY: check-types
check-types:
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --package services.prediction

.PHONY: check-rules
check-rules:
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(PYTHON) -m dohyo.generate --check

.PHONY: generate
generate: venv  ## CRD, chart schemas and READMEs, reference pages, from their one source
	$(PYTHON) -m dohyo.generate

.PHONY: unit
unit: venv  ## Pure code; seconds
	$(SIDE_BY_SIDE) --dist worksteal tests/unit tests/docs

.PHONY: charts
charts: venv  ## Render, schema and object checks of the charts
	$(PYTHON) -m cluster tools helm
	eval "$$($(PYTHON) -m cluster env)" && $(PYTHON) -m pytest tests/charts

.PHONY: local
local: venv  ## Real Envoy and real bentos on 127.0.0.1, no cluster
	$(PYTHON) -m images samples
	$(PYTHON) -m tests.local.provisions
	@# By whole files, which share servers; these stories wait more than they work.
	$(SIDE_BY_SIDE) $(TWICE) --dist loadfile tests/local --ignore tests/local/ring --ignore tests/local/gateway -m 'not long'
	@# Load and time are theirs alone.
	$(PYTHON) -m pytest $(TWICE) tests/local/ring tests/local/gateway

.PHONY: fuzz
fuzz: venv  ## 10,000 arbitrary requests over each protocol of the runtime; some minutes
	$(PYTHON) -m images samples
	DOHYO_FUZZ_EXAMPLES=10000 $(PYTHON) -m pytest tests/unit/serving/test_fuzzing.py tests/local/test_serving_fuzzing.py

.PHONY: cluster
cluster: venv  ## A kind cluster named for this project, kubeconfig in build/
	$(PYTHON) -m cluster up --workers 2

.PHONY: cluster-down
cluster-down:  ## Removes the cluster and all that runs for it; caches stay
	python3 -m cluster down

.PHONY: images
images: venv  ## The images of operator, gateway, runtime and sample bentos
	$(PYTHON) -m images build

.PHONY: locks
locks: venv  ## Resolve the dependencies anew, into hashed locks
	$(PYTHON) -m images lock

.PHONY: cluster-with-images
cluster-with-images: cluster images
	$(PYTHON) -m cluster tools helm
	$(PYTHON) -m cluster load $(IMAGES)

.PHONY: integration
integration: cluster-with-images  ## Against a real API server, the operator as a process
	@# Each test has a namespace and operators of its own, and waits more than it works.
	eval "$$($(PYTHON) -m cluster env)" && $(PYTHON) -m pytest $(TWICE) tests/integration -n 3 --dist worksteal

.PHONY: e2e
e2e: cluster-with-images  ## The stories, on real nodes with helm and images
	eval "$$($(PYTHON) -m cluster env)" && $(PYTHON) -m pytest $(TWICE) tests/e2e -m 'not alone and not long' -n 2 --dist loadfile
	eval "$$($(PYTHON) -m cluster env)" && $(PYTHON) -m pytest $(TWICE) tests/e2e tests/readme -m alone

.PHONY: long
long: cluster-with-images  ## Training as a Job in an image of its own, and other long stories; a quarter of an hour
	eval "$$($(PYTHON) -m cluster env)" && $(PYTHON) -m pytest tests/e2e tests/local -m long

.PHONY: env
env:  ## Settings for your shell: eval "$(make --silent env)"
	@python3 -m cluster env
	@echo 'export PATH="$(CURDIR)/$(VENV)/bin:$$PATH"'
