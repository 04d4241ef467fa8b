//! Arms whose samples are judgements: votes of their scores, of all or of those that a meta-judge trusts most.
//!
//! Each sample of a pool judges the responses of a problem of [`Panel`]; of a random subset of `n` the scores are added up,
//! and the problem is worth the share that its best response has of a draw among the first. What cannot be read, or
//! was cut, is refused: it costs, and adds to nobody. With a scorer, which judges the judgements, a share of the subset
//! is kept, the most trusted first.
//!
//! Source: Liu et al. 2025 (arXiv:2504.02495), section 4 and equation 7, with ties by chance as in its section 5.

use serde::{Deserialize, Serialize};
use tts_core::family::{Panel, Problem};
use tts_core::{NodeId, Prompt, seed};
use tts_prm::critic::{Ballot, Judgement, Preference, Vote};
use tts_search::evaluate::attempts::Attempt;

use super::measure::{self, Run, SUBSETS, Spent};
use super::recipe::Arm;
use super::workshop::Workshop;
use crate::{Error, preferring};

/// The judgements of a pool; `None` for one that cannot be read.
type Heard = Vec<Option<Judgement>>;

/// How judgements become one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Votes {
    /// What scores of several judgements come to.
    pub vote: Vote,
    /// The share of judgements that counts, those with the best score by the arm's scorer; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<f64>,
}

impl Votes {
    /// Whether it can be asked.
    pub(super) fn check(&self, has_scorer: bool) -> Result<(), String> {
        match self.keep {
            Some(share) if !(share > 0.0 && share <= 1.0) => {
                Err(format!("keep is {share}, expected a share above 0, and at most 1"))
            }
            Some(_) if !has_scorer => Err("keep goes by the score of a scorer: name one".into()),
            None if has_scorer => Err("a scorer judges judgements for keep: say the share".into()),
            _ => Ok(()),
        }
    }

    /// How many of so many judgements count.
    fn kept(&self, n: usize) -> Option<usize> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let count = |share: f64| {
            // Less what a product of fractions is off by.
            ((share * n as f64 - 1e-9).ceil() as usize).clamp(1, n.max(1))
        };
        self.keep.map(count)
    }

    /// The share of a draw among the first that a response has by these judgements, `None` for those that were refused.
    fn right(&self, heard: &[&Option<Judgement>], responses: usize, best: usize) -> f64 {
        let judgements: Vec<Judgement> = heard.iter().copied().flatten().cloned().collect();
        let refused = heard.len() - judgements.len();
        let ballot = Ballot { responses, judgements, refused };
        Ballot::share(&ballot.totals(self.vote, self.kept(heard.len())), best)
    }

    /// What `n` of a pool of judgements are worth, over random subsets.
    fn of_pool(
        &self,
        pool: &[Option<Judgement>],
        n: usize,
        (responses, best): (usize, usize),
        lot: u64,
    ) -> f64 {
        let right = |subset: &[usize]| {
            let heard: Vec<&Option<Judgement>> = subset.iter().map(|&place| &pool[place]).collect();
            self.right(&heard, responses, best)
        };
        let mut deck: Vec<usize> = (0..pool.len()).collect();
        if n >= pool.len() {
            return right(&deck);
        }
        if n == 1 {
            let each = deck.iter().map(|&place| right(&[place]));
            return each.sum::<f64>() / pool.len() as f64;
        }
        let mut rng = seed::rng(lot);
        let mut sum = 0.0;
        for _ in 0..SUBSETS {
            for place in 0..n {
                let other = place + rng.below(deck.len() - place);
                deck.swap(place, other);
            }
            // Of equals that are trusted alike the earlier counts.
            deck[..n].sort_unstable();
            sum += right(&deck[..n]);
        }
        sum / SUBSETS as f64
    }
}

/// The choice of a scalar reward model, which reads the responses and writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// What is scored.
    pub score: Scored,
}

/// What a scalar reward model scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scored {
    /// The responses of a panel, each by itself behind the query.
    Responses,
}

/// A panel as a preference.
pub(super) fn preference(problem: &Problem) -> Result<Preference, Error> {
    let (_, best) = sought(problem)?;
    let (query, responses) = problem.question.split_once('\n').unwrap_or((&problem.question, ""));
    let text = |line: &str| line.split_once(':').map_or(line, |(_, text)| text).to_owned();
    let responses = responses.lines().map(text).collect();
    Ok(Preference { prompt: Prompt::text(format!("{query}\n")), responses, best, subset: None })
}

/// What a sample says of the responses; `None` where it cannot be read.
fn heard(question: &str, attempt: &Attempt, trust: Option<f64>) -> Option<Judgement> {
    let steps: Vec<&str> = attempt.steps.iter().map(String::as_str).collect();
    let scores = Panel::scores(question, &steps)?;
    Some(Judgement {
        node: NodeId::ROOT,
        shown: (0..scores.len()).collect(),
        scores,
        steps: Vec::new(),
        meta: trust.unwrap_or(f64::NEG_INFINITY),
    })
}

/// How many responses a problem has, and the place of the best.
fn sought(problem: &Problem) -> Result<(usize, usize), Error> {
    let responses = problem.question.lines().count().saturating_sub(1);
    let best = problem.answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match best.filter(|&best| best < responses) {
        Some(best) => Ok((responses, best)),
        None => {
            Err(format!("{:?}: no response is number {}", problem.question, problem.answer).into())
        }
    }
}

