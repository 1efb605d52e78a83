//! Options declared once: name, type, range, default, help
