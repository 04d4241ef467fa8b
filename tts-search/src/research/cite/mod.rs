//! Citations that hold: every claim of a report, what it cites, and whether that was ever retrieved.
//!
//! A claim is a sentence, or a line of a list or record; a heading is one where it cites or quotes something. Numbers in
//! brackets (`[1]`, `[2, 5]`, `[3-5]`) are citations; those behind a full stop belong to the sentence before. One that no
//! retrieved passage has, or that is no number (`[1-99]`), is refused: it is taken out of the text and named as a fault. What
//! stands in double quotes and has three words or more is a quotation, whether of one sentence or of several. It must
//! stand word for word, but for spaces, dashes and forms of quotation marks, in a passage that was retrieved, as models are
//! shown it; where the claim cites some, in one of those. It begins and ends where words and numbers of the passage do:
//! "1 km long" is no quotation of "31 km long".
//!
//! What this does not check is whether a passage says what a claim makes of it: that takes a reader, or a model, which is
//! shown [`Checked::evidence`].
//!
//! Source: Gao et al. 2023, "Enabling Large Language Models to Generate Text with Citations" (arXiv 2305.14627), section 3, for
//! claims and citations; Menick et al. 2022 (arXiv 2203.11147), for verified quotes.

mod quotes;
mod sentences;

use serde::Serialize;

use self::quotes::{inside, quotations};
use self::sentences::sentences;
use super::sources::Sources;
use crate::retrieve::{Cite, Piece, cites, is_unspaced, pieces, quoted, words};

/// A sentence or line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// Its words, without citations.
    pub text: String,
    /// What it cites that was retrieved.
    pub cites: Vec<u32>,
    /// What it cites that no retrieved passage is, as it is written.
    pub unknown: Vec<String>,
    /// Quotations that stand in none of the passages that they should.
    pub misquoted: Vec<String>,
    /// Quotations that do.
    pub quoted: usize,
}

impl Claim {
    /// Whether all that it cites was retrieved and all that it quotes stands there.
    pub fn holds(&self) -> bool {
        self.unknown.is_empty() && self.misquoted.is_empty()
    }
}

/// A claim, and the words of what it cites: what a judge of support is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The claim's words, without citations.
    pub claim: String,
    /// What it cites.
    pub cites: Vec<u32>,
    /// All of that, title and text, as models were shown it.
    pub source: String,
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
        self.claims.iter().all(Claim::holds)
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

    /// The claims that cite something, each with the words of all that it cites.
    pub fn evidence(&self, sources: &Sources) -> Vec<Evidence> {
        let passage = |number: u32| {
            let title = sources.get(number).map(|passage| passage.title.as_str());
            let parts = title.into_iter().chain(sources.shown(number));
            let parts: Vec<String> = parts.filter(|part| !part.is_empty()).map(quoted).collect();
            parts.join("\n")
        };
        let evidence = |claim: &Claim| {
            let passages: Vec<String> = claim.cites.iter().map(|&number| passage(number)).collect();
            let (claim, cites) = (claim.text.clone(), claim.cites.clone());
            Evidence { claim, cites, source: passages.join("\n\n") }
        };
        let citing = self.claims.iter().filter(|claim| !claim.cites.is_empty());
        citing.map(evidence).collect()
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

/// Quotations of fewer words are names and irony.
const LEAST_WORDS: usize = 3;

/// A text with those of its citations that are allowed, and without the space before the others.
pub(super) fn only(text: &str, allowed: impl Fn(u32) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        let inside = match piece {
            Piece::Words(words) => {
                out.push_str(words);
                continue;
            }
            Piece::Cites(inside) => inside,
        };
        let known = cites(inside).into_iter().filter_map(|cite| match cite {
            Cite::Number(number) => allowed(number).then(|| number.to_string()),
            Cite::Unread(_) => None,
        });
        let known: Vec<String> = known.collect();
        if known.is_empty() {
            out.truncate(out.trim_end_matches(' ').len());
        } else {
            out.extend(["[", &known.join(", "), "]"]);
        }
    }
    out
}

/// A text without citations of what was not retrieved.
pub(super) fn refused(text: &str, sources: &Sources) -> String {
    only(text, |number| sources.get(number).is_some())
}

/// What is the same whatever the hand: words by single spaces, plain marks, small letters.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' => '\'',
        '–' | '—' | '‑' | '−' => '-',
        c => c,
    };
    let text: String = text.chars().map(plain).collect::<String>().to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text holds words as they are: beginning and ending where words and numbers of it do.
fn contains(text: &str, words: &str) -> bool {
    let Some(first) = words.chars().next() else { return false };
    let mut from = 0;
    while let Some(found) = text[from..].find(words) {
        let begin = from + found;
        let end = begin + words.len();
        if !parts(text, begin) && !parts(text, end) {
            return true;
        }
        from = begin + first.len_utf8();
    }
    false
}

