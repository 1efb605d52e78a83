use std::fmt;
use std::str::FromStr;

use super::{ConversionError, as_text};

/// A decimal number of any size and precision, as the text that Python's `Decimal` is on the wire.
/// Exact: the text is kept, so `1.5` and `1.50` differ. Parse it into the program's own type of
/// decimals to calculate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(String);

impl Decimal {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Decimal {
    type Err = ConversionError;

    /// Takes what Python's `Decimal` takes: digits with an optional point and exponent,
    /// `Infinity`, `NaN` and `sNaN`.
    fn from_str(text: &str) -> Result<Self, ConversionError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if is_number(unsigned) || is_special(unsigned) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ConversionError::new("a decimal number", text))
        }
    }
}

as_text!(Decimal);

fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

fn is_special(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let payload = text.strip_prefix('s').unwrap_or(&text).strip_prefix("nan");
    matches!(text.as_str(), "inf" | "infinity") || payload.is_some_and(digits)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
