//! Judgements on file: what was written about each item, and what came of it, to be read, compared and looked at.
//!
//! `judged.jsonl` begins with a line that says who judged (the jury with its template, the model, scorers, data and seed), and has
//! one line an item behind it, in the order of the data, whatever order they were done in: the same judgements make the same
//! bytes. Items are preferences, single responses with a label, or solutions whose first wrong step is known ([`Known`]); who
//! judged may be a scorer, which writes nothing. Files of the same items are compared pair by pair ([`compare`]), and
//! [`super::page`] shows one.
//!
//! Source: none; the comparison is that of `tts_core::metrics`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Paired, paired_shares};
use tts_core::rows::{self, RowError, RowsError};
use tts_core::{NodeId, Outcome, Prompt, Role, Unit, files};

use super::super::ballot::Ballot;
use super::super::jury::Jury;
use super::figures::{By, DRAWS};
use super::first_errors::StepRuling;
use super::graded::{self, Graded};
use super::known::{Known, Measured};
use super::preference::Preference;
use super::refused::refused;
use super::report::Ruling;
use super::step_cases::StepCase;
use crate::PrmError;

/// The file of a folder.
pub const FILE: &str = "judged.jsonl";

/// Who judged what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeardBy {
    /// What the judge, or the scorer, was called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where the model is from, for a reader: a file, a folder, servers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// The judge, and how its judgements are added up; `None` where a scorer judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jury: Option<Jury>,
    /// The text of its template, whatever the name stands for one day.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// What its lines depend on besides what is asked, or what it is called where nobody can tell.
    pub model: String,
    /// The same of scorers with names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scorers: BTreeMap<String, String>,
    /// A digest of the items.
    pub data: String,
    /// Where orders and samples come from.
    pub seed: u64,
}

impl HeardBy {
    /// These items by this jury, played by a model of this name.
    pub fn of(
        jury: &Jury,
        model: impl Into<String>,
        scorers: BTreeMap<String, String>,
        (items, seed): (&[impl Measured], u64),
    ) -> Self {
        Self {
            jury: Some(jury.clone()),
            template: jury.judge.template.source().to_owned(),
            scorers,
            ..Self::of_scorer(model, (items, seed))
        }
    }

    /// These items by a scorer of this name.
    pub fn of_scorer(scorer: impl Into<String>, (items, seed): (&[impl Measured], u64)) -> Self {
        Self {
            name: String::new(),
            from: String::new(),
            jury: None,
            template: String::new(),
            model: scorer.into(),
            scorers: BTreeMap::new(),
            data: Self::digest(items),
            seed,
        }
    }

    /// The same, with what judge or scorer and model are called for a reader.
    #[must_use]
    pub fn called(self, name: impl Into<String>, from: impl Into<String>) -> Self {
        Self { name: name.into(), from: from.into(), ..self }
    }

    /// Who judged, for a reader: judge and model, or the scorer.
    ///
    /// ```
    /// use tts_prm::critic::assess::{HeardBy, Preference};
    /// let none: &[Preference] = &[];
    /// let by = HeardBy::of_scorer("llama 1f", (none, 0));
    /// assert_eq!(by.told(), "llama 1f");
    /// assert_eq!(by.called("pairwise", "models/small.gguf").told(), "pairwise by models/small.gguf");
    /// ```
    pub fn told(&self) -> String {
        let from = if self.from.is_empty() { &self.model } else { &self.from };
        match (&*self.name, &self.jury) {
            ("", _) => from.clone(),
            (name, None) if self.from.is_empty() => name.to_owned(),
            (name, _) => format!("{name} by {from}"),
        }
    }

    /// A digest of questions, responses, and what is known of them.
    pub fn digest(items: &[impl Measured]) -> String {
        let hash = items.iter().fold(0, |hash, item| item.mixed(hash));
        format!("{hash:016x}")
    }
}

/// A judgement that was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Which of the samples it is of, from 0.
    pub sample: usize,
    /// The responses that it is about, by their places, in the order in which they were shown.
    pub shown: Vec<usize>,
    /// A score for each of them.
    pub scores: Vec<f64>,
    /// Of a judge of steps: what each step is worth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<f64>,
    /// What the meta-judge thinks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<f64>,
    /// What was written; of a judge that asks in turns, all of them.
    pub text: String,
    /// Tokens that were generated for its last turn.
    pub tokens: u64,
}

