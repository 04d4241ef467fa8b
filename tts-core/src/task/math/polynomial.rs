//! Exact canonical form: polynomials over the rationals in symbols, `i` and square roots.
//!
//! Every formula becomes a sum of terms `rational · √n · i · symbol^k …`. What has no such form (a
//! sine, the inverse of a sum) becomes a symbol named by the canonical form of its argument, and is
//! marked *opaque*: two polynomials without opaque symbols are equal exactly when their canonical
//! strings are, and with them equality is still proof but difference is not.
//!
//! Sizes are capped: see [`MAX_TERMS`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::expression::Expr;
use super::number::power;

/// Larger polynomials are refused.
const MAX_TERMS: usize = 200;
/// Longer canonical strings are refused: opaque symbols nest.
const MAX_NAME: usize = 8000;

/// `√root · i^imaginary · Π symbol^exponent`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Monomial {
    symbols: BTreeMap<String, i64>,
    root: BigInt,
    imaginary: bool,
}

impl Monomial {
    fn one() -> Self {
        Self { symbols: BTreeMap::new(), root: BigInt::one(), imaginary: false }
    }
}

/// A sum of terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Polynomial {
    terms: BTreeMap<Monomial, BigRational>,
    /// Whether some symbol stands for something that this form cannot see into.
    pub(super) opaque: bool,
}

impl Polynomial {
    pub(super) fn constant(value: BigRational) -> Self {
        let mut out = Self { terms: BTreeMap::new(), opaque: false };
        out.add_term(Monomial::one(), value);
        out
    }

    fn symbol(name: String, exponent: i64, opaque: bool) -> Self {
        let mut monomial = Monomial::one();
        monomial.symbols.insert(name, exponent);
        let terms = BTreeMap::from([(monomial, BigRational::one())]);
        Self { terms, opaque }
    }

    fn add_term(&mut self, monomial: Monomial, value: BigRational) {
        let sum = match self.terms.remove(&monomial) {
            Some(old) if old.denom().is_one() && value.denom().is_one() => {
                BigRational::from_integer(old.numer() + value.numer())
            }
            Some(old) => old + value,
            None => value,
        };
        if !sum.is_zero() {
            self.terms.insert(monomial, sum);
        }
    }

