//! What is spoken over a transport's streams: HTTP over TLS with our own certificates, and what etcd and the API server
//! answer. Nothing here waits or judges; [`kube::apply`] is how manifests reach the API server.

pub mod etcd;
pub mod haproxy;
pub mod http;
pub mod kube;
