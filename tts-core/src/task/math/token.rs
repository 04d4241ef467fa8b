//! The words of an answer: LaTeX, Unicode and plain notation become one list of tokens.
//!
//! Every way to write an operator becomes one token, and a unit after a value is one word however it
//! is set. Commands are read by `command`, units by `unit`, literals by `number`.
//!
//! Input longer than [`MAX_CHARS`] or nested deeper than [`MAX_DEPTH`] is refused.

use num_rational::BigRational;

use super::glyph;
use super::number::scan;
use super::unit;

/// Longer answers are compared as text.
pub(super) const MAX_CHARS: usize = 4096;
/// Deeper answers are compared as text.
pub(super) const MAX_DEPTH: usize = 40;

/// How two sides of a relation stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Approximately,
    In,
}

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A literal, and how many decimal places it gives if it gives enough to be a rounded value.
    Number(BigRational, Option<u32>),
    /// A one-letter variable, a Greek letter, or an unknown command.
    Symbol(String),
    /// A word in `\text{}`, or a plain word that is neither a function nor letters to multiply.
    Word(String),
    Function(&'static str),
    /// `+ - * / ^ _ ! | , ; : '`
    Op(char),
    /// `( [ {`, `S` for the braces of a set, `F` for a floor, `C` for a ceiling.
    Open(char),
    /// `) ] }` and the letters of [`Token::Open`].
    Close(char),
    Fraction(Vec<Token>, Vec<Token>),
    Root(Vec<Token>, Vec<Token>),
    Binomial(Vec<Token>, Vec<Token>),
    Matrix(Vec<Vec<Vec<Token>>>),
    Relation(Relation),
    /// `true` for ±, `false` for ∓.
    PlusMinus(bool),
    Union,
    Intersection,
    Without,
    And,
    Infinity,
    Percent,
    /// After an angle.
    Degree,
    /// The unit of a price, before or after it.
    Currency(&'static str),
    /// `n \choose k`
    Choose,
    /// `a \over b`
    Over,
}

impl Token {
    /// Whether a value may end with this.
    pub(super) fn ends_value(&self) -> bool {
        matches!(
            self,
            Self::Number(..)
                | Self::Fraction(..)
                | Self::Root(..)
                | Self::Close(_)
                | Self::Percent
                | Self::Degree
        ) || matches!(self, Self::Symbol(name) if name == "pi")
    }
}

pub(super) const FUNCTIONS: [&str; 20] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "log", "exp", "sqrt", "lg", "asin", "atan", "abs",
];

/// Plain words of two letters that are no variables multiplied.
const SHORT_WORDS: [&str; 28] = [
    "of", "by", "as", "at", "is", "it", "we", "so", "if", "to", "on", "my", "an", "no", "do", "in",
    "ft", "lb", "oz", "pm", "am", "PM", "AM", "th", "st", "nd", "rd", "he",
];

/// Tokens of an answer, or `None` if it is no formula.
///
/// With `letters`, a letter behind a space may be a unit: `5 m`.
pub(super) fn tokenise(text: &str, letters: bool) -> Option<Vec<Token>> {
    if text.len() > MAX_CHARS {
        return None;
    }
    let mut text = glyph::plain(text);
    // Escaped twice on its way through JSON: `\\le` is `\le` unless rows are being separated.
    if text.contains("\\\\") && !text.contains("\\begin") {
        text = unescape(&text).into();
    }
    let chars: Vec<char> = text.trim().chars().collect();
    run(&chars, 0, letters)
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'\\') {
            let mut ahead = chars.clone();
            ahead.next();
            if ahead.peek().is_some_and(|c| c.is_ascii_alphabetic() || "{}$%!,;".contains(*c)) {
                continue;
            }
        }
        out.push(c);
    }
    out
}

/// The tokens of a part of an answer.
pub(super) fn lex(chars: &[char], depth: usize) -> Option<Vec<Token>> {
    run(chars, depth, false)
}

fn run(chars: &[char], depth: usize, letters: bool) -> Option<Vec<Token>> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut lexer = Lexer { chars, at: 0, depth, letters, brackets: 0, out: Vec::new() };
    while lexer.at < chars.len() {
        lexer.step()?;
    }
    Some(lexer.out)
}

/// Where the reading of characters stands.
pub(super) struct Lexer<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    pub(super) depth: usize,
    letters: bool,
    pub(super) brackets: usize,
    pub(super) out: Vec<Token>,
}

