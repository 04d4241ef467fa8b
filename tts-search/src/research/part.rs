//! Component-wise self-evolution: a part is written in variants, criticised, written again, and merged.
//!
//! ```text
//! n variants --+-- critique -- rewrite -- (s times) --.
//!              +-- critique -- rewrite -- (s times) --+-- merge -- what goes downstream
//!              `-- critique -- rewrite -- (s times) --'
//! ```
//!
//! With one variant nothing is merged, and with `s = 0` nothing is criticised: `n = 1, s = 0` is the plain line. A
//! variant whose critique or rewriting fails, or whose rewriting was cut, stays as it is; one that fails itself is left out of
//! the merge.
//!
//! Cost: `n (1 + 2 s)` lines, and one more to merge if `n > 1`; `1 + 2 s` rounds, and one more to merge.
//!
//! Source: Han et al. 2025 (arXiv 2507.16075), section 2.2; variants of several temperatures as there.

use minijinja::context;
use serde::{Deserialize, Serialize};
use tts_core::{Ask, Limit, Line, NodeId, NodeKind, Sampling, StepRule, Until, all};

use super::crew::{Crew, says};
use super::draft::succeeds;
use super::purse::{Cap, Need};
use crate::retrieve::harmless;

/// How one part of a research is written.
///
/// ```
/// use tts_search::research::Part;
/// assert_eq!(Part::of(3, 2).lines(), 3 * (1 + 2 * 2) + 1);
/// assert_eq!(Part::of(1, 0).lines(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Part {
    /// Variants, at least 1.
    pub n: usize,
    /// Times that each is criticised and written again.
    pub s: usize,
    /// Who writes, rewrites and merges; `None` for the policy.
    pub role: Option<String>,
    /// Who criticises; `None` for whoever writes.
    pub judge: Option<String>,
    /// Temperatures of the variants, in turn; empty for the search's own sampling.
    pub temperatures: Vec<f32>,
    /// Whether a variant rests once a rewriting is not judged better than what it rewrote, and keeps the better:
    /// then `s` is the most.
    pub plateau: bool,
}

impl Default for Part {
    /// One line.
    fn default() -> Self {
        Self::of(1, 0)
    }
}

impl Part {
    /// `n` variants, `s` times rewritten, by the policy.
    pub fn of(n: usize, s: usize) -> Self {
        Self { n, s, role: None, judge: None, temperatures: Vec::new(), plateau: false }
    }

    /// The same without evolution: one line.
    pub(super) fn plain(&self) -> Self {
        Self { role: self.role.clone(), ..Self::of(1, 0) }
    }

    /// Lines that it takes, at most.
    pub fn lines(&self) -> u64 {
        let (n, s) = (self.n as u64, self.s as u64);
        n.saturating_mul(1 + s.saturating_mul(2)).saturating_add(u64::from(n > 1))
    }

    /// What it needs of a budget, at most.
    pub(super) fn need(&self) -> Need {
        let lines = self.lines();
        // Variants of one sampling are one request.
        let together =
            if self.temperatures.is_empty() { (self.n as u64).saturating_sub(1) } else { 0 };
        let rounds = 1 + 2 * self.s as u64 + u64::from(self.n > 1);
        Need { lines, calls: lines.saturating_sub(together), rounds, written: lines }
    }

    /// With less evolution: first fewer rewritings, then fewer variants; `None` for a plain line.
    pub(super) fn less(&self) -> Option<Self> {
        match (self.n, self.s) {
            (_, 1..) => Some(Self { s: self.s - 1, ..self.clone() }),
            (2.., 0) => Some(Self { n: self.n - 1, ..self.clone() }),
            _ => None,
        }
    }

    /// # Errors
    /// A sentence that names the field; `name` is the part.
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        if self.n == 0 {
            return Err(format!("{name}.n is 0, expected at least 1 variant"));
        }
        if self.s == 0 && (self.judge.is_some() || self.plateau) {
            return Err(format!(
                "{name}.s is 0, so judge and plateau mean nothing: leave them out"
            ));
        }
        if self.temperatures.len() > self.n {
            let (temperatures, n) = (self.temperatures.len(), self.n);
            return Err(format!("{name}: {temperatures} temperatures for {n} variants"));
        }
        let sampling = |&temperature: &f32| Sampling::temperature(temperature).check();
        self.temperatures
            .iter()
            .try_for_each(sampling)
            .map_err(|problem| format!("{name}: {problem}"))
    }

    /// The roles that it asks for.
    pub(super) fn roles(&self) -> impl Iterator<Item = String> {
        self.role.clone().into_iter().chain(self.judge.clone())
    }

    fn by(&self, ask: Ask) -> Ask {
        self.role.iter().fold(ask, Ask::by)
    }
}

/// What is to be written, and where it stands in the tree.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// The prompt's words.
    pub(super) asked: String,
    /// What it is about.
    pub(super) about: NodeId,
    /// Whether it is a draft or report, which may be the answer, or said beside it.
    pub(super) kind: NodeKind,
    /// Most tokens of a line.
    pub(super) cap: Cap,
    /// What a line ends with besides the search's own rule.
    pub(super) stop: Option<&'static str>,
}

