//! Numbers with at most three decimals: equal ones are the same, whatever they were written as.

use std::fmt;

/// A number in thousandths. What is finer is rounded: nobody sees it, and so that `2`, `2.0` and
/// `2.00001` are one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i32);

impl Decimal {
    /// This many thousandths.
    pub const fn thousandths(count: i32) -> Self {
        Self(count)
    }

    /// The nearest one; `None` beyond two million, and for what is no number.
    pub fn nearest(value: f64) -> Option<Self> {
        let thousandths = (value * 1e3).round();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the comparison leaves only what an i32 holds"
        )]
        (thousandths.abs() < 2e9).then_some(Self(thousandths as i32))
    }

    /// As a number to calculate with.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1e3
    }

    /// The same, where no more than seven digits matter.
    pub fn as_f32(self) -> f32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no more than seven digits matter"
        )]
        let number = self.value() as f32;
        number
    }

    /// The angle in degrees between 0 and 360 that points the same way.
    #[must_use]
    pub fn as_angle(self) -> Self {
        Self(self.0.rem_euclid(360_000))
    }
}

impl Decimal {
    /// The greatest whole number that is not above it.
    pub(super) fn floor(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000))
    }

    /// Which right angle it is, from 0 to 3, if it is one.
    pub(super) fn quarters(self) -> Option<u8> {
        let degrees = self.as_angle().0;
        let quarters = u8::try_from(degrees / 90_000).ok()?;
        (degrees % 90_000 == 0).then_some(quarters)
    }

    /// So many right angles, in degrees.
    pub(super) fn of_quarters(quarters: u8) -> Self {
        Self(i32::from(quarters) * 90_000)
    }

    /// The sample of alpha that this share of one is, rounded.
    pub fn as_alpha(self) -> u8 {
        let sample = (i64::from(self.0) * 255 + 500) / 1_000;
        u8::try_from(sample.max(0)).unwrap_or(u8::MAX)
    }

    /// The nearest share of one for this sample of alpha.
    pub(super) fn of_alpha(sample: u8) -> Self {
        Self((i32::from(sample) * 1_000 + 127) / 255)
    }

    /// The least number, from minus a million on, for which something holds that holds for this one
    /// and all between.
    pub(super) fn least_with(self, holds: impl Fn(Self) -> bool) -> Self {
        let (mut fails, mut least) = (-1_000_000_001, self.0);
        while least - fails > 1 {
            let middle = fails + (least - fails) / 2;
            if holds(Self(middle)) {
                least = middle;
            } else {
                fails = middle;
            }
        }
        Self(least)
    }
}

impl fmt::Display for Decimal {
    /// The shortest text: `90`, `0.5`, `-1.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_written_alike() {
        for (value, text) in [
            (2.0, "2"),
            (2.000_01, "2"),
            (0.3, "0.3"),
            (-0.000_1, "0"),
            (-1.25, "-1.25"),
            (1_999_999.999, "1999999.999"),
        ] {
            assert_eq!(Decimal::nearest(value).unwrap().to_string(), text);
        }
        for value in [f64::NAN, f64::INFINITY, -1e300, 2e6] {
            assert_eq!(Decimal::nearest(value), None, "{value}");
        }
        assert_eq!(Decimal::thousandths(-90_000).as_angle().to_string(), "270");
    }
}
