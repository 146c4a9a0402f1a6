//! The face of cfssl over [`crate::pki`]: its JSON on standard output, its messages.
