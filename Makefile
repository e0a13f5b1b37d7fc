# Needs make and Python 3.11 to 3.13. The environment is made on first use, in .venv.
PYTHON ?= python3
# What is installed stays: tensorflow, or tensorflow-cpu once that was asked for.
TENSORFLOW ?= $(patsubst .venv/.installed-%,%,$(firstword $(wildcard .venv/.installed-*) .venv/.installed-tensorflow))
ARGS ?=
MODEL ?= models:/headlines-bbc@champion
PORT ?= 5000
SERVE_PORT ?= 5001
DEMO_PORT ?= 5002
HOST := 127.0.0.1

BIN := .venv/bin
INSTALLED := .venv/.installed-$(TENSORFLOW)
EXTRAS := starter,dev
export MLFLOW_TRACKING_URI ?= sqlite:///mlflow.db

.DEFAULT_GOAL := help
.PHONY: help setup train compare explain sweep ui serve demo notebooks docs test test-slow lint types bench fuzz clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	|| sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv and install everything (TENSORFLOW=tensorflow-cpu: the smaller wheel)

# $(call install,WHAT): uv installs, faster than pip. Where uv is missing or fails, pip installs.
# uv does not read pip's settings, so it is told the package index that pip is set to.
# Bytecode is written for all packages: without it, importing TensorFlow takes several times as long.
PIP := $(BIN)/python -m pip --disable-pip-version-check
INDEX = $${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PIP) config get global.index-url 2> /dev/null)}}
install = UV_DEFAULT_INDEX="$(INDEX)" $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode $(1) \
	|| { echo "uv did not install the packages: pip installs them, which takes longer" >&2; \
	$(PIP) install --quiet $(1) && { $(BIN)/python -m compileall -q -j 0 .venv/lib > /dev/null 2>&1 || true; }; }

# constraints.txt pins every package, so tensorflow-cpu needs no resolution: it has the same modules
# under another name, and takes the place of tensorflow's line.
$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 14) or sys.exit(f"error: expected Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: make setup PYTHON=python3.12")'
	@rm -f .venv/.installed-*
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv: one to three minutes"
	@$(PIP) install --quiet -c constraints.txt uv || true
ifeq ($(TENSORFLOW),tensorflow)
	@$(PIP) uninstall --quiet --yes tensorflow-cpu 2> /dev/null
	@$(call install,-c constraints.txt -e '.[$(EXTRAS)]')
else
	@$(PIP) uninstall --quiet --yes tensorflow 2> /dev/null
	@sed 's/^tensorflow==/$(TENSORFLOW)==/' constraints.txt > .venv/requirements.txt
	@$(call install,--no-deps -r .venv/requirements.txt -e .)
endif
	@touch $@

train: setup ## run the pipeline: make train ARGS='model=mean seed=1'
	@$(BIN)/pipeline train $(ARGS)

compare: setup ## does transfer help, and how many labels is it worth: make compare ARGS='data=file ...'
	@$(BIN)/pipeline compare $(ARGS)

explain: setup ## what the embedding knows: make explain ARGS='data=stop_clickbait data.path=FOLDER'
	@$(BIN)/pipeline explain $(ARGS)

sweep: setup ## search for better options: make sweep ARGS='sweep.trials=50 sweep.processes=2'
	@$(BIN)/pipeline sweep $(ARGS)

ui: setup ## show the last run and all others in the browser: make ui PORT=5000
ifneq ($(filter http://% https://%,$(MLFLOW_TRACKING_URI)),)
	@echo "MLflow: the last run is on $(MLFLOW_TRACKING_URI)/$$($(BIN)/python -m pipeline.tracking.pages)"
else
	@echo "MLflow: http://$(HOST):$(PORT)/$$($(BIN)/python -m pipeline.tracking.pages) (Ctrl-C ends it)"
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true exec $(BIN)/mlflow server \
		--backend-store-uri $(MLFLOW_TRACKING_URI) --host $(HOST) --port $(PORT) --workers 1
endif

serve: setup ## answer over HTTP with the champion: make serve MODEL=models:/... or MODEL=FOLDER
	@echo 'curl http://$(HOST):$(SERVE_PORT)/invocations -H "Content-Type: application/json" -d '"'"'{"inputs": ["a headline"]}'"'"
	@exec $(BIN)/pipeline serve --model $(MODEL) --host $(HOST) --port $(SERVE_PORT)

demo: setup ## try the champion on a page: make demo MODEL=models:/... or MODEL=FOLDER
	@exec $(BIN)/pipeline demo --model $(MODEL) --port $(DEMO_PORT)

notebooks: setup ## run the notebooks and store them with their outputs: make notebooks ARGS=few_labels
	@$(BIN)/python notebooks/execute.py $(ARGS)

.venv/.docs: $(INSTALLED)
ifeq ($(TENSORFLOW),tensorflow)
	@$(call install,-c constraints.txt -e '.[docs]')
endif
	@touch $@

docs: setup .venv/.docs ## build the site: the pages, the notebooks and the public names
	@$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going -c docs/site . build/docs
	@echo "file://$(CURDIR)/build/docs/index.html"

test: setup lint types ## lint, check the types and run the tests: make test ARGS='tests/data -k csv'
	@$(BIN)/python -m pytest $(ARGS)

# The tests of pages need Playwright and a Chromium. Without Chromium they are skipped.
APT := DEBIAN_FRONTEND=noninteractive apt-get
.venv/.browser: $(INSTALLED)
ifeq ($(TENSORFLOW),tensorflow)
	@$(call install,-c constraints.txt -e '.[browser]')
endif
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null || { \
	test $$(id -u) = 0 && command -v apt-get > /dev/null && echo "installing Chromium, for the tests of pages" \
	&& $(APT) update -qq && $(APT) install -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null; } \
	|| echo "the tests of pages are skipped: they need Chromium (apt-get install chromium)" >&2
	@touch $@

# The tests on Spark need its package, which is large.
.venv/.spark: $(INSTALLED)
ifeq ($(TENSORFLOW),tensorflow)
	@$(call install,-c constraints.txt -e '.[spark]') \
	|| echo "the tests on Spark are skipped: its packages could not be installed" >&2
endif
	@touch $@

test-slow: setup .venv/.browser .venv/.docs .venv/.spark ## run the tests that start servers, kill processes or take long
	@$(BIN)/python -m pytest -m slow $(ARGS) || test $$? -eq 5 # 5: there is none

lint: setup ## ruff, and which room imports which (import-linter)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo --no-cache

types: setup ## mypy
	@$(BIN)/mypy

bench: setup ## time and memory against the usual ways: make bench ARGS='--only training --vectors glove.6B.100d.txt'
ifeq ($(TENSORFLOW),tensorflow)
	@$(call install,-c constraints.txt -e '.[bench]')
endif
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m bench $(ARGS)

fuzz: setup ## damage many vector and table files and read them: make fuzz ARGS='--files 60000 --only tables'
	@$(BIN)/python -m bench.fuzz $(ARGS)

clean: ## remove the environment and the caches; runs and models stay
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis dist
