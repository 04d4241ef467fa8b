//! Forms of a value: its spellings, separators, units, wrappers and tails, all of them equal; and
//! forms of values close to it, none of them equal.
//!
//! The numbers are made from a seed, so every run makes the same pairs.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]
#![expect(clippy::cast_possible_wrap, reason = "small numbers")]
#![expect(clippy::cast_sign_loss, reason = "none is negative")]

use tts_core::task::{Math, Task};

use super::agreed;

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 33) as usize % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.roll((high - low) as usize) as i64
    }
}

/// `top / bottom` in lowest terms, the bottom positive.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Fraction {
    top: i64,
    bottom: i64,
}

impl Fraction {
    fn new(top: i64, bottom: i64) -> Self {
        let (mut a, mut b) = (top.abs(), bottom.abs());
        while b > 0 {
            (a, b) = (b, a % b);
        }
        let sign = bottom.signum();
        Self { top: sign * top / a.max(1), bottom: bottom.abs() / a.max(1) }
    }

    /// A value of one of the kinds that answers have.
    fn any(dice: &mut Dice) -> Self {
        let sign = if dice.roll(4) == 0 { -1 } else { 1 };
        match dice.roll(4) {
            0 => Self::new(sign * dice.between(1, 100), 1),
            1 => Self::new(sign * dice.between(1000, 90_000_000), 1),
            2 => Self::new(sign * dice.between(1, 60), dice.between(2, 30)),
            _ => Self::new(sign * dice.between(1, 100_000), *dice.pick(&[10, 100, 1000])),
        }
    }

    /// Another value that a careless reader may take for this one.
    fn neighbour(self, dice: &mut Dice) -> Self {
        let other = match dice.roll(8) {
            0 => Self::new(self.top + 1, self.bottom),
            1 => Self::new(self.top - 1, self.bottom),
            2 => Self::new(-self.top, self.bottom),
            3 => Self::new(self.top * 10, self.bottom),
            4 => Self::new(self.top, self.bottom * 10),
            5 => Self::new(self.top, self.bottom + 1),
            6 => Self::new(self.top, self.bottom * 100),
            // The fraction of a mixed number, and its digits run together.
            _ if self.bottom > 1 && self.top.abs() > self.bottom => {
                Self::new(self.top % self.bottom, self.bottom)
            }
            _ => Self::new(self.top * 1000, self.bottom),
        };
        if other == self { Self::new(self.top + 7, self.bottom) } else { other }
    }

    fn spell(self, dice: &mut Dice) -> String {
        let sign = if self.top < 0 { *dice.pick(&["-", "−", "negative ", "minus "]) } else { "" };
        let (top, bottom) = (self.top.abs(), self.bottom);
        let body = if bottom == 1 { whole(top, dice) } else { broken(top, bottom, dice) };
        format!("{sign}{body}")
    }
}

fn grouped(n: i64, separator: &str, indian: bool) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        let border =
            if indian { left == 3 || (left > 3 && left % 2 == 1) } else { left.is_multiple_of(3) };
        if index > 0 && border {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

fn whole(n: i64, dice: &mut Dice) -> String {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] =
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    if n < 100 {
        return match dice.roll(5) {
            0 if n < 20 => ONES[n as usize].to_owned(),
            0 if n % 10 == 0 => TENS[n as usize / 10 - 2].to_owned(),
            0 => format!("{}-{}", TENS[n as usize / 10 - 2], ONES[n as usize % 10]),
            1 => format!("{n}.0"),
            2 => format!("{n}/1"),
            3 => format!(r"\frac{{{}}}{{2}}", 2 * n),
            _ => n.to_string(),
        };
    }
    let separators = [",", r"\,", "~", r"\ ", "'", "{,}", " ", "\u{202f}", "\u{a0}", r",\!"];
    match dice.roll(6) {
        0 => n.to_string(),
        1 if n >= 100_000 => grouped(n, ",", true),
        2 => format!("{n}.00"),
        _ => grouped(n, dice.pick::<&str>(&separators), false),
    }
}

