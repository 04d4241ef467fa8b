//! Citations that hold: every claim of a report, what it cites, and whether that was ever retrieved.
//!
//! A claim is a sentence, or a line of a list or record. Numbers in square brackets (`[1]`, `[2, 5]`, `[3-5]`) are
//! citations; those behind a full stop belong to the sentence before. A number that no retrieved passage has
//! is refused: it is taken out of the text and named as a fault. What stands in double quotes and has three words or
//! more is a quotation, which must stand word for word, but for spaces, dashes and forms of quotation marks, in a
//! passage that was retrieved; where the claim cites some, in one of those.
//!
//! What this does not check is whether a passage says what a claim makes of it: that takes a reader, or a model.
//!
//! Source: Gao et al. 2023, "Enabling Large Language Models to Generate Text with Citations" (arXiv 2305.14627), section 3, for
//! claims and citations; Menick et al. 2022 (arXiv 2203.11147), for verified quotes.

use serde::Serialize;

use super::notes::Sources;

/// A sentence or line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// Its words, without citations.
    pub text: String,
    /// What it cites that was retrieved.
    pub cites: Vec<u32>,
    /// Numbers that no retrieved passage has.
    pub unknown: Vec<u32>,
    /// Quotations that stand in none of the passages that they should.
    pub misquoted: Vec<String>,
    /// Quotations that do.
    pub quoted: usize,
}

/// A report as it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Checked {
    /// The report, without citations that were refused.
    pub text: String,
    /// Its claims, in order.
    pub claims: Vec<Claim>,
}

impl Checked {
    /// Whether every citation was retrieved and every quotation is one.
    pub fn holds(&self) -> bool {
        self.claims.iter().all(|claim| claim.unknown.is_empty() && claim.misquoted.is_empty())
    }

    /// Claims that cite nothing.
    pub fn uncited(&self) -> usize {
        self.claims.iter().filter(|claim| claim.cites.is_empty()).count()
    }

    /// Numbers that are cited, from small to large, each once.
    pub fn cited(&self) -> Vec<u32> {
        let mut cited: Vec<u32> =
            self.claims.iter().flat_map(|claim| claim.cites.clone()).collect();
        cited.sort_unstable();
        cited.dedup();
        cited
    }

    /// What does not hold, in sentences.
    pub fn faults(&self) -> Vec<String> {
        let fault = |claim: &Claim| {
            let unknown = claim.unknown.iter();
            let unknown = unknown
                .map(|number| format!("[{number}] is no source that was found: {}", claim.text));
            let misquoted = claim.misquoted.iter();
            let misquoted =
                misquoted.map(|quote| format!("no source says word for word: \"{quote}\""));
            unknown.chain(misquoted).collect::<Vec<_>>()
        };
        self.claims.iter().flat_map(fault).collect()
    }
}

/// A piece of a line: words, or the numbers of a citation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Words(&'t str),
    Cites(Vec<u32>),
}

/// A range of more than that is a slip.
const WIDEST: u32 = 20;

/// The numbers inside of brackets; `None` when it is no citation.
fn numbers(inside: &str) -> Option<Vec<u32>> {
    let mut out = Vec::new();
    for part in inside.split([',', ';']) {
        let part = part.trim();
        match part.split_once(['-', '–']) {
            Some((from, to)) => {
                let (from, to): (u32, u32) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
                out.extend((from <= to && to - from <= WIDEST).then_some(from..=to)?);
            }
            None => out.push(part.parse().ok()?),
        }
    }
    Some(out)
}

/// Words and citations of a text, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut out, mut begin, mut from) = (Vec::new(), 0, 0);
    while let Some(open) = text[from..].find('[').map(|at| from + at) {
        let cites = text[open + 1..].find(']').and_then(|length| {
            Some((open + 1 + length + 1, numbers(&text[open + 1..open + 1 + length])?))
        });
        from = open + 1;
        if let Some((end, cites)) = cites {
            if begin < open {
                out.push(Piece::Words(&text[begin..open]));
            }
            out.push(Piece::Cites(cites));
            (begin, from) = (end, end);
        }
    }
    if begin < text.len() {
        out.push(Piece::Words(&text[begin..]));
    }
    out
}