/// A judgement that was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// Why.
    pub why: String,
    /// What was written, if anything was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Tokens that were generated for it.
    #[serde(default)]
    pub tokens: u64,
}

impl Unread {
    fn without_text(why: &str) -> Self {
        Self { why: why.to_owned(), text: String::new(), tokens: 0 }
    }
}

/// All that was said of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct Heard {
    /// Its place in the data, from 0.
    pub item: usize,
    /// The item, and what is known of it.
    pub known: Known,
    /// What each response comes to by the vote; `None` for one that nobody judged.
    pub totals: Vec<Option<f64>>,
    /// What it is worth, from 0 to 1: how often the best response is chosen ([`Ballot::share`]); of a label a hit, half of one
    /// where nothing was read, or of a grade what its distance leaves of 1; of steps whether the first error is found.
    pub right: f64,
    /// Judgements that were read.
    pub written: Vec<Written>,
    /// And those that were not; the reasons of a meta-judge that could not be read say whose they are.
    pub unread: Vec<Unread>,
}

/// The same as a line of the file has it: what is known is one of three fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preference: Option<Preference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    graded: Option<Graded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<StepCase>,
    totals: Vec<Option<f64>>,
    right: f64,
    written: Vec<Written>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
}

impl TryFrom<Line> for Heard {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let Line { item, totals, right, written, unread, .. } = line;
        let known = match (line.preference, line.graded, line.steps) {
            (Some(preference), None, None) => Known::Preference(preference),
            (None, Some(graded), None) => Known::Graded(graded),
            (None, None, Some(case)) => Known::Steps(case),
            _ => return Err("expected one of preference, graded and steps".into()),
        };
        Ok(Self { item, known, totals, right, written, unread })
    }
}

impl From<Heard> for Line {
    fn from(heard: Heard) -> Self {
        let Heard { item, known, totals, right, written, unread } = heard;
        let (mut preference, mut graded, mut steps) = (None, None, None);
        match known {
            Known::Preference(own) => preference = Some(own),
            Known::Graded(own) => graded = Some(own),
            Known::Steps(own) => steps = Some(own),
        }
        Self { item, preference, graded, steps, totals, right, written, unread }
    }
}

impl Heard {
    /// What a jury said of a preference, from the search that it was asked in.
    pub fn of(
        item: usize,
        jury: &Jury,
        preference: &Preference,
        ruling: &Ruling,
        outcome: &Outcome,
    ) -> Self {
        let known = Known::Preference(preference.clone());
        let mut heard = Self::of_any((item, known), jury, ruling, outcome);
        heard.right = Ballot::share(&heard.totals, preference.best);
        heard
    }

    /// The same of a single response, whose label says right or wrong (`truths`) or is a grade ([`super::are_truths`]).
    pub fn of_graded(
        item: usize,
        jury: &Jury,
        (own, truths): (&Graded, bool),
        ruling: &Ruling,
        outcome: &Outcome,
    ) -> Self {
        let right = graded::worth(jury, own, truths, ruling);
        let known = Known::Graded(own.clone());
        Self { right, ..Self::of_any((item, known), jury, ruling, outcome) }
    }

    /// The same of a solution, a step of which is taken for wrong below a threshold.
    pub fn of_steps(
        item: usize,
        jury: &Jury,
        (case, threshold): (&StepCase, f64),
        ruling: &Ruling,
        outcome: &Outcome,
    ) -> Self {
        let found = StepRuling::of(case, ruling.clone()).finds(case.first_error, threshold);
        let known = Known::Steps(case.clone());
        let right = f64::from(u8::from(found));
        Self { right, ..Self::of_any((item, known), jury, ruling, outcome) }
    }

