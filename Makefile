SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
CARGO_MUTANTS_VERSION := 27.1.0
CARGO_NEXTEST_VERSION := 0.9.143
# What `make fuzz` takes for each target, in seconds, and what `make mutants` takes up: a regular
# expression over what `cargo mutants --list` prints.
FUZZ_SECONDS ?= 600
MUTANTS ?= .

CARGO_DENY := target/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_FUZZ := target/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
CARGO_MUTANTS := target/tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants
CARGO_NEXTEST := target/tools/cargo-nextest-$(CARGO_NEXTEST_VERSION)/bin/cargo-nextest
TOOLS := .venv/installed
LINTERS := .venv-linters/installed
ARCHITECTURES := x86_64 arm64
package = .aws-sam/$1/Replicator/bootstrap
# The package that runs here, and the processor of the other one.
HOST := $(patsubst aarch64,arm64,$(shell uname -m))
GUEST := $(patsubst arm64,aarch64,$(filter-out $(HOST),$(ARCHITECTURES)))
# The calls of functions in the whole suite, as the emulator recorded them.
CALLS := $(addprefix target/calls/,rust.jsonl independent.jsonl)
PEER := target/bench/peer/installed
# The instructions that the packaged `bootstrap` executes until it asks for its first event, with one
# root certificate in its bundle, plus a tenth for changes in compilers and dependencies. For x86_64.
STARTUP_INSTRUCTIONS := 1595000

# The paths here are in the default target directory.
unexport CARGO_TARGET_DIR
export PYTHONDONTWRITEBYTECODE := 1
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The same random inputs for everybody: what makes a test fail is then the change that is tested.
# `make properties` draws others.
export PROPTEST_RNG_SEED ?= 1

.PHONY: help demo check test lint test-rust test-template test-independent test-permissions
.PHONY: burst burst-smoke fuzz fuzz-build fuzz-smoke mutants
.PHONY: bench bench-smoke startup-budget properties soak parameters fmt requirements valgrind qemu package
.PHONY: $(ARCHITECTURES:%=package-%)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Send sample events to the function on a local AWS; EVENT=path.json sends one of yours
	cargo build --locked --package secret-replicator --package secret-replicator-emulator --bins
	target/debug/emulator demo --bootstrap target/debug/bootstrap $(if $(EVENT),--event "$(EVENT)")

test: lint test-rust test-template test-independent test-permissions bench-smoke burst-smoke fuzz-smoke ## Test everything: the targets that follow

check: ## Check format, lints and Rust tests: all that a contributor runs
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --quiet --locked --workspace

# Names that were replaced, one a line. The changelog may name them.
RETIRED_NAMES := .config/retired-names.txt

# $(call forbid-dependencies,package,pattern): the package must not link a crate of this name.
define forbid-dependencies
	@cargo tree --locked --package $1 --edges normal --prefix none | sort --unique \
		| { ! grep -E '^($2)'; } || { echo '$1 links the crates above, and must not.' >&2; exit 1; }
endef

lint: $(CARGO_DENY) ## Check format, lints, documentation, names, dependencies and licences
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	$(CARGO_DENY) --locked check bans licenses sources
	@# The decisions are pure, and the policy tools build without an AWS SDK or cryptography in C.
	$(call forbid-dependencies,secret-replicator-core,tokio|aws-(sdk|config|smithy)|lambda_runtime)
	$(call forbid-dependencies,secret-replicator-cli,tokio|aws-(sdk|config|smithy)|lambda_runtime|ring v)
	@# docs/ARCHITECTURE.md says why the function uses ring.
	$(call forbid-dependencies,secret-replicator,aws-lc)
	@# grep ends with 1 if it finds nothing, and with more if it cannot search.
	@pattern="(?<![\w-])($$(tr '\n' '|' < $(RETIRED_NAMES) | sed 's/|$$//'))(?![\w-])"; code=0; \
		git grep --line-number --perl-regexp "$$pattern" -- \
			':!CHANGELOG.md' ':!$(RETIRED_NAMES)' ':!*.proptest-regressions' || code=$$?; \
		[[ $$code == 1 ]] || { echo 'Names above were replaced (CHANGELOG.md), or cannot be searched.' >&2; exit 1; }

test-rust: ## Run the Rust tests
	@mkdir -p target/calls
	rm -f target/calls/rust.jsonl
	EMULATOR_CALLS_FILE=$(CURDIR)/target/calls/rust.jsonl cargo test --locked --workspace

test-template: $(TOOLS) $(LINTERS) ## Check the SAM template, the state machine and the workflow with linters
	.venv/bin/sam validate --lint
	.venv/bin/statelint --yaml sweep.asl.yaml
	.venv-linters/bin/checkov --file template.yaml --framework cloudformation \
		--compact --quiet --skip-download
	.venv-linters/bin/checkov --directory .github --framework github_actions \
		--compact --quiet --skip-download