/// A text without citations of what was not retrieved, and without the space before them.
pub(super) fn refused(text: &str, sources: &Sources) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Words(words) => out.push_str(words),
            Piece::Cites(numbers) => {
                let known = numbers.into_iter().filter(|&number| sources.get(number).is_some());
                let known: Vec<String> = known.map(|number| number.to_string()).collect();
                if known.is_empty() {
                    out.truncate(out.trim_end_matches(' ').len());
                } else {
                    out.extend(["[", &known.join(", "), "]"]);
                }
            }
        }
    }
    out
}

/// Where sentences of a line end: behind a mark, the citations that follow it, and a space.
fn sentences(line: &str) -> Vec<&str> {
    let (mut out, mut begin) = (Vec::new(), 0);
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at += 1;
        if !matches!(bytes[at - 1], b'.' | b'!' | b'?') {
            continue;
        }
        let rest = line[at..].trim_start_matches(['"', '”', ')', '*']);
        let behind = line.len() - rest.len();
        // Citations behind the mark are this sentence's.
        let mut end = behind;
        loop {
            let rest = line[end..].trim_start_matches(' ');
            let cites = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let Some((inside, rest)) = cites.filter(|(inside, _)| numbers(inside).is_some()) else {
                break;
            };
            let _ = inside;
            end = line.len() - rest.len();
        }
        let next = line[end..].chars().next();
        let starts = |c: char| c.is_uppercase() || c.is_numeric() || "\"“*[(".contains(c);
        let new = line[end..].trim_start().chars().next().is_none_or(starts);
        // "M. Night" and "e.g. this" are no ends: one letter before the mark.
        let word = line[begin..at - 1].rsplit([' ', '.']).next().unwrap_or_default();
        let initial = end == behind && bytes[at - 1] == b'.' && word.chars().count() <= 1;
        if next.is_none_or(char::is_whitespace) && new && !initial {
            out.push(&line[begin..end]);
            begin = end;
            at = end;
        }
    }
    out.push(&line[begin..]);
    out.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    out
}

/// What is the same whatever the hand: words by single spaces, plain marks, small letters.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' => '\'',
        '–' | '—' | '‑' => '-',
        c => c,
    };
    let text: String = text.chars().map(plain).collect::<String>().to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands in double quotes.
fn quotes(text: &str) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(['"', '“', '„']) {
        let behind = &rest[open + rest[open..].chars().next().map_or(1, char::len_utf8)..];
        let Some(length) = behind.find(['"', '”', '“']) else { break };
        out.push(&behind[..length]);
        rest = &behind[length + behind[length..].chars().next().map_or(1, char::len_utf8)..];
    }
    out.retain(|quote| quote.split_whitespace().count() >= 3);
    out
}

fn claim(sentence: &str, sources: &Sources) -> Claim {
    let (mut text, mut cites, mut unknown) = (String::new(), Vec::new(), Vec::new());
    for piece in pieces(sentence) {
        match piece {
            Piece::Words(words) => text.push_str(words),
            Piece::Cites(numbers) => {
                text.truncate(text.trim_end_matches(' ').len());
                for number in numbers {
                    let known = sources.get(number).is_some();
                    let list = if known { &mut cites } else { &mut unknown };
                    if !list.contains(&number) {
                        list.push(number);
                    }
                }
            }
        }
    }
    let stands = |quote: &str| {
        // A mark of the sentence may stand inside of the quotation.
        let quote = plain(quote.trim_end_matches(['.', ',', '!', '?']));
        let all = sources.iter().map(|(number, _)| number);
        let of: Vec<u32> = if cites.is_empty() { all.collect() } else { cites.clone() };
        of.into_iter()
            .flat_map(|number| sources.shown(number))
            .any(|page| plain(page).contains(&quote))
    };
    let quotes: Vec<String> = quotes(&text).into_iter().map(str::to_owned).collect();
    let quoted = quotes.iter().filter(|quote| stands(quote)).count();
    let misquoted = quotes.iter().filter(|quote| !stands(quote)).cloned().collect();
    Claim { text: text.trim().to_owned(), cites, unknown, misquoted, quoted }
}