impl Task {
    fn ask(&self, crew: &Crew<'_>, asked: String, about: NodeId, kind: NodeKind) -> Ask {
        let ask = Ask::of(crew.prompt(asked)).about(about);
        let ask = if kind == NodeKind::Aside { ask.aside() } else { ask };
        let ask = self.stop.iter().fold(ask, |ask, &stop| {
            let mut rule = StepRule::clone(&crew.desk.rule());
            rule.stop.push(stop.to_owned());
            ask.rule(rule)
        });
        self.cap.0.iter().fold(ask, |ask, &cap| ask.until(Until::Tokens(cap)))
    }
}

/// The sum of the last two scores that a critique gives, `Helpful: N` and `Comprehensive: N`; `None` where
/// one is not there.
fn fitness(critique: &str) -> Option<f64> {
    let score = |name: &str| {
        let at = critique.to_ascii_lowercase().rfind(name)?;
        let rest = critique.get(at + name.len()..)?.trim_start_matches([':', '*', ' ', '=']);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').parse::<f64>().ok()
    };
    Some(score("helpful")? + score("comprehensive")?)
}

impl Crew<'_> {
    /// A part: written, evolved, merged. `None` when every variant failed or is blank.
    pub(super) async fn write(&self, part: &Part, task: Task) -> Option<Line> {
        let mut variants = self.variants(part, &task).await;
        variants.retain(|line| !says(line).is_empty());
        // Whatever ends the search while it is evolved leaves it; one that was cut is no better than what stood before.
        let whole = variants.iter().find(|line| line.is_finished());
        if let (Some(first), NodeKind::Committed) = (whole, task.kind) {
            self.desk.prefer(first.node);
        }
        if part.s > 0 {
            let evolved = variants.into_iter().map(|variant| self.evolve(part, &task, variant));
            variants = all(evolved).await;
        }
        if variants.len() < 2 {
            return variants.pop();
        }
        let texts: Vec<String> = variants.iter().map(|line| harmless(&says(line))).collect();
        let values = context! { task => task.asked.as_str(), texts };
        let first = variants[0].node;
        let merged = match self.filled("merge", values, first) {
            Some(asked) => {
                let merge = task.ask(self, asked, first, task.kind);
                self.line(&task, part.by(merge)).await.filter(|line| !says(line).is_empty())
            }
            None => None,
        };
        // Without a merge the first variant that is whole is as good as any.
        let whole = variants.iter().position(Line::is_finished).unwrap_or_default();
        let best = variants.swap_remove(whole);
        Some(merged.filter(|merged| succeeds(merged, &best)).unwrap_or(best))
    }

    /// Lines that were asked for. One that its share of the budget cut has less than it would have had.
    async fn lines(&self, task: &Task, ask: Ask) -> Vec<Line> {
        let lines = self.desk.ask(ask).await;
        let cut = |line: &Line| {
            let share = task.cap.0.is_some_and(|cap| line.generated() >= u64::from(cap));
            share && !line.is_finished()
        };
        if lines.iter().any(cut) {
            self.desk.end_for(Limit::GeneratedTokens);
        }
        lines
    }

    async fn line(&self, task: &Task, ask: Ask) -> Option<Line> {
        self.lines(task, ask).await.pop()
    }

    async fn variants(&self, part: &Part, task: &Task) -> Vec<Line> {
        let ask = || part.by(task.ask(self, task.asked.clone(), task.about, task.kind));
        if part.temperatures.is_empty() {
            return self.lines(task, ask().times(part.n)).await;
        }
        let temperatures = part.temperatures.iter().cycle().take(part.n);
        let asks =
            temperatures.map(|&t| self.lines(task, ask().sampling(Sampling::temperature(t))));
        all(asks).await.into_iter().flatten().collect()
    }

    async fn evolve(&self, part: &Part, task: &Task, mut variant: Line) -> Line {
        let mut before: Option<(Line, f64)> = None;
        for _ in 0..part.s {
            let text = harmless(&says(&variant));
            let values = context! { task => task.asked.as_str(), text => text.as_str() };
            let Some(asked) = self.filled("critique", values, variant.node) else { break };
            let judge = task.ask(self, asked, variant.node, NodeKind::Aside);
            let judge = part.judge.iter().chain(part.role.iter()).take(1).fold(judge, Ask::by);
            let Some(critique) = self.line(task, judge).await else { break };
            let critique = harmless(&says(&critique));
            let score = fitness(&critique).filter(|_| part.plateau);
            if let (Some((better, old)), Some(new)) = (&before, score)
                && new <= *old
            {
                return better.clone();
            }
            let values = context! { task => task.asked.as_str(), text, critique };
            let Some(asked) = self.filled("rewrite", values, variant.node) else { break };
            let again = part.by(task.ask(self, asked, variant.node, task.kind));
            let again = self.line(task, again).await;
            let better = |line: &Line| !says(line).is_empty() && succeeds(line, &variant);
            let Some(again) = again.filter(better) else { break };
            before = score.map(|score| (variant, score));
            variant = again;
        }
        variant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_from_the_end() {
        for (text, score) in [
            ("Helpful: 3\nComprehensive: 4", Some(7.0)),
            ("It is helpful: yes.\n**Helpful:** 4.5\nComprehensive: 2.", Some(6.5)),
            ("Helpful: good", None),
            ("", None),
        ] {
            assert_eq!(fitness(text), score, "{text}");
        }
    }
}
