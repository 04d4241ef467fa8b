//! Who is at work on one problem: how parts are asked, searches made, and answers noted.
//!
//! Methods tell stories in these words: a plan, a turn (question, search, answer), a report. What a model wrote goes on only
//! as far as it was shown something: an answer cites what its search found, a draft what had been found by then, and a plan
//! nothing. A step that a budget has no room for is not begun, and evolution shrinks before a line does.
//!
//! Source: Han et al. 2025 (arXiv 2507.16075), sections 2.1 and 2.2.

use minijinja::{Value, context};
use tts_core::{Ask, Desk, Line, NodeId, NodeKind, Prompt};

use super::cite;
use super::draft::Draft;
use super::notes::{Notes, Shown};
use super::part::{Part, Task};
use super::parts::Parts;
use super::purse::{Cap, Left, Need};
use super::said::{one_line, said};
use super::trail::TOLD;
use crate::retrieve::{Found, harmless};

/// What is said of a question that was asked before.
pub(super) const ASKED_BEFORE: &str = "this question was asked before";

/// What a line says.
pub(super) fn says(line: &Line) -> String {
    said(&line.text()).to_owned()
}

/// What a turn led to.
pub(super) struct Turn {
    /// What the next step is about: the answer, or where nothing was answered what stood before.
    pub(super) node: NodeId,
    /// Whether something was found and answered.
    pub(super) news: bool,
    /// Whether there have been as many turns without news as there may be.
    pub(super) last: bool,
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

    /// Whether there is room for `now`, with a report held back.
    pub(super) fn has_room(&self, now: Need) -> bool {
        let (later, tokens) = (self.parts.report.need(), self.parts.report_tokens);
        Left::of(&self.desk).room(now, later, tokens, 0).is_ok()
    }

    /// Room for `now`, with a report held back; without it the research ends for the budget's sake.
    pub(super) fn room(&self, now: Need) -> Option<Cap> {
        self.room_of(now, 0)
    }

    /// The same, where each line may have at least so many tokens.
    pub(super) fn room_of(&self, now: Need, least: u64) -> Option<Cap> {
        self.holding(now, self.parts.report.need(), least)
    }

    /// Room for `now` while `later` is held back; without it the research ends for the budget's sake.
    pub(super) fn holding(&self, now: Need, later: Need, least: u64) -> Option<Cap> {
        let room = Left::of(&self.desk).room(now, later, self.parts.report_tokens, least);
        room.map_err(|limit| self.desk.end_for(limit)).ok()
    }

    /// A part with as much of its evolution as there is room for, before `next` and with `later` held back: fewer lines
    /// before shorter ones.
    pub(super) fn evolved(&self, part: &Part, next: Need, later: Need) -> Option<(Part, Cap)> {
        let held = self.parts.report_tokens;
        let whole = Left::of(&self.desk).share(part.plain().need() + next, later, held);
        let least = whole.map_or(0, |whole| whole.min(u64::from(held)));
        let mut part = Some(part.clone());
        while let Some(tried) = part {
            if let Some(cap) = self.holding(tried.need() + next, later, least) {
                return Some((tried, cap));
            }
            part = tried.less();
        }
        None
    }

    /// A template filled in; one that cannot be is told with the outcome, by what it is about.
    pub(super) fn filled(&self, name: &str, values: Value, about: NodeId) -> Option<String> {
        let filled = self.parts.prompts.filled(name, values);
        filled.map_err(|problem| self.desk.refuse(about, problem)).ok()
    }

    /// Fills a template and has a part write it, within `cap` tokens a line.
    pub(super) async fn part(
        &self,
        part: &Part,
        name: &str,
        values: Value,
        about: NodeId,
        cap: Cap,
    ) -> Option<Line> {
        let asked = self.filled(name, values, about)?;
        let (kind, stop) = (NodeKind::Aside, None);
        self.write(part, Task { asked, about, kind, cap, stop }).await
    }

    /// The same of a draft: it may be the answer.
    pub(super) async fn draft(
        &self,
        part: &Part,
        name: &str,
        values: Value,
        about: NodeId,
        cap: Cap,
    ) -> Option<Line> {
        let asked = self.filled(name, values, about)?;
        let (kind, stop) = (NodeKind::Committed, None);
        self.write(part, Task { asked, about, kind, cap, stop }).await
    }

    /// The plan; empty where there is no room for one, or it fails. `next` is what comes before the loop.
    pub(super) async fn plan(&self, next: Need) -> (String, NodeId) {
        let parts = self.parts;
        let room = self.evolved(&parts.plan, next, parts.report.need());
        let Some((part, cap)) = room else { return (String::new(), NodeId::ROOT) };
        let values = context! { problem => self.question() };
        let line = self.part(&part, "plan", values, NodeId::ROOT, cap).await;
        // Nothing has been found yet that a plan could cite.
        let plan = |line: Line| (cite::only(&harmless(&says(&line)), |_| false), line.node);
        line.map_or((String::new(), NodeId::ROOT), plan)
    }