/// Checks a report against what was retrieved. Headings and blank lines make no claim.
///
/// ```
/// use tts_search::research::{Sources, cite};
/// use tts_search::retrieve::{Found, Passage};
/// let mut sources = Sources::default();
/// sources.add(&Found(vec![Passage::new("rivers#1", "Rivers", "The Mira is 31 km long.")]));
/// let checked = cite::check("# Rivers\nThe Mira is 31 km long [1]. The Wend is longer [4].", &sources);
/// assert_eq!(checked.text, "# Rivers\nThe Mira is 31 km long [1]. The Wend is longer.");
/// assert_eq!((checked.claims[1].unknown.clone(), checked.cited()), (vec![4], vec![1]));
/// ```
pub fn check(report: &str, sources: &Sources) -> Checked {
    let lines = report.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let claims = lines.flat_map(sentences).map(|sentence| claim(sentence, sources)).collect();
    Checked { text: refused(report, sources), claims }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::{Found, Passage};

    fn sources() -> Sources {
        let mut sources = Sources::default();
        let page = |id: &str, text: &str| Passage::new(id, "", text);
        sources.add(&Found(vec![
            page("a", "The  Mira is\n31 km long – it’s small."),
            page("b", "Nothing of it."),
        ]));
        sources
    }

    #[test]
    fn claims_are_sentences_with_their_citations() {
        let of = |text: &str| -> Vec<(String, Vec<u32>)> {
            let checked = check(text, &sources());
            checked.claims.into_iter().map(|claim| (claim.text, claim.cites)).collect()
        };
        let claim = |text: &str, cites: &[u32]| (text.to_owned(), cites.to_vec());
        assert_eq!(
            of(
                "It is long. [1][2] It is M. Night's, 3.5 km [2]. And small [1-2].\n\n## Head\n- capital: Osleta [1]"
            ),
            [
                claim("It is long.", &[1, 2]),
                claim("It is M. Night's, 3.5 km.", &[2]),
                claim("And small.", &[1, 2]),
                claim("- capital: Osleta", &[1]),
            ]
        );
        assert_eq!(of(""), []);
        assert_eq!(of("a[i] and [sic] and [1"), [claim("a[i] and [sic] and [1", &[])]);
    }

    #[test]
    fn quotations_are_word_for_word() {
        let misquoted = |text: &str| check(text, &sources()).claims[0].misquoted.clone();
        assert!(misquoted("It says “the Mira is 31 km long - it's small.” [1]").is_empty());
        assert_eq!(misquoted("It says \"the Mira is 32 km\" [1]."), ["the Mira is 32 km"]);
        // In the passage that is cited, not in another.
        assert_eq!(misquoted("It says \"Mira is 31 km\" [2].").len(), 1);
        assert!(misquoted("It says \"Mira is 31 km\".").is_empty());
        // Words in quotes that quote nobody.
        assert!(misquoted("The \"small one\" [1].").is_empty());
    }

    #[test]
    fn what_was_not_retrieved_is_refused() {
        for (text, expected) in [
            ("a [3]", "a"),
            ("a [1, 3] b [99999999999]", "a [1] b [99999999999]"),
            ("a [0].", "a."),
            ("[2]", "[2]"),
            ("é [1-9]", "é [1, 2]"),
        ] {
            assert_eq!(refused(text, &sources()), expected);
        }
        let checked = check("a [3]", &Sources::default());
        assert_eq!((checked.holds(), checked.uncited()), (false, 1));
        assert!(checked.faults()[0].contains("[3] is no source"));
    }
}