fn broken(top: i64, bottom: i64, dice: &mut Dice) -> String {
    let (whole, rest) = (top / bottom, top % bottom);
    let decimal = [10, 100, 1000].iter().position(|p| p % bottom == 0).map(|at| at + 1);
    match (dice.roll(6), decimal) {
        (0 | 1, Some(places)) => {
            let scaled = rest * 10_i64.pow(places as u32) / bottom;
            format!("{whole}.{scaled:0places$}")
        }
        (0, None) => repeating(top, bottom),
        (2, _) if whole > 0 => format!("{whole} {rest}/{bottom}"),
        (3, _) if whole > 0 => format!(r"{whole}\frac{{{rest}}}{{{bottom}}}"),
        (4, _) if whole > 0 => format!("{whole} and {rest}/{bottom}"),
        (5, _) => format!("{top}/{bottom}"),
        _ => format!(r"{}{{{top}}}{{{bottom}}}", dice.pick(&[r"\frac", r"\dfrac", r"\tfrac"])),
    }
}

/// The decimal with a bar over what repeats.
fn repeating(top: i64, bottom: i64) -> String {
    let (mut digits, mut seen) = (String::new(), Vec::new());
    let mut rest = top % bottom;
    while rest != 0 && !seen.contains(&rest) {
        seen.push(rest);
        digits.push_str(&(rest * 10 / bottom).to_string());
        rest = rest * 10 % bottom;
    }
    let from = seen.iter().position(|r| *r == rest).unwrap_or(digits.len());
    let (fixed, block) = digits.split_at(from);
    let bar = if block.is_empty() { String::new() } else { format!(r"\overline{{{block}}}") };
    format!("{}.{fixed}{bar}", top / bottom)
}

const UNITS: [&str; 14] = [
    "",
    "",
    "",
    " cm",
    r"\text{ cm}",
    r"\,\mathrm{m^2}",
    " km/h",
    " square feet",
    r"\text{ m}/\text{s}",
    " apples",
    r"\text{ kg}",
    " miles per hour",
    r"\ \text{cm}^3",
    " hours",
];

/// A form as a whole output, or within one.
fn dressed(form: &str, dice: &mut Dice) -> String {
    let tails = [
        "",
        "",
        ".",
        "!",
        " in total.",
        " by symmetry",
        ", as required.",
        " altogether",
        " 🎉",
        "</s>",
        " because nothing else fits.",
        "; see above",
        "<|im_end|>",
        " at most.",
    ];
    let tail = *dice.pick(&tails);
    match dice.roll(15) {
        0 => format!("${form}$"),
        1 => format!(r"So we are done: \boxed{{{form}}}."),
        2 => format!("The answer is {form}{tail}"),
        3 => format!("After 12 steps, the final answer is: ${form}$."),
        4 => format!("**Answer:** {form}"),
        5 => format!("Final answer: `{form}`"),
        6 => format!("*Answer:* *{form}*"),
        7 => format!(r"\textcolor{{blue}}{{{form}}}"),
        8 => format!("6 * 7 = 42\n#### {form}"),
        9 => format!("<b>{form}</b>"),
        10 => format!("Answer: <strong>{form}</strong>{tail}"),
        11 => format!(r"\large {form}"),
        12 => format!(r"\boxed{{\text{{answer: }}{form}}}"),
        13 => format!("Earlier I had \\boxed{{-3}}, but no: \\boxed{{{form}}}"),
        _ => form.to_owned(),
    }
}

