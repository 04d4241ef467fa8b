//! Units: where one ends behind a value, how it is spelled, and what it measures.
//!
//! `12 m^2`, `12\,\mathrm{m^2}`, `12\text{ square metres}` and `12 sq m` have one unit, `m^2`. A unit
//! of one letter counts only behind a space or set upright, since `12m` is a product. A unit is
//! dropped beside a number without one; two known units say whether values can be the same at all:
//! 5 cm is not 5 m, and 2 hours are 120 minutes.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::One;

use super::number::power;

/// Symbol, other spellings, what it is made of, and how many thousandths of that it is. The
/// symbols of one letter are upper or lower case; words are spelled in any case.
type Row = (&'static str, &'static [&'static str], &'static [(&'static str, i64)], (u64, u64));

const M: &[(&str, i64)] = &[("m", 1)];
const L: &[(&str, i64)] = &[("m", 3)];
const S: &[(&str, i64)] = &[("s", 1)];
const G: &[(&str, i64)] = &[("g", 1)];
const SPEED: &[(&str, i64)] = &[("m", 1), ("s", -1)];
const AREA: &[(&str, i64)] = &[("m", 2)];

const UNITS: &[Row] = &[
    ("nm", &["nanometer", "nanometre"], M, (1, 1_000_000_000)),
    ("μm", &["micrometer", "micrometre", "micron"], M, (1, 1_000_000)),
    ("mm", &["millimeter", "millimetre"], M, (1, 1000)),
    ("cm", &["centimeter", "centimetre", "cms"], M, (1, 100)),
    ("dm", &["decimeter", "decimetre"], M, (1, 10)),
    ("m", &["meter", "metre"], M, (1, 1)),
    ("km", &["kilometer", "kilometre", "kms"], M, (1000, 1)),
    ("in", &["inch", "inches"], M, (254, 10_000)),
    ("ft", &["foot", "feet"], M, (3048, 10_000)),
    ("yd", &["yard", "yds"], M, (9144, 10_000)),
    ("mi", &["mile"], M, (1_609_344, 1000)),
    ("μs", &["microsecond"], S, (1, 1_000_000)),
    ("ns", &["nanosecond"], S, (1, 1_000_000_000)),
    ("ms", &["millisecond"], S, (1, 1000)),
    ("s", &["second", "sec", "secs"], S, (1, 1)),
    ("min", &["minute", "mins"], S, (60, 1)),
    ("h", &["hour", "hr", "hrs"], S, (3600, 1)),
    ("day", &[], S, (86_400, 1)),
    ("wk", &["week", "wks"], S, (604_800, 1)),
    ("mo", &["month"], &[("mo", 1)], (1, 1)),
    ("yr", &["year", "yrs"], &[("mo", 1)], (12, 1)),
    ("μg", &["microgram"], G, (1, 1_000_000)),
    ("mg", &["milligram"], G, (1, 1000)),
    ("g", &["gram"], G, (1, 1)),
    ("kg", &["kilogram", "kilo", "kgs"], G, (1000, 1)),
    ("tonne", &[], G, (1_000_000, 1)),
    ("oz", &["ounce"], G, (28_349_523_125, 1_000_000_000)),
    ("lb", &["lbs"], G, (45_359_237, 100_000)),
    ("ml", &["mL", "milliliter", "millilitre"], L, (1, 1_000_000)),
    ("cl", &["cL", "centiliter", "centilitre"], L, (1, 100_000)),
    ("L", &["l", "liter", "litre"], L, (1, 1000)),
    ("gal", &["gallon"], &[("gal", 1)], (1, 1)),
    ("qt", &["quart"], &[("gal", 1)], (1, 4)),
    ("pt", &["pint"], &[("gal", 1)], (1, 8)),
    ("ha", &["hectare"], AREA, (10_000, 1)),
    ("acre", &["acre"], AREA, (40_468_564_224, 10_000_000)),
    ("mph", &[], SPEED, (1_609_344, 3_600_000)),
    ("kph", &["kmh", "kmph"], SPEED, (1000, 3600)),
    ("N", &["newton"], &[("g", 1), ("m", 1), ("s", -2)], (1000, 1)),
    ("kN", &["kilonewton"], &[("g", 1), ("m", 1), ("s", -2)], (1_000_000, 1)),
    ("J", &["joule"], &[("g", 1), ("m", 2), ("s", -2)], (1000, 1)),
    ("kJ", &["kilojoule"], &[("g", 1), ("m", 2), ("s", -2)], (1_000_000, 1)),
    ("W", &["watt"], &[("g", 1), ("m", 2), ("s", -3)], (1000, 1)),
    ("kW", &["kilowatt"], &[("g", 1), ("m", 2), ("s", -3)], (1_000_000, 1)),
    ("Pa", &["pascal"], &[("g", 1), ("m", -1), ("s", -2)], (1000, 1)),
    ("kPa", &["kilopascal"], &[("g", 1), ("m", -1), ("s", -2)], (1_000_000, 1)),
    ("Hz", &["hertz", "hz"], &[("s", -1)], (1, 1)),
    ("kHz", &["kilohertz"], &[("s", -1)], (1000, 1)),
    ("MHz", &["megahertz"], &[("s", -1)], (1_000_000, 1)),
    ("Ω", &["ohm"], &[("V", 1), ("A", -1)], (1, 1)),
    ("kΩ", &["kiloohm"], &[("V", 1), ("A", -1)], (1000, 1)),
    ("eV", &["electronvolt"], &[("eV", 1)], (1, 1)),
    ("MeV", &[], &[("eV", 1)], (1_000_000, 1)),
    ("kWh", &["kilowatt-hour"], &[("g", 1), ("m", 2), ("s", -2)], (3_600_000_000, 1)),
    ("GHz", &["gigahertz"], &[("s", -1)], (1_000_000_000, 1)),
    ("byte", &[], &[("byte", 1)], (1, 1)),
    ("KB", &["kB", "kilobyte"], &[("byte", 1)], (1000, 1)),
    ("MB", &["megabyte"], &[("byte", 1)], (1_000_000, 1)),
    ("GB", &["gigabyte"], &[("byte", 1)], (1_000_000_000, 1)),
    ("mV", &["millivolt"], &[("V", 1)], (1, 1000)),
    ("kV", &["kilovolt"], &[("V", 1)], (1000, 1)),
    ("V", &["volt"], &[("V", 1)], (1, 1)),
    ("A", &["ampere", "amp"], &[("A", 1)], (1, 1)),
    ("mA", &["milliampere"], &[("A", 1)], (1, 1000)),
    ("mol", &["mole"], &[("mol", 1)], (1, 1)),
    ("cal", &["calorie"], &[("cal", 1)], (1, 1)),
    ("kcal", &["kilocalorie"], &[("cal", 1)], (1000, 1)),
    ("K", &["kelvin"], &[("K", 1)], (1, 1)),
    ("rpm", &[], &[("rpm", 1)], (1, 1)),
    ("dB", &["decibel"], &[("dB", 1)], (1, 1)),
    ("rad", &["radian"], &[("rad", 1)], (1, 1)),
    ("°C", &["celsius", "centigrade"], &[("celsius", 1)], (1, 1)),
    ("°F", &["fahrenheit"], &[("fahrenheit", 1)], (1, 1)),
    ("USD", &["dollar", "buck"], &[("USD", 1)], (1, 1)),
    ("cent", &["penny", "pennies"], &[("USD", 1)], (1, 100)),
    ("EUR", &["euro"], &[("EUR", 1)], (1, 1)),
    ("GBP", &[], &[("GBP", 1)], (1, 1)),
    ("pence", &[], &[("GBP", 1)], (1, 100)),
    ("INR", &["rupee", "Rs"], &[("INR", 1)], (1, 1)),
    ("paise", &["paisa"], &[("INR", 1)], (1, 100)),
    ("JPY", &["yen"], &[("JPY", 1)], (1, 1)),
    ("CNY", &["yuan", "RMB"], &[("CNY", 1)], (1, 1)),
    ("KRW", &["won"], &[("KRW", 1)], (1, 1)),
    ("RUB", &["ruble", "rouble"], &[("RUB", 1)], (1, 1)),
    ("CHF", &["franc"], &[("CHF", 1)], (1, 1)),
    ("CAD", &[], &[("CAD", 1)], (1, 1)),
    ("AUD", &[], &[("AUD", 1)], (1, 1)),
    ("peso", &["MXN"], &[("peso", 1)], (1, 1)),
];

static ROWS: LazyLock<HashMap<&'static str, &'static Row>> = LazyLock::new(|| {
    let spellings = |row: &'static Row| row.1.iter().copied().chain([row.0]);
    UNITS.iter().flat_map(|row| spellings(row).map(move |word| (word, row))).collect()
});

fn row(word: &str) -> Option<&'static Row> {
    ROWS.get(word).copied().or_else(|| {
        let lower = word.to_lowercase();
        let singular = lower.strip_suffix('s').filter(|s| s.len() > 2).unwrap_or(&lower);
        // Symbols keep their case, words do not.
        let word = [lower.as_str(), singular].into_iter().find_map(|word| ROWS.get(word).copied());
        word.filter(|_| lower.len() > 2)
    })
}

/// Whether a word is a unit.
pub(super) fn is_unit(word: &str) -> bool {
    row(word).is_some()
}

/// The currency that a sign stands for.
pub(super) fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '$' => "USD",
        '€' => "EUR",
        '£' => "GBP",
        '¥' => "JPY",
        '₹' => "INR",
        '₩' => "KRW",
        '₽' => "RUB",
        '¢' => "cent",
        '₺' => "TRY",
        '₫' => "VND",
        '₦' => "NGN",
        '₱' => "PHP",
        '₪' => "ILS",
        '฿' => "THB",
        _ => return None,
    })
}