    /// What a scorer said of a preference, in this unit.
    pub fn of_scores(item: usize, preference: &Preference, unit: Unit, ruling: &Ruling) -> Self {
        let totals = By::Scorer(unit).totals(&ruling.ballot, preference.responses.len());
        let written = ruling.ballot.judgements.iter().map(|judgement| {
            let (shown, scores) = (judgement.shown.clone(), judgement.scores.clone());
            Written { shown, scores, ..Written::default() }
        });
        Self {
            item,
            known: Known::Preference(preference.clone()),
            right: Ballot::share(&totals, preference.best),
            totals,
            written: written.collect(),
            unread: ruling.reasons.iter().map(|why| Unread::without_text(why)).collect(),
        }
    }

    /// What a scorer of steps said of a solution, a step of which is taken for wrong below a threshold.
    pub fn of_step_scores(item: usize, case: &StepCase, threshold: f64, said: &StepRuling) -> Self {
        let least = said.scores.iter().copied().reduce(f64::min);
        let written = Written {
            shown: vec![0],
            scores: least.into_iter().collect(),
            steps: said.scores.clone(),
            ..Written::default()
        };
        Self {
            item,
            known: Known::Steps(case.clone()),
            totals: vec![least],
            right: f64::from(u8::from(said.finds(case.first_error, threshold))),
            written: least.map(|_| written).into_iter().collect(),
            unread: said.reasons.iter().map(|why| Unread::without_text(why)).collect(),
        }
    }

    /// What was written about an item, and what it comes to; not yet what that is worth.
    fn of_any(
        (item, known): (usize, Known),
        jury: &Jury,
        ruling: &Ruling,
        outcome: &Outcome,
    ) -> Self {
        let written = ruling.ballot.judgements.iter().map(|judgement| Written {
            sample: judgement.sample,
            shown: judgement.shown.clone(),
            scores: judgement.scores.clone(),
            steps: judgement.steps.clone(),
            meta: (jury.meta.is_some() && judgement.meta.is_finite()).then_some(judgement.meta),
            text: text(jury, outcome, judgement.node),
            tokens: outcome.tree.generated(judgement.node),
        });
        let unread = refused(jury, &ruling.ballot, outcome).into_iter().map(|refused| Unread {
            text: refused.node.map_or_else(String::new, |node| text(jury, outcome, node)),
            tokens: refused.node.map_or(0, |node| outcome.tree.generated(node)),
            why: refused.why,
        });
        Self {
            item,
            totals: By::Jury(jury).totals(&ruling.ballot, known.responses()),
            known,
            right: 0.0,
            written: written.collect(),
            unread: unread.collect(),
        }
    }

    /// Whether nothing was said of what is asked.
    pub fn abstains(&self) -> bool {
        self.known.abstains(&self.totals)
    }

    /// How much its judgements are of one mind, from 0 to 1: the share of those that put the same responses first as most do;
    /// 1 where there is none.
    pub fn agreement(&self) -> f64 {
        let first = |written: &Written| {
            let mut totals = vec![None; self.known.responses()];
            for (&place, &score) in written.shown.iter().zip(&written.scores) {
                if let Some(total) = totals.get_mut(place) {
                    *total = Some(score);
                }
            }
            Ballot::first(&totals)
        };
        // Of one response at a time none is first by itself.
        let mut counts: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let several = self.written.iter().filter(|written| written.shown.len() > 1);
        for written in several {
            *counts.entry(first(written)).or_default() += 1;
        }
        let (most, all) = (counts.values().max(), counts.values().sum::<usize>());
        most.map_or(1.0, |&most| most as f64 / all as f64)
    }
}

/// What stands at a node: a text, with the turns before it where the judge is asked in turns.
fn text(jury: &Jury, outcome: &Outcome, node: NodeId) -> String {
    let own = outcome.tree.text(node);
    let Prompt::Chat(turns) = &**outcome.tree.asked(node) else { return own };
    if own.is_empty() || !jury.judge.template.has_turns() {
        return own;
    }
    let said = turns.iter().filter(|turn| turn.role == Role::Assistant);
    let mut all: Vec<&str> = said.map(|turn| turn.content.as_str()).collect();
    all.push(&own);
    all.join("\n\n")
}

/// Judgements on file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Who judged what.
    pub by: HeardBy,
    /// Items, in the order of the data.
    pub items: Vec<Heard>,
}

