//! The words of an answer: LaTeX, Unicode and plain notation become one list of tokens.
//!
//! Spacing and sizing commands vanish, currency signs and degrees vanish, every way to write an
//! operator becomes one token, and `\frac`, `\sqrt` and matrices take their arguments here, since
//! TeX's rule that a bare argument is one character (`\frac12`) is a rule about characters.
//!
//! Input longer than [`MAX_CHARS`] or nested deeper than [`MAX_DEPTH`] is refused.

use num_rational::BigRational;

use super::number::{GROUP, scan};

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
    /// `( [ {` and `S` for the braces of a set.
    Open(char),
    /// `) ] }` and `S`.
    Close(char),
    Fraction(Vec<Token>, Vec<Token>),
    Root(Vec<Token>, Vec<Token>),
    Binomial(Vec<Token>, Vec<Token>),
    Matrix(Vec<Vec<Vec<Token>>>),
    Relation(Relation),
    /// `true` for ±, `false` for ∓.
    PlusMinus(bool),
    Union,
    And,
    Infinity,
    Percent,
}

const FUNCTIONS: [&str; 19] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "log", "exp", "sqrt", "lg", "asin", "atan",
];

/// Plain words of two letters or more that are units, and no variables multiplied.
pub(super) const SHORT_UNITS: [&str; 27] = [
    "cm", "mm", "km", "kg", "mg", "ml", "mL", "ft", "in", "hr", "lb", "oz", "yd", "mi", "pm", "am",
    "hz", "Hz", "kW", "mph", "USD", "EUR", "GBP", "PM", "AM", "th", "dm",
];

