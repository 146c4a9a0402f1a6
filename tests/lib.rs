//! The integration tests: one binary, so that they link once.

mod artifacts_build;
mod artifacts_cli;
mod artifacts_download;
mod artifacts_fixture;
mod artifacts_folder;
mod artifacts_http;
mod cli_help;
mod common;
mod docs_architecture;
mod docs_certificates;
mod docs_dependencies;
mod docs_links;
mod facts_probe;
mod health_etcd;
mod health_kube;

mod inventory_examples;
mod inventory_init;
mod inventory_mistakes;
mod lab_hosts;
mod pki_cfssl;
mod pki_foreign;
mod pki_kinds;
mod pki_refused;
mod pki_tools;
mod remote_ask;
mod remote_auth;
mod remote_dial;
mod remote_host_keys;
mod remote_local;
mod remote_lost;
mod remote_run;
mod remote_sudo;
mod remote_throughput;
