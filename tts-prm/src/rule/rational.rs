//! Exact fractions of 128-bit integers, for checking arithmetic.
//!
//! Every operation reports overflow by `None`: what does not fit is left unjudged rather than
//! rounded. Fractions are kept in lowest terms with a positive denominator.

use std::cmp::Ordering;

/// A fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rational {
    numerator: i128,
    /// Positive.
    denominator: i128,
}

fn gcd(a: i128, b: i128) -> Option<i128> {
    let (mut a, mut b) = (a.checked_abs()?, b.checked_abs()?);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Some(a)
}

impl Rational {
    pub(crate) const ZERO: Self = Self::integer(0);

    pub(crate) const fn integer(value: i128) -> Self {
        Self { numerator: value, denominator: 1 }
    }

    /// `None` when the denominator is 0 or a number does not fit.
    pub(crate) fn new(numerator: i128, denominator: i128) -> Option<Self> {
        let divisor = gcd(numerator, denominator)?;
        let divisor = if denominator < 0 { -divisor } else { divisor };
        if denominator == 0 {
            return None;
        }
        Some(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    pub(crate) fn negate(self) -> Option<Self> {
        Some(Self { numerator: self.numerator.checked_neg()?, ..self })
    }

    pub(crate) fn subtract(self, other: Self) -> Option<Self> {
        self.add(other.negate()?)
    }

    pub(crate) fn multiply(self, other: Self) -> Option<Self> {
        // Crosswise reduction first keeps what fits from overflowing on the way.
        let left = Self::new(self.numerator, other.denominator)?;
        let right = Self::new(other.numerator, self.denominator)?;
        Self::new(
            left.numerator.checked_mul(right.numerator)?,
            left.denominator.checked_mul(right.denominator)?,
        )
    }

    /// `None` also for a divisor of 0.
    pub(crate) fn divide(self, other: Self) -> Option<Self> {
        self.multiply(Self::new(other.denominator, other.numerator)?)
    }

    /// To a whole power from 0 to 64; `None` for others.
    pub(crate) fn power(self, exponent: Self) -> Option<Self> {
        if exponent.denominator != 1 {
            return None;
        }
        let exponent = u32::try_from(exponent.numerator).ok().filter(|&n| n <= 64)?;
        Some(Self {
            numerator: self.numerator.checked_pow(exponent)?,
            denominator: self.denominator.checked_pow(exponent)?,
        })
    }

    pub(crate) fn abs(self) -> Option<Self> {
        if self.numerator < 0 { self.negate() } else { Some(self) }
    }

    /// `None` when the comparison overflows.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        Some(self.subtract(other)?.numerator.cmp(&0))
    }
}
