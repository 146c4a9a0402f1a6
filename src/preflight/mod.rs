//! What would go wrong, by name, with its remedy, before anything is touched.
