//! Floating-point evidence for formulas that have no exact canonical form.
//!
//! Both formulas are evaluated over the complex numbers at a few fixed pseudo-random points, some
//! of them negative, and must agree to a relative tolerance wherever both are finite. Constants
//! are compared once, far more tightly, and only while their literals are so short that two
//! different values cannot lie that close together by accident.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::expression::Expr;
use super::polynomial::Polynomial;

const POINTS: u32 = 7;
/// From this point on the samples are larger: `|x - 3|` is `3 - x` near zero.
const FAR: u32 = 5;

#[derive(Debug, Clone, Copy)]
struct Complex {
    re: f64,
    im: f64,
}

impl Complex {
    fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    fn times(self, o: Self) -> Self {
        Self { re: self.re * o.re - self.im * o.im, im: self.re * o.im + self.im * o.re }
    }

    fn inverse(self) -> Self {
        let norm = self.re * self.re + self.im * self.im;
        Self { re: self.re / norm, im: -self.im / norm }
    }

    fn size(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn exp(self) -> Self {
        let scale = self.re.exp();
        Self { re: scale * self.im.cos(), im: scale * self.im.sin() }
    }

    fn ln(self) -> Self {
        Self { re: self.size().ln(), im: self.im.atan2(self.re) }
    }

    fn power(self, exponent: Self) -> Self {
        if exponent.im == 0.0 && exponent.re.fract() == 0.0 && exponent.re.abs() <= 64.0 {
            // `as` is exact here: the exponent is a small integer.
            #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
            let n = exponent.re as i32;
            let mut out = Self::real(1.0);
            for _ in 0..n.abs() {
                out = out.times(self);
            }
            return if n < 0 { out.inverse() } else { out };
        }
        if self.im == 0.0 && self.re >= 0.0 && exponent.im == 0.0 {
            return Self::real(self.re.powf(exponent.re));
        }
        self.ln().times(exponent).exp()
    }

    fn sin(self) -> Self {
        Self { re: self.re.sin() * self.im.cosh(), im: self.re.cos() * self.im.sinh() }
    }

    fn cos(self) -> Self {
        Self { re: self.re.cos() * self.im.cosh(), im: -self.re.sin() * self.im.sinh() }
    }
}

/// Whether two formulas agree at every point where both have a value.
pub(super) fn agree(a: &Expr, b: &Expr) -> bool {
    let constant = is_constant(a) && is_constant(b);
    if constant && (literal_digits(a) > 24 || literal_digits(b) > 24) {
        return false;
    }
    let tolerance = if constant { 1e-12 } else { 1e-9 };
    let mut seen = 0;
    for point in 0..if constant { 1 } else { POINTS } {
        let (x, y) = match (evaluate(a, point), evaluate(b, point)) {
            (Some(x), Some(y)) => (x, y),
            // Beyond where an arcsine has values there is nothing to compare.
            (None, None) if point >= FAR => continue,
            _ => return false,
        };
        let scale = x.size().max(y.size());
        if !scale.is_finite() || scale > 1e100 {
            continue;
        }
        let difference = Complex { re: x.re - y.re, im: x.im - y.im }.size();
        if difference > tolerance * scale {
            return false;
        }
        seen += 1;
    }
    seen >= if constant { 1 } else { 3 }
}

/// Decimals of fewer places were rounded, and are not what they are cut off from.
const CUT_PLACES: u32 = 8;

/// Whether `decimal`, rounded to `places`, is what `exact` would be rounded to.
pub(super) fn rounds_to(exact: &Expr, decimal: &BigRational, places: u32) -> bool {
    let half = BigRational::new(BigInt::one(), BigInt::from(10).pow(places.min(1000)) * 2);
    // Rational values need no floating point, whose own rounding is coarser where they are large.
    if let Some(value) = rational(exact) {
        let cut = || places >= CUT_PLACES && !terminates(&value) && is_cut(&value, decimal, &half);
        return (&value - decimal).abs() <= half || cut();
    }
    let Some(value) = is_constant(exact).then(|| evaluate(exact, 0)).flatten() else {
        return false;
    };
    let (Some(decimal), true) = (decimal.to_f64(), value.im.abs() <= 1e-12) else {
        return false;
    };
    let half = 0.5 * 10_f64.powf(-f64::from(places));
    let noise = if places >= 12 { 1e-12 } else { 4e-15 };
    // The slack is for the digit that is exactly five.
    let beyond = (value.re - decimal) * decimal.signum();
    // Programs cut digits off as often as they round.
    let cut = beyond >= 0.0 && beyond < 2.0 * half && (CUT_PLACES..=12).contains(&places);
    cut || (value.re - decimal).abs() <= (half * 1.0001).max(noise * decimal.abs())
}

/// Whether `decimal` is `value` with its last digits cut off; `half` of its last digit.
fn is_cut(value: &BigRational, decimal: &BigRational, half: &BigRational) -> bool {
    let beyond = if decimal.is_negative() { decimal - value } else { value - decimal };
    !beyond.is_negative() && beyond < half * BigRational::from_integer(BigInt::from(2))
}

/// Whether a rational has a decimal that ends.
fn terminates(value: &BigRational) -> bool {
    let mut bottom = value.denom().clone();
    if bottom.bits() > 256 {
        return true;
    }
    for prime in [2_u32, 5] {
        while (&bottom % prime).is_zero() {
            bottom /= prime;
        }
    }
    bottom.is_one()
}

/// The value of a formula that is rational.
fn rational(expr: &Expr) -> Option<BigRational> {
    match expr {
        Expr::Number(value, _) => Some(value.clone()),
        other => Polynomial::of(other)?.rational(),
    }
}

/// The value of a real constant.
pub(super) fn real(expr: &Expr) -> Option<f64> {
    let value = is_constant(expr).then(|| evaluate(expr, 0)).flatten()?;
    (value.im == 0.0 && value.re.is_finite()).then_some(value.re)
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Number(..) => true,
        Expr::Symbol(name) => matches!(name.as_str(), "pi" | "e" | "i"),
        Expr::Sum(parts) | Expr::Product(parts) | Expr::Call(_, parts) => {
            parts.iter().all(is_constant)
        }
        Expr::Power(base, exponent) => is_constant(base) && is_constant(exponent),
        Expr::Matrix(_) => false,
    }
}