/// Whether a place of a text lies within a word or a number.
fn parts(text: &str, place: usize) -> bool {
    let (mut before, mut behind) = (text[..place].chars().rev(), text[place..].chars());
    let (last, second_last) = (before.next(), before.next());
    let (next, second) = (behind.next(), behind.next());
    let is = |c: Option<char>, what: fn(char) -> bool| c.is_some_and(what);
    let digit = |c| is(c, char::is_numeric);
    let point = |c| is(c, |c| matches!(c, '.' | ',' | '\''));
    let joined = |c| is(c, |c| c.is_alphanumeric() && !is_unspaced(c));
    let sign = is(last, |c| c == '-') && !is(second_last, char::is_alphanumeric);
    (joined(last) && joined(next))
        || (digit(last) && point(next) && digit(second))
        || (digit(second_last) && point(last) && digit(next))
        || (sign && digit(next))
}

fn claim(sentence: &str, sources: &Sources) -> Claim {
    let (mut text, mut cited, mut unknown) = (String::new(), Vec::new(), Vec::new());
    for piece in pieces(sentence) {
        let inside = match piece {
            Piece::Words(words) => {
                text.push_str(words);
                continue;
            }
            Piece::Cites(inside) => inside,
        };
        text.truncate(text.trim_end_matches(' ').len());
        for cite in cites(inside) {
            match cite {
                Cite::Number(number) if sources.get(number).is_some() => cited.push(number),
                Cite::Number(number) => unknown.push(number.to_string()),
                Cite::Unread(written) => unknown.push(written),
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    cited.retain(|number| seen.insert(*number));
    let mut seen = std::collections::HashSet::new();
    unknown.retain(|written| seen.insert(written.clone()));
    let stands = |quote: &str| {
        // A mark of the sentence may stand inside of the quotation.
        let quote = plain(&quoted(quote.trim_end_matches(['.', ',', '!', '?'])));
        let all = sources.iter().map(|(number, _)| number);
        let of: Vec<u32> = if cited.is_empty() { all.collect() } else { cited.clone() };
        of.into_iter()
            .flat_map(|number| sources.shown(number))
            .any(|page| contains(&plain(&quoted(page)), &quote))
    };
    let quotes = quotations(&text).into_iter().map(|at| inside(&text[at]).to_owned());
    let quotes = quotes.filter(|quote| words(quote).count() >= LEAST_WORDS);
    let (stand, misquoted): (Vec<String>, Vec<String>) = quotes.partition(|quote| stands(quote));
    let quoted = stand.len();
    Claim { text: text.trim().to_owned(), cites: cited, unknown, misquoted, quoted }
}

/// Whether a line is a heading of Markdown.
fn is_heading(line: &str) -> bool {
    let words = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - words.len())) && (words.is_empty() || words.starts_with(' '))
}

/// Checks a report against what was retrieved. Blank lines make no claim, and headings only by what they cite or quote.
///
/// ```
/// use tts_search::research::{Sources, cite};
/// use tts_search::retrieve::{Found, Passage};
/// let mut sources = Sources::default();
/// sources.add(&Found(vec![Passage::new("rivers#1", "Rivers", "The Mira is 31 km long.")]));
/// let checked = cite::check("# Rivers\nThe Mira is 31 km long [1]. The Wend is longer [4].", &sources);
/// assert_eq!(checked.text, "# Rivers\nThe Mira is 31 km long [1]. The Wend is longer.");
/// assert_eq!((checked.claims[1].unknown.clone(), checked.cited()), (vec!["4".to_owned()], vec![1]));
/// ```
pub fn check(report: &str, sources: &Sources) -> Checked {
    let mut claims = Vec::new();
    for line in report.lines().map(str::trim) {
        let said = sentences(line).into_iter().map(|sentence| claim(sentence, sources));
        let bare = |claim: &Claim| {
            claim.cites.is_empty()
                && claim.unknown.is_empty()
                && claim.quoted == 0
                && claim.misquoted.is_empty()
        };
        claims.extend(said.filter(|claim| !(is_heading(line) && bare(claim))));
    }
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
        // A number may end a sentence, or begin a line of a list.
        for (line, texts) in [
            (
                "The rate is 3.5. It doubled in 2020 [1].",
                &["The rate is 3.5.", "It doubled in 2020."][..],
            ),
            ("There are 5. All are old [2].", &["There are 5.", "All are old."]),
            ("10. The Mira is long [1].", &["10. The Mira is long."]),
            ("3. The Mira is long [1].", &["3. The Mira is long."]),
            ("  2.1. The Mira is long. It is old [1].", &["2.1. The Mira is long.", "It is old."]),
            ("It grew in 1984. 10. The end [1].", &["It grew in 1984.", "10.", "The end."]),
        ] {
            let found: Vec<String> = of(line).into_iter().map(|(text, _)| text).collect();
            assert_eq!(found, texts, "{line}");
        }
    }

    #[test]
    fn quotations_are_word_for_word() {
        let misquoted = |text: &str| check(text, &sources()).claims[0].misquoted.clone();
        assert!(misquoted("It says “the Mira is 31 km long - it's small.” [1]").is_empty());
        assert_eq!(misquoted("It says \"the Mira is 32 km\" [1]."), ["the Mira is 32 km"]);
        // In the passage that is cited, not in another.
        assert_eq!(misquoted("It says \"Mira is 31 km\" [2].").len(), 1);
        assert!(misquoted("It says \"Mira is 31 km\".").is_empty());
        // Nor the end of a word or of a number, of any script, or what goes on behind it.
        let mut sources = sources();
        let page = "It rose to 1,131 km, or 3.5 m, at -4 degrees; 131公里，长江三十一公里. Then it is 7. Then 31 km long.";
        sources.add(&Found(vec![Passage::new("c", "", page)]));
        for (quote, stands) in [
            ("1 km long", false),
            ("31 km long", true),
            ("is 31 km lo", false),
            ("he Mira is 31", false),
            ("131 km, or 3", false),
            ("1,131 km, or 3.5", true),
            ("1,131 km, or 3", false),
            ("5 m, at -4 degrees", false),
            (".5 m, at -4 degrees", false),
            ("4 degrees; 131公里", false),
            ("-4 degrees; 131公里", true),
            ("31公里，长江", false),
            ("三十一公里", true),
            ("then it is 7", true),
        ] {
            let report = format!("It says \"{quote}\".");
            let claim = check(&report, &sources).claims.remove(0);
            assert_eq!(
                (claim.quoted == 1, claim.misquoted.is_empty()),
                (stands, stands),
                "{quote}"
            );
        }
        // Words in quotes that quote nobody.
        assert!(misquoted("The \"small one\" [1].").is_empty());
    }

    #[test]
    fn evidence_is_what_a_claim_cites() {
        let mut sources = sources();
        sources.add(&Found(vec![Passage::new("a", "", "Another window [3].")]));
        let checked = check("It is long [1, 2]. It is so. It is not [2][9].", &sources);
        let evidence = checked.evidence(&sources);
        assert_eq!(evidence.len(), 2);
        assert_eq!((evidence[0].claim.as_str(), &evidence[0].cites), ("It is long.", &vec![1, 2]));
        let both = "The  Mira is\n31 km long – it’s small.\nAnother window (3).\n\nNothing of it.";
        assert_eq!(
            (evidence[0].source.as_str(), evidence[1].source.as_str()),
            (both, "Nothing of it.")
        );
    }

    #[test]
    fn what_was_not_retrieved_is_refused() {
        for (text, expected) in [
            ("a [3]", "a"),
            ("a [1, 3] b [99999999999] c [1-99] d [5-3] e 【9】", "a [1] b c d e"),
            ("a [1—2] b [\u{200b}99] c [1;2]", "a [1, 2] b c [1, 2]"),
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

    #[test]
    fn what_only_looks_like_a_number_is_a_fault() {
        for text in ["[99999999999]", "[1-99]", "[5-3]", "【9】", "[\u{200b}99]", "[1, 0]"] {
            let checked = check(&format!("It is so {text}."), &sources());
            assert!(!checked.holds() && checked.faults().len() == 1, "{text}");
        }
        let checked =
            check("# Rivers [7]\n## \"nothing of the kind\"\n### Plain\n#1 is it.", &sources());
        assert_eq!((checked.claims.len(), checked.faults().len()), (3, 2), "{checked:?}");
    }

    #[test]
    fn quotations_of_several_sentences_are_checked() {
        let checked = |text: &str| check(text, &sources());
        assert!(
            !checked("It says \"Everything here is invented. None of it is real.\" [1]").holds()
        );
        assert!(!checked("The 12\" record says \"nothing of the kind here\" [1].").holds());
        let good = checked("The 12\" record says \"The Mira is 31 km long\" [1]. And so on.");
        assert_eq!((good.holds(), good.claims.len(), good.claims[0].quoted), (true, 2, 1));
        let good = checked("It says “31 km long – it's small. Nothing.” [1] So.");
        assert_eq!((good.holds(), good.claims.len()), (false, 2));
        // Words of scripts without blanks are counted, too.
        assert!(!checked("它说「米拉河长三十一公里」[1]。").holds());
    }
}
