//! What the tests share: strategies stepped by hand on a handmade tree, and generators that say
//! what they are told.
#![expect(dead_code, reason = "not every test uses all of it")]

use std::sync::atomic::{AtomicUsize, Ordering};

use tts_core::*;

/// A strategy without a driver: its view is made by hand.
pub(crate) struct ByHand<S> {
    pub(crate) strategy: S,
    pub(crate) tree: Tree,
}

impl<S: SearchStrategy> ByHand<S> {
    /// A strategy before a tree of the root alone.
    pub(crate) fn new(strategy: S) -> Self {
        Self { strategy, tree: Tree::new(Prompt::from("a question"), 7) }
    }

    /// The first decision.
    pub(crate) fn start(&mut self) -> Vec<(u32, usize)> {
        shown(&self.decide(&[NodeId::ROOT], &[0]))
    }

    /// The decision after these leaves, as (node, lines).
    pub(crate) fn next(&mut self, fresh: &[NodeId]) -> Vec<(u32, usize)> {
        shown(&self.decide(fresh, &vec![0; fresh.len()]))
    }

    /// The decisions after these leaves, of which each stems from the decision named in `origin`.
    pub(crate) fn decide(&mut self, fresh: &[NodeId], origin: &[usize]) -> Vec<Expand> {
        let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
        let mut view = View::new(&mut self.tree, fresh, origin, &usage, &budget, &mut rng);
        self.strategy.step(&mut view)
    }

    /// Open steps below `parent` with these scores.
    pub(crate) fn open(&mut self, parent: u32, scores: &[f64]) -> Vec<NodeId> {
        scores.iter().map(|&score| self.leaf(parent, Finish::Step, score)).collect()
    }

    /// A finished step.
    pub(crate) fn stop(&mut self, parent: u32, score: f64) -> NodeId {
        self.leaf(parent, Finish::Stop, score)
    }

    /// A step with a text of its own.
    pub(crate) fn leaf(&mut self, parent: u32, finish: Finish, score: f64) -> NodeId {
        let text = format!("step {}\n", self.tree.len());
        self.tree.grow(NodeId(parent), &text, finish, Some(score))
    }

    /// A rollout step.
    pub(crate) fn rollout(&mut self, parent: NodeId, finish: Finish, score: Option<f64>) -> NodeId {
        let above = &self.tree[parent];
        let node = Node {
            depth: above.depth + 1,
            kind: NodeKind::Rollout,
            finish,
            open: finish == Finish::Step,
            seed: 1,
            score,
            round: above.round + 1,
            ..Node::new(parent, Step { text: "ahead\n".into(), ..Step::default() })
        };
        self.tree.push(node)
    }

    /// The strategy's choice.
    pub(crate) fn pick(&self) -> Option<u32> {
        self.strategy.pick(&self.tree).map(|id| id.0)
    }
}

/// Decisions as (node, lines).
pub(crate) fn shown(decisions: &[Expand]) -> Vec<(u32, usize)> {
    decisions.iter().map(|expand| (expand.node.0, expand.n)).collect()
}

/// A line of one step.
#[expect(clippy::unnecessary_wraps, reason = "as generators return it")]
pub(crate) fn line(text: &str, finish: Finish) -> Result<Completion, LineError> {
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    let step = Step { text: text.into(), tokens, ..Step::default() };
    Ok(Completion { steps: vec![step], finish, prompt_tokens: 1 })
}

/// A line with the notes that were asked for, all tokens alike.
fn noted(mut line: Completion, watch: &Watch) -> Completion {
    for step in &mut line.steps {
        let all = vec![1.0; step.tokens.len() - step.given as usize];
        if watch.drawn && step.logprobs.is_empty() {
            step.logprobs = vec![-1.0; all.len()];
        }
        let each = |asked: bool| if asked { all.clone() } else { Vec::new() };
        let notes = Notes {
            confidence: each(watch.confidence > 0),
            certainty: each(watch.certainty),
            drawn: each(watch.drawn),
        };
        if watch.drawn && step.logprobs.is_empty() {
            step.logprobs.clone_from(&all);
        }
        step.notes = step.notes.take().or((!watch.is_idle()).then(|| Box::new(notes)));
    }
    line
}

/// Says what a function of prefix and place among all lines of its request says.
pub(crate) struct Says<F>(pub(crate) F);

impl<F> Generator for Says<F>
where
    F: Fn(&Trajectory, usize) -> Result<Completion, LineError> + Send + Sync,
{
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut seen: Vec<(String, usize)> = Vec::new();
        let mut answer = |request: &Request| {
            let text = request.prefix.text();
            let mut one = |_: &u64| {
                let index =
                    seen.iter().position(|(other, _)| *other == text).unwrap_or_else(|| {
                        seen.push((text.clone(), 0));
                        seen.len() - 1
                    });
                let place = seen[index].1;
                seen[index].1 += 1;
                (self.0)(&request.prefix, place).map(|line| noted(line, &request.watch))
            };
            Generated {
                lines: request.seeds.iter().map(&mut one).collect(),
                computed_tokens: 0,
                cached_tokens: 0,
            }
        };
        Ok(batch.iter().map(&mut answer).collect())
    }
}

/// A generator of which all lines of one request fail, counted from 0.
pub(crate) struct Fails<G> {
    inner: G,
    request: usize,
    count: AtomicUsize,
}

impl<G> Fails<G> {
    pub(crate) fn of(inner: G, request: usize) -> Self {
        Self { inner, request, count: AtomicUsize::new(0) }
    }
}

impl<G: Generator> Generator for Fails<G> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = self.inner.generate(batch)?;
        for generated in &mut made {
            if self.count.fetch_add(1, Ordering::Relaxed) == self.request {
                generated.lines.fill(Err(LineError("hung up".into())));
            }
        }
        Ok(made)
    }
}
