# `make demo` shows a cluster come up on this machine; `make test` checks everything. Both install what they need.

CACHE := $(or $(KBOOTSTRAP_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kbootstrap)
export PATH := $(HOME)/.cargo/bin:$(CACHE)/tools/bin:$(PATH)
KUBERNETES := 1.36.3

.PHONY: help build demo test bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## The program, in target/release/kbootstrap
	@tools/setup.sh
	cargo build --release --locked

demo: build ## Three lab hosts on this machine become a cluster (needs root)
	@tools/demo.sh

test: ## Format, lints, licences, unit, integration and end-to-end tests (needs root)
	@tools/setup.sh test
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo deny --locked check licenses bans sources
	cargo build --locked
	target/debug/kbootstrap artifacts fetch --kubernetes $(KUBERNETES) --test-images
	cargo test --locked

bench: build ## Figures for docs/benchmarks.md (needs root)
	@tools/bench.sh

clean: ## Remove build products and labs; the caches stay
	-target/release/kbootstrap lab down --all
	cargo clean