package: $(ARCHITECTURES:%=package-%) ## Package the function with SAM for both processors

$(ARCHITECTURES:%=package-%): package-%: $(TOOLS)
	target=$(subst arm64,aarch64,$*)-unknown-linux-gnu; \
		rustup target list --installed | grep -qx $$target || rustup target add $$target
	PATH="$(CURDIR)/.venv/bin:$$PATH" \
		sam build --build-dir .aws-sam/$* --parameter-overrides Architecture=$*
	test -x $(call package,$*)
	@# glibc 2.34 is what provided.al2023 has.
	{ echo GLIBC_2.34; readelf --version-info $(call package,$*) | grep -o 'GLIBC_[0-9.]*'; } \
		| sort --version-sort | tail -n 1 | grep -x GLIBC_2.34

test-independent: $(TOOLS) $(LINTERS) qemu package ## Try packages, emulator and template with other people's tools
	@# With the tests, so that the features, and so the dependencies, are those of `make test-rust`.
	cargo build --locked --workspace --bins --tests
	@mkdir -p target/calls
	rm -f target/calls/independent.jsonl
	BOOTSTRAP=$(call package,$(HOST)) EMULATOR=target/debug/emulator \
		PARLIAMENT=.venv-linters/bin/parliament \
		EMULATOR_CALLS_FILE=$(CURDIR)/target/calls/independent.jsonl \
		.venv/bin/python -m pytest tests/independent
	$(MAKE) startup-budget

test-permissions: test-rust test-independent ## Compare the template's roles with the calls of the tests before
	CALLS="$(CALLS)" EMULATOR=target/debug/emulator \
		.venv/bin/python -m pytest tests/independent/check_permissions.py

bench-smoke: $(PEER) valgrind ## Run the measurements with few rounds and unoptimised programs; the figures mean nothing
	@# With the tests, for the same reason.
	cargo build --locked --workspace --bins --tests
	target/debug/bench run --bootstrap target/debug/bootstrap --hello target/debug/hello \
		--sdk target/debug/sdk \
		--only events,instructions,sizes,sweep --rounds 2 --events 5 \
		--sweep-secrets 100 --sweep-writes 20 --peer-secrets 20 \
		--output target/bench/smoke --document target/bench/smoke

startup-budget: valgrind package-$(HOST) ## Count the instructions of the packaged function's start, against the limit
	cargo build --locked --workspace --bins --tests
	target/debug/bench budget --bootstrap $(call package,$(HOST)) --limit $(STARTUP_INSTRUCTIONS)

bench: $(PEER) valgrind ## Measure everything into docs/PERFORMANCE.md; ONLY=events,sweep measures these parts
	cargo build --locked --release --package secret-replicator
	cargo build --locked --release --package secret-replicator-hello
	cargo build --locked --release --package secret-replicator-sdk
	cargo build --locked --release --package secret-replicator-bench
	target/release/bench run --document docs $(if $(ONLY),--only $(ONLY))

# All packages, for the features of `make test-rust`, without the simulation's worlds, which have seeds of their own.
PROPERTIES := cargo test --locked --workspace --lib --test policy --test properties --test world

properties: ## Try the properties of policy, plan and emulator with SEEDS=20 other seeds, from FIRST=7 or any
	@$(PROPERTIES) --quiet --no-run
	@first=$(or $(FIRST),$$RANDOM); seeds=$(or $(SEEDS),20); mkdir -p target/properties; \
		for ((seed = first; seed < first + seeds; seed++)); do \
			PROPTEST_RNG_SEED=$$seed $(PROPERTIES) -- --skip everything_holds > target/properties/log 2>&1 \
				|| { cat target/properties/log; echo "Seed $$seed: make properties FIRST=$$seed SEEDS=1"; exit 1; }; \
		done; \
		echo "properties: $$seeds seeds from $$first, no failure"

soak: ## Play SEEDS=1000 random worlds from FIRST=1; SEED=7 plays one and makes it smaller if it fails
	@# With a test, so that the features, and so the dependencies, are those of `make test-rust`.
	@cargo build --quiet --locked --workspace --bin soak --test documentation
	target/debug/soak $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1))

burst: ## Send 10,000 events at once to the function on a local AWS, and account for each
	cargo build --locked --release --package secret-replicator
	cargo build --locked --release --package secret-replicator-simulation --bin burst
	target/release/burst

burst-smoke: ## The same with 300 events, fewer sandboxes, and retries that come sooner
	@# With the tests, so that the features, and so the dependencies, are those of `make test-rust`.
	cargo build --locked --workspace --bins --tests
	target/debug/burst --bootstrap target/debug/bootstrap \
		--secrets 300 --sandboxes 150 --writes-per-second 25 --retries 5,10

