# Two commands do all the set-up: `make serve` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# phones.csv of the public "Mobile Price Classification" data, or generated phones
DATA   ?= $(or $(PRICERANGE_DATA),synthetic)
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help serve test lint format train score bench containers-check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/service.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/service.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,ray,dev]'
	@touch $@

serve: $(VENV)/service.stamp ## serve the committed model on http://127.0.0.1:8000
	$(BIN)/pricerange serve $(ARGS)

score: $(VENV)/service.stamp ## answer a file: make score ARGS="phones.csv answers.csv"
	$(BIN)/pricerange score $(ARGS)

train: $(VENV)/dev.stamp ## train the next model version: make train DATA=phones.csv
	$(BIN)/pricerange train --data $(DATA) $(ARGS)

test: $(VENV)/dev.stamp ## run the tests
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/dev.stamp ## style, types, and which room may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/dev.stamp ## put the code in the house's shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## print the figures that the documents quote
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.training --data $(DATA)
	$(BIN)/python -m bench.agreement --data $(DATA)
	$(BIN)/python -m bench.bad_bodies --count 2000
	$(BIN)/python -m bench.scoring
	$(BIN)/python -m bench.scoring_cluster

containers-check: ## build the images, run them together and look (minutes)
	$(PYTHON) deploy/containers_check.py

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