/// Writes judgements; the file is whole or as it was.
///
/// # Errors
/// When it cannot be written.
pub fn write_heard(path: &Path, record: &Record) -> Result<(), PrmError> {
    let failed = |error: serde_json::Error| PrmError::config(path, "JSON", error.to_string());
    let mut bytes = Vec::new();
    serde_json::to_writer(&mut bytes, &record.by).map_err(failed)?;
    bytes.push(b'\n');
    for item in &record.items {
        serde_json::to_writer(&mut bytes, item).map_err(failed)?;
        bytes.push(b'\n');
    }
    files::replace(path, |out| out.write_all(&bytes)).map_err(|error| PrmError::io(path, error))
}

/// Reads judgements, of a file or of the one in a folder.
///
/// # Errors
/// When the file cannot be read, or a line of it is something else; the error names its place.
pub fn read_heard(path: &Path) -> Result<Record, PrmError> {
    let path = file(path);
    let at = |source: RowError| RowsError::Row { path: path.clone(), source };
    let rows = rows::read(&path)?;
    let mut rows = rows.iter();
    let first = rows.next().ok_or_else(|| PrmError::config(&path, "judgements", "empty"))?;
    let by = first.read().map_err(at)?;
    let items = rows.map(|row| row.read().map_err(at)).collect::<Result<_, _>>()?;
    Ok(Record { by, items })
}

/// The file that is meant by itself or by its folder.
pub fn file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE) } else { path.to_owned() }
}

