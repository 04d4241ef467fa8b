//! A panel of judges around any strategy: what it has written is judged by a model that writes, several
//! times, and the votes are summed.
//!
//! ```text
//! leaves --> k judgements, each of all leaves in an order of its own --> \boxed{7, 3}, \boxed{2, 8}, ..
//!        --> the k_meta that the meta-scorer likes most --> sums --> values of the leaves --> strategy
//! ```
//!
//! A judgement is an aside by the role of the judge. Its scores are read strictly: one whole number from
//! 1 to 10 for each leaf, in the last box. What cannot be read is no vote, but was paid for; if nothing
//! can be read the panel abstains, and the leaves keep the scores that they have. A value is the share of
//! the highest sum. Positions are shuffled, since judges prefer some of them. With no samples the
//! strategy is what it is without a panel.
//!
//! Cost: `samples` lines for each round of the strategy that makes candidates, in one further round; with
//! a meta-scorer each is judged.
//!
//! Source: Liu et al. 2025, "Inference-Time Scaling for Generalist Reward Modeling" (arXiv 2504.02495),
//! section 4.

use tts_core::{
    Ask, Desk, Expand, NodeId, NodeKind, Requirements, Script, Scripted, SearchStrategy, Tree,
    View, all,
};

/// Who judges, and how votes are counted.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// The role that judges.
    pub(crate) judge: String,
    /// Judgements of a round (k); 0 for none.
    pub(crate) samples: usize,
    /// Those that count (`k_meta`): the ones with the highest scores by the meta-scorer.
    pub(crate) keep: usize,
    /// The scorer of judgements; without one the first of them count.
    pub(crate) meta: Option<String>,
}

/// A strategy whose leaves a panel judges.
#[derive(Debug, Clone)]
pub(crate) struct Judged<S> {
    /// What is judged.
    pub(crate) strategy: S,
    /// By whom.
    pub(crate) panel: Panel,
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    judging: Option<Scripted<Judging>>,
    /// What the strategy is shown when it is over.
    fresh: Vec<NodeId>,
    origin: Vec<usize>,
}

/// One round of judgements.
#[derive(Debug, Clone)]
struct Judging {
    panel: Panel,
    candidates: Vec<(NodeId, String)>,
}

/// The question that shows responses to a judge.
pub(crate) fn words<'t>(question: &str, responses: impl Iterator<Item = &'t str>) -> String {
    let responses = responses.map(|text| format!("<response>\n{text}\n</response>\n"));
    format!(
        "{question}\n\nState your criteria, judge each response by them, and give each a whole number \
         from 1 to 10, in order, as \\boxed{{x, x}}.\n{}",
        responses.collect::<String>()
    )
}

/// The scores of `n` responses in the last box; `None` unless it holds `n` whole numbers from 1 to 10.
pub(crate) fn parse(said: &str, n: usize) -> Option<Vec<u32>> {
    let (_, boxed) = said.rsplit_once("\\boxed{")?;
    let (scores, _) = boxed.split_once('}')?;
    let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let score = |text: &str| Some(text.trim()).filter(digits)?.parse().ok();
    let scores: Vec<u32> = scores.split(',').map(score).collect::<Option<_>>()?;
    (scores.len() == n && scores.iter().all(|score| (1..=10).contains(score))).then_some(scores)
}

impl Judging {
    /// Asks for one judgement, and returns it with the order in which the candidates were shown.
    async fn judgement(&self, desk: &Desk) -> Option<(f64, Vec<u32>)> {
        let mut left: Vec<usize> = (0..self.candidates.len()).collect();
        let draw = |_| left.swap_remove(desk.below(left.len()));
        let order: Vec<usize> = (0..self.candidates.len()).map(draw).collect();
        let shown = order.iter().map(|&place| self.candidates[place].1.as_str());
        let ask = Ask::of(words(&desk.question(), shown)).aside().by(&self.panel.judge);
        let ask = match &self.panel.meta {
            Some(meta) => ask.judged_by(meta),
            None => ask,
        };
        let line = desk.line(ask).await?;
        let mut votes = vec![0; order.len()];
        for (place, score) in order.iter().zip(parse(&line.text(), order.len())?) {
            votes[*place] = score;
        }
        Some((line.score, votes))
    }
}

impl Script for Judging {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let said = all((0..self.panel.samples).map(|_| self.judgement(&desk))).await;
        let mut read: Vec<(f64, Vec<u32>)> = said.into_iter().flatten().collect();
        read.sort_by(|a, b| b.0.total_cmp(&a.0));
        read.truncate(self.panel.keep);
        for (place, &(node, _)) in self.candidates.iter().enumerate() {
            let sum: u32 = read.iter().map(|(_, votes)| votes[place]).sum();
            // Not a number without votes: the desk takes no such value.
            desk.value(node, f64::from(sum) / (10 * read.len()) as f64);
        }
        None
    }
}

impl<S> Judged<S> {
    /// A strategy before it has begun, and its panel.
    pub(crate) fn of(strategy: S, panel: Panel) -> Self {
        Self { strategy, panel, state: State::default() }
    }
}

/// The fresh leaves that may become answers, with their texts.
fn candidates(view: &View<'_>) -> Vec<(NodeId, String)> {
    let tree = view.tree();
    let leaves = view.fresh().iter().filter(|&&id| tree[id].kind == NodeKind::Committed);
    leaves.map(|&id| (id, tree.text(id))).collect()
}

impl<S: SearchStrategy> SearchStrategy for Judged<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() || self.panel.samples == 0 {
            self.state = State::default();
            return self.strategy.step(view);
        }
        let asked = if let Some(judging) = &mut self.state.judging {
            judging.step(view)
        } else {
            let candidates = candidates(view);
            if candidates.is_empty() {
                return self.strategy.step(view);
            }
            (self.state.fresh, self.state.origin) = (view.fresh().to_vec(), view.origin().to_vec());
            let judging = Scripted::of(Judging { panel: self.panel.clone(), candidates });
            let judging = self.state.judging.insert(judging);
            judging.step(&mut view.with_fresh(&[NodeId::ROOT], &[0]))
        };
        if !asked.is_empty() {
            return asked;
        }
        let State { fresh, origin, .. } = std::mem::take(&mut self.state);
        self.strategy.step(&mut view.with_fresh(&fresh, &origin))
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.strategy.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        match self.panel {
            Panel { samples: 1.., keep: 0, .. } => {
                Err("panel: keep is 0, expected at least 1".into())
            }
            _ => self.strategy.check(),
        }
    }

    fn requires(&self) -> Requirements {
        let mut needs = self.strategy.requires();
        if self.panel.samples > 0 {
            // The panel takes the place of a scorer.
            needs.scorer = None;
            needs.roles.push(self.panel.judge.clone());
            needs.scorers.extend(self.panel.meta.clone());
        }
        needs
    }
}
