# Needs make and Python 3.11 to 3.13. The environment is made on first use, in .venv.
PYTHON ?= python3
# What is installed stays: tensorflow, or tensorflow-cpu once that was asked for.
TENSORFLOW ?= $(patsubst .venv/.installed-%,%,$(firstword $(wildcard .venv/.installed-*) .venv/.installed-tensorflow))
ARGS ?=
MODEL ?= models:/headlines-bbc@champion
PORT ?= 5000
SERVE_PORT ?= 5001
HOST := 127.0.0.1

BIN := .venv/bin
INSTALLED := .venv/.installed-$(TENSORFLOW)
export MLFLOW_TRACKING_URI ?= sqlite:///mlflow.db

.DEFAULT_GOAL := help
.PHONY: help setup train compare explain ui serve test lint bench clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	|| sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv and install everything (TENSORFLOW=tensorflow-cpu: the smaller wheel)

# With pins for every package, installing needs no resolution: tensorflow-cpu, which has the same
# modules under another name, takes the place of tensorflow's line.
$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 14) or sys.exit(f"error: expected Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: make setup PYTHON=python3.12")'
	@rm -f .venv/.installed-*
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
ifeq ($(TENSORFLOW),tensorflow)
	@$(BIN)/python -m pip uninstall --quiet --yes tensorflow-cpu 2> /dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[starter,dev]'
else
	@$(BIN)/python -m pip uninstall --quiet --yes tensorflow 2> /dev/null
	sed 's/^tensorflow==/$(TENSORFLOW)==/' constraints.txt > .venv/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r .venv/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt -e .
endif
	@# Without bytecode, importing TensorFlow takes several times as long; pip may leave it out.
	@$(BIN)/python -m compileall -q -j 0 $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') > /dev/null 2>&1 || true
	@touch $@

train: setup ## run the pipeline: make train ARGS='model=mean seed=1'
	@$(BIN)/pipeline train $(ARGS)

compare: setup ## does transfer help, and how many labels is it worth: make compare ARGS='data=file ...'
	@$(BIN)/pipeline compare $(ARGS)

explain: setup ## what the embedding knows: make explain ARGS='data=stop_clickbait data.path=FOLDER'
	@$(BIN)/pipeline explain $(ARGS)

ui: setup ## show the runs in the browser: make ui PORT=5000
ifneq ($(filter http://% https://%,$(MLFLOW_TRACKING_URI)),)
	@echo "MLflow: the runs are on the server $(MLFLOW_TRACKING_URI)"
else
	@echo "MLflow: http://$(HOST):$(PORT) (Ctrl-C ends it)"
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false exec $(BIN)/mlflow server \
		--backend-store-uri $(MLFLOW_TRACKING_URI) --host $(HOST) --port $(PORT) --workers 1
endif

serve: setup ## answer over HTTP with the champion: make serve MODEL=models:/...
	@echo 'curl http://$(HOST):$(SERVE_PORT)/invocations -H "Content-Type: application/json" -d '"'"'{"inputs": ["a headline"]}'"'"
	@PATH="$(abspath $(BIN)):$$PATH" exec $(BIN)/mlflow models serve -m $(MODEL) --env-manager local \
		--host $(HOST) --port $(SERVE_PORT) --workers 1

test: setup lint ## lint, check the types and run the tests
	@$(BIN)/python -m pytest $(ARGS)

lint: setup ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup ## time and memory against the usual ways: make bench ARGS='--only training --vectors glove.6B.100d.txt'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[starter,dev,bench]'
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m bench $(ARGS)

clean: ## remove the environment and the caches; runs and models stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
