//! What a tree's own outcomes say of its steps: a step is worth what became of the solutions behind it.
//!
//! A sampler that branches draws several ends behind one step. The value of a node is the mean advantage of the
//! samples that run through it, and a step's advantage is the value behind it less the value before it: no scorer
//! is asked, and a step that all good ends have in common is praised for it. Along a path the differences add up to
//! the sample's own advantage, less the mean of the group.
//!
//! ```text
//!                        before   behind   own
//! ---+-- a --+-- a1  1      0       1/4    1/4,  then 3/4
//!    |       +-- a2 -1/2    0       1/4    1/4,  then -3/4
//!    +-- b -1/2             0      -1/2   -1/2
//! ```
//!
//! With [`Form::Own`] a token has its step's own difference, with [`Form::Sum`] that and all behind it: its sample's
//! advantage less the value before its step.
//!
//! Source: Hou et al. 2025, `TreeRL` (arXiv 2506.11902), section 3.2 (differences of values within a tree); Kazemnejad et al.
//! 2024, `VinePPO` (arXiv 2410.01679), section 4.2 (values of steps as means of what follows).

use std::collections::BTreeMap;

use tts_core::NodeId;

use super::{Form, Group, Passed, ScoredStep};

/// For each sample of a tree an advantage for each of its tokens, from the nodes that it runs through and its own
/// advantage.
///
/// ```
/// use tts_core::NodeId;
/// use tts_prm::reinforce::{Form, Passed, tree_advantages};
/// let passed = |node, end| Passed { node: NodeId(node), end, text: 0 };
/// let (one, other) = ([passed(1, 2), passed(2, 3)], [passed(1, 2), passed(3, 4)]);
/// let alone = [passed(4, 1)];
/// let found = tree_advantages(&[(&one, 1.0), (&other, -0.5), (&alone, -0.5)], Form::Own);
/// assert_eq!(found, [vec![0.25, 0.25, 0.75], vec![0.25, 0.25, -0.75, -0.75], vec![-0.5]]);
/// ```
pub fn tree_advantages(samples: &[(&[Passed], f64)], form: Form) -> Vec<Vec<f64>> {
    let values = values(samples);
    let all: f64 = samples.iter().map(|(_, outcome)| outcome).sum();
    let root = all / samples.len().max(1) as f64;
    let value = |node: NodeId| values.get(&node).copied().unwrap_or(root);
    let sample = |(path, outcome): &(&[Passed], f64)| {
        let mut tokens = Vec::with_capacity(path.last().map_or(0, |passed| passed.end));
        let mut before = root;
        for passed in *path {
            let behind = value(passed.node);
            let own = match form {
                Form::Own => behind - before,
                Form::Sum | Form::Min => outcome - before,
            };
            tokens.resize(passed.end.max(tokens.len()), own);
            before = behind;
        }
        tokens
    };
    samples.iter().map(sample).collect()
}

/// The mean over the samples that run through each node.
fn values(samples: &[(&[Passed], f64)]) -> BTreeMap<NodeId, f64> {
    let mut sums: BTreeMap<NodeId, (f64, usize)> = BTreeMap::new();
    for (path, outcome) in samples {
        for passed in *path {
            let (sum, count) = sums.entry(passed.node).or_default();
            *sum += outcome;
            *count += 1;
        }
    }
    sums.into_iter().map(|(node, (sum, count))| (node, sum / count as f64)).collect()
}

/// The steps of each sample of a group, each of the mean reward of the samples that run through it.
pub(super) fn branch_steps(group: &Group, rewards: &[f64]) -> Vec<Vec<ScoredStep>> {
    let samples: Vec<(&[Passed], f64)> =
        group.samples.iter().zip(rewards).map(|(own, reward)| (&own.path[..], *reward)).collect();
    let values = values(&samples);
    let step = |passed: &Passed| ScoredStep {
        end: passed.end,
        text: passed.text,
        score: values.get(&passed.node).copied().unwrap_or_default(),
        advantage: None,
    };
    samples.iter().map(|(path, _)| path.iter().map(step).collect()).collect()
}

#[cfg(test)]
mod tests {
    use tts_core::seed;

    use super::*;

    /// Trees by chance: along each path the differences add up, and within each node they are none on the mean.
    #[test]
    fn differences_telescope_and_have_no_mean() {
        for draw in 0..50 {
            let mut rng = seed::rng(draw);
            // Who is whose child, the root first; each step has one to three tokens.
            let mut parents = vec![0_usize];
            for node in 1..2 + rng.below(12) {
                parents.push(rng.below(node));
            }
            let lengths: Vec<usize> = parents.iter().map(|_| 1 + rng.below(3)).collect();
            let leaf = |node: &usize| !parents[1..].contains(node);
            let leaves: Vec<usize> = (1..parents.len()).filter(leaf).collect();
            let path = |leaf: usize| {
                let up = std::iter::successors(Some(leaf), |&node| Some(parents[node]));
                let mut nodes: Vec<usize> = up.take_while(|node| *node > 0).collect();
                nodes.reverse();
                nodes
            };
            let passed = |leaf: &usize| {
                let mut end = 0;
                let one = |node: usize| {
                    end += lengths[node];
                    Passed { node: NodeId(u32::try_from(node).unwrap()), end, text: 0 }
                };
                path(*leaf).into_iter().map(one).collect::<Vec<_>>()
            };
            let paths: Vec<Vec<Passed>> = leaves.iter().map(passed).collect();
            let outcomes: Vec<f64> = leaves.iter().map(|_| rng.normal()).collect();
            let samples: Vec<(&[Passed], f64)> =
                paths.iter().zip(&outcomes).map(|(path, own)| (&path[..], *own)).collect();
            let mean = outcomes.iter().sum::<f64>() / outcomes.len() as f64;
            let own = tree_advantages(&samples, Form::Own);
            let sums = tree_advantages(&samples, Form::Sum);
            let mut by_node: BTreeMap<NodeId, f64> = BTreeMap::new();
            for (((path, outcome), own), sums) in samples.iter().zip(&own).zip(&sums) {
                let last = |passed: &Passed| passed.end - 1;
                let along: f64 = path.iter().map(|passed| own[last(passed)]).sum();
                assert!((along - (outcome - mean)).abs() < 1e-12, "{along} {outcome} {mean}");
                let mut behind = *outcome - mean;
                for passed in *path {
                    assert!((sums[last(passed)] - behind).abs() < 1e-12);
                    behind -= own[last(passed)];
                    let parent = NodeId(u32::try_from(parents[passed.node.0 as usize]).unwrap());
                    *by_node.entry(parent).or_default() += own[last(passed)];
                }
                assert_eq!((own.len(), sums.len()), (path.last().unwrap().end, own.len()));
            }
            assert!(by_node.values().all(|sum| sum.abs() < 1e-9), "{by_node:?}");
        }
        assert!(tree_advantages(&[], Form::Own).is_empty());
    }
}
