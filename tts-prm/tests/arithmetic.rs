//! Equations in texts, by table and by random expressions.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use tts_prm::{Arithmetic, equations};

const RIGHT: f64 = 1.0;
const WRONG: f64 = 0.0;
const NEUTRAL: f64 = 0.5;

#[track_caller]
fn check(cases: &[(&str, f64)]) {
    for (text, expected) in cases {
        let found = Arithmetic::judge(text);
        assert!((found - expected).abs() < 1e-12, "{text:?}: {found}\n{:#?}", equations(text));
    }
}

#[test]
fn equations_that_hold() {
    check(&[
        ("2 + 3 = 5", RIGHT),
        ("2+3=5.", RIGHT),
        ("So 12 - 20 = -8 in the end", RIGHT),
        ("12 \u{2212} 20 = \u{2212}8", RIGHT),
        ("7 \u{2013} 2 = 5", RIGHT),
        ("3 × 4 = 12", RIGHT),
        ("3*4=12", RIGHT),
        ("3 x 4 = 12", RIGHT),
        ("3x4=12", RIGHT),
        ("20x30 = 600", RIGHT),
        ("12 ÷ 4 = 3", RIGHT),
        ("3 + 4 * 2 = 11", RIGHT),
        ("(3 + 4) * 2 = 14", RIGHT),
        ("2(3 + 4) = 14", RIGHT),
        ("[2 + 3] * 2 = 10", RIGHT),
        ("1,200 + 34,567 = 35,767", RIGHT),
        ("1{,}200 + 1 = 1{,}201", RIGHT),
        ("She pays $3 * 4 = $12.", RIGHT),
        ("€1.50 + €2.50 = €4", RIGHT),
        ("0.1 + 0.2 = 0.3", RIGHT),
        ("10 / 3 = 3.33", RIGHT),
        ("2/3 = 0.67", RIGHT),
        ("2/3 = 0.666...", RIGHT),
        ("1/2 + 1/4 = 3/4", RIGHT),
        ("2 + 3 = 5 = 1 + 4", RIGHT),
        ("x = 5 + 3 = 8", RIGHT),
        ("20% of 50 = 10", RIGHT),
        ("1/2 of 20 = 10", RIGHT),
        ("10 / 50 = 20%", RIGHT),
        ("(10 / 50) * 100 = 20%", RIGHT),
        ("100% - 20% = 80%", RIGHT),
        ("3^2 + 4^2 = 25", RIGHT),
        ("2**3 = 8", RIGHT),
        ("**5 + 3 = 8**", RIGHT),
        ("5 + 3 = **8**", RIGHT),
        ("5 apples + 3 apples = 8 apples", RIGHT),
        ("He has 5 * 2 = 10 apples and 3 + 1 = 4 pears", RIGHT),
        ("48/2 = <<48/2=24>>24 clips", RIGHT),
        ("\\(5 \\times 3 = 15\\)", RIGHT),
        ("$\\frac{1}{2} + \\frac{1}{3} = \\frac{5}{6}$", RIGHT),
        ("$5 \\cdot 3 = \\boxed{15}$", RIGHT),
        ("2 * 3 = 6 \\text{ apples}", RIGHT),
        ("2 * 500 thousand = 1 million", RIGHT),
        ("-5 + 3 = -2", RIGHT),
        ("- 5 + 3 = 8", RIGHT),
        ("1. 5 + 3 = 8", RIGHT),
        ("1) 5 + 3 = 8", RIGHT),
        ("60 / 10 = 6 miles/hour", RIGHT),
        ("5 + 3 = 8 - so it is even", RIGHT),
        ("5 + 3 = 8 (as before)", RIGHT),
        ("(5 + 3 = 8)", RIGHT),
        ("is 5 + 3 = 8?", RIGHT),
        ("It is half of what she had, and 4 * 6 = 24.", RIGHT),
        ("That is more than enough: 2 + 2 = 4", RIGHT),
        ("0.25 + 0.5 = 0.75 = 3/4", RIGHT),
        ("3(6) = 18 dozen", RIGHT),
        ("15,\\!000 / 12 = 1250", RIGHT),
        ("(5\\text{ cm})(3\\text{ cm}) = 15\\text{ cm}^2", RIGHT),
        ("5 = 3 + 2", RIGHT),
        // The last digit shown is of ten thousands, and of thousandths.
        ("2469134 / 2 = 1.23 million", RIGHT),
        ("1 / 3 = 33.3%", RIGHT),
    ]);
}

#[test]
fn many_brackets_are_not_deep_ones() {
    let ones = vec!["(1)"; 60].join(" + ");
    check(&[(&*format!("{ones} = 60"), RIGHT), (&*format!("{ones} = 61"), WRONG)]);
}

