//! Fuzz bodies as library functions, replayed over a small corpus in the tests
