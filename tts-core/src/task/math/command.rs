//! Commands of LaTeX, read into tokens.
//!
//! Commands of spacing, size and style change no value and vanish; upright text is a joint, a unit, a
//! word, or a formula; `\frac`, `\sqrt` and matrices take their arguments here, since TeX's rule that a
//! bare argument is one character (`\frac12`) is a rule about characters.

use super::token::{FUNCTIONS, Lexer, Relation, Token, lex};
use super::unit;

/// Commands that change how what follows looks, and no value.
const STYLES: [&str; 52] = [
    "left",
    "right",
    "middle",
    "displaystyle",
    "textstyle",
    "scriptstyle",
    "quad",
    "qquad",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "biggl",
    "biggr",
    "limits",
    "hfill",
    "rm",
    "bf",
    "it",
    "sf",
    "tt",
    "sl",
    "tiny",
    "small",
    "normalsize",
    "large",
    "Large",
    "LARGE",
    "huge",
    "Huge",
    "bfseries",
    "itshape",
    "centering",
    "enspace",
    "enskip",
    "thinspace",
    "medspace",
    "thickspace",
    "negthinspace",
    "space",
    "nobreak",
    "allowbreak",
    "noindent",
    "strut",
    "scriptsize",
    "footnotesize",
    "ensuremath",
    "hline",
];

/// Commands whose one argument stands for itself.
const FRAMES: [&str; 9] =
    ["underline", "cancel", "fbox", "boxed", "framebox", "uline", "mathop", "mathbin", "underbar"];

/// Commands whose argument is prose, or a formula that is set upright.
pub(super) const PROSE: [&str; 27] = [
    "text",
    "mbox",
    "textbf",
    "textit",
    "mathrm",
    "textrm",
    "hbox",
    "operatorname",
    "mathbf",
    "mathit",
    "boldsymbol",
    "bm",
    "texttt",
    "emph",
    "textsf",
    "textnormal",
    "textup",
    "textsc",
    "textsl",
    "mathsf",
    "mathtt",
    "mathnormal",
    "pmb",
    "textmd",
    "symbf",
    "mathstrut",
    "bold",
];