#[test]
fn equations_that_do_not_hold() {
    check(&[
        ("2 + 3 = 6", WRONG),
        ("12 \u{2212} 20 = 8", WRONG),
        ("3 × 4 = 13", WRONG),
        ("10 / 3 = 3.34", WRONG),
        ("10 / 3 = 3", WRONG),
        ("7/2 = 3", WRONG),
        ("2 + 3 = 5 = 6", WRONG),
        ("2 + 3 = 5 and 2 + 2 = 5", WRONG),
        ("1,200 + 300 = 1,400", WRONG),
        ("5 apples + 3 apples = 9 apples", WRONG),
        ("20% of 50 = 11", WRONG),
        ("$\\frac{1}{2} + \\frac{1}{3} = \\frac{2}{5}$", WRONG),
        ("48/2=<<48/2=25>>25", WRONG),
        ("3 + 4 * 2 = 14", WRONG),
        ("0.1 + 0.2 = 0.4", WRONG),
        ("2 * 3 million = 7 million", WRONG),
        ("2469134 / 2 = 1.24 million", WRONG),
        ("1 / 3 = 33.4%", WRONG),
        ("It is half of what she had, and 4 * 6 = 25.", WRONG),
    ]);
}

#[test]
fn what_is_not_an_equation_between_numbers() {
    let huge = format!("{} + 1 = 2", "9".repeat(60));
    let overflow = "99999999999999999999 * 99999999999999999999 * 99999999999999999999 = 1";
    let deep = format!("{}1{} + 1 = 5", "(".repeat(100_000), ")".repeat(100_000));
    check(&[
        ("", NEUTRAL),
        ("Let us think.", NEUTRAL),
        ("On 3/4/2020 it rained.", NEUTRAL),
        ("3/4/2020 = Friday", NEUTRAL),
        ("2-3 apples", NEUTRAL),
        ("pages 10\u{2013}12 = three pages", NEUTRAL),
        ("5 + 3 = ?", NEUTRAL),
        ("5 + 3 =", NEUTRAL),
        ("= 8", NEUTRAL),
        ("5 + 3", NEUTRAL),
        ("x = 5", NEUTRAL),
        ("x + 3 * 2 = 10", NEUTRAL),
        ("x - 3 * 2 = 10", NEUTRAL),
        ("2x + 3 = 7", NEUTRAL),
        ("2 + 3 = 5x", NEUTRAL),
        ("5 + 5 = 12 - x", NEUTRAL),
        ("5 + 5 = 10 + x", NEUTRAL),
        ("f(3) = 9 + 1", NEUTRAL),
        ("f(2 + 3) = 7", NEUTRAL),
        ("1 hour = 60 minutes", NEUTRAL),
        ("2 hours + 30 minutes = 150 minutes", NEUTRAL),
        ("2 * 6 feet = 144 inches", NEUTRAL),
        ("10:30 + 2 = 12:30", NEUTRAL),
        ("(1, 2) + (3, 4) = (4, 6)", NEUTRAL),
        ("(1,2)+(3,4)=(4,6)", NEUTRAL),
        ("5 / 0 = 0", NEUTRAL),
        ("5 / (3 - 3) = 7", NEUTRAL),
        ("5! = 120", NEUTRAL),
        ("4! + 1 = 25", NEUTRAL),
        ("\\sqrt{16} + 1 = 5", NEUTRAL),
        ("half of 20 + 5 = 15", NEUTRAL),
        ("Tom has half as many as 4 * 6 = 12.", NEUTRAL),
        ("That is 3 less than 5 * 2 = 7.", NEUTRAL),
        ("She has 2 more than 3 * 4 = 14.", NEUTRAL),
        ("She has 2 more apples than 3 * 4 = 14.", NEUTRAL),
        ("It costs 20% less than 5 * 10 = 40.", NEUTRAL),
        ("At 20% off 50 + 50 = 80.", NEUTRAL),
        ("thrice 2 + 3 = 9", NEUTRAL),
        ("5 times 3 + 2 = 17", NEUTRAL),
        ("5 + 10 = 3 times 5", NEUTRAL),
        ("7 / 2 = 3 remainder 1", NEUTRAL),
        ("7 / 2 = 4 (rounded up)", NEUTRAL),
        ("1 1/2 + 1 = 2 1/2", NEUTRAL),
        ("2 * 50 cents = $1", NEUTRAL),
        ("5 + 3 != 9", NEUTRAL),
        ("5 + 3 ≠ 9", NEUTRAL),
        ("5 + 3 >= 9", NEUTRAL),
        ("5 + 3 => 9", NEUTRAL),
        ("10 / 3 ≈ 3", NEUTRAL),
        ("0x10 = 16 + 0", NEUTRAL),
        ("v1.2.3 = 4 + 5", NEUTRAL),
        ("5 + 3\n= 9", NEUTRAL),
        ("17 mod 5 = 3 + 1", NEUTRAL),
        ("Pay for 2 days = 7 + 2", NEUTRAL),
        ("On days 1-2 = 96 - 70", NEUTRAL),
        ("60 / 3/4 = 80", NEUTRAL),
        ("to 39 and -11 + 2 * 50 = 80", NEUTRAL),
        ("0900 - 0130 = 0730", NEUTRAL),
        ("279/99999 = 0.\\overline{00279}", NEUTRAL),
        ("2^3^2 = 64", NEUTRAL),
        (&huge, NEUTRAL),
        (overflow, NEUTRAL),
        (&deep, NEUTRAL),
        // A rounding carried on is no new mistake.
        ("20/3 * 3 = 6.67 * 3", NEUTRAL),
    ]);
}