/// The currency that a code or an abbreviation before a price stands for.
pub(super) fn code(word: &str) -> Option<&'static str> {
    Some(match word {
        "USD" | "US" => "USD",
        "EUR" => "EUR",
        "GBP" => "GBP",
        "INR" | "Rs" | "RS" => "INR",
        "JPY" => "JPY",
        "CNY" | "RMB" => "CNY",
        "CHF" => "CHF",
        "CAD" => "CAD",
        "AUD" => "AUD",
        "KRW" => "KRW",
        _ => return None,
    })
}

/// The dollar whose country stands before its sign: `CA$20`.
pub(super) fn dollar(country: &str) -> Option<&'static str> {
    Some(match country {
        "CA" | "C" => "CAD",
        "AU" | "A" => "AUD",
        "NZ" => "NZD",
        "HK" => "HKD",
        "S" => "SGD",
        "R" => "BRL",
        "MX" => "peso",
        _ => return None,
    })
}

/// The currency that a unit is.
pub(super) fn currency(unit: &str) -> Option<&'static str> {
    let (symbol, _, bases, _) = row(unit)?;
    let money =
        ["USD", "EUR", "GBP", "INR", "JPY", "CNY", "KRW", "RUB", "CHF", "CAD", "AUD", "peso"];
    bases.first().is_some_and(|(base, _)| money.contains(base)).then_some(*symbol)
}

