//! The macros of bergen.
