//! Floats as Python's `repr` writes them.

use std::fmt::LowerExp;
use std::io::Write;

/// Appends a finite float: the shortest digits that give the same float, at least one digit after
/// the point, and an exponent of at least two digits below 1e-4 and from 1e16 on.
pub(super) fn write(number: impl LowerExp, out: &mut Vec<u8>) {
    let mut buffer = [0; MAX_LENGTH];
    let mut free = buffer.as_mut_slice();
    // Fails for no float: all of them fit.
    let _ = write!(free, "{number:e}");
    let length = MAX_LENGTH - free.len();
    let text = buffer.get(..length).unwrap_or_default();
    let mut parts = text.split(|byte| *byte == b'e');
    let (mantissa, exponent) = (parts.next().unwrap_or(b"0"), parts.next().unwrap_or(b"0"));
    let exponent = std::str::from_utf8(exponent).map_or(0, |text| text.parse().unwrap_or(0));
    let mantissa = match mantissa {
        [b'-', digits @ ..] => {
            out.push(b'-');
            digits
        }
        digits => digits,
    };
    let first = mantissa.first().copied().unwrap_or(b'0');
    let rest = mantissa.get(2..).unwrap_or_default();
    match exponent {
        0..16 => fixed(first, rest, usize::try_from(exponent).unwrap_or(0), out),
        -4..0 => {
            out.extend_from_slice(b"0.");
            out.extend((exponent..-1).map(|_| b'0'));
            out.push(first);
            out.extend_from_slice(rest);
        }
        _ => {
            out.push(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
            // A vector takes everything.
            let _ = write!(out, "e{exponent:+03}");
        }
    }
}

/// Writes `first.rest` with the point moved `places` to the right.
fn fixed(first: u8, rest: &[u8], places: usize, out: &mut Vec<u8>) {
    out.push(first);
    let (whole, fraction) = rest.split_at_checked(places).unwrap_or((rest, &[]));
    out.extend_from_slice(whole);
    out.extend((whole.len()..places).map(|_| b'0'));
    out.push(b'.');
    out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
}

/// Bytes of the longest float: sign, 17 digits, point, exponent; and some to spare.
const MAX_LENGTH: usize = 32;