/// Digits in all literals; a literal too long on its own counts as many.
fn literal_digits(expr: &Expr) -> u64 {
    match expr {
        Expr::Number(value, _) => {
            let digits = |n: &BigInt| n.bits() * 3 / 10 + 1;
            let own = digits(value.numer()).max(digits(value.denom()));
            if own > 9 { 1000 } else { own }
        }
        Expr::Symbol(_) => 0,
        Expr::Sum(parts) | Expr::Product(parts) | Expr::Call(_, parts) => {
            parts.iter().map(literal_digits).sum()
        }
        Expr::Power(base, exponent) => literal_digits(base) + literal_digits(exponent),
        Expr::Matrix(_) => 1000,
    }
}

/// A value for a variable that depends on nothing but its name and the point.
fn sample(name: &str, point: u32) -> f64 {
    // FNV-1a, then one round of SplitMix64 so that the points are unrelated.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(point) + 1));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let unit = ((hash ^ (hash >> 31)) >> 40) as f64 / f64::from(1_u32 << 24);
    let size = if point >= FAR { 4.0 + 9.0 * unit } else { 0.3 + 1.7 * unit };
    if point >= 2 && point != FAR && (hash >> 5) & 1 == 1 { -size } else { size }
}

fn evaluate(expr: &Expr, point: u32) -> Option<Complex> {
    Some(match expr {
        Expr::Number(value, _) => Complex::real(value.to_f64()?),
        Expr::Symbol(name) => match name.as_str() {
            "pi" => Complex::real(std::f64::consts::PI),
            "e" => Complex::real(std::f64::consts::E),
            "i" => Complex { re: 0.0, im: 1.0 },
            "oo" => return None,
            _ => Complex::real(sample(name, point)),
        },
        Expr::Sum(terms) => {
            let mut out = Complex::real(0.0);
            for term in terms {
                out = out.plus(evaluate(term, point)?);
            }
            out
        }
        Expr::Product(factors) => {
            let mut out = Complex::real(1.0);
            for factor in factors {
                out = out.times(evaluate(factor, point)?);
            }
            out
        }
        Expr::Power(base, exponent) => evaluate(base, point)?.power(evaluate(exponent, point)?),
        Expr::Call(name, arguments) => {
            let x = evaluate(arguments.first()?, point)?;
            function(name, x)?
        }
        Expr::Matrix(_) => return None,
    })
}

fn function(name: &str, x: Complex) -> Option<Complex> {
    let real = |f: fn(f64) -> f64| (x.im == 0.0).then(|| Complex::real(f(x.re)));
    Some(match name {
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tan" => x.sin().times(x.cos().inverse()),
        "cot" => x.cos().times(x.sin().inverse()),
        "sec" => x.cos().inverse(),
        "csc" => x.sin().inverse(),
        "exp" => x.exp(),
        "ln" | "log" => x.ln(),
        "lg" | "log_10" => x.ln().times(Complex::real(std::f64::consts::LN_10.recip())),
        "log_2" => x.ln().times(Complex::real(std::f64::consts::LN_2.recip())),
        "abs" => Complex::real(x.size()),
        "floor" => real(f64::floor)?,
        "ceil" => real(f64::ceil)?,
        "sinh" => real(f64::sinh)?,
        "cosh" => real(f64::cosh)?,
        "tanh" => real(f64::tanh)?,
        "arctan" | "atan" => real(f64::atan)?,
        "arcsin" | "asin" => real(f64::asin).filter(|v| v.re.is_finite())?,
        "arccos" => real(f64::acos).filter(|v| v.re.is_finite())?,
        other => {
            let base: f64 = other.strip_prefix("log_")?.parse().ok()?;
            x.ln().times(Complex::real(base.ln()).inverse())
        }
    })
}