impl Lexer<'_> {
    pub(super) fn command(&mut self) -> Option<()> {
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
                '$' => self.push(Token::Currency("USD")),
                '!' | ',' | ';' | '>' | '/' | ':' | ' ' | '\\' | '\n' | '(' | ')' | '[' | ']'
                | '&' => {}
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
            name if STYLES.contains(&name) => {
                // `\left.` opens nothing.
                if matches!(name, "left" | "right") && self.peek(0) == Some('.') {
                    self.at += 1;
                }
                return Some(());
            }
            "hat" | "vec" | "mathbf" | "boldsymbol" | "bm" | "widehat"
                if self.unit_vector().is_some() =>
            {
                return Some(());
            }
            name if PROSE.contains(&name) => return self.prose(),
            name if FRAMES.contains(&name) => {
                self.framed()?;
                return Some(());
            }
            "color" | "textcolor" | "colorbox" => {
                self.argument(false)?;
                if self.after_spaces() != Some('{') {
                    return Some(());
                }
                self.framed()?;
                return Some(());
            }
            "hspace" | "vspace" | "phantom" | "tag" | "label" | "hskip" | "kern" => {
                self.argument(false)?;
                return Some(());
            }
            "degree" | "circ" | "deg" => Token::Degree,
            "frac" | "dfrac" | "tfrac" | "cfrac" => {
                Token::Fraction(self.argument_tokens(false)?, self.argument_tokens(false)?)
            }
            "binom" | "dbinom" | "tbinom" => {
                Token::Binomial(self.argument_tokens(false)?, self.argument_tokens(false)?)
            }
            "surd" => Token::Function("sqrt"),
            "sqrt" => {
                if self.after_spaces() == Some('(') {
                    // `\sqrt(3)`: the brackets are meant to be the argument's.
                    self.push(Token::Function("sqrt"));
                    return Some(());
                }
                let mut index = Vec::new();
                if self.peek(0) == Some('[') {
                    let from = self.at + 1;
                    let end = from + self.chars.get(from..)?.iter().position(|c| *c == ']')?;
                    index = lex(self.chars.get(from..end)?, self.depth + 1)?;
                    self.at = end + 1;
                }
                Token::Root(index, self.argument_tokens(true)?)
            }
            "mathbb" | "Bbb" => {
                let inner: String = self.argument(false)?.iter().collect();
                Token::Symbol(format!("{}-numbers", inner.trim()))
            }
            "R" | "reals" | "Reals" => Token::Symbol("R-numbers".into()),
            "overline" | "vec" | "hat" | "bar" | "overrightarrow" | "mathcal" | "angle"
            | "triangle" | "widehat" | "tilde" => return Some(()),
            "choose" => Token::Choose,
            "over" => Token::Over,
            "setminus" | "smallsetminus" | "backslash" => Token::Without,
            "cap" | "bigcap" => Token::Intersection,
            "lfloor" => Token::Open('F'),
            "rfloor" => Token::Close('F'),
            "lceil" => Token::Open('C'),
            "rceil" => Token::Close('C'),
            "to" | "rightarrow" | "longrightarrow" => Token::Word("to".into()),
            "pounds" => Token::Currency("GBP"),
            "euro" | "EUR" => Token::Currency("EUR"),
            "prime" => Token::Op('\''),
            "dots" | "ldots" | "cdots" => Token::Word("...".into()),
            "cdot" | "times" | "ast" => Token::Op('*'),
            "div" => Token::Op('/'),
            "pm" => Token::PlusMinus(true),
            "mp" => Token::PlusMinus(false),
            "infty" => Token::Infinity,
            "cup" | "bigcup" => Token::Union,
            "lor" | "vee" | "land" | "wedge" | "and" | "or" => Token::And,
            "lbrace" => Token::Open('S'),
            "rbrace" => Token::Close('S'),
            "langle" | "lparen" => Token::Open('('),
            "rangle" | "rparen" => Token::Close(')'),
            "lbrack" => Token::Open('['),
            "rbrack" => Token::Close(']'),
            "vert" | "lvert" | "rvert" | "mid" | "lVert" | "rVert" => Token::Op('|'),
            "colon" => Token::Op(':'),
            "begin" => return self.matrix(),
            "varnothing" | "empty" => Token::Symbol("emptyset".into()),
            _ => relation(name).unwrap_or_else(|| Token::Symbol(name.to_owned())),
        };
        self.push(token);
        Some(())
    }

    /// `\mathbf{i}`, `\hat{\jmath}`: a vector along an axis.
    fn unit_vector(&mut self) -> Option<()> {
        let rest: String = self.chars.iter().skip(self.at).take(8).collect();
        let (axis, length) = ["i", "j", "k", "\\imath", "\\jmath"].iter().find_map(|axis| {
            let inner = rest.strip_prefix('{')?.strip_prefix(axis)?;
            inner.starts_with('}').then_some((*axis, axis.len() + 2))
        })?;
        self.at += length;
        self.push(Token::Symbol(format!("vector {}", axis.trim_start_matches('\\').get(..1)?)));
        Some(())
    }

    /// An argument that stands for itself.
    fn framed(&mut self) -> Option<()> {
        let inner = self.argument_tokens(true)?;
        self.push(Token::Open('{'));
        self.out.extend(inner);
        self.push(Token::Close('}'));
        Some(())
    }

    fn after_spaces(&self) -> Option<char> {
        self.chars.iter().skip(self.at).copied().find(|c| !c.is_whitespace())
    }

    /// `\text{...}`: a joint, a unit or a word, or a formula that was set upright.
    fn prose(&mut self) -> Option<()> {
        let inner: String = self.argument(false)?.iter().collect();
        let inner = inner.trim().trim_end_matches('.');
        let bare = inner.to_ascii_lowercase();
        if inner.is_empty() {
            return Some(());
        }
        let value = self.out.last().is_some_and(Token::ends_value);
        if matches!(bare.as_str(), "and" | "or" | ", and" | ", or") {
            self.push(Token::And);
        } else if bare.contains(|c: char| c.is_ascii_digit() || "%$\\()".contains(c)) {
            let chars: Vec<char> = inner.chars().collect();
            let tokens = lex(&chars, self.depth + 1)?;
            self.out.extend(tokens);
        } else if inner.chars().count() > 1 || (value && !matches!(inner, "i" | "e")) {
            match bare.as_str() {
                "infinity" => self.push(Token::Infinity),
                "percent" | "pct" | "percentage" => self.push(Token::Percent),
                "degree" | "degrees" => self.push(Token::Degree),
                _ => match unit::code(inner) {
                    Some(currency) => self.push(Token::Currency(currency)),
                    None => self.push(Token::Word(inner.to_owned())),
                },
            }
        } else {
            self.push(Token::Symbol(inner.to_owned()));
        }
        Some(())
    }

    fn matrix(&mut self) -> Option<()> {
        let kind: String = self.argument(false)?.iter().collect();
        let plain = kind.trim_end_matches('*');
        let system =
            matches!(plain, "cases" | "rcases" | "dcases" | "aligned" | "gathered" | "align");
        let matrix = matches!(
            plain,
            "pmatrix"
                | "bmatrix"
                | "vmatrix"
                | "matrix"
                | "Bmatrix"
                | "smallmatrix"
                | "array"
                | "psmallmatrix"
        );
        if !system && !matrix {
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
        if system {
            // Rows of a system are its equations; `&` only aligns them.
            for row in split_rows(body) {
                let row: Vec<char> = row.iter().copied().filter(|c| *c != '&').collect();
                let tokens = lex(&row, self.depth + 1)?;
                if !tokens.is_empty() {
                    if !rows.is_empty() {
                        self.push(Token::Op(','));
                    }
                    self.out.extend(tokens);
                    rows.push(Vec::new());
                }
            }
            return Some(());
        }
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
        if plain == "vmatrix" {
            let tokens = determinant(&rows)?;
            self.push(Token::Open('('));
            self.out.extend(tokens);
            self.push(Token::Close(')'));
            return Some(());
        }
        self.push(Token::Matrix(rows));
        Some(())
    }
}