    /// The canonical form of a formula, or `None` if it is undefined or too large.
    pub(super) fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Number(value, _) => Some(Self::constant(value.clone())),
            Expr::Symbol(name) if name == "i" => Self::constant(-BigRational::one()).root(),
            Expr::Symbol(name) => Some(Self::symbol(name.clone(), 1, false)),
            Expr::Sum(terms) => {
                let mut parts = terms.iter();
                let mut out = Self::of(parts.next()?)?;
                for term in parts {
                    out = out.plus(&Self::of(term)?)?;
                }
                Some(out)
            }
            Expr::Product(factors) => {
                let mut parts = factors.iter();
                let mut out = Self::of(parts.next()?)?;
                for factor in parts {
                    out = out.times(&Self::of(factor)?)?;
                }
                Some(out)
            }
            Expr::Power(base, exponent) if matches!(&**exponent, Expr::Number(n, _) if (-n).is_one()) => {
                Self::of(base)?.to_integer_power(-1)
            }
            Expr::Power(base, exponent) => Self::of(base)?.to_power(&Self::of(exponent)?),
            Expr::Call(name, arguments) => call(name, arguments),
            Expr::Matrix(_) => None,
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let mut out = self.clone();
        out.opaque |= other.opaque;
        for (monomial, value) in &other.terms {
            out.add_term(monomial.clone(), value.clone());
        }
        (out.terms.len() <= MAX_TERMS).then_some(out)
    }

    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        if self.terms.len() * other.terms.len() > 4 * MAX_TERMS {
            return None;
        }
        let mut out = Self { terms: BTreeMap::new(), opaque: self.opaque || other.opaque };
        for (a, x) in &self.terms {
            for (b, y) in &other.terms {
                let common = gcd(&a.root, &b.root);
                let mut value = product(x, y);
                if !common.is_one() {
                    value *= BigRational::from_integer(common.clone());
                }
                if a.imaginary && b.imaginary {
                    value = -value;
                }
                let mut symbols = a.symbols.clone();
                for (name, exponent) in &b.symbols {
                    let sum = symbols.remove(name).unwrap_or(0).checked_add(*exponent)?;
                    if sum != 0 {
                        symbols.insert(name.clone(), sum);
                    }
                }
                let root = if common.is_one() {
                    &a.root * &b.root
                } else {
                    (&a.root / &common) * (&b.root / &common)
                };
                if root.bits() > 4096 || value.numer().bits() + value.denom().bits() > 1 << 15 {
                    return None;
                }
                out.add_term(
                    Monomial { symbols, root, imaginary: a.imaginary != b.imaginary },
                    value,
                );
            }
        }
        (out.terms.len() <= MAX_TERMS).then_some(out)
    }

    fn scaled(&self, by: &BigRational) -> Self {
        let mut out = self.clone();
        for value in out.terms.values_mut() {
            *value *= by;
        }
        out
    }

    /// The value, if this is a rational number.
    pub(super) fn rational(&self) -> Option<BigRational> {
        match self.terms.len() {
            0 => Some(BigRational::zero()),
            1 => self.terms.get(&Monomial::one()).cloned(),
            _ => None,
        }
    }

    fn to_power(&self, exponent: &Self) -> Option<Self> {
        let Some(number) = exponent.rational() else {
            let name = format!("({})^({})", self.name()?, exponent.name()?);
            return Some(Self::symbol(name, 1, true));
        };
        if number.is_integer()
            && let Some(n) = number.to_i64()
        {
            return self.to_integer_power(n);
        }
        if number.denom() == &BigInt::from(2)
            && let Some(n) = number.numer().to_i64()
        {
            return self.root()?.to_integer_power(n);
        }
        if let (Some(base), Some(index), Some(n)) =
            (self.rational(), number.denom().to_u32(), number.numer().to_i64())
            && let Some(root) = exact_root(&base, index)
        {
            return Self::constant(root).to_integer_power(n);
        }
        if number.denom().to_u32().is_none() {
            return Some(Self::symbol(format!("({})^({number})", self.name()?), 1, true));
        }
        // The exponent's numerator stays an exponent, so that powers of one root combine.
        let n = number.numer().to_i64()?;
        let name = format!("({})^(1/{})", self.name()?, number.denom());
        Some(Self::symbol(name, n, true))
    }

    fn to_integer_power(&self, n: i64) -> Option<Self> {
        if n == 1 {
            return Some(self.clone());
        }
        if let Some(value) = self.rational() {
            if value.is_zero() && n <= 0 {
                return None;
            }
            if let Some(value) = power(&value, n) {
                return Some(Self::constant(value));
            }
            return Some(Self::symbol(format!("({value})^({n})"), 1, true));
        }
        if n < 0 {
            return self.inverse()?.to_integer_power(n.checked_neg()?);
        }
        if n > 32 {
            if let Some((monomial, value)) = self.terms.iter().next()
                && self.terms.len() == 1
                && value.is_one()
                && monomial.root.is_one()
                && !monomial.imaginary
            {
                let mut monomial = monomial.clone();
                for exponent in monomial.symbols.values_mut() {
                    *exponent = exponent.checked_mul(n)?;
                }
                let terms = BTreeMap::from([(monomial, BigRational::one())]);
                return Some(Self { terms, opaque: self.opaque });
            }
            return Some(Self::symbol(format!("({})^({n})", self.name()?), 1, true));
        }
        let mut out = Self::constant(BigRational::one());
        for _ in 0..n {
            out = out.times(self)?;
        }
        Some(out)
    }

    fn inverse(&self) -> Option<Self> {
        let (monomial, value) = self.terms.iter().next()?;
        if self.terms.len() == 1 {
            let mut out = Self { terms: BTreeMap::new(), opaque: self.opaque };
            let symbols = monomial.symbols.iter().map(|(name, e)| (name.clone(), -e)).collect();
            // 1/√r = √r/r, and 1/i = -i.
            let mut inverse = (value * BigRational::from_integer(monomial.root.clone())).recip();
            if monomial.imaginary {
                inverse = -inverse;
            }
            out.add_term(Monomial { symbols, ..monomial.clone() }, inverse);
            return Some(out);
        }
        if self.terms.len() == 2 && self.terms.keys().all(|m| m.symbols.is_empty()) {
            let first =
                Self { terms: BTreeMap::from([(monomial.clone(), value.clone())]), opaque: false };
            let second = self.plus(&first.scaled(&-BigRational::one()))?;
            let conjugate = first.plus(&second.scaled(&-BigRational::one()))?;
            let norm = self.times(&conjugate)?.rational()?;
            if !norm.is_zero() {
                return Some(conjugate.scaled(&norm.recip()));
            }
        }
        let name = self.scaled(&value.recip()).name()?;
        Some(Self::symbol(format!("({name})"), -1, true).scaled(&value.recip()))
    }

    fn root(&self) -> Option<Self> {
        let Some(value) = self.rational() else {
            return Some(Self::symbol(format!("sqrt({})", self.name()?), 1, true));
        };
        let mut out = Self { terms: BTreeMap::new(), opaque: false };
        // √(p/q) = √(pq)/q
        let (square, root) = split_square(&(value.numer().abs() * value.denom()));
        let scale = BigRational::new(square, value.denom().clone());
        let monomial = Monomial { symbols: BTreeMap::new(), root, imaginary: value.is_negative() };
        out.add_term(monomial, scale);
        if value.is_zero() {
            out.terms.clear();
        }
        Some(out)
    }

    /// Whether both are the same sum: equal exactly when the canonical strings are.
    pub(super) fn has_terms_of(&self, other: &Self) -> bool {
        self.terms == other.terms
    }

    /// Whether the canonical string is not too long.
    pub(super) fn has_name(&self) -> bool {
        let small = |(monomial, value): (&Monomial, &BigRational)| {
            monomial.symbols.len() < 4 && value.numer().bits() + value.denom().bits() < 512
        };
        (!self.opaque && self.terms.len() < 12 && self.terms.iter().all(small))
            || self.name().is_some()
    }

    /// Whether a vector along an axis is in it.
    pub(super) fn has_vectors(&self) -> bool {
        let vector = |name: &String| name.starts_with("vector ");
        self.terms.keys().any(|monomial| monomial.symbols.keys().any(vector))
    }

    /// The canonical string, or `None` if it is too long.
    pub(super) fn name(&self) -> Option<String> {
        if self.terms.is_empty() {
            return Some("0".into());
        }
        let mut out = String::new();
        for (monomial, value) in &self.terms {
            if !out.is_empty() {
                out.push('+');
            }
            let mut parts = Vec::new();
            if !monomial.root.is_one() {
                parts.push(format!("sqrt({})", monomial.root));
            }
            if monomial.imaginary {
                parts.push("i".into());
            }
            for (name, exponent) in &monomial.symbols {
                parts.push(if *exponent == 1 {
                    name.clone()
                } else {
                    format!("{name}^{exponent}")
                });
            }
            if parts.is_empty() || !value.is_one() {
                parts.insert(0, value.to_string());
            }
            let _ = write!(out, "{}", parts.join("*"));
            if out.len() > MAX_NAME {
                return None;
            }
        }
        Some(out)
    }

    /// This divided by its leading coefficient, or by the coefficient's size if `signed`; and
    /// whether that changed the sign.
    pub(super) fn normalised(&self, signed: bool) -> (Self, bool) {
        match self.terms.values().next_back() {
            None => (self.clone(), false),
            Some(lead) if signed => (self.scaled(&lead.abs().recip()), false),
            Some(lead) => (self.scaled(&lead.recip()), lead.is_negative()),
        }
    }

    /// The coefficients of a sum of `names` and nothing else.
    pub(super) fn along(&self, names: &[&str]) -> Option<Vec<Self>> {
        let mut out = vec![Self::constant(BigRational::zero()); names.len()];
        for (monomial, value) in &self.terms {
            let mut rest = monomial.clone();
            let place = names.iter().position(|name| rest.symbols.remove(*name) == Some(1))?;
            out.get_mut(place)?.add_term(rest, value.clone());
        }
        Some(out)
    }

    /// `a·x + b` as the name of `x`, the bound `-b/a`, and whether `a` is negative.
    pub(super) fn linear(&self) -> Option<(String, Self, bool)> {
        let mut found = None;
        let mut rest = Self::constant(BigRational::zero());
        for (monomial, value) in &self.terms {
            match monomial.symbols.iter().next() {
                None => rest.add_term(monomial.clone(), value.clone()),
                Some((name, _)) if name == "pi" || name == "oo" => {
                    rest.add_term(monomial.clone(), value.clone());
                }
                Some((name, 1))
                    if monomial.symbols.len() == 1
                        && monomial.root.is_one()
                        && !monomial.imaginary
                        && !name.contains('(')
                        && found.is_none() =>
                {
                    found = Some((name.clone(), value.clone()));
                }
                Some(_) => return None,
            }
        }
        let (name, lead) = found?;
        Some((name, rest.scaled(&(-lead.recip())), lead.is_negative()))
    }
}

