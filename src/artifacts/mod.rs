//! Programs and images: which bytes, from where, verified; stored once, already compressed.
