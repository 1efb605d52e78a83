use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::date::{digits, two_digits};
use super::{ConversionError, Date, as_text};

/// A moment, to the microsecond, in the years 1 to 9999: Python's `datetime`.
///
/// Written in UTC as the peers write it, `YYYY-MM-DDTHH:MM:SS.ffffff` without a zone. The peer
/// writes the digits of whatever zone a `datetime` has and drops the zone, so that a moment that is
/// not UTC arrives as another one; here it is converted first.
///
/// Read with `T` or a space between date and time, with or without a fraction (digits after the
/// sixth are cut), and with a zone (`Z`, `+02:00`, `+0200`, `+02`); without one it is UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// Since 1970.
    micros: i64,
}

impl DateTime {
    /// Now.
    pub fn now() -> Self {
        Self::try_from(SystemTime::now()).unwrap_or(Self { micros: 0 })
    }

    /// The moment so many microseconds after the start of 1970 in UTC; `None` beyond the years 1
    /// to 9999.
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        (FIRST..=LAST).contains(&micros).then_some(Self { micros })
    }

    /// Microseconds since the start of 1970 in UTC.
    pub const fn unix_micros(self) -> i64 {
        self.micros
    }
}

impl From<DateTime> for SystemTime {
    fn from(at: DateTime) -> Self {
        let distance = Duration::from_micros(at.micros.unsigned_abs());
        if at.micros < 0 {
            Self::UNIX_EPOCH - distance
        } else {
            Self::UNIX_EPOCH + distance
        }
    }
}

impl TryFrom<SystemTime> for DateTime {
    type Error = ConversionError;

    /// Cuts what is less than a microsecond.
    fn try_from(at: SystemTime) -> Result<Self, ConversionError> {
        let micros = match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()),
            Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros),
        };
        micros
            .ok()
            .and_then(Self::from_unix_micros)
            .ok_or_else(|| ConversionError::new(EXPECTED, &format!("{at:?}")))
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.micros.div_euclid(MICROS);
        let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // The range of the type is that of dates.
        let date = Date::from_days(day).ok_or(fmt::Error)?;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let micros = self.micros.rem_euclid(MICROS);
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{micros:06}")
    }
}

impl FromStr for DateTime {
    type Err = ConversionError;

    fn from_str(text: &str) -> Result<Self, ConversionError> {
        read(text)
            .and_then(Self::from_unix_micros)
            .ok_or_else(|| ConversionError::new(EXPECTED, text))
    }
}

as_text!(DateTime);

const EXPECTED: &str = "a time YYYY-MM-DDTHH:MM:SS[.ffffff][+HH:MM]";

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Year 1 and year 9999, as Python's.
const FIRST: i64 = -62_135_596_800 * MICROS;
const LAST: i64 = 253_402_300_800 * MICROS - 1;

/// Microseconds since 1970.
fn read(text: &str) -> Option<i64> {
    let date: Date = text.get(..10)?.parse().ok()?;
    let time = text.get(10..)?.strip_prefix(['T', ' '])?;
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at_checked(zone)?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, micros(fraction)?),
        None => (time, 0),
    };
    let mut parts = time.split(':');
    let mut part = |limit| part(parts.next(), limit);
    let (hours, minutes, seconds) = (part(24)?, part(60)?, part(60)?);
    if parts.next().is_some() {
        return None;
    }
    let seconds = date.days() * DAY + hours * 3600 + minutes * 60 + seconds - offset(zone)?;
    Some(seconds * MICROS + fraction)
}

/// A number of two digits below a limit.
fn part(text: Option<&str>, limit: u8) -> Option<i64> {
    two_digits(text?)
        .filter(|number| *number < limit)
        .map(i64::from)
}

/// The microseconds that the digits after the point stand for.
fn micros(fraction: &str) -> Option<i64> {
    let all_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let kept = fraction.get(..fraction.len().min(6))?;
    if kept.is_empty() || !all_digits {
        return None;
    }
    let scale = 10_i64.pow(6 - u32::try_from(kept.len()).ok()?);
    Some(i64::from(digits(kept, kept.len())?) * scale)
}

/// Seconds by which a zone is before UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1) {
        None if zone.is_empty() => return Some(0),
        Some(("Z", "")) => return Some(0),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return None,
    };
    let hours = rest.get(..2)?;
    let minutes = match rest.get(2..)? {
        "" => "00",
        minutes => minutes.strip_prefix(':').unwrap_or(minutes),
    };
    Some(sign * (part(Some(hours), 24)? * 3600 + part(Some(minutes), 60)? * 60))
}