/// What one of a unit measures: how many of the bases' product.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    pub(super) scale: BigRational,
    bases: BTreeMap<&'static str, i64>,
}

impl Measure {
    /// Whether values in both units can be compared.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.bases == other.bases
    }
}

/// Reads a unit in the spelling of [`scan`].
pub(super) fn measure(unit: &str) -> Option<Measure> {
    let mut out = Measure { scale: BigRational::one(), bases: BTreeMap::new() };
    for (index, side) in unit.split('/').enumerate() {
        for factor in side.split(' ') {
            let (name, exponent) = factor.split_once('^').unwrap_or((factor, "1"));
            let exponent: i64 = exponent.parse().ok().filter(|e: &i64| e.abs() <= 9)?;
            let exponent = if index == 0 { exponent } else { -exponent };
            let Some((_, _, bases, (top, bottom))) = row(name) else {
                let foreign =
                    ["TRY", "VND", "NGN", "PHP", "ILS", "THB", "NZD", "HKD", "SGD", "BRL"];
                let name = foreign.iter().find(|f| **f == name)?;
                out.bases.insert(name, exponent);
                continue;
            };
            let one = BigRational::new(BigInt::from(*top), BigInt::from(*bottom));
            out.scale *= power(&one, exponent)?;
            for (base, times) in *bases {
                *out.bases.entry(base).or_insert(0) += times * exponent;
            }
        }
    }
    out.bases.retain(|_, exponent| *exponent != 0);
    Some(out)
}