/// Tokens of an answer, or `None` if it is no formula.
pub(super) fn tokenise(text: &str) -> Option<Vec<Token>> {
    if text.len() > MAX_CHARS {
        return None;
    }
    let mut text = text.to_owned();
    for mark in ["{,}", "{, }", "{ ,}", ",\\!", "{\\,}"] {
        text = text.replace(mark, &GROUP.to_string());
    }
    // Escaped twice on its way through JSON: `\\le` is `\le` unless rows are being separated.
    if !text.contains("\\begin") {
        text = unescape(&text);
    }
    let chars: Vec<char> = text.trim().chars().collect();
    lex(&chars, 0)
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

fn lex(chars: &[char], depth: usize) -> Option<Vec<Token>> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut lexer = Lexer { chars, at: 0, depth, brackets: 0, out: Vec::new() };
    while lexer.at < chars.len() {
        lexer.step()?;
    }
    Some(lexer.out)
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    brackets: usize,
    out: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, token: Token) {
        self.out.push(token);
    }

    fn step(&mut self) -> Option<()> {
        let c = self.peek(0)?;
        if c.is_ascii_digit() || (c == '.' && self.peek(1).is_some_and(|d| d.is_ascii_digit())) {
            return self.number();
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
        let rounded = scan.places >= 6 && scan.significant() >= 6;
        let places = rounded.then(|| u32::try_from(scan.places).ok()).flatten();
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
            '$' | '€' | '£' | '¥' | '°' | '~' | '\u{200b}' | GROUP => return Some(()),
            '%' => Token::Percent,
            '*' | '^' if c == '^' || next == Some('*') => {
                if c == '*' {
                    self.at += 1;
                }
                if self.degree() {
                    return Some(());
                }
                Token::Op('^')
            }
            '*' | '·' | '×' | '⋅' => Token::Op('*'),
            '/' | '÷' => Token::Op('/'),
            '-' | '−' | '–' => Token::Op('-'),
            '+' | '_' | '|' | ',' | ';' | ':' | '\'' => Token::Op(c),
            '!' if next != Some('=') => Token::Op('!'),
            '²' | '³' => {
                self.push(Token::Op('^'));
                Token::Number(BigRational::from_integer(if c == '²' { 2 } else { 3 }.into()), None)
            }
            '√' => Token::Function("sqrt"),
            'π' => Token::Symbol("pi".into()),
            'θ' => Token::Symbol("theta".into()),
            '∞' => Token::Infinity,
            '±' => Token::PlusMinus(true),
            '∪' => Token::Union,
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

    /// Skips `\circ` or `{\circ}` after a caret: degrees are a unit.
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

    fn run(&self) -> String {
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
        let glued = self.at > 0 && self.chars.get(self.at - 1).is_some_and(char::is_ascii_digit);
        self.at += run.len();
        self.word(&run, glued);
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
            "inf" | "infinity" | "oo" => return self.push(Token::Infinity),
            "percent" | "pct" | "percentage" | "percents" => return self.push(Token::Percent),
            "degree" | "degrees" => return,
            _ => {}
        }
        let unit = SHORT_UNITS.contains(&run);
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
    fn argument(&mut self, long: bool) -> Option<&[char]> {
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

    fn argument_tokens(&mut self, long: bool) -> Option<Vec<Token>> {
        let depth = self.depth + 1;
        lex(self.argument(long)?, depth)
    }

    fn command(&mut self) -> Option<()> {
        self.at += 1;
        let Some(first) = self.peek(0) else {
            return Some(());
        };
        if !first.is_ascii_alphabetic() {
            self.at += 1;
            match first {
                '{' => {
                    self.brackets += 1;
                    self.push(Token::Open('S'));
                }
                '}' => {
                    self.brackets = self.brackets.saturating_sub(1);
                    self.push(Token::Close('S'));
                }
                '%' => self.push(Token::Percent),
                '|' => self.push(Token::Op('|')),
                '$' | '!' | ',' | ';' | ':' | ' ' | '\\' | '\n' | '(' | ')' | '[' | ']' | '&' => {}
                _ => return None,
            }
            return Some(());
        }
        let name = self.run();
        self.at += name.len();
        if let Some(function) = FUNCTIONS.iter().find(|f| **f == name).filter(|_| name != "sqrt") {
            self.push(Token::Function(function));
            return Some(());
        }
        self.named(&name)
    }

    fn named(&mut self, name: &str) -> Option<()> {
        if let Some(rest) = name.strip_prefix("quad").filter(|rest| !rest.is_empty()) {
            // `\quadx`: spacing that lost the space after it.
            self.at -= rest.len();
            return Some(());
        }
        let token = match name {
            "left" | "right" | "displaystyle" | "quad" | "qquad" | "big" | "Big" | "bigg"
            | "Bigg" | "bigl" | "bigr" | "Bigl" | "Bigr" | "limits" | "degree" | "circ"
            | "hfill" => {
                // `\left.` opens nothing.
                if matches!(name, "left" | "right") && self.peek(0) == Some('.') {
                    self.at += 1;
                }
                return Some(());
            }
            "frac" | "dfrac" | "tfrac" | "cfrac" => {
                Token::Fraction(self.argument_tokens(false)?, self.argument_tokens(false)?)
            }
            "binom" | "dbinom" | "tbinom" => {
                Token::Binomial(self.argument_tokens(false)?, self.argument_tokens(false)?)
            }
            "sqrt" => {
                let mut index = Vec::new();
                if self.peek(0) == Some('[') {
                    let from = self.at + 1;
                    let end = from + self.chars.get(from..)?.iter().position(|c| *c == ']')?;
                    index = lex(self.chars.get(from..end)?, self.depth + 1)?;
                    self.at = end + 1;
                }
                Token::Root(index, self.argument_tokens(true)?)
            }
            "text" | "mbox" | "textbf" | "textit" | "mathrm" | "textrm" | "hbox"
            | "operatorname" | "mathbf" | "mathit" | "boldsymbol" | "bm" | "texttt" | "emph" => {
                return self.prose();
            }
            "overline" | "vec" | "hat" | "bar" | "overrightarrow" | "mathcal" | "mathbb"
            | "angle" | "triangle" => return Some(()),
            "boxed" | "fbox" => {
                let inner = self.argument_tokens(true)?;
                self.push(Token::Open('{'));
                self.out.extend(inner);
                Token::Close('}')
            }
            "cdot" | "times" | "ast" => Token::Op('*'),
            "div" => Token::Op('/'),
            "pm" => Token::PlusMinus(true),
            "mp" => Token::PlusMinus(false),
            "infty" => Token::Infinity,
            "cup" | "bigcup" => Token::Union,
            "lor" | "vee" | "land" | "wedge" => Token::And,
            "in" => Token::Relation(Relation::In),
            "le" | "leq" | "leqslant" => Token::Relation(Relation::LessEqual),
            "ge" | "geq" | "geqslant" => Token::Relation(Relation::GreaterEqual),
            "lt" => Token::Relation(Relation::Less),
            "gt" => Token::Relation(Relation::Greater),
            "ne" | "neq" => Token::Relation(Relation::Unequal),
            "approx" | "simeq" => Token::Relation(Relation::Approximately),
            "lbrace" => Token::Open('S'),
            "rbrace" => Token::Close('S'),
            "langle" | "lparen" => Token::Open('('),
            "rangle" | "rparen" => Token::Close(')'),
            "lbrack" => Token::Open('['),
            "rbrack" => Token::Close(']'),
            "vert" | "lvert" | "rvert" | "mid" => Token::Op('|'),
            "colon" => Token::Op(':'),
            "begin" => return self.matrix(),
            "varnothing" => Token::Symbol("emptyset".into()),
            _ => Token::Symbol(name.to_owned()),
        };
        self.push(token);
        Some(())
    }

    /// `\text{...}`: a joint, a unit or a word, or a formula that was set upright.
    fn prose(&mut self) -> Option<()> {
        let inner: String = self.argument(false)?.iter().collect();
        let inner = inner.trim().trim_end_matches('.');
        let bare = inner.to_ascii_lowercase();
        if inner.is_empty() {
            return Some(());
        }
        if matches!(bare.as_str(), "and" | "or" | ", and" | ", or") {
            self.push(Token::And);
        } else if bare.contains(|c: char| c.is_ascii_digit() || "%$\\()".contains(c)) {
            let chars: Vec<char> = inner.chars().collect();
            let tokens = lex(&chars, self.depth + 1)?;
            self.out.extend(tokens);
        } else if inner.chars().count() > 1
            || self.out.last().is_some_and(|t| {
                matches!(
                    t,
                    Token::Number(..) | Token::Fraction(..) | Token::Root(..) | Token::Close(_)
                )
            })
        {
            match bare.as_str() {
                "percent" | "pct" | "percentage" => self.push(Token::Percent),
                "degree" | "degrees" => {}
                _ => self.push(Token::Word(inner.to_owned())),
            }
        } else {
            self.push(Token::Symbol(inner.to_owned()));
        }
        Some(())
    }

    fn matrix(&mut self) -> Option<()> {
        let kind: String = self.argument(false)?.iter().collect();
        if !matches!(
            kind.as_str(),
            "pmatrix" | "bmatrix" | "matrix" | "Bmatrix" | "smallmatrix" | "array"
        ) {
            return None;
        }
        if kind == "array" {
            self.argument(false)?;
        }
        let end: Vec<char> = format!("\\end{{{kind}}}").chars().collect();
        let rest = self.chars.get(self.at..)?;
        let length = rest.windows(end.len()).position(|w| w == end.as_slice())?;
        let body = rest.get(..length)?;
        self.at += length + end.len();
        let mut rows = Vec::new();
        for row in split_rows(body) {
            let cells: Option<Vec<_>> =
                row.split(|c| *c == '&').map(|cell| lex(cell, self.depth + 1)).collect();
            let cells = cells?;
            if cells.iter().any(|cell| !cell.is_empty()) {
                rows.push(cells);
            }
        }
        let width = rows.first()?.len();
        if rows.iter().any(|row| row.len() != width || row.iter().any(Vec::is_empty)) {
            return None;
        }
        self.push(Token::Matrix(rows));
        Some(())
    }
}

fn split_rows(body: &[char]) -> Vec<&[char]> {
    let mut rows = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at + 1 < body.len() {
        if body.get(at..at + 2) == Some(&['\\', '\\']) {
            rows.extend(body.get(from..at));
            at += 2;
            from = at;
        } else {
            at += 1;
        }
    }
    rows.extend(body.get(from..));
    rows
}

/// Index of the brace that closes the one at `open`.
fn closing(chars: &[char], open: usize) -> Option<usize> {
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
