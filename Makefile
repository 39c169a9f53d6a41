# The same targets that CI runs. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export CARGO_TERM_COLOR ?= auto

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check
check: ## Format, clippy with warnings as errors, docs, licences and bans, and a bounded fuzz run.
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --locked
	@if command -v cargo-deny >/dev/null; then \
	  cargo deny --offline check bans licenses sources; \
	else echo "cargo-deny is not installed: licences and bans not checked"; fi
	cargo build --release --workspace --bin huodong-fuzz --locked
	$${CARGO_TARGET_DIR:-target}/release/huodong-fuzz
	@# As the README has it: that `cargo run` is this program, and nobody is asked which.
	cargo run --release --locked -- --version

# PostgreSQL's package makes a server of its own, which serves this machine alone. The tests start
# theirs on other ports and leave it as it is.
.PHONY: test-deps
test-deps: ## Install what the tests run beside cargo: openssl, curl, PostgreSQL, a browser and its driver (Debian packages, when missing).
	@missing=; for tool in openssl:openssl curl:curl chromium:chromium chromedriver:chromium-driver; do \
	  command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool##*:}"; done; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	if [ -n "$$missing" ]; then \
	  install="apt-get install -y -qq --no-install-recommends$$missing"; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && $$install; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo $$install; \
	  else echo "please install:$$missing"; exit 1; fi; \
	fi

.PHONY: test
test: test-deps ## Run every test, on the program as it is released; then those of the store and all above it again, on PostgreSQL.
	cargo test --release --workspace --locked
	@# The same programs: whatever else is chosen, choosing other packages would build them anew.
	HUODONG_TEST_STORE=postgres cargo test --release --workspace --locked --lib --test engine --test server -- --skip nodes::

.PHONY: crash
crash: ## The long crash tests: a hundred kills of the real server, under load and amid callbacks.
	HUODONG_CRASH_ROUNDS=50 cargo test --release --workspace --locked --test program crash -- --nocapture

.PHONY: failure
failure: test-deps ## The long failure tests: connections cut, a standby taking over, nodes killed and asleep, five rounds each.
	HUODONG_FAILURE_ROUNDS=5 cargo test --release --workspace --locked --test program failure:: -- --nocapture --test-threads=1

.PHONY: fuzz
fuzz: ## Let libFuzzer at each target for a minute (needs cargo-fuzz, and a nightly toolchain).
	for target in gongyi lakala ysepay envelope; do \
	  cargo fuzz run $$target fuzz/corpus/$$target -- -max_total_time=60 -max_len=16384 || exit 1; done

.PHONY: bench
bench: ## Everything docs/performance.md reports, in one run (needs PostgreSQL 15's programs).
	cargo build --release --locked -p huodong
	scripts/bench.sh
