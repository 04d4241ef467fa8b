//! Does the source say so? Sentence by sentence, what a report cites is held to what stands there.
//!
//! A judge is shown the request, all sources that a sentence cites, and the sentence; it says whether they support it, a
//! part of it, or nothing. A sentence is supported where every judgement that was read says so, not supported where every
//! one says nothing of it, and supported in part otherwise. Where no judgement could be read it abstains. Whether a citation
//! is needed, and whether each of several is, is not asked.
//!
//! Cost: `samples` lines for each sentence.
//!
//! Source: Gao et al. 2023, "Enabling Large Language Models to Generate Text with Citations" (arXiv 2305.14627), section 3.3:
//! citation recall, all passages that are cited together; Rashkin et al. 2023 (arXiv 2112.12870) for what is
//! attributable to a source; a judge that writes in place of their model of entailment.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{NodeId, Prompt, Search};

use super::Tally;
use crate::critic::{Ended, Jury, Response, hear};

/// A sentence, and what it cites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cited {
    /// The sentence.
    pub sentence: String,
    /// The words of all sources that it cites.
    pub source: String,
}

/// How far the sentences of a report are supported by what they cite.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// For each sentence, how far it is supported, 0 to 1; `None` where the judge abstained or was not asked.
    pub shares: Vec<Option<f64>>,
    /// Sentences that are supported.
    pub supported: usize,
    /// Sentences that are in part.
    pub partly: usize,
    /// Sentences that are not.
    pub unsupported: usize,
    /// Sentences of which no judgement could be read.
    pub abstained: usize,
    /// Sentences that were not asked about, because it was ended before.
    pub left: usize,
    /// What became of the judgements.
    pub tally: Tally,
}

impl Support {
    /// Writes it for a reader.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let Self { supported, partly, unsupported, abstained, left, .. } = self;
        write!(out, "support   {supported} of {} sentences that cite, ", self.shares.len())?;
        write!(out, "{partly} in part, {unsupported} not, {abstained} without a judgement")?;
        if *left > 0 {
            write!(out, ", {left} not asked about")?;
        }
        writeln!(out)?;
        self.tally.write(out)
    }
}

/// Judges whether each sentence is supported by what it cites; `done` is told how many have been judged, and on `Break` those in
/// flight are finished and nothing more is begun.
/// The judge is one of a source and a sentence ([`super::super::Judge::published`] has `support`); it is the search's policy
/// where the jury names no role.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Cited, Judge, Jury, support};
///
/// // It looks for the number of the sentence.
/// let judge = Voice::new(|asked, _, _| {
///     let source = asked.question().split("[Begin of Source]").nth(1).unwrap_or_default();
///     if source.matches("31").count() > 1 { "It stands there.\nSupport: A" } else { "No.\nSupport: C" }
/// });
/// let jury = Jury { role: None, ..Jury::of(Judge::published("support")?, 1) };
/// let cited = |sentence: &str| Cited { sentence: sentence.into(), source: "The Mira is 31 km long.".into() };
/// let cited = [cited("It has 31 km."), cited("It is deep.")];
/// let found = support(&Search::new(&judge), &jury, &"How long is it?".into(), &cited, |_| ControlFlow::Continue(()))?;
/// assert_eq!(found.shares, [Some(1.0), Some(0.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the judge is not one of a single response; or when a search fails, with what was found of the others.
pub fn support(
    search: &Search<'_>,
    jury: &Jury,
    question: &Prompt,
    cited: &[Cited],
    mut done: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Support, Ended<Support>> {
    if jury.takes() != [1, 1] {
        let problem = "support: the judge compares responses, expected one of a single response";
        return Err(Ended::refused(None, problem, Support::default()));
    }
    let cases = cited.iter().map(|Cited { sentence, source }| {
        let steps = vec![source.clone(), sentence.clone()];
        let shown: Arc<[Response]> = Arc::new([Response { node: NodeId::ROOT, steps }]);
        (question.clone(), shown)
    });
    let (mut found, mut count) = (Support::default(), 0);
    let rulings = hear(search, jury, cases.collect(), |_, _, cost| {
        found.tally.cost += *cost;
        count += 1;
        done(count)
    });
    let (rulings, ended) = Ended::apart(rulings);
    for ruling in rulings {
        let Some(ruling) = ruling else {
            found.left += 1;
            found.shares.push(None);
            continue;
        };
        found.tally.add(&ruling);
        let share = jury.values(&ruling.ballot).first().copied().flatten();
        match share {
            None => found.abstained += 1,
            // Means of judgements that are all the same are exact.
            Some(share) if share >= 1.0 => found.supported += 1,
            Some(share) if share <= 0.0 => found.unsupported += 1,
            Some(_) => found.partly += 1,
        }
        found.shares.push(share);
    }
    Ended::join(ended, found)
}