#[test]
fn forms_of_one_value_are_the_same() {
    let mut dice = Dice(1);
    let mut wrong = Vec::new();
    for _ in 0..10_000 {
        let value = Fraction::any(&mut dice);
        let gold = value.spell(&mut dice);
        let form = value.spell(&mut dice) + *dice.pick(&UNITS);
        let pred = dressed(&form, &mut dice);
        if agreed(&gold, &pred) != Ok(true) {
            wrong.push(format!("{gold:?} / {pred:?} -> {:?}", Math.answer(&pred)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 10000:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

#[test]
fn forms_of_close_values_are_not() {
    let mut dice = Dice(2);
    let mut wrong = Vec::new();
    for _ in 0..10_000 {
        let value = Fraction::any(&mut dice);
        let other = value.neighbour(&mut dice);
        let unit = *dice.pick(&UNITS);
        let spelled = value.spell(&mut dice) + unit;
        let gold = dressed(&spelled, &mut dice);
        let spelled = other.spell(&mut dice) + unit;
        let pred = dressed(&spelled, &mut dice);
        if agreed(&gold, &pred) != Ok(false) {
            wrong.push(format!("{gold:?} / {pred:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 10000:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

/// Compound answers: a list of spellings of each, all of one row the same, no two rows.
const COMPOUND: [&[&str]; 22] = [
    &["(3, 8)", r"\left(3,8\right)", "The answer is (3, 8).", "The point is (3, 8)."],
    &["(8, 3)", r"(8,\,3)", "$(8,3)$"],
    &["[3, 8)", r"3 \le x < 8", "The answer is [3, 8)."],
    &["(-8, 8)", "|x| < 8", r"-8 < x < 8"],
    &["3, 8", "8 and 3", r"\{3, 8\}", "x = 3 or x = 8", r"\boxed{3} and \boxed{8}"],
    &["3:8", "The ratio is 3:8.", "3 : 8", "Answer: 3:8"],
    &["8:35 PM", "8:35 p.m.", "It ends at 8:35 PM.", r"8:35 \, \text{PM}"],
    &["8:35 AM", "8:35 a.m.", "The answer is 8:35 AM."],
    &["3 + 8i", "8i+3", "The answer is 3 + 8i."],
    &["y = 3x + 8", "3x+8", r"f(x) = 3x + 8", "Answer: y = 3x+8"],
    &["3^8", "6561", "3⁸", "The answer is 3^8."],
    &["x^3 + 8", "8+x^3", "$x^3+8$", "x³ + 8"],
    &["Thursday", "thursday", r"\text{Thursday}", "The answer is Thursday."],
    &["C", "(C)", "Answer: C) 8 m", r"\textbf{(C)}\ 8", "I would pick C — a good one."],
    &["D", "D.", "The correct option is (D).", "**D**"],
    &["no solution", "none", r"\emptyset", "There is no solution."],
    &[r"3\sqrt{8}", "3√8", r"6\sqrt2", r"3\sqrt(8)", "sqrt(72)"],
    &[r"\sin 75^\circ", r"\sin\frac{5\pi}{12}", "sin(75°)"],
    &["4 hours 9 minutes", "4 h 9 min", "249 minutes", "4 hours and 9 minutes"],
    &["9 hours 4 minutes", "544 minutes", "It took 9 hours and 4 minutes."],
    &[r"\begin{pmatrix}3 & 8\\ 1 & 2\end{pmatrix}", r"\begin{bmatrix}3&8\\[2pt]1&2\\\end{bmatrix}"],
    &[r"\mathbb{R}", r"(-\infty,\infty)", "all real numbers"],
];

#[test]
fn compound_answers_are_whole_through_both_doors() {
    for (i, row) in COMPOUND.iter().enumerate() {
        for (j, other) in COMPOUND.iter().enumerate() {
            for gold in *row {
                for pred in *other {
                    assert_eq!(agreed(gold, pred), Ok(i == j), "{gold} / {pred}");
                }
            }
        }
    }
}

#[test]
fn what_is_extracted_is_read_again_as_the_same() {
    let mut dice = Dice(3);
    for _ in 0..3_000 {
        let form = Fraction::any(&mut dice).spell(&mut dice) + *dice.pick(&UNITS);
        let text = dressed(&form, &mut dice);
        let answer = Math.answer(&text).expect("a form has an answer");
        assert!(Math.same(&text, &answer), "{text:?} / {answer:?}");
        assert_eq!(Math.answer(&answer).as_deref(), Some(answer.as_str()), "{text:?}");
    }
}