    /// One search; `None` when it failed.
    pub(super) async fn search(&self, query: &str, about: NodeId) -> Option<(Found, NodeId)> {
        let ask = Ask::of(Prompt::from(query)).about(about).aside().by(&self.parts.search);
        let line = self.desk.line(ask).await?;
        let found = Found::read(&line.text());
        if found.is_none() {
            self.desk.refuse(line.node, "what the search wrote is no list of passages");
        }
        Some((found?, line.node))
    }

    /// The question that a text asks, as long as it may be.
    pub(super) fn asked(&self, text: &str) -> String {
        one_line(text).chars().take(self.parts.question_chars).collect()
    }

    /// Whether a question was asked before; if so that is told of `node`, which asks it.
    pub(super) fn repeats(&self, notes: &mut Notes, question: &str, node: NodeId) -> bool {
        let again = notes.repeats(question);
        if again {
            self.desk.refuse(node, ASKED_BEFORE);
        }
        again
    }

    /// A turn: asks what is missed most, searches for it and answers it, unless it was asked before. `None` when the
    /// question failed, or nothing is open.
    pub(super) async fn turn(
        &self,
        notes: &mut Notes,
        (plan, draft): (&str, &str),
        about: NodeId,
        cap: Cap,
        patience: usize,
    ) -> Option<Turn> {
        let parts = self.parts;
        let (problem, covered) = (self.question(), parts.covered.as_str());
        let known = notes.known(parts.known_chars);
        let values = context! { problem, plan, draft, known, covered };
        let line = self.part(&parts.question, "question", values, about, cap).await?;
        let said = one_line(&says(&line));
        let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        // As a question is read, but before it is cut: it may say more than a question may.
        if said.is_empty() || word(&said) == word(&one_line(&parts.covered)) {
            return None;
        }
        let question = self.asked(&said);
        let mut turn = Turn { node: about, news: false, last: false };
        if !self.repeats(notes, &question, line.node) {
            turn = self.learn(notes, &question, line.node, cap).await;
        }
        turn.last = notes.idle(turn.news) >= patience;
        Some(turn)
    }

    /// Searches for a question and answers it from what was found. What comes of it is noted.
    pub(super) async fn learn(
        &self,
        notes: &mut Notes,
        question: &str,
        about: NodeId,
        cap: Cap,
    ) -> Turn {
        let nothing = Turn { node: about, news: false, last: false };
        let Some((found, node)) = self.search(question, about).await else {
            notes.fail(question);
            return nothing;
        };
        if found.0.is_empty() {
            notes.note(question, "Nothing was found.");
            return nothing;
        }
        let shown = notes.found(found);
        let Some(line) = self.answer(question, &shown, node, cap).await else {
            notes.note(question, "What was found could not be read.");
            return nothing;
        };
        notes.learn(question, &says(&line), &shown);
        Turn { node: line.node, news: true, last: false }
    }

    /// Searches for a question; what is found stands as it is. The search's node, or `about` when it failed.
    pub(super) async fn look_up(&self, notes: &mut Notes, question: &str, about: NodeId) -> NodeId {
        if let Some((found, node)) = self.search(question, about).await {
            notes.quote(question, found);
            return node;
        }
        notes.fail(question);
        about
    }

    /// An answer from what was found; it is marked as what the search led to.
    pub(super) async fn answer(
        &self,
        question: &str,
        shown: &Shown,
        about: NodeId,
        cap: Cap,
    ) -> Option<Line> {
        let values = context! { asked => harmless(question), sources => shown.value(usize::MAX) };
        let line = self.part(&self.parts.answer, "answer", values, about, cap).await?;
        self.desk.value(line.node, TOLD);
        Some(line)
    }

    /// The report, as evolved as what is left allows; the answer. The draft before is it where nothing is left for a
    /// report, or only for one that is cut before it is as long.
    pub(super) async fn report(
        &self,
        plan: &str,
        draft: &Draft,
        notes: &Notes,
        about: NodeId,
    ) -> Option<NodeId> {
        let parts = self.parts;
        let room = self.evolved(&parts.report, Need::default(), Need::default());
        let Some((part, cap)) = room else { return draft.node };
        let (known, sources) = (notes.known(parts.known_chars), notes.quotes(parts.known_chars));
        let (problem, words) = (self.question(), draft.text.as_str());
        let values = context! { problem, plan, draft => words, known, sources };
        let report = self.draft(&part, "report", values, about, cap).await;
        let Some(report) = report.filter(|report| draft.gives_way_to(report)) else {
            draft.node.iter().for_each(|&node| self.desk.prefer(node));
            return draft.node;
        };
        self.desk.prefer(report.node);
        Some(self.mended(report, notes).await.node)
    }
}