/// The product of two rationals; a factor of one, or two whole numbers, need no reduction.
fn product(x: &BigRational, y: &BigRational) -> BigRational {
    if x.is_one() {
        return y.clone();
    }
    if y.is_one() {
        return x.clone();
    }
    if x.denom().is_one() && y.denom().is_one() {
        return BigRational::from_integer(x.numer() * y.numer());
    }
    x * y
}

impl Polynomial {
    /// `a, b, c` of `a·x² + b·x + c` with rational coefficients.
    pub(super) fn quadratic(&self) -> Option<[BigRational; 3]> {
        let mut name = None;
        let mut out = [BigRational::zero(), BigRational::zero(), BigRational::zero()];
        for (monomial, value) in &self.terms {
            if !monomial.root.is_one() || monomial.imaginary || monomial.symbols.len() > 1 {
                return None;
            }
            let exponent = match monomial.symbols.iter().next() {
                None => 0,
                Some((symbol, exponent)) => {
                    if symbol.contains('(') || *name.get_or_insert(symbol) != symbol {
                        return None;
                    }
                    usize::try_from(*exponent).ok()?
                }
            };
            *out.get_mut(2_usize.checked_sub(exponent)?)? = value.clone();
        }
        (!out.first()?.is_zero()).then_some(out)
    }
}

