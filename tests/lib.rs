//! The integration tests: one binary, so that they link once.

mod common;
mod health_etcd;
mod health_kube;
