# What one types. Builds go to build/<preset>; CMakePresets.json names every supported build.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
JOBS ?= $(shell nproc)

.DEFAULT_GOAL := help
.PHONY: help setup build run sample test check bench soak asan tsan fuzz coverage lint format clean

help: ## This list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18
	@echo "Variables: DATA=data LISTEN=127.0.0.1:8080 SAMPLE=1 (make run), JOBS, JADE_TEST_SEED, JADE_TEST_SCALE,"
	@echo "FUZZ_SECONDS=300 (make fuzz, for all targets together), SOAK_SCALE=50 (make soak)."

setup: ## Install what the build needs, if anything is missing (Debian 12, root or sudo)
	@tools/setup/install_packages.sh build

build: setup ## Build the release preset: build/release/bin/jade-db
	@tools/ci/build.sh release

run: ## Build, start the server on LISTEN over DATA, and load the sample into a new DATA
	@tools/run/run.sh

sample: build ## Load the sample words into the server that runs on LISTEN
	@tools/run/load_sample.sh

test: ## Install, build the debug preset, run every test
	@tools/setup/install_packages.sh build test
	@tools/ci/test.sh

check: ## Run the repository check and its own tests
	@tools/setup/install_packages.sh test
	@python3 tools/check/check.py
	@python3 tools/ci/unittests.py

bench: ## Build and run the benchmarks
	@tools/setup/install_packages.sh build bench
	@tools/ci/bench.sh

soak: ## Run the tests with every random test SOAK_SCALE times as long
	@tools/setup/install_packages.sh build test
	@JADE_TEST_SCALE=$${SOAK_SCALE:-50} CMAKE_ARGUMENTS="-DJADE_TEST_TIMEOUT_FACTOR=$${SOAK_SCALE:-50}" \
	  tools/ci/preset.sh debug

asan: ## Build and test under the address and undefined-behaviour sanitizers
tsan: ## Build and test under the thread sanitizer
asan tsan:
	@tools/setup/install_packages.sh build test
	@tools/ci/preset.sh $@

fuzz: ## Build the fuzz targets and run each for its share of FUZZ_SECONDS
	@tools/setup/install_packages.sh build clang
	@tools/ci/fuzz.sh

coverage: ## Line and branch coverage by folder; fails below the floor
	@tools/setup/install_packages.sh build test clang
	@tools/ci/coverage.sh

lint: ## Formatting, shell scripts, thread-safety analysis, clang-tidy
	@tools/setup/install_packages.sh build test clang lint
	@tools/ci/lint.sh --deep

format: ## Format every C++ file
	@tools/setup/install_packages.sh clang
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

clean: ## Remove builds (not data, not the sample)
	rm -rf build