/// The unit behind a value that ends at `at`, in one spelling, and where it ends. Plain letters that
/// may as well be variables are a unit only if `letters`.
pub(super) fn scan(chars: &[char], at: usize, letters: bool) -> Option<(String, usize)> {
    let spaced = at
        .checked_sub(1)
        .and_then(|before| chars.get(before))
        .is_some_and(|c| c.is_whitespace() || matches!(c, '~' | ',' | '}' | '!' | ';' | '°'));
    let mut scanner = Scanner { chars, at, upright: 0, spaced, lone: true, last: 0 };
    let unit = scanner.product()?;
    let unit_at_all = letters || !scanner.lone;
    (unit_at_all && scanner.upright == 0 && scanner.ends()).then_some((unit, scanner.at))
}

struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
    /// Braces of upright text that are open.
    upright: usize,
    /// Whether a space or upright text sets the letters off from the value.
    spaced: bool,
    /// Whether every unit so far is one letter in plain text.
    lone: bool,
    /// Where the last factor ended.
    last: usize,
}

impl Scanner<'_> {
    fn starts(&self, text: &str) -> bool {
        text.chars().zip(self.at..).all(|(c, at)| self.chars.get(at) == Some(&c))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.starts(text);
        self.at += if found { text.chars().count() } else { 0 };
        found
    }

    fn spaces(&mut self) {
        while [" ", "\\,", "\\ ", "~", "\\;", "\\:", "\u{a0}", "\u{202f}", "\\!"]
            .iter()
            .any(|space| self.eat(space))
        {}
    }

    /// Opens and closes upright text around units.
    fn braces(&mut self) {
        loop {
            self.spaces();
            let command = [
                "\\text{",
                "\\mathrm{",
                "\\textrm{",
                "\\mbox{",
                "\\operatorname{",
                "\\textit{",
                "\\mathit{",
                "\\mathsf{",
                "\\rm{",
                "\\textup{",
                "\\hbox{",
                "\\unit{",
            ]
            .iter()
            .any(|open| self.eat(open));
            if command {
                self.upright += 1;
                (self.spaced, self.lone) = (true, false);
            } else if self.upright > 0 && self.eat("}") {
                self.upright -= 1;
            } else {
                return;
            }
        }
    }

    fn word(&self) -> String {
        self.chars.iter().skip(self.at).take_while(|c| c.is_alphabetic()).collect()
    }

    /// A unit with a Greek letter as TeX or Unicode writes it, `\mu\text{m}`, `k\Omega`; the
    /// cursor is left before its Latin letters.
    fn greek(&mut self) -> Option<String> {
        let back = (self.at, self.upright, self.spaced, self.lone);
        let kilo = self.starts("k\\Omega") || self.starts("kΩ");
        self.at += usize::from(kilo);
        if ["\\Omega", "\\ohm", "Ω", "\u{2126}"].iter().any(|ohm| self.eat(ohm)) {
            (self.spaced, self.lone) = (true, false);
            while self.upright > 0 && self.eat(" ") {}
            return Some(if kilo { "kΩ" } else { "Ω" }.to_owned());
        }
        if ["\\mu", "μ", "µ"].iter().any(|mu| self.eat(mu)) {
            self.braces();
            let word = self.word();
            if matches!(word.as_str(), "m" | "s" | "g") {
                (self.spaced, self.lone) = (true, false);
                return Some(format!("μ{word}"));
            }
        }
        (self.at, self.upright, self.spaced, self.lone) = back;
        None
    }

    fn exponent(&mut self) -> Option<i64> {
        if !self.eat("^") {
            return Some(1);
        }
        let braced = self.eat("{");
        let negative = self.eat("-");
        let digits: String =
            self.chars.iter().skip(self.at).take_while(|c| c.is_ascii_digit()).collect();
        self.at += digits.len();
        let size: i64 = digits.parse().ok()?;
        (!braced || self.eat("}")).then_some(if negative { -size } else { size })
    }

    fn factor(&mut self) -> Option<String> {
        self.braces();
        let mut times = 1;
        let start = self.word();
        match start.to_lowercase().as_str() {
            "sq" | "square" => times = 2,
            "cubic" | "cu" => times = 3,
            _ => {}
        }
        if times > 1 {
            self.at += start.len();
            self.eat(".");
            self.braces();
        }
        if self.eat("°") || self.eat("^\\circ") || self.eat("^{\\circ}") || self.eat("\\degree") {
            self.braces();
            let word = self.word();
            let scale = word.chars().next().filter(|c| word.len() == 1 && "CF".contains(*c))?;
            self.at += 1;
            self.lone = false;
            self.braces();
            return Some(format!("°{scale}"));
        }
        let word = self.greek().unwrap_or_else(|| self.word());
        if word.is_empty() {
            return None;
        }
        let (symbol, ..) = row(&word)?;
        if word.len() == 1 && !self.spaced && self.upright == 0 {
            return None;
        }
        self.lone &= word.len() == 1;
        // A Greek prefix or symbol is behind the cursor already.
        self.at += self.word().chars().count();
        let abbreviated = word.len() <= 3 && self.starts(".") && {
            let next = self.chars.get(self.at + 1);
            next.is_some_and(|c| c.is_whitespace() || *c == ',')
                && self
                    .chars
                    .get(self.at + 2)
                    .is_some_and(|c| c.is_lowercase() || c.is_ascii_digit())
        };
        self.at += usize::from(abbreviated);
        let inside = (self.at, self.upright);
        self.braces();
        if !self.starts("^") {
            (self.at, self.upright) = inside;
        }
        let exponent = self.exponent()? * times;
        // The brace of upright text belongs to the factor, spaces behind it do not.
        while self.upright > 0 && self.eat("}") {
            self.upright -= 1;
        }
        self.last = self.at;
        // `m s^{-2}` lost its space.
        if *symbol == "ms" && exponent < 0 {
            return Some(format!("m s^{exponent}"));
        }
        Some(if exponent == 1 { (*symbol).to_owned() } else { format!("{symbol}^{exponent}") })
    }

    /// `\frac{\text{m}}{\text{s}}`
    fn quotient(&mut self) -> Option<String> {
        if !["\\frac{", "\\dfrac{", "\\tfrac{"].iter().any(|open| self.eat(open)) {
            return None;
        }
        (self.spaced, self.lone) = (true, false);
        let outer = self.upright;
        self.upright += 1;
        let top = self.product()?;
        self.braces();
        if self.upright != outer || !self.eat("{") {
            return None;
        }
        self.upright += 1;
        let bottom = self.product()?;
        self.braces();
        (self.upright == outer && !top.contains('/') && !bottom.contains('/'))
            .then(|| format!("{top}/{bottom}"))
    }

    fn product(&mut self) -> Option<String> {
        self.spaces();
        if self.starts("\\frac") || self.starts("\\dfrac") || self.starts("\\tfrac") {
            return self.quotient();
        }
        let mut out = self.factor()?;
        let mut divided = false;
        for _ in 0..4 {
            let back = (self.at, self.upright);
            self.braces();
            let over = self.eat("/")
                || (self.word() == "per" && self.eat("per"))
                || (self.starts("an ") || self.starts("a ")) && {
                    self.at += self.word().len();
                    true
                };
            let joint =
                over || self.eat("\\cdot") || self.eat("·") || self.eat("*") || self.eat("⋅");
            self.spaced |= joint;
            let next = if over && divided { None } else { self.factor() };
            let Some(factor) = next else {
                (self.at, self.upright) = back;
                if self.upright == 0 || self.at == self.last {
                    break;
                }
                return None;
            };
            // What is under the line stays there: `N/m s` would be read two ways.
            out.push(if over {
                '/'
            } else if divided {
                return None;
            } else {
                ' '
            });
            divided |= over;
            out.push_str(&factor);
        }
        Some(out)
    }

    /// Whether what follows leaves the unit one: no operand of a formula.
    fn ends(&mut self) -> bool {
        let mut ahead = Scanner { spaced: true, ..*self };
        ahead.spaces();
        match ahead.chars.get(ahead.at) {
            Some('^' | '_' | '(' | '\'' | '!') => false,
            Some('+' | '-' | '*' | '/') => !self.lone,
            // `3 m n` is a product; `3 m of rope` is not.
            Some(c) if c.is_alphabetic() => {
                ahead.at > self.at && (!self.lone || ahead.word().len() > 1)
            }
            Some('\\') => {
                !self.lone
                    || !ahead.chars.get(ahead.at + 1).is_some_and(char::is_ascii_alphabetic)
                    || ahead.starts("\\text")
                    || ahead.starts("\\quad")
            }
            _ => true,
        }
    }
}
