//! Operations in words: `2 to the power of 4`, `5 times 2`, `the square root of 5`, `101 base 2`.
//!
//! Words become operators only between values, so that a unit (`5 times`) stays one.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::expression::matching;
use super::token::Token;

/// What words between two values do.
const BETWEEN: [(&str, Token); 13] = [
    ("times", Token::Op('*')),
    ("multiplied by", Token::Op('*')),
    ("plus", Token::Op('+')),
    ("minus", Token::Op('-')),
    ("divided by", Token::Op('/')),
    ("over", Token::Op('/')),
    ("raised to the power of", Token::Op('^')),
    ("to the power of", Token::Op('^')),
    ("to the power", Token::Op('^')),
    ("raised to", Token::Op('^')),
    ("choose", Token::Choose),
    ("base", Token::Op('_')),
    ("in base", Token::Op('_')),
];

/// What words before a value do.
const BEFORE: [(&str, u32); 4] = [
    ("square root of", 2),
    ("the square root of", 2),
    ("cube root of", 3),
    ("the cube root of", 3),
];

fn starts_value(token: Option<&Token>) -> bool {
    matches!(
        token,
        Some(
            Token::Number(..)
                | Token::Symbol(_)
                | Token::Fraction(..)
                | Token::Root(..)
                | Token::Function(_)
                | Token::Open(_)
                | Token::Op('-')
        )
    )
}

/// How many tokens at the head of `tokens` say `phrase`.
fn says(tokens: &[Token], phrase: &str) -> Option<usize> {
    let mut rest = phrase;
    for (index, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { return None };
        let word = word.trim();
        let head = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
        rest = rest.get(head.len()..)?;
        if rest.is_empty() {
            return Some(index + 1);
        }
        rest = rest.strip_prefix(' ')?;
    }
    None
}

/// Tokens with operations in words as operators.
pub(super) fn operations(tokens: Vec<Token>) -> Vec<Token> {
    if !tokens.iter().any(|token| matches!(token, Token::Word(_))) {
        return tokens;
    }
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let here = tokens.get(at..).unwrap_or_default();
        if let Some((based, length)) =
            bracketed_base(here).filter(|_| out.last().is_some_and(Token::ends_value))
        {
            out.extend(based);
            at += length;
            continue;
        }
        if !matches!(token, Token::Word(_)) {
            out.push(token.clone());
            at += 1;
            continue;
        }
        let after_value =
            out.last().is_some_and(|t| t.ends_value() || matches!(t, Token::Symbol(_)));
        let operator = BETWEEN.iter().filter(|_| after_value).find_map(|(phrase, operator)| {
            let length = says(here, phrase)?;
            starts_value(here.get(length)).then_some((operator, length))
        });
        if let Some((operator, length)) = operator {
            out.push(operator.clone());
            at += length;
            continue;
        }
        let root = BEFORE.iter().find_map(|(phrase, index)| {
            let length = says(here, phrase)?;
            let inside = here.get(length..)?;
            let size = match inside.first()? {
                Token::Open(_) => matching(inside, 0)? + 1,
                first if starts_value(Some(first)) => 1,
                _ => return None,
            };
            Some((*index, inside.get(..size)?.to_vec(), length + size))
        });
        if let Some((index, inside, length)) = root {
            let index = BigRational::from_integer(BigInt::from(index));
            out.push(Token::Root(vec![Token::Number(index, None)], inside));
            at += length;
            continue;
        }
        out.push(token.clone());
        at += 1;
    }
    out
}

/// `(base 2)` behind a numeral.
fn bracketed_base(tokens: &[Token]) -> Option<([Token; 2], usize)> {
    let [Token::Open('('), Token::Word(word), base @ Token::Number(..), Token::Close(')'), ..] =
        tokens
    else {
        return None;
    };
    word.eq_ignore_ascii_case("base").then(|| ([Token::Op('_'), base.clone()], 4))
}
