use std::fmt;
use std::str::FromStr;

use super::{ConversionError, as_text};

/// A day of the Gregorian calendar, as Python's `date` is: `YYYY-MM-DD`, from year 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day; `None` if there is no such day.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year == 0 || year > 9999 || day == 0 || day > days_of(year, month) {
            return None;
        }
        Some(Self { year, month, day })
    }

    /// 1 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01.
    pub(super) fn days(self) -> i64 {
        // The year begins in March, so that the leap day is its last one.
        let (year, month) = match self.month {
            1 | 2 => (i64::from(self.year) - 1, i64::from(self.month) + 9),
            month => (i64::from(self.year), i64::from(month) - 3),
        };
        let before_month = (153 * month + 2) / 5;
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        365 * year + leap_days + before_month + i64::from(self.day) - 1 - TO_1970
    }

    /// The day so many days after 1970-01-01, if its year is in range.
    pub(super) fn from_days(days: i64) -> Option<Self> {
        let days = days + TO_1970;
        let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
        let year_of_cycle = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = u16::try_from(cycle * 400 + year_of_cycle + carry).ok()?;
        Self::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = ConversionError;

    fn from_str(text: &str) -> Result<Self, ConversionError> {
        let date = |text: &str| {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let year = digits(year, 4)?.try_into().ok()?;
            Self::new(year, two_digits(month)?, two_digits(day)?)
        };
        date(text).ok_or_else(|| ConversionError::new("a date YYYY-MM-DD", text))
    }
}

as_text!(Date);

/// The number that exactly so many decimal digits stand for.
pub(super) fn digits(text: &str, length: usize) -> Option<u32> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (text.len() == length && all_digits)
        .then(|| text.parse().ok())
        .flatten()
}

pub(super) fn two_digits(text: &str) -> Option<u8> {
    digits(text, 2)?.try_into().ok()
}

/// Days from the first of March of year 0 to 1970-01-01.
const TO_1970: i64 = 719_468;

/// Days of 400 years.
const CYCLE: i64 = 146_097;

/// Days of a month; 0 if there is no such month.
const fn days_of(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}