/// How much more often the first is right than the second, item by item, over the items that both have, and how many have only
/// one of them.
///
/// # Errors
/// When an item of the one is another in the other, or they have none in common; the error names it.
pub fn compare(first: &Record, second: &Record) -> Result<(Paired, usize), PrmError> {
    let refuse = |problem: String| PrmError::Solution { field: "judgements".into(), problem };
    let others: BTreeMap<usize, &Heard> =
        second.items.iter().map(|heard| (heard.item, heard)).collect();
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for heard in &first.items {
        let Some(beside) = others.get(&heard.item) else { continue };
        if heard.known != beside.known {
            return Err(refuse(format!(
                "item {} is {:?} in the one and {:?} in the other, or has other responses: expected judgements of the same data",
                heard.item,
                heard.known.prompt().question().chars().take(60).collect::<String>(),
                beside.known.prompt().question().chars().take(60).collect::<String>(),
            )));
        }
        own.push(heard.right);
        other.push(beside.right);
    }
    let alone = first.items.len() + second.items.len() - 2 * own.len();
    let paired = paired_shares(&own, &other, DRAWS, 0)
        .map_err(|_| refuse("no item is in both: expected judgements of the same data".into()))?;
    Ok((paired, alone))
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod known_tests;

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use tts_core::Search;
    use tts_core::toy::Voice;

    use super::super::super::{Judge, Response};
    use super::super::{Case, assess_whole, hear_whole};
    use super::*;

    fn pairs() -> Vec<Preference> {
        let pair = |number: usize| Preference {
            prompt: format!("q{number}").into(),
            responses: vec!["good".into(), "bad".into()],
            best: number % 2,
            subset: None,
            reference: None,
            worth: None,
        };
        (0..6).map(pair).collect()
    }

    fn jury(name: &str, samples: usize) -> Jury {
        Jury { role: None, ..Jury::of(Judge::published(name).expect("known"), samples) }
    }

    /// What a voice says of the pairs, in the order in which it is done, and put in that of the data.
    fn heard(voice: &Voice, jury: &Jury, concurrency: usize) -> Record {
        let pairs = pairs();
        let mut items: Vec<Option<Heard>> = vec![None; pairs.len()];
        let search = Search::new(voice).concurrency(concurrency).seed(3);
        assess_whole(&search, jury, &pairs, |item, ruling, outcome| {
            items[item] = Some(Heard::of(item, jury, &pairs[item], ruling, outcome));
            ControlFlow::Continue(())
        })
        .expect("judged");
        let by = HeardBy::of(jury, "a voice", BTreeMap::new(), (&pairs, 3));
        Record { by, items: items.into_iter().flatten().collect() }
    }

    fn coin() -> Voice {
        Voice::new(|_, _, rng| match rng.below(3) {
            0 => "First. [[A]]",
            1 => "Second. [[B]]",
            _ => "Neither.",
        })
    }

    #[test]
    fn what_was_written_is_read_again_to_the_bit_in_any_company() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = heard(&coin(), &jury("pairwise", 4), 1);
        let path = folder.path().join(FILE);
        write_heard(&path, &one).expect("written");
        assert_eq!(read_heard(folder.path()).expect("read"), one);
        let bytes = std::fs::read(&path).expect("there");
        write_heard(&path, &heard(&coin(), &jury("pairwise", 4), 4)).expect("written");
        assert_eq!(std::fs::read(&path).expect("there"), bytes);
        for item in &one.items {
            assert_eq!(item.written.len() + item.unread.len(), 4, "{item:?}");
            for written in &item.written {
                let says = if written.scores[0] > written.scores[1] { "[[A]]" } else { "[[B]]" };
                assert!(written.text.contains(says) && written.tokens > 0, "{written:?}");
            }
            assert!(item.unread.iter().all(|unread| unread.text == "Neither."), "{item:?}");
            assert!((0.0..=1.0).contains(&item.agreement()), "{item:?}");
        }
        let unread = one.items.iter().flat_map(|item| &item.unread).count();
        assert!(unread > 0 && unread < 24, "{unread}");
        std::fs::write(&path, "{\"jury\": 1}\n").expect("written");
        let error = read_heard(&path).expect_err("no header").to_string();
        assert!(error.contains(FILE), "{error}");
    }

    #[test]
    fn a_file_beside_itself_differs_in_nothing() {
        let coins = heard(&coin(), &jury("pairwise", 2), 2);
        let (found, alone) = compare(&coins, &coins).expect("the same items");
        assert!(found.difference.abs() < 1e-12 && found.p_value >= 1.0, "{found:?}");
        assert_eq!((found.problems, alone), (6, 0));
        // One that reads what it is shown is right of all.
        let knows = Voice::new(|asked, _, _| {
            let text = asked.question();
            if text.find("good") < text.find("bad") { "[[A]]" } else { "[[B]]" }
        });
        let mut right = heard(&knows, &jury("pairwise", 2), 2);
        // The good one is the best of every second.
        assert!((right.items.iter().map(|item| item.right).sum::<f64>() - 3.0).abs() < 1e-12);
        assert!(right.items.iter().all(|item| item.agreement() >= 1.0));
        right.items.truncate(4);
        assert_eq!(compare(&right, &coins).expect("some items").1, 2);
        let Known::Preference(own) = &mut right.items[0].known else { panic!("a preference") };
        own.responses[0].push('!');
        let error = compare(&right, &coins).expect_err("another item").to_string();
        assert!(error.contains("item 0") && error.contains("the same data"), "{error}");
        let none = Record { items: Vec::new(), ..right };
        assert!(compare(&none, &coins).is_err());
    }

    #[test]
    fn turns_stand_there_with_those_before_them() {
        let judge =
            r#"{"template": "genprm", "reading": {"steps": {"right": "Yes", "wrong": "No"}}}"#;
        let judge: Judge = serde_json::from_str(judge).expect("a judge");
        let jury = Jury { role: None, ..Jury::of(judge, 1) };
        let steps = vec!["one\n".to_owned(), "two\n".to_owned()];
        let responses = [Response { steps, ..Response::text("") }].into();
        let case = Case { prompt: "q".into(), responses, reference: None };
        let voice = Voice::new(|_, _, _| "fine: \\boxed{Yes}");
        let pair = Preference { responses: vec!["one\ntwo\n".into()], ..pairs()[0].clone() };
        let mut found = None;
        hear_whole(&Search::new(&voice), &jury, vec![case], |item, ruling, outcome| {
            found = Some(Heard::of(item, &jury, &pair, ruling, outcome));
            ControlFlow::Continue(())
        })
        .expect("judged");
        let found = found.expect("one item");
        assert_eq!(found.written[0].steps.len(), 2, "{found:?}");
        assert_eq!(found.written[0].text.matches("boxed{Yes}").count(), 2, "{found:?}");
    }
}