FUZZERS := answer event policy tag
FUZZER := target/fuzz/x86_64-unknown-linux-gnu/release
# An input that takes ten seconds, or a gigabyte, is a finding. The memory is libFuzzer's own, too.
FUZZING := -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1
DICTIONARY_answer := json
DICTIONARY_event := json
DICTIONARY_policy := policy
DICTIONARY_tag := tag

# $(call fuzz,directory for what is found,options)
define fuzz
	mkdir -p $1 fuzz/artifacts
	$(foreach fuzzer,$(FUZZERS),mkdir -p $1/$(fuzzer) \
		&& echo "fuzzing: $(fuzzer)" \
		&& { $(FUZZER)/$(fuzzer) $(FUZZING) $2 -dict=fuzz/dictionaries/$(DICTIONARY_$(fuzzer)).dict \
			-artifact_prefix=fuzz/artifacts/$(fuzzer)- $1/$(fuzzer) fuzz/corpus/$(fuzzer) \
			> $1/$(fuzzer).log 2>&1 || { tail -n 40 $1/$(fuzzer).log >&2; exit 1; }; } \
		&& grep '^stat::' $1/$(fuzzer).log && ) :
endef

fuzz-build: $(CARGO_FUZZ)
	cargo fetch --locked --manifest-path fuzz/Cargo.toml
	@# Coverage needs a switch that stable compilers hide. No sanitizer: all code here is safe.
	RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ) build --sanitizer none --target-dir target/fuzz

fuzz-smoke: fuzz-build ## Feed the fuzzers their corpora and some thousand inputs more
	rm -rf target/fuzz-smoke
	$(call fuzz,target/fuzz-smoke,-seed=1 -max_total_time=5)

fuzz: fuzz-build ## Fuzz events, policies, tags and AWS's answers; FUZZ_SECONDS=600 for each
	$(call fuzz,target/fuzz-corpus,-max_total_time=$(FUZZ_SECONDS))

mutants: $(CARGO_MUTANTS) $(CARGO_NEXTEST) ## Mutate the decisions and see what the tests catch; MUTANTS=crates/core/src/plan some
	PATH="$(CURDIR)/$(dir $(CARGO_NEXTEST)):$$PATH" CARGO_TARGET_DIR=$(CURDIR)/target/mutants \
		PROPTEST_CASES=100 $(CARGO_MUTANTS) mutants --jobs 1 --re '$(MUTANTS)' \
		--output target || [[ $$? == [23] ]] # Missed mutants, and mutants that time out.

# It counts the instructions.
valgrind:
	@command -v valgrind > /dev/null || $(call install,valgrind)

# It runs the other processor's package, with the C library that it is linked with.
qemu:
	@{ command -v qemu-$(GUEST)-static && test -e /usr/$(GUEST)-linux-gnu/lib/libc.so.6; } > /dev/null \
		|| $(call install,qemu-user-static libc6-$(subst x86_64,amd64,$(GUEST:aarch64=arm64))-cross)

# Installs packages of Debian or Ubuntu, for root.
define install
	{ apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends $1; } \
		|| { echo 'Install $1.' >&2; exit 1; }
endef

parameters: $(TOOLS) ## Write the table of the stack's parameters in docs/DEPLOY.md
	.venv/bin/python tests/independent/parameters.py

fmt: ## Format the code
	cargo fmt --all

requirements: ## Pin the newest Python tools
	$(call pin,tests/requirements/tools)
	@# Apart, because checkov needs an older boto3 than the others.
	$(call pin,tests/requirements/linters)
	$(call pin,crates/bench/peer/requirements)

# Writes $1.txt from $1.in.
define pin
	rm -rf target/requirements
	$(PYTHON) -m venv target/requirements
	target/requirements/bin/pip install --quiet --upgrade --upgrade-strategy eager \
		--requirement $1.in
	{ echo '# Made by `make requirements` from $(notdir $1).in.'; \
		target/requirements/bin/pip freeze --all --exclude pip; } > $1.txt
endef

$(TOOLS): tests/requirements/tools.txt
$(LINTERS): tests/requirements/linters.txt
$(PEER): crates/bench/peer/requirements.txt
$(TOOLS) $(LINTERS) $(PEER):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed: name one with PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --no-deps --requirement $<
	touch $@

# Without optimisation: they run for a second, and take minutes less to build.
$(CARGO_DENY) $(CARGO_FUZZ) $(CARGO_MUTANTS) $(CARGO_NEXTEST): target/tools/%:
	CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug \
		--root target/tools/$(firstword $(subst /, ,$*)) \
		$(notdir $*)@$(patsubst $(notdir $*)-%,%,$(firstword $(subst /, ,$*)))
