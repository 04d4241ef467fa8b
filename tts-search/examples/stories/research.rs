//! Deep research as diffusion (TTD-DR): a draft that is wrong at first is revised after every search, and
//! every part of it is evolved.
//!
//! ```text
//! plan -- draft R_0 -+- question, in sight of R_(t-1) -- search -- answer -- draft R_t -+-- report
//!                    `------------------------- N times --------------------------------'
//!
//! a part: n variants; s times each is criticised and written again; then they are merged
//! ```
//!
//! Drafts and the report are candidates, everything else is an aside; the judge and the search engine
//! are roles. The answer as of now is the latest draft, so a budget that runs out leaves one. The loop ends
//! early when nothing is left to ask.
//!
//! Cost: a part takes `n (1 + 2 s)` lines, and one more to merge if `n > 1`; beside the parts there are the
//! first draft, and for each round a search and a draft. At the paper's settings 227 lines and 20 searches.
//!
//! Source: Han et al. 2025, "Deep Researcher with Test-Time Diffusion" (arXiv 2507.16075), section 2,
//! algorithm 1.

use tts_core::{Ask, Desk, Line, NodeId, Requirements, Script, all};

/// How a part is evolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evolve {
    /// Variants.
    pub(crate) n: usize,
    /// Rounds of critique and revision.
    pub(crate) s: usize,
}

/// Research in rounds of search and revision.
#[derive(Debug, Clone)]
pub(crate) struct Research {
    /// The plan.
    pub(crate) plan: Evolve,
    /// Each question to the search engine.
    pub(crate) question: Evolve,
    /// Each answer drawn from what was found.
    pub(crate) answer: Evolve,
    /// The report.
    pub(crate) report: Evolve,
    /// Rounds (N).
    pub(crate) rounds: usize,
}

impl Default for Research {
    /// The paper's settings.
    fn default() -> Self {
        Self {
            plan: Evolve { n: 1, s: 1 },
            question: Evolve { n: 5, s: 0 },
            answer: Evolve { n: 3, s: 0 },
            report: Evolve { n: 1, s: 1 },
            rounds: 20,
        }
    }
}

pub(crate) const PLAN: &str = "Plan a report: which areas must it cover?";
pub(crate) const DRAFT: &str = "Write a first draft from what you know.";
pub(crate) const QUESTION: &str =
    "What should be searched for next? Write nothing if nothing is open.";
pub(crate) const ANSWER: &str = "Answer the question from what was found, and cite it.";
pub(crate) const REVISE: &str = "Revise the draft by what is known now.";
pub(crate) const REPORT: &str = "Write the report.";
pub(crate) const JUDGE: &str = "Criticise this text: is it helpful, is it complete?";
pub(crate) const REWRITE: &str = "Write the text again, without these faults.";
pub(crate) const MERGE: &str = "Merge these texts into one that keeps the best of each.";

/// What is asked, and what is shown under which heading.
pub(crate) fn words(task: &str, shown: &[(&str, &str)]) -> String {
    let shown = shown.iter().map(|(heading, text)| format!("\n\n# {heading}\n{text}"));
    format!("{task}{}", shown.collect::<String>())
}

/// A part: written, evolved, merged. `kind` makes an aside of an ask, or leaves it a candidate.
async fn evolve(desk: &Desk, part: Evolve, asked: String, kind: fn(Ask) -> Ask) -> Option<Line> {
    let rewritten = async |variant: &Line| {
        let (about, text) = (variant.node, variant.text());
        let judge = Ask::of(words(JUDGE, &[("Task", &asked), ("Text", &text)]));
        let critique = desk.line(judge.about(about).aside().by("judge")).await?.text();
        let again = [("Task", &asked[..]), ("Text", &text), ("Critique", &critique)];
        desk.line(kind(Ask::of(words(REWRITE, &again)).about(about))).await
    };
    let mut variants = desk.ask(kind(Ask::of(asked.clone())).times(part.n)).await;
    for _ in 0..part.s {
        variants = all(variants.iter().map(&rewritten)).await.into_iter().flatten().collect();
    }
    if part.n == 1 {
        return variants.pop();
    }
    let texts: Vec<String> = variants.iter().map(Line::text).collect();
    let shown: Vec<(&str, &str)> = texts.iter().map(|text| ("Text", text.as_str())).collect();
    desk.line(kind(Ask::of(words(MERGE, &[&[("Task", asked.as_str())], &shown[..]].concat()))))
        .await
}

impl Script for Research {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let problem = desk.question();
        let problem = ("Problem", problem.as_str());
        let plan = evolve(&desk, self.plan, words(PLAN, &[problem]), Ask::aside).await?.text();
        let plan = ("Plan", plan.as_str());
        let mut draft = desk.line(Ask::of(words(DRAFT, &[problem, plan]))).await?;
        let mut known = String::new();
        for _ in 0..self.rounds {
            desk.prefer(draft.node);
            let text = draft.text();
            let seen = [problem, plan, ("Draft", &text), ("Known", &known)];
            let open = evolve(&desk, self.question, words(QUESTION, &seen), Ask::aside).await?;
            let question = open.text();
            if question.trim().is_empty() {
                break;
            }
            let search = Ask::of(question.as_str()).about(open.node).aside().by("search");
            let found = desk.line(search).await?.text();
            let seen = [("Question", &question[..]), ("Found", &found)];
            let answer = evolve(&desk, self.answer, words(ANSWER, &seen), Ask::aside).await?.text();
            known.extend([&question, "\n", &answer, "\n"]);
            let seen = [problem, ("Draft", &text), ("Known", &known)];
            draft = desk.line(Ask::of(words(REVISE, &seen)).about(draft.node)).await?;
        }
        desk.prefer(draft.node);
        let text = draft.text();
        let seen = [problem, plan, ("Draft", &text), ("Known", &known)];
        evolve(&desk, self.report, words(REPORT, &seen), |ask| ask).await.map(|line| line.node)
    }

    fn check(&self) -> Result<(), String> {
        let parts = [self.plan, self.question, self.answer, self.report];
        if parts.iter().any(|part| part.n == 0) {
            return Err("research: a part has no variants, expected at least 1".into());
        }
        Ok(())
    }

    fn requires(&self) -> Requirements {
        let roles = vec!["judge".into(), "search".into()];
        Requirements { roles, ..Requirements::default() }
    }
}