impl Workshop<'_> {
    /// An arm of votes, at all of its budgets.
    pub(super) fn voted(
        &self,
        arm: &Arm,
        votes: Votes,
        problems: &[Problem],
        seed: u64,
    ) -> Result<Vec<Run>, Error> {
        let pools = self.pool(&arm.policy, seed)?;
        let scores = self.scores(arm, &pools, (self.model_seed(seed), seed), self.recipe.pool)?;
        let by = match self.judge(arm, self.model_seed(seed))? {
            Some(judge) => judge.scale().resolve(arm.aggregate),
            None => arm.aggregate,
        };
        let trust =
            |scores: &measure::Scores, place: usize| by.apply(scores[place].iter().copied());
        let mut whole = Vec::with_capacity(pools.len());
        for (place, (pool, problem)) in pools.iter().zip(problems).enumerate() {
            let scores = scores.as_ref().map(|scores| &scores[place]);
            let each = pool.attempts.iter().enumerate();
            let judgements: Heard = each
                .map(|(sample, attempt)| {
                    let trust = scores.and_then(|scores| trust(scores, sample));
                    heard(&problem.question, attempt, trust)
                })
                .collect();
            whole.push((judgements, sought(problem)?));
        }
        let spent = Spent::of(&pools, arm.scorer.is_some());
        let at = |&n: &usize| {
            let value = |(place, (pool, sought)): (usize, &(Heard, (usize, usize)))| {
                votes.of_pool(pool, n, *sought, seed::mix(seed, place as u64))
            };
            spent.run(whole.iter().enumerate().map(value).collect(), n)
        };
        Ok(arm.n.iter().map(at).collect())
    }
}

impl Workshop<'_> {
    /// An arm that chooses by a scalar reward model.
    pub(super) fn scored(&self, arm: &Arm, problems: &[Problem], seed: u64) -> Result<Run, Error> {
        let judge = self.judge(arm, self.model_seed(seed))?.ok_or("scores need a scorer")?;
        let (mut values, mut read) = (Vec::with_capacity(problems.len()), 0);
        for problem in problems {
            let Preference { prompt, responses, best, .. } = preference(problem)?;
            let totals = preferring::scores(&*judge, &prompt, &responses)?;
            values.push(Ballot::share(&totals, best));
            read += responses.iter().map(|response| response.chars().count()).sum::<usize>();
        }
        let spent = Spent::of_responses(problems.len(), read as f64 / problems.len() as f64);
        Ok(spent.run(values, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: Votes = Votes { vote: Vote::Sum, keep: None };

    fn judgement(scores: [f64; 2], meta: f64) -> Judgement {
        let (node, shown, steps) = (NodeId::ROOT, vec![0, 1], Vec::new());
        Judgement { node, shown, scores: scores.to_vec(), steps, meta }
    }

    #[test]
    fn a_pool_by_hand() {
        // Alone: right, a tie, wrong, refused.
        let read = [([8.0, 2.0], 0.1), ([5.0, 5.0], 0.2), ([4.0, 9.0], 0.9)];
        let mut pool: Heard =
            read.into_iter().map(|(scores, meta)| Some(judgement(scores, meta))).collect();
        pool.push(None);
        let at = |votes: Votes, n: usize| votes.of_pool(&pool, n, (2, 0), 7);
        assert!((at(SUM, 1) - (1.0 + 0.5 + 0.0 + 0.5) / 4.0).abs() < 1e-12);
        // 17 against 16.
        assert!((at(SUM, 4) - 1.0).abs() < 1e-12);
        // The one that is trusted most is wrong.
        assert!(at(Votes { keep: Some(0.25), ..SUM }, 4).abs() < 1e-12);
        // Of three, in any order: all but the second and third with the refused, which is one subset in four.
        let three = at(SUM, 3);
        assert!((three - 0.75).abs() < 0.15, "{three}");
    }

    #[test]
    fn a_share_of_judgements_is_rounded_up_and_never_none() {
        for (share, n, kept) in
            [(0.5, 32, 16), (0.5, 3, 2), (0.3, 10, 3), (0.001, 8, 1), (1.0, 5, 5)]
        {
            assert_eq!(Votes { keep: Some(share), ..SUM }.kept(n), Some(kept), "{share} of {n}");
        }
        assert_eq!(SUM.kept(9), None);
        for (keep, scorer, right) in [
            (None, false, true),
            (Some(0.5), true, true),
            (Some(0.5), false, false),
            (None, true, false),
            (Some(0.0), true, false),
            (Some(1.5), true, false),
            (Some(f64::NAN), true, false),
        ] {
            assert_eq!(Votes { keep, ..SUM }.check(scorer).is_ok(), right, "{keep:?} {scorer}");
        }
    }

    #[test]
    fn what_is_cut_or_says_too_much_is_refused() {
        let question = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";
        let attempt = |steps: &[&str]| Attempt {
            steps: steps.iter().map(|&step| step.to_owned()).collect(),
            ..Attempt::default()
        };
        let read = heard(question, &attempt(&["s,o\n", "[8,7]"]), Some(0.5)).expect("a judgement");
        assert_eq!((read.scores, read.meta), (vec![8.0, 7.0], 0.5));
        for steps in [&[][..], &["s,o\n"], &["[8,7,1]"], &["[8,11]"]] {
            assert!(heard(question, &attempt(steps), None).is_none(), "{steps:?}");
        }
        let problem =
            |answer: &str| Problem { question: question.into(), answer: answer.into(), steps: 6 };
        assert_eq!(sought(&problem("2")).expect("a place"), (2, 1));
        assert!(sought(&problem("3")).is_err() && sought(&problem("0")).is_err());
        let found = preference(&problem("2")).expect("a preference");
        assert_eq!(found.prompt, Prompt::text("g:b desc n=4 even s=24\n"));
        assert_eq!(
            (found.responses, found.best),
            (vec!["8 6 6 4".to_owned(), "9 6 4 2".to_owned()], 1)
        );
    }
}
