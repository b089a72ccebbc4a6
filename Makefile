# Every target sets up what it needs by itself; a second run installs nothing.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup up demo test lint protos bench docs clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything into .venv and .venv-triton, generate the stubs
	@$(PYTHON) scripts/setup.py

up: setup ## Run the whole studio on this machine until Ctrl-C
	@$(BIN)/artifex up

demo: setup ## Render a movie from real footage, a generated shot and a title
	@$(BIN)/python -m demo

test: setup ## Run all tests, with real servers on free ports
	@$(BIN)/pytest

lint: setup ## Check style, types, imports, protos and deployment files
	@scripts/lint.sh

protos: setup ## Generate the stubs from protos/ again
	@$(BIN)/python protos/generate.py

bench: setup ## Measure the published figures
	@$(BIN)/python -m bench

docs: setup ## Write the gallery of nodes to build/gallery, and the tables of docs/licences.md and docs/plans.md anew
	@$(BIN)/python docs/licences.py --write
	@$(BIN)/python -m docs.plans
	@$(BIN)/python -m docs.gallery

clean: ## Remove environments, build output and caches
	rm -rf .venv .venv-triton build out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf sdk/artifex/*/v1 sdk/buf libs/kernels/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
