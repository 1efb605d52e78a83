//! Real peers against bergen, in both directions
