//! Cuts the text of a step into numbers, operators and what stands between them.
//!
//! What ends an expression cleanly (a full stop, a line end) is a [`Kind::Break`]; what might
//! belong to one but is not understood (`2x`, `10:30`, `\sqrt`) is a [`Kind::Taint`], so that the
//! equation around it is left alone rather than misread. Currency signs, TeX's spacing and bold
//! marks vanish.

use super::rational::Rational;

/// Most digits of a number; one that is longer is a taint.
const MAX_DIGITS: usize = 30;

/// Bytes after which no more groups of a number are read; far beyond [`MAX_DIGITS`].
const MAX_GROUPED: usize = 256;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A literal. `ulp` is the value of its last shown digit, for decimals only; it is doubled
    /// when an ellipsis follows, because the digits may be cut rather than rounded.
    Number { value: Rational, ulp: Option<Rational> },
    /// One of `+ - * / ^`.
    Op(char),
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `=`.
    Equals,
    /// `%`, after a number.
    Percent,
    /// `\frac`: two groups follow.
    Fraction,
    /// A word, in lower case.
    Word(String),
    /// Ends an expression.
    Break,
    /// Spoils the expression it touches.
    Taint,
}

/// A token, and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether white space, or nothing at all, stands before it.
    pub(super) spaced: bool,
}

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, spaced: true, out: Vec::new() };
    while let Some(c) = lexer.peek() {
        let start = lexer.at;
        if let Some(kind) = lexer.next(c) {
            let kind = lexer.meant(kind);
            let (end, spaced) = (lexer.at, lexer.spaced);
            lexer.out.push(Token { kind, start, end, spaced });
            lexer.spaced = false;
        }
        if lexer.at == start {
            lexer.at += c.len_utf8();
        }
    }
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    spaced: bool,
    out: Vec<Token>,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn last(&self) -> Option<&Kind> {
        self.out.last().map(|token| &token.kind)
    }

    /// Whether the last token is something that an operator can follow.
    fn after_value(&self) -> bool {
        matches!(self.last(), Some(Kind::Number { .. } | Kind::Close | Kind::Percent))
    }

    /// Whether `text`, but for white space and currency, begins with a number or a group.
    fn begins_value(text: &str) -> bool {
        let text = text.trim_start_matches([' ', '$', '€', '£', '¥', '\\']);
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '(' | '[' | '.'))
    }

    #[expect(clippy::unnecessary_wraps, reason = "stands beside `skip` in the arms of a match")]
    fn take(&mut self, bytes: usize, kind: Kind) -> Option<Kind> {
        self.at += bytes;
        Some(kind)
    }

    fn skip(&mut self, bytes: usize) -> Option<Kind> {
        self.at += bytes;
        None
    }

    /// Moves on by at least one character, which is `c`; `None` when nothing is to be seen there.
    fn next(&mut self, c: char) -> Option<Kind> {
        let width = c.len_utf8();
        let rest = self.rest();
        let following = rest.get(width..).unwrap_or("").chars().next();
        match c {
            '\n' => {
                self.spaced = true;
                self.take(width, Kind::Break)
            }
            c if c.is_whitespace() => {
                self.spaced = true;
                self.skip(width)
            }
            '0'..='9' => Some(self.number()),
            '.' if following.is_some_and(|c| c.is_ascii_digit()) => Some(self.number()),
            '$' if rest.starts_with("$$") => self.take(2, Kind::Break),
            '$' | '€' | '£' | '¥' | '₹' | '&' => self.skip(width),
            '*' if rest.starts_with("**") => {
                let power = self.after_value() && Self::begins_value(&rest[2..]);
                if power { self.take(2, Kind::Op('^')) } else { self.skip(2) }
            }
            '+' | '-' | '*' | '\u{2022}' if self.bullet(following) => self.take(width, Kind::Break),
            '+' | '^' => self.take(width, Kind::Op(c)),
            '-' | '\u{2212}' => self.take(width, Kind::Op('-')),
            // An en dash without spaces is a range.
            '\u{2013}' if self.spaced && following == Some(' ') => self.take(width, Kind::Op('-')),
            '*' | '×' | '·' | '⋅' | '∗' => self.take(width, Kind::Op('*')),
            '/' | '÷' | '∕' | '⁄' => self.take(width, Kind::Op('/')),
            'x' | 'X' if self.is_times(following) => self.take(width, Kind::Op('*')),
            '(' | '[' | '{' => self.take(width, Kind::Open),
            ')' | ']' | '}' => self.take(width, Kind::Close),
            '%' if self.after_value() => self.take(width, Kind::Percent),
            '=' if rest.starts_with("=>") => self.take(2, Kind::Break),
            '=' => self.take(rest.len() - rest.trim_start_matches('=').len(), Kind::Equals),
            '!' if following == Some('=') => self.take(2, Kind::Taint),
            '<' | '>' | ':' if following == Some('=') => self.take(2, Kind::Break),
            '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '`' | '<' | '>' | '≤' | '≥' | '≈'
            | '→' | '⇒' | '\u{2014}' | '\u{2026}' | '’' | '‘' | '“' | '”' | '\u{2013}' => {
                self.take(width, Kind::Break)
            }
            '\\' => self.command(),
            c if is_word(c) => Some(self.word()),
            _ => self.take(width, Kind::Taint),
        }
    }

    /// A mark at the start of a line, with a space after it.
    fn bullet(&self, following: Option<char>) -> bool {
        following.is_some_and(char::is_whitespace)
            && self.text[..self.at]
                .trim_end_matches([' ', '\t'])
                .chars()
                .next_back()
                .is_none_or(|c| c == '\n')
    }

    /// Whether an `x` is a times sign: between values, spaced alike on both sides.
    fn is_times(&self, following: Option<char>) -> bool {
        let spaced = following.is_some_and(char::is_whitespace);
        self.after_value()
            && spaced == self.spaced
            && Self::begins_value(self.rest().get(1..).unwrap_or(""))
    }

    fn word(&mut self) -> Kind {
        let rest = self.rest();
        let end = rest
            .char_indices()
            .find(|&(at, c)| {
                let joined = matches!(c, '\'' | '’')
                    && rest[at + c.len_utf8()..].starts_with(char::is_alphabetic);
                !is_word(c) && !joined
            })
            .map_or(rest.len(), |(at, _)| at);
        let word = rest[..end].to_lowercase();
        self.at += end;
        Kind::Word(word)
    }

    /// What a word or sign means after what came before.
    fn meant(&self, kind: Kind) -> Kind {
        let Kind::Word(word) = &kind else { return kind };
        let fraction = || {
            let tail: Vec<&Kind> = self.out.iter().rev().take(4).map(|token| &token.kind).collect();
            let [Kind::Number { .. }, Kind::Op('/'), Kind::Number { .. }, before @ ..] = &tail[..]
            else {
                return false;
            };
            !matches!(before, [Kind::Op('/')])
        };
        match word.as_str() {
            "percent" if self.after_value() => Kind::Percent,
            "of" if self.last() == Some(&Kind::Percent) || fraction() => Kind::Op('*'),
            _ => kind,
        }
    }

    /// A literal: digits, groups of three behind commas, a decimal part.
    fn number(&mut self) -> Kind {
        let rest = self.text.get(self.at..).unwrap_or("");
        let bytes = rest.as_bytes();
        let run = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let lead = run(0);
        let mut end = lead;
        let mut digits = rest[..end].to_owned();
        let mut sound = true;
        while end < MAX_GROUPED && (1..=3).contains(&lead) {
            let separators = ["{,}", ",\\!", ","];
            let Some(comma) = separators.iter().find(|comma| rest[end..].starts_with(**comma))
            else {
                break;
            };
            let comma = comma.len();
            if run(end + comma) != 3 {
                break;
            }
            digits.push_str(&rest[end + comma..end + comma + 3]);
            end += comma + 3;
        }
        let mut places = 0;
        if bytes.get(end) == Some(&b'.') {
            places = run(end + 1);
            if places > 0 {
                digits.push_str(&rest[end + 1..=end + places]);
                end += 1 + places;
            }
        }
        let ellipsis = places > 0
            && ["...", "\u{2026}", "\\ldots", "\\dots"]
                .iter()
                .any(|dots| rest[end..].starts_with(dots));
        // `2x`, `8th`, `1.2.3`, `10:30`, `1,2`: not a number of its own.
        let tail = &rest[end..];
        let mut after = tail.chars();
        let (next, second) = (after.next(), after.next());
        let digit_next = second.is_some_and(|c| c.is_ascii_digit());
        if next.is_some_and(is_word) {
            let product = next.is_some_and(|c| matches!(c, 'x' | 'X'))
                && second.is_some_and(|c| c.is_ascii_digit() || matches!(c, '(' | '$' | '.'))
                && digits != "0";
            if !product {
                sound = false;
                end += tail.find(|c| !is_word(c)).unwrap_or(tail.len());
            }
        } else if tail.starts_with(".\\overline") || tail.starts_with(".\\bar") {
            sound = false;
            end += 1;
        } else if next.is_some_and(|c| matches!(c, '.' | ',' | ':')) && digit_next {
            sound = false;
            let more = tail.find(|c: char| !matches!(c, '.' | ',' | ':' | '0'..='9'));
            end += more.unwrap_or(tail.len());
        }
        self.at += end;
        // `0130` is a time or a code.
        let code = lead > 1 && digits.starts_with('0');
        if !sound || code || digits.len() > MAX_DIGITS {
            return Kind::Taint;
        }
        let value =
            digits.parse().ok().zip(10_i128.checked_pow(u32::try_from(places).unwrap_or(99)));
        let Some((digits, scale)) = value else { return Kind::Taint };
        let ulp = Rational::new(if ellipsis { 2 } else { 1 }, scale).filter(|_| places > 0);
        if ellipsis {
            self.at += if self.rest().starts_with('.') { 3 } else { 0 };
        }
        match Rational::new(digits, scale) {
            Some(value) => Kind::Number { value, ulp },
            None => Kind::Taint,
        }
    }

    /// A TeX command.
    fn command(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let name_end =
            rest[1..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1);
        let name = &rest[1..name_end];
        match name {
            "" => match rest[1..].chars().next() {
                // A new line, a display of its own.
                Some('\\' | '[' | ']') => self.take(2, Kind::Break),
                Some('%') => {
                    let known = self.after_value();
                    self.take(2, if known { Kind::Percent } else { Kind::Taint })
                }
                // Spacing, math delimiters, an escaped dollar.
                Some(c) => self.skip(1 + c.len_utf8()),
                None => self.skip(1),
            },
            "times" | "cdot" | "ast" => self.take(name_end, Kind::Op('*')),
            "div" => self.take(name_end, Kind::Op('/')),
            "frac" | "dfrac" | "tfrac" => self.take(name_end, Kind::Fraction),
            "left" | "right" | "boxed" | "quad" | "qquad" | "displaystyle" | "bigl" | "bigr"
            | "mathbf" | "big" => self.skip(name_end),
            // Groups of words: the braces go, the words stay.
            "text" | "mathrm" | "textbf" => match rest[name_end..].find('}') {
                Some(close) if rest[name_end..].starts_with('{') => {
                    let inner = rest[name_end + 1..name_end + close].trim().to_lowercase();
                    let word = inner.split_whitespace().next().map(str::to_owned);
                    self.at += name_end + close + 1;
                    self.spaced = true;
                    word.map(|word| match word.as_str() {
                        _ if word.chars().all(char::is_alphabetic) => Kind::Word(word),
                        _ => Kind::Taint,
                    })
                }
                _ => self.take(name_end, Kind::Taint),
            },
            "approx" | "implies" | "Rightarrow" | "to" | "therefore" | "le" | "ge" | "leq"
            | "geq" => self.take(name_end, Kind::Break),
            _ => self.take(name_end, Kind::Taint),
        }
    }
}
