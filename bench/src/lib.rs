//! Benchmarks with the peers in the same run
