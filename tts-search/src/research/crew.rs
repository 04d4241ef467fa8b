//! The parts of a research and who writes them: what all methods of this room have in common.
//!
//! Every part (plan, draft, question, answer, revision, report) has its own [`Part`], so its own variants,
//! critiques and role, and its own template; searches are asked of a role, see [`crate::retrieve::Searcher`].
//! Methods differ in which parts they use, in what order, and in what each is shown.
//!
//! Source: Han et al. 2025 (arXiv 2507.16075), sections 2.1 and 2.2.

use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use tts_core::{Ask, Desk, Line, NodeId, NodeKind, Prompt, Requirements};

use super::cite;
use super::notes::{Notes, Shown};
use super::part::{Part, Task};
use super::prompts::ResearchPrompts;
use super::purse::{Cap, Left, Need};
use crate::retrieve::{Found, harmless};

/// Who writes what, and how it is asked.
///
/// ```
/// use tts_search::research::{Part, Parts};
/// let parts = Parts { report: Part { role: Some("editor".into()), ..Part::of(1, 1) }, ..Parts::default() };
/// parts.check()?;
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parts {
    /// The plan.
    pub plan: Part,
    /// The first draft.
    pub draft: Part,
    /// Each question to the search engine.
    pub question: Part,
    /// Each answer drawn from what was found.
    pub answer: Part,
    /// Each further draft.
    pub revision: Part,
    /// The report.
    pub report: Part,
    /// The role that searches.
    pub search: String,
    /// What the question part writes when nothing is open.
    pub covered: String,
    /// Characters of all questions and answers so far that a part is shown, at most; the longest answers are cut.
    pub known_chars: usize,
    /// Generated tokens held back for each line of the report, within a budget of tokens; half of the budget at most.
    pub report_tokens: u32,
    /// Times that a report is written again because it cites what was not found, or quotes what is nowhere.
    pub mend: usize,
    /// How each part is asked.
    pub prompts: ResearchPrompts,
}

impl Default for Parts {
    /// The paper's evolution: of the plan and the report one critique, of questions five variants, of answers three.
    fn default() -> Self {
        Self {
            plan: Part::of(1, 1),
            draft: Part::of(1, 0),
            question: Part::of(5, 0),
            answer: Part::of(3, 0),
            revision: Part::of(1, 0),
            report: Part::of(1, 1),
            search: "search".into(),
            covered: "NOTHING IS OPEN".into(),
            known_chars: 24_000,
            report_tokens: 1_024,
            mend: 0,
            prompts: ResearchPrompts::default(),
        }
    }
}

impl Parts {
    /// No part is evolved: one line each.
    pub fn plain() -> Self {
        let part = || Part::of(1, 0);
        Self { plan: part(), question: part(), answer: part(), report: part(), ..Self::default() }
    }

    fn named(&self) -> [(&'static str, &Part); 6] {
        [
            ("plan", &self.plan),
            ("draft", &self.draft),
            ("question", &self.question),
            ("answer", &self.answer),
            ("revision", &self.revision),
            ("report", &self.report),
        ]
    }

    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        self.named().into_iter().try_for_each(|(name, part)| part.check(name))?;
        if self.search.trim().is_empty() {
            return Err("search is blank, expected the name of the role that searches".into());
        }
        if self.covered.trim().is_empty() {
            return Err("covered is blank, expected what is written when nothing is open".into());
        }
        if self.known_chars < 100 {
            return Err(format!("known_chars is {}, expected at least 100", self.known_chars));
        }
        if self.report_tokens == 0 {
            return Err(
                "report_tokens is 0, expected at least 1 for each line of the report".into()
            );
        }
        self.prompts.check()
    }

    /// What a method on these parts needs of its search.
    pub(super) fn requires(&self) -> Requirements {
        let mut roles = vec![self.search.clone()];
        roles.extend(self.named().into_iter().flat_map(|(_, part)| part.roles()));
        roles.sort();
        roles.dedup();
        Requirements { roles, ..Requirements::default() }
    }

