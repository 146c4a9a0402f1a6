//! The integration tests: one binary, so that they link once.

mod artifacts_build;
mod artifacts_cli;
mod artifacts_download;
mod artifacts_fixture;
mod artifacts_folder;
mod artifacts_http;
mod common;
mod e2e_footprint;
mod e2e_hosts;
mod e2e_life;
mod facts_probe;
mod health_etcd;
mod health_kube;
mod remote_run;

mod inventory_examples;
mod inventory_init;
mod inventory_mistakes;
