# What people run, and what CI runs: the same.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The binary under test has a target directory of its own: a build of the whole workspace would unify features and
# overwrite it. The layer's binary is built with the profile `release`; tests use `ci`, which links in seconds.
E2E_DIR := target/e2e
export TELEMETRY_FORWARDER_BIN := $(CURDIR)/$(E2E_DIR)/ci/telemetry-forwarder
export TEST_FUNCTION_BIN := $(CURDIR)/$(E2E_DIR)/ci/test-function

CARGO := cargo
FEATURES := kinesis,firehose,stdout,assume-role
# Every set of sinks that a layer may be built with, and each of the other features alone and all together.
FEATURE_SETS := none kinesis firehose stdout kinesis,firehose kinesis,stdout firehose,stdout kinesis,firehose,stdout \
  kinesis,gzip kinesis,zstd kinesis,kpl kinesis,assume-role kinesis,regex kinesis,firehose,stdout,gzip,zstd,kpl,assume-role,regex

# The Python that reads what we write, with what it needs for that.
READERS := $(CURDIR)/target/readers
export READERS_PYTHON := $(READERS)/bin/python

.DEFAULT_GOAL := help

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## See it work: local Lambda, test function, real extension, local Kinesis
	@echo 'Building the extension, the test function and the demo: minutes the first time, seconds from then on.' >&2
	@$(MAKE) --silent --no-print-directory binaries
	@$(CARGO) run -p demo -- $(STAY)

.PHONY: picture
picture: binaries ## Draw the README's picture of the consumer anew, from a real run
	@examples/consumer/picture.sh

.PHONY: test
test: fmt lint doc features test-unit test-e2e test-readers test-cost ## Everything that CI runs

.PHONY: setup
setup: ## Look for what the build needs, and install it as root on Debian
	@.ci/setup

.PHONY: binaries
binaries: setup ## Build the extension and the test function for tests and demo
	$(CARGO) build -p telemetry-forwarder --features $(FEATURES) --profile ci --target-dir $(E2E_DIR)
	$(CARGO) build -p test-function --profile ci --target-dir $(E2E_DIR)

.PHONY: fmt
fmt: ## Check the formatting
	$(CARGO) fmt --all --check

.PHONY: lint
lint: setup ## clippy without warnings: the workspace, and the extension with every set of features
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	@for set in $(FEATURE_SETS); do \
	  echo "clippy -p telemetry-forwarder --features $$set"; \
	  $(CARGO) clippy --quiet -p telemetry-forwarder -p forwarder-sinks --all-targets --no-default-features \
	    $$([ $$set = none ] || echo --features $$set) -- -D warnings; \
	done

.PHONY: doc
doc: setup ## The documentation without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --document-private-items

.PHONY: features
features: ## A build for standard output alone has nothing of AWS in it
	@if $(CARGO) tree -p telemetry-forwarder --no-default-features --features stdout -e normal | grep -E '\baws-'; then \
	  echo "error: a build without AWS sinks must not depend on the crates above" >&2; exit 1; \
	fi

.PHONY: test-unit
test-unit: setup ## Tests of each crate
	$(CARGO) test --workspace --exclude end-to-end --all-features

.PHONY: test-e2e
test-e2e: binaries ## The real binary between the local Lambda and a local Kinesis
	$(CARGO) test -p end-to-end -- $(E2E_ARGS)

.PHONY: test-readers
test-readers: binaries $(READERS)/ready ## What it writes, read by others: AWS's KPL library, Python, zstd, jq, S3
	$(CARGO) test -p end-to-end readers:: -- --ignored

$(READERS)/ready: tests/readers/requirements.txt
	@.ci/setup readers
	python3 -m venv $(READERS)
	$(READERS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-cost
test-cost: setup ## The promised costs, over a million events (without AWS sinks: they are not asked)
	$(CARGO) test -p telemetry-forwarder --lib --profile ci --no-default-features --features gzip,zstd,kpl \
	  cost:: -- --include-ignored --nocapture

.PHONY: bench
bench: setup ## What packing and compressing cost, beside memcpy, SHA-256 and zstd alone
	$(CARGO) bench -p forwarder-core --all-features --bench packing
