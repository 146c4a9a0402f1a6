//! The integration tests: one binary, so that they link once.

mod common;
mod facts_probe;
mod health_etcd;
mod health_kube;
mod remote_run;
