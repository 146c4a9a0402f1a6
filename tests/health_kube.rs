//! A real kube-apiserver, controller-manager and scheduler on loopback, asked as the cluster's masters are.
