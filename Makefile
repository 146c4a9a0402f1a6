# `make demo` shows a cluster come up on this machine; `make test` checks everything. Both install what they need.

CACHE := $(or $(KBOOTSTRAP_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kbootstrap)
export PATH := $(HOME)/.cargo/bin:$(CACHE)/tools/bin:$(PATH)

.PHONY: help build demo demo-ha test test-long bench advisories checksums release clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## The program, in target/release/kbootstrap
	@tools/setup.sh
	cargo build --release --locked

demo: build ## Three lab hosts on this machine become a cluster (needs root)
	@tools/demo.sh

demo-ha: build ## Three masters behind an address of their own; its holder loses its power (needs root)
	@tools/demo-ha.sh

test: ## Format, lints, licences, unit, integration and end-to-end tests (needs root)
	@tools/setup.sh test
	@tools/test.sh

test-long: release ## What takes too long for every change; a row per part for docs/test-long.md (needs root)
	@tools/setup.sh test long
	@tools/test-long.sh

bench: build ## Figures for docs/benchmarks.md (needs root)
	@tools/setup.sh bench
	@tools/bench.sh

advisories: ## Dependencies against the RustSec database, which is fetched from GitHub
	@tools/setup.sh test
	cargo deny --locked check advisories

checksums: build ## The checksums that are shipped, from the release sites, which must be within reach
	target/release/kbootstrap artifacts checksums > target/checksums.txt
	mv target/checksums.txt src/artifacts/known/checksums.txt
	UPDATE_DOCS=1 cargo test --locked --test integration artifacts_known

release: ## Static program, Debian package, SBOM and checksums, in target/dist
	@tools/setup.sh release
	@tools/release.sh

clean: ## Remove build products and labs; the caches stay
	-target/release/kbootstrap lab down --all
	cargo clean