fn gcd(a: &BigInt, b: &BigInt) -> BigInt {
    // `BigRational` reduces with its own gcd: a/b in lowest terms gives it without another crate.
    if a.is_one() || b.is_one() {
        return BigInt::one();
    }
    a / BigRational::new(a.clone(), b.clone()).numer()
}

/// `n = square² · root`, with the small squares taken out (and all of it if `n` is a square).
fn split_square(n: &BigInt) -> (BigInt, BigInt) {
    let whole = n.sqrt();
    if &whole * &whole == *n {
        return (whole, BigInt::one());
    }
    let (mut square, mut root) = (BigInt::one(), n.clone());
    if root.bits() > 256 {
        return (square, root);
    }
    for p in 2..1000_u32 {
        let p2 = BigInt::from(p * p);
        if p2 > root {
            break;
        }
        while (&root % &p2).is_zero() {
            root /= &p2;
            square *= p;
        }
    }
    let whole = root.sqrt();
    if &whole * &whole == root { (square * whole, BigInt::one()) } else { (square, root) }
}

/// The exact root of a non-negative rational.
fn exact_root(value: &BigRational, index: u32) -> Option<BigRational> {
    if value.is_negative() || index == 0 || index > 64 {
        return None;
    }
    let (top, bottom) = (value.numer().nth_root(index), value.denom().nth_root(index));
    let root = BigRational::new(top, bottom);
    (power(&root, i64::from(index)).as_ref() == Some(value)).then_some(root)
}

/// The greatest common divisor, least common multiple, larger or smaller of two numbers.
fn reduced(name: &str, a: BigRational, b: BigRational) -> BigRational {
    match name {
        "max" => a.max(b),
        "min" => a.min(b),
        _ => {
            let (top, bottom) = (a.numer().abs(), b.numer().abs());
            let common =
                if top.is_zero() || bottom.is_zero() { &top + &bottom } else { gcd(&top, &bottom) };
            let multiple =
                || if common.is_zero() { BigInt::zero() } else { &top / &common * &bottom };
            BigRational::from_integer(if name == "gcd" { common.clone() } else { multiple() })
        }
    }
}

fn call(name: &str, arguments: &[Expr]) -> Option<Polynomial> {
    let arguments: Option<Vec<Polynomial>> = arguments.iter().map(Polynomial::of).collect();
    let arguments = arguments?;
    let numbers: Vec<Option<BigRational>> = arguments.iter().map(Polynomial::rational).collect();
    let small =
        |v: &BigRational| v.is_integer().then(|| v.to_u32()).flatten().filter(|n| *n <= 200);
    match (name, numbers.as_slice()) {
        ("floor", [Some(value)]) => return Some(Polynomial::constant(value.floor())),
        ("ceil", [Some(value)]) => return Some(Polynomial::constant(value.ceil())),
        ("abs", [Some(value)]) => return Some(Polynomial::constant(value.abs())),
        ("factorial", [Some(value)]) => {
            if let Some(n) = small(value) {
                let product = (1..=n).fold(BigInt::one(), |acc, k| acc * k);
                return Some(Polynomial::constant(BigRational::from_integer(product)));
            }
        }
        ("gcd" | "lcm" | "max" | "min", values) if values.iter().all(Option::is_some) => {
            let values = values.iter().flatten().cloned();
            return values.reduce(|a, b| reduced(name, a, b)).map(Polynomial::constant);
        }
        ("binomial", [None, Some(k)]) => {
            if let (Some(n), Some(k)) = (arguments.first(), small(k).filter(|k| *k <= 8)) {
                // n (n - 1) … / k!
                return (0..k).try_fold(Polynomial::constant(BigRational::one()), |product, j| {
                    let shift = Polynomial::constant(BigRational::from_integer(-BigInt::from(j)));
                    let part = BigRational::new(BigInt::one(), BigInt::from(j + 1));
                    product.times(&n.plus(&shift)?.scaled(&part))
                });
            }
        }
        ("binomial", [Some(n), Some(k)]) => {
            if let (Some(n), Some(k)) = (small(n), small(k))
                && k <= n
            {
                let value = (0..k).fold(BigInt::one(), |acc, j| acc * (n - j) / (j + 1));
                return Some(Polynomial::constant(BigRational::from_integer(value)));
            }
        }
        _ => {}
    }
    let names: Option<Vec<String>> = arguments.iter().map(Polynomial::name).collect();
    Some(Polynomial::symbol(format!("{name}({})", names?.join(",")), 1, true))
}
