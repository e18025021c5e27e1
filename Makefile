# Kubewa's commands. `make` alone prints them; the lines marked `##` are what it prints.

SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.PHONY: help run demo setup build test test-fast bench format lint new-connector ci clean

# The rows of institutions are generated, one a line, and stay as their script writes them.
SWIFT_FILES = Package.swift $(shell find Sources Tests Benchmarks Examples -name '*.swift' \
	-not -path '*/.build/*' -not -path 'Sources/Connectors/Institutions/InstitutionRows*')
PYTHON_CACHES = find tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Install what is missing, build the release and start the demo world in ./data
	scripts/setup
	swift build -c release --product kubewa
	exec .build/release/kubewa demo --data ./data

demo: ## Start the demo world from the release build that is already there
	@test -x .build/release/kubewa || { echo "No release build yet: run 'make run' first." >&2; exit 1; }
	exec .build/release/kubewa demo --data ./data

setup: ## Install the system packages that building, running and testing need
	scripts/setup --tests

build: ## Build everything for development
	swift build --build-tests

test: ## Install what is missing, start PostgreSQL, run every test (what CI runs)
	scripts/test

test-fast: ## The Swift tests alone, without the Python clients and the crash tests
	scripts/test --fast

bench: ## Build the benchmarks for release and run them
	scripts/bench

format: ## Rewrite Swift sources in the project's format
	swift format format --in-place --parallel $(SWIFT_FILES)

lint: ## Check the format of Swift sources without changing them
	swift format lint --strict --parallel $(SWIFT_FILES)

new-connector: ## Start a connector of your own: make new-connector NAME=Palm
	scripts/new-connector "$(NAME)"

ci: ## Exactly what CI runs
	.ci/run

clean: ## Remove what builds and tests made (never ./data)
	rm -rf .build Benchmarks/.build Examples/shop/.build .venv .pytest_cache
	$(PYTHON_CACHES)
