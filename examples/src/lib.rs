//! What the reference services share: their command line.