impl Lexer<'_> {
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub(super) fn push(&mut self, token: Token) {
        self.out.push(token);
    }

    fn step(&mut self) -> Option<()> {
        let c = self.peek(0)?;
        if c.is_ascii_digit() || (c == '.' && self.peek(1).is_some_and(|d| d.is_ascii_digit())) {
            return self.number();
        }
        if (c.is_ascii_alphabetic() || matches!(c, '\\' | '°' | '^'))
            && self.out.last().is_some_and(Token::ends_value)
            && let Some((unit, end)) = unit::scan(self.chars, self.at, self.letters)
        {
            self.at = end;
            self.push(match unit::currency(&unit) {
                Some(currency) => Token::Currency(currency),
                None => Token::Word(unit),
            });
            return Some(());
        }
        if c.is_ascii_alphabetic() {
            self.letters();
            return Some(());
        }
        if c == '\\' {
            return self.command();
        }
        self.at += 1;
        self.sign(c)
    }

    fn number(&mut self) -> Option<()> {
        let scan = scan(self.chars, self.at, self.brackets == 0)?;
        self.at = scan.end;
        let places = scan.is_rounded().then(|| u32::try_from(scan.places).ok()).flatten();
        self.push(Token::Number(scan.value()?, places));
        // `5.` at the very end is `5`.
        if self.peek(0) == Some('.') && self.at + 1 == self.chars.len() {
            self.at += 1;
        }
        Some(())
    }

    fn sign(&mut self, c: char) -> Option<()> {
        let next = self.peek(0);
        let token = match c {
            c if c.is_whitespace() => return Some(()),
            '~' => return Some(()),
            // A formula has two delimiters; one dollar is money.
            '$' if self.chars.iter().filter(|c| **c == '$').count() != 1 => return Some(()),
            '$' | '€' | '£' | '¥' | '₹' | '₩' | '₽' | '₺' | '₫' | '₦' | '₱' | '₪' | '฿' | '¢' => {
                Token::Currency(unit::sign(c)?)
            }
            '°' | 'º' => Token::Degree,
            '%' => Token::Percent,
            '*' | '^' if c == '^' || next == Some('*') => {
                if c == '*' {
                    self.at += 1;
                }
                if self.degree() { Token::Degree } else { Token::Op('^') }
            }
            '*' | '·' | '×' | '⋅' => Token::Op('*'),
            '/' | '÷' => Token::Op('/'),
            '-' | '−' | '–' => Token::Op('-'),
            // `x &= 15` is aligned, `12 & 15` are two.
            '&' => {
                let rest = self.chars.get(self.at..).unwrap_or_default();
                let next = rest.iter().find(|c| !c.is_whitespace());
                if next.is_none_or(|c| "=<>\\".contains(*c)) {
                    return Some(());
                }
                Token::And
            }
            '+' if self.chars.get(self.at..self.at + 2) == Some(&['/', '-']) => {
                self.at += 2;
                Token::PlusMinus(true)
            }
            '+' | '_' | '|' | ',' | ';' | ':' | '\'' => Token::Op(c),
            '!' if next != Some('=') => Token::Op('!'),
            '√' => Token::Function("sqrt"),
            'π' => Token::Symbol("pi".into()),
            'θ' => Token::Symbol("theta".into()),
            '∞' => Token::Infinity,
            '±' => Token::PlusMinus(true),
            '∪' => Token::Union,
            '\u{2192}' => Token::Word("to".into()),
            '—' => Token::Word("-".into()),
            '∈' => Token::Relation(Relation::In),
            '≤' => Token::Relation(Relation::LessEqual),
            '≥' => Token::Relation(Relation::GreaterEqual),
            '≠' => Token::Relation(Relation::Unequal),
            '≈' => Token::Relation(Relation::Approximately),
            '<' | '>' | '=' | '!' => {
                let doubled = next == Some('=');
                self.at += usize::from(doubled);
                Token::Relation(match (c, doubled) {
                    ('<', false) => Relation::Less,
                    ('<', true) => Relation::LessEqual,
                    ('>', false) => Relation::Greater,
                    ('>', true) => Relation::GreaterEqual,
                    ('!', _) => Relation::Unequal,
                    _ => Relation::Equal,
                })
            }
            '(' | '[' | '{' => {
                if c != '{' || self.out.is_empty() {
                    self.brackets += 1;
                }
                Token::Open(c)
            }
            ')' | ']' => {
                self.brackets = self.brackets.saturating_sub(1);
                Token::Close(c)
            }
            '}' => Token::Close(c),
            _ => return None,
        };
        self.push(token);
        Some(())
    }

    /// Skips `\circ` or `{\circ}` after a caret.
    fn degree(&mut self) -> bool {
        let rest: String = self.chars.iter().skip(self.at).take(12).collect();
        let trimmed = rest.trim_start();
        for mark in ["{\\circ}", "{ \\circ }", "\\circ", "{\\degree}", "°"] {
            if trimmed.starts_with(mark) {
                self.at += rest.chars().count() - trimmed.chars().count() + mark.chars().count();
                return true;
            }
        }
        false
    }

    pub(super) fn run(&self) -> String {
        self.chars.iter().skip(self.at).take_while(|c| c.is_ascii_alphabetic()).collect()
    }

    fn letters(&mut self) {
        let mut run = self.run();
        for joint in ["or", "and"] {
            // `W(x)=1orW(x)=-1`, where the spaces were lost.
            if run.strip_prefix(joint).is_some_and(|r| r.starts_with(|c: char| c.is_uppercase())) {
                joint.clone_into(&mut run);
            }
        }
        if matches!(run.as_str(), "x" | "X") && self.is_times() {
            self.at += 1;
            return self.push(Token::Op('*'));
        }
        if let Some(length) = self.price_before(&run) {
            return self.at += length;
        }
        if run == "a" && self.is_article() {
            self.at += 1;
            return self.push(Token::Word(run));
        }
        let glued = self.at > 0 && self.chars.get(self.at - 1).is_some_and(char::is_ascii_digit);
        self.at += run.len();
        self.word(&run, glued);
    }

    /// Whether the letter here is a cross between numbers: `1.5 x 10^3`.
    fn is_times(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.chars.get(at));
        let rest: String = self.chars.iter().skip(self.at + 1).take(5).collect();
        let after = rest.trim_start();
        let spaced = before == Some(&' ') && rest.starts_with(' ');
        matches!(self.out.last(), Some(Token::Number(..)))
            && (after.starts_with("10^")
                || (spaced && after.starts_with(|c: char| c.is_ascii_digit())))
    }

    /// Whether the letter here is the article of prose: `5 a day`.
    fn is_article(&self) -> bool {
        let word = self.chars.iter().skip(self.at + 2).take_while(|c| c.is_ascii_lowercase());
        self.peek(1) == Some(' ')
            && word.count() > 2
            && self.out.last().is_some_and(|t| t.ends_value() || matches!(t, Token::Word(_)))
    }

    /// Reads a currency's code before a price, `USD 1000`, and returns its length.
    fn price_before(&mut self, run: &str) -> Option<usize> {
        let dollar = || unit::dollar(run).filter(|_| self.peek(run.len()) == Some('$'));
        let currency = unit::code(run).or_else(dollar)?;
        let rest: String = self.chars.iter().skip(self.at + run.len()).take(4).collect();
        let rest = rest.trim_start_matches(['.', ' ', '$', '\\']);
        if !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.push(Token::Currency(currency));
        Some(run.len() + usize::from(self.peek(run.len()) == Some('.')))
    }

    fn word(&mut self, run: &str, glued: bool) {
        let lower = run.to_ascii_lowercase();
        if let Some(function) = FUNCTIONS.iter().find(|f| **f == lower) {
            return self.push(Token::Function(function));
        }
        match lower.as_str() {
            "pi" => return self.push(Token::Symbol("pi".into())),
            "theta" => return self.push(Token::Symbol(lower)),
            "and" | "or" => return self.push(Token::And),
            "gcd" | "lcm" | "max" | "min" if self.peek(0) == Some('(') => {
                return self.push(Token::Symbol(lower));
            }
            "inf" | "infinity" | "oo" => return self.push(Token::Infinity),
            "percent" | "pct" | "percentage" | "percents" => return self.push(Token::Percent),
            "degree" | "degrees" | "deg" => return self.push(Token::Degree),
            _ => {}
        }
        let opens = run.len() == 2 && run.ends_with(|c: char| c.is_ascii_lowercase());
        // `So 70` opens a sentence.
        let short = SHORT_WORDS.contains(&run) || (opens && SHORT_WORDS.contains(&lower.as_str()));
        let unit = short || (run.len() > 1 && unit::is_unit(run));
        let upper = run.chars().all(|c| c.is_ascii_uppercase());
        let product = run.len() < 3 || upper || (glued && run.len() < 4);
        if unit || !product {
            return self.push(Token::Word(run.to_owned()));
        }
        for letter in run.chars() {
            self.push(Token::Symbol(letter.to_string()));
        }
    }

    /// Content of the group or the single character or command at the cursor; whole numbers if
    /// `long`.
    pub(super) fn argument(&mut self, long: bool) -> Option<&[char]> {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        let from = self.at;
        match self.peek(0)? {
            '{' => {
                let end = closing(self.chars, from)?;
                self.at = end + 1;
                self.chars.get(from + 1..end)
            }
            '\\' => {
                self.at += 1 + self
                    .chars
                    .get(from + 1..)?
                    .iter()
                    .take_while(|c| c.is_ascii_alphabetic())
                    .count();
                self.chars.get(from..self.at)
            }
            _ => {
                self.at += 1;
                while long && self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
                    self.at += 1;
                }
                self.chars.get(from..self.at)
            }
        }
    }

    pub(super) fn argument_tokens(&mut self, long: bool) -> Option<Vec<Token>> {
        let depth = self.depth + 1;
        lex(self.argument(long)?, depth)
    }
}

/// Index of the brace that closes the one at `open`.
pub(super) fn closing(chars: &[char], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in chars.iter().enumerate().skip(open) {
        match c {
            '{' if !escaped => depth += 1,
            '}' if !escaped => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        escaped = *c == '\\' && !escaped;
    }
    None
}