/// The relation that a command is.
fn relation(name: &str) -> Option<Token> {
    Some(Token::Relation(match name {
        "in" => Relation::In,
        "le" | "leq" | "leqslant" => Relation::LessEqual,
        "ge" | "geq" | "geqslant" => Relation::GreaterEqual,
        "lt" => Relation::Less,
        "gt" => Relation::Greater,
        "ne" | "neq" => Relation::Unequal,
        "approx" | "simeq" | "approxeq" | "thickapprox" | "doteq" | "sim" => {
            Relation::Approximately
        }
        _ => return None,
    }))
}

/// A determinant of at most three rows, multiplied out along its first.
fn determinant(rows: &[Vec<Vec<Token>>]) -> Option<Vec<Token>> {
    if rows.iter().any(|row| row.len() != rows.len()) || rows.len() > 3 {
        return None;
    }
    let (first, below) = rows.split_first()?;
    let mut out = Vec::new();
    for (column, cell) in first.iter().enumerate() {
        let minor: Vec<Vec<Vec<Token>>> = below
            .iter()
            .map(|row| {
                let others = row.iter().enumerate().filter(|(at, _)| *at != column);
                others.map(|(_, cell)| cell.clone()).collect()
            })
            .collect();
        out.extend([Token::Op(if column % 2 == 0 { '+' } else { '-' }), Token::Open('(')]);
        out.extend(cell.iter().cloned());
        out.push(Token::Close(')'));
        if !minor.is_empty() {
            out.extend([Token::Op('*'), Token::Open('(')]);
            out.extend(determinant(&minor)?);
            out.push(Token::Close(')'));
        }
    }
    Some(out)
}

/// The rows of a matrix: `\\` ends one, with space to leave behind it perhaps, `\\[2pt]`.
fn split_rows(body: &[char]) -> Vec<&[char]> {
    let mut rows = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at + 1 < body.len() {
        if body.get(at..at + 2) == Some(&['\\', '\\']) {
            rows.extend(body.get(from..at));
            at += 2;
            at += space_to_leave(body.get(at..).unwrap_or_default());
            from = at;
        } else {
            at += 1;
        }
    }
    rows.extend(body.get(from..));
    rows
}

/// The length of `[2pt]` at the head of `text`.
fn space_to_leave(text: &[char]) -> usize {
    let end = text.iter().take(12).position(|c| *c == ']').filter(|_| text.first() == Some(&'['));
    let inside = end.and_then(|end| text.get(1..end)).unwrap_or_default();
    let number = |c: &char| c.is_ascii_digit() || *c == '.' || *c == '-' || *c == ' ';
    let unit: String = inside.iter().filter(|c| !number(c)).collect();
    let length = matches!(unit.as_str(), "pt" | "em" | "ex" | "cm" | "mm" | "in" | "mu");
    end.filter(|_| length).map_or(0, |end| end + 1)
}
