//! What differs: desired state minus facts, as data.
