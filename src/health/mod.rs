//! Is it true: etcd members, /readyz, leases, nodes Ready, DNS answers.