#[test]
fn the_sides_are_told() {
    let found = equations("Then 3 + 4 = 7 apples, and (7 * 2) = 15.");
    let parts: Vec<_> = found.iter().map(|e| (&*e.left, &*e.right, e.holds)).collect();
    assert_eq!(parts, [("3 + 4", "7", true), ("(7 * 2)", "15", false)]);
}

/// Numbers from a seed (Steele et al. 2014), so that a failure can be run again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// The text and value of an expression over integers, fully bracketed.
    fn expression(&mut self, depth: u64) -> (String, i128) {
        if depth == 0 || self.below(4) == 0 {
            let value = self.below(2000);
            let text = if value >= 1000 && self.below(2) == 0 {
                format!("{},{:03}", value / 1000, value % 1000)
            } else {
                value.to_string()
            };
            return (text, value.into());
        }
        let ((a, x), (b, y)) = (self.expression(depth - 1), self.expression(depth - 1));
        let (signs, value): (&[&str], _) = match self.below(3) {
            0 => (&["+"], x + y),
            1 => (&["-", "\u{2212}"], x - y),
            _ => (&["*", "×", "x", "\\times", "·"], x * y),
        };
        let sign = signs[usize::try_from(self.below(signs.len() as u64)).unwrap()];
        (format!("({a} {sign} {b})"), value)
    }
}

#[test]
fn random_equations_hold_and_perturbed_ones_do_not() {
    for seed in 0..4000 {
        let mut random = Random(seed);
        let depth = 1 + random.below(3);
        let (text, value) = loop {
            let (text, value) = random.expression(depth);
            if text.starts_with('(') {
                break (text, value);
            }
        };
        let inner = if random.below(2) == 0 { &text[1..text.len() - 1] } else { &text[..] };
        let prose = ["", "We get ", "So, ", "1. ", "Hence: "];
        let before = prose[usize::try_from(random.below(5)).unwrap()];
        let after = ["", ".", " apples.", ", as wanted"];
        let after = after[usize::try_from(random.below(4)).unwrap()];
        let say = |value: i128| format!("{before}{inner} = {value}{after}");
        check(&[(&say(value), RIGHT)]);
        let off = i128::from(1 + random.below(50));
        let wrong = if random.below(2) == 0 { value + off } else { value - off };
        check(&[(&say(wrong), WRONG)]);
    }
}

#[test]
fn random_quotients_round_to_what_is_shown() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let (a, b) = (i128::from(random.below(100_000)), i128::from(1 + random.below(999)));
        let places = 1 + u32::try_from(random.below(4)).unwrap();
        let scale = 10_i128.pow(places);
        // Half up.
        let rounded = (2 * a * scale + b) / (2 * b);
        let width = usize::try_from(places).unwrap();
        let say = |n: i128| format!("{a} / {b} = {}.{:0width$}", n / scale, n % scale);
        check(&[(&say(rounded), RIGHT), (&say(rounded + 2), WRONG)]);
    }
}

#[test]
fn any_text_is_survived() {
    let parts = [
        "=", "==", "+", "-", "*", "**", "/", "%", "^", "(", ")", "[", "{", "}", " ", "\n", "1",
        "2.5", "1,000", "x", "of", "\\frac", "\\text{", "\\", "é", "\u{2212}", "million", "…", "$",
        ",", ".", ":", "apples",
    ];
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let count = random.below(14);
        let pick = |_| parts[usize::try_from(random.below(parts.len() as u64)).unwrap()];
        let text: String = (0..count).map(pick).collect();
        assert!(
            [RIGHT, WRONG, NEUTRAL].iter().any(|s| (s - Arithmetic::judge(&text)).abs() < 1e-12)
        );
    }
}
