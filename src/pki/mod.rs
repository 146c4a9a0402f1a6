//! Keys, CSRs, certificates and CAs from cfssl's JSON. Knows nothing of clusters.