    /// A step of a loop: a question, a search, an answer.
    pub(super) fn step(&self) -> Need {
        self.question.need() + Need::SEARCH + self.answer.need()
    }
}

/// What a line says: without the thinking that some models write before.
pub(super) fn said(line: &Line) -> String {
    let text = line.text();
    let spoken = text.rsplit_once("</think>").map_or(text.as_str(), |(_, rest)| rest);
    spoken.trim().to_owned()
}

/// The first line of a text that has words, without a name or marks before it.
pub(super) fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric));
    let line = line.unwrap_or_default();
    let line = ["Question:", "Q:", "Search:", "Query:"]
        .iter()
        .find_map(|name| line.strip_prefix(name))
        .unwrap_or(line);
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || "-*.) ".contains(c));
    let line = if line.is_empty() { text.trim() } else { line };
    line.trim_matches(['"', '*', '`', ' ']).to_owned()
}

/// What a search led to.
pub(super) struct Learnt {
    /// The last node: the answer's.
    pub(super) node: NodeId,
    /// Whether something was found and answered.
    pub(super) news: bool,
}

/// Who is at work on one problem.
pub(super) struct Crew<'p> {
    pub(super) desk: Desk,
    pub(super) parts: &'p Parts,
    problem: Prompt,
    question: String,
}

impl<'p> Crew<'p> {
    pub(super) fn new(desk: Desk, parts: &'p Parts) -> Self {
        let problem = desk.problem();
        let question = problem.question().trim().to_owned();
        Self { desk, parts, problem, question }
    }

    /// The problem's words.
    pub(super) fn question(&self) -> &str {
        &self.question
    }

    pub(super) fn prompt(&self, asked: String) -> Prompt {
        self.parts.prompts.prompt(&self.problem, asked)
    }

    /// Room for `now`, with a report held back.
    pub(super) fn room(&self, now: Need) -> Option<Cap> {
        self.holding(now, self.parts.report.need())
    }

    /// Room for `now` while `later` is held back; without it the research ends for the budget's sake.
    fn holding(&self, now: Need, later: Need) -> Option<Cap> {
        let room = Left::of(&self.desk).room(now, later, self.parts.report_tokens);
        room.map_err(|limit| self.desk.end_for(limit)).ok()
    }

    /// Fills a template and has a part write it, within `cap` tokens a line.
    pub(super) async fn part(
        &self,
        part: &Part,
        template: &str,
        values: Value,
        about: NodeId,
        cap: Cap,
    ) -> Option<Line> {
        let asked = ResearchPrompts::filled(template, values)?;
        let kind = NodeKind::Aside;
        self.write(part, Task { asked, about, kind, cap }).await
    }

    /// The same of a draft: it may be the answer.
    pub(super) async fn draft(
        &self,
        part: &Part,
        template: &str,
        values: Value,
        about: NodeId,
        cap: Cap,
    ) -> Option<Line> {
        let asked = ResearchPrompts::filled(template, values)?;
        let kind = NodeKind::Committed;
        self.write(part, Task { asked, about, kind, cap }).await
    }

    /// The plan; empty where there is no room for one, or it fails. `next` is what comes before the loop.
    pub(super) async fn plan(&self, next: Need) -> (String, NodeId) {
        let parts = self.parts;
        let mut part = Some(parts.plan.clone());
        while let Some(tried) = part {
            if let Some(cap) = self.room(tried.need() + next) {
                let values = context! { problem => self.question() };
                let line = self.part(&tried, &parts.prompts.plan, values, NodeId::ROOT, cap).await;
                return line.map_or((String::new(), NodeId::ROOT), |line| {
                    (harmless(&said(&line)), line.node)
                });
            }
            part = tried.less();
        }
        (String::new(), NodeId::ROOT)
    }

    /// One search; `None` when it failed.
    pub(super) async fn search(&self, query: &str, about: NodeId) -> Option<(Found, NodeId)> {
        let ask = Ask::of(Prompt::from(query)).about(about).aside().by(&self.parts.search);
        let line = self.desk.line(ask).await?;
        Some((Found::read(&line.text())?, line.node))
    }

    /// The next question; `None` when it failed. Empty when nothing is open.
    pub(super) async fn ask(
        &self,
        values: Value,
        about: NodeId,
        cap: Cap,
    ) -> Option<(String, NodeId)> {
        let parts = self.parts;
        let line = self.part(&parts.question, &parts.prompts.question, values, about, cap).await?;
        let question = one_line(&said(&line));
        let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let covered = word(&question) == word(&parts.covered);
        Some((if covered { String::new() } else { question }, line.node))
    }

    /// Searches for a question and answers it from what was found. What comes of it is noted.
    pub(super) async fn learn(
        &self,
        notes: &mut Notes,
        question: &str,
        about: NodeId,
        cap: Cap,
    ) -> Learnt {
        let Some((found, node)) = self.search(question, about).await else {
            notes.learn(question, "The search failed.");
            return Learnt { node: about, news: false };
        };
        if found.0.is_empty() {
            notes.learn(question, "Nothing was found.");
            return Learnt { node, news: false };
        }
        let shown = notes.found(found);
        let Some(line) = self.answer(question, &shown, node, cap).await else {
            notes.learn(question, "What was found could not be read.");
            return Learnt { node, news: false };
        };
        // A number that was never given goes no further.
        notes.learn(question, &cite::refused(&said(&line), &notes.sources));
        Learnt { node: line.node, news: true }
    }

    /// Searches for a question; what is found stands as it is. The search's node, or `about` when it failed.
    pub(super) async fn look_up(&self, notes: &mut Notes, question: &str, about: NodeId) -> NodeId {
        if let Some((found, node)) = self.search(question, about).await {
            notes.quote(question, &found);
            return node;
        }
        notes.learn(question, "The search failed.");
        about
    }

    /// An answer from what was found.
    pub(super) async fn answer(
        &self,
        question: &str,
        shown: &Shown,
        about: NodeId,
        cap: Cap,
    ) -> Option<Line> {
        let parts = self.parts;
        let values = context! { asked => harmless(question), sources => shown.value() };
        self.part(&parts.answer, &parts.prompts.answer, values, about, cap).await
    }

    /// The report, as evolved as what is left allows; the answer. `None` where nothing is left for one: then
    /// the draft before is the answer.
    pub(super) async fn report(
        &self,
        plan: &str,
        draft: &str,
        notes: &Notes,
        about: NodeId,
    ) -> Option<NodeId> {
        let parts = self.parts;
        let known = notes.known(parts.known_chars);
        let values = context! { problem => self.question(), plan, draft, known };
        let mut part = Some(parts.report.clone());
        while let Some(tried) = part {
            if let Some(cap) = self.holding(tried.need(), Need::default()) {
                let report = self.draft(&tried, &parts.prompts.report, values, about, cap).await?;
                self.desk.prefer(report.node);
                return Some(self.mended(report, notes).await.node);
            }
            part = tried.less();
        }
        None
    }

    /// A report whose citations hold, as far as it can be had in so many attempts.
    async fn mended(&self, mut report: Line, notes: &Notes) -> Line {
        let parts = self.parts;
        let part = Part {
            n: 1,
            s: 0,
            judge: None,
            temperatures: Vec::new(),
            plateau: false,
            ..parts.report.clone()
        };
        for _ in 0..parts.mend {
            let text = said(&report);
            let faults = cite::check(&text, &notes.sources).faults();
            if faults.is_empty() {
                break;
            }
            let Some(cap) = self.holding(part.need(), Need::default()) else { break };
            let known = notes.known(parts.known_chars);
            let values = context! { report => harmless(&text), faults, known };
            let again = self.draft(&part, &parts.prompts.mend, values, report.node, cap).await;
            let Some(again) = again else { break };
            report = again;
        }
        report
    }
}
