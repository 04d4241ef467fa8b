//! Arms whose samples are judgements: votes of their scores, of all or of those that a meta-judge trusts most.
//!
//! Each sample of a pool judges the responses of a problem of [`Panel`]; of a random subset of `n` the scores are added up,
//! and the problem is worth the share that its best response has of a draw among the first. What cannot be read, or
//! was cut, is refused: it costs, and adds to nobody. With a scorer, which judges the judgements, a share of the subset
//! is kept, the most trusted first. Mirrored, half of every subset see the responses from behind, so that what a judge gives to a
//! place is given to each of two as often; of an odd number one more sees the side that is drawn.
//!
//! A scalar reward model scores each response by itself, once; a semi-scalar one reads with it what a judgement says of it, but
//! for the grade at the end of each line, and its score is the mean over judgements.
//!
//! Source: Liu et al. 2025 (arXiv:2504.02495), section 4 and equation 7, with ties by chance as in its section 5; Ankner
//! et al. 2024 (arXiv:2408.11791), section 3, for semi-scalar models.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tts_core::family::{Panel, Problem};
use tts_core::{NodeId, StepScorer, seed};
use tts_prm::critic::assess::over_subsets;
use tts_prm::critic::{Ballot, Judgement, Preference, Vote};
use tts_search::evaluate::attempts::Attempt;

use super::measure::{self, Run, SUBSETS, Spent};
use super::recipe::Arm;
use super::spec::is_default;
use super::way::Way;
use super::workshop::Workshop;
use crate::{Error, preferring, quickstart};

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
    /// Whether half of the judgements see the responses from behind; else all see them in one order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirrored: bool,
}

impl Votes {
    /// Whether it can be asked.
    pub(super) fn check(&self, has_scorer: bool) -> Result<(), String> {
        match self.keep {
            Some(_) if self.mirrored => {
                Err("keep goes by scores of judgements in one order: leave mirrored out".into())
            }
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

    /// What `n` of a pool of judgements are worth, over random subsets; mirrored, half of each from the second half of the
    /// pool.
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
        if !self.mirrored {
            return over_subsets(pool.len(), n, (SUBSETS, lot), right);
        }
        let mut deck: Vec<usize> = (0..pool.len()).collect();
        if n >= pool.len() {
            return right(&deck);
        }
        let (own, turned) = deck.split_at_mut(pool.len() - pool.len() / 2);
        if n == 1 {
            let mean = |side: &[usize]| {
                side.iter().map(|&place| right(&[place])).sum::<f64>() / side.len() as f64
            };
            return f64::midpoint(mean(own), mean(turned));
        }
        let mut rng = seed::rng(lot);
        let mut sum = 0.0;
        for _ in 0..SUBSETS {
            let others = if n % 2 == 1 { n / 2 + rng.below(2) } else { n / 2 };
            let mut subset = Vec::with_capacity(n);
            for (side, count) in [(&mut *own, n - others), (&mut *turned, others)] {
                for place in 0..count {
                    let other = place + rng.below(side.len() - place);
                    side.swap(place, other);
                }
                // Of equals that are trusted alike the earlier counts.
                side[..count].sort_unstable();
                subset.extend_from_slice(&side[..count]);
            }
            sum += right(&subset);
        }
        sum / SUBSETS as f64
    }
}

/// The choice of a scalar or semi-scalar reward model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// What is scored.
    pub score: Scored,
}

/// What is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scored {
    /// The responses of a panel, each by itself behind the query; nothing is written.
    Responses,
    /// The same, each with what a judgement of the arm's policy says of it.
    Critiques,
}

/// A panel as a preference.
pub(super) fn preference(problem: &Problem) -> Result<Preference, Error> {
    let none = || format!("{:?}: no panel whose best response is known", problem.question);
    Preference::of_panel(problem).ok_or_else(|| none().into())
}

/// The same panel, its responses from behind.
fn mirrored(problem: &Problem) -> Result<Problem, Error> {
    let (count, best) = sought(problem)?;
    let Preference { prompt, mut responses, .. } = preference(problem)?;
    responses.reverse();
    let lines = responses.iter().zip(1..).map(|(response, place)| format!("{place}:{response}"));
    let lines: Vec<String> = lines.collect();
    let question = format!("{}{}", prompt.question(), lines.join("\n"));
    Ok(Problem { question, answer: (count - best).to_string(), steps: problem.steps })
}

/// The responses of a panel, each with what a judgement says of it: lines that begin with its number, without that and the
/// grade at their end. `None` where it says nothing of one.
pub(super) fn critiques(responses: &[String], judgement: &[String]) -> Option<Vec<String>> {
    let lines = |place: usize| {
        let own = move |line: &str| {
            let rest = line.trim().strip_prefix(&place.to_string())?;
            let said = match rest.rsplit_once(' ') {
                Some((said, grade)) if grade.parse::<f64>().is_ok() => said,
                _ => rest,
            };
            rest.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| format!("\n{said}"))
        };
        judgement.iter().filter_map(move |line| own(line)).collect::<String>()
    };
    let all = responses.iter().zip(1..).map(|(response, place)| (response, lines(place)));
    all.map(|(response, said)| (!said.is_empty()).then(|| format!("{response}{said}"))).collect()
}

/// The judgements of a problem, with how many responses it has, and the place of the best.
type Case = (Heard, (usize, usize));

/// What `n` of the judgements are worth, for each n of an arm.
fn runs(arm: &Arm, votes: Votes, whole: &[Case], (spent, seed): (&Spent, u64)) -> Vec<Run> {
    let at = |&n: &usize| {
        let value = |(place, (pool, sought)): (usize, &Case)| {
            votes.of_pool(pool, n, *sought, seed::mix(seed, place as u64))
        };
        spent.run(whole.iter().enumerate().map(value).collect(), n)
    };
    arm.n.iter().map(at).collect()
}

/// What a sample says of the responses; `None` where it cannot be read.
fn heard(question: &str, attempt: &Attempt, trust: Option<f64>) -> Option<Judgement> {
    let steps: Vec<&str> = attempt.steps.iter().map(String::as_str).collect();
    let scores = Panel::scores(question, &steps)?;
    Some(Judgement {
        node: NodeId::ROOT,
        sample: 0,
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
        if votes.mirrored {
            return self.voted_mirrored(arm, votes, problems, seed);
        }
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
        Ok(runs(arm, votes, &whole, (&spent, seed)))
    }

    /// The same where half of a pool see the responses from behind.
    fn voted_mirrored(
        &self,
        arm: &Arm,
        votes: Votes,
        problems: &[Problem],
        seed: u64,
    ) -> Result<Vec<Run>, Error> {
        let mut pools = self.pool(&arm.policy, seed)?;
        let half = self.recipe.pool / 2;
        let turned = problems.iter().map(mirrored).collect::<Result<Vec<Problem>, Error>>()?;
        let made = (self.model_seed(seed), seed);
        let others = self.attempts(&arm.policy, &turned, half, made)?;
        let mut whole = Vec::with_capacity(pools.len());
        for (place, problem) in problems.iter().enumerate() {
            let own = &mut pools[place].attempts;
            own.truncate(self.recipe.pool - half);
            let mut judgements: Heard =
                own.iter().map(|attempt| heard(&problem.question, attempt, None)).collect();
            for attempt in &others[place].attempts {
                let mut judgement = heard(&turned[place].question, attempt, None);
                // Back in place.
                if let Some(judgement) = &mut judgement {
                    judgement.scores.reverse();
                }
                judgements.push(judgement);
            }
            own.extend(others[place].attempts.iter().cloned());
            whole.push((judgements, sought(problem)?));
        }
        Ok(runs(arm, votes, &whole, (&Spent::of(&pools, false), seed)))
    }
}

impl Workshop<'_> {
    /// An arm that chooses by a scalar or semi-scalar reward model, at all of its budgets.
    pub(super) fn scored(
        &self,
        arm: &Arm,
        problems: &[Problem],
        seed: u64,
    ) -> Result<Vec<Run>, Error> {
        let judge = self.judge(arm, self.model_seed(seed))?.ok_or("scores need a scorer")?;
        if let Way::Scores(Scores { score: Scored::Critiques }) = arm.strategy {
            return self.scored_critiques(arm, &*judge, problems, seed);
        }
        let (mut values, mut read) = (Vec::with_capacity(problems.len()), 0);
        for problem in problems {
            let Preference { prompt, responses, best, .. } = preference(problem)?;
            let totals = preferring::scores(&*judge, &prompt, &responses)?;
            values.push(Ballot::share(&totals, best));
            read += responses.iter().map(|response| response.chars().count()).sum::<usize>();
        }
        let spent = Spent::of_responses(problems.len(), read as f64 / problems.len() as f64);
        Ok(vec![spent.run(values, 1)])
    }

    /// The scores of responses with critiques from a pool, as judgements.
    fn scored_critiques(
        &self,
        arm: &Arm,
        judge: &dyn StepScorer,
        problems: &[Problem],
        seed: u64,
    ) -> Result<Vec<Run>, Error> {
        let made = self.model_seed(seed);
        let pools = self.pool(&arm.policy, seed)?;
        let description = json!({
            "critiques": self.scorer_identity(arm, made)?, "task": self.recipe.task, "seed": seed,
            "policy": self.identity(&arm.policy, made)?, "temperature": self.recipe.temperature,
            "pool": self.recipe.pool, "problems": "test",
        });
        // For each judgement the scores of the responses, none where it was refused, and how much was read.
        let found: Vec<Critiqued> = self.unit(&description, problems.len(), |places, note| {
            let bar = quickstart::bar(&format!("{}: scores", arm.name), places.len())?;
            for &place in places {
                let pool = &pools[place].attempts;
                note(place, scores_of_critiques(judge, &problems[place], pool)?)?;
                bar.inc(1);
            }
            bar.finish_and_clear();
            Ok(())
        })?;
        let mut whole = Vec::with_capacity(problems.len());
        for (problem, (scores, _)) in problems.iter().zip(&found) {
            let judgement = |scores: &Vec<f64>| Judgement {
                node: NodeId::ROOT,
                sample: 0,
                shown: (0..scores.len()).collect(),
                scores: scores.clone(),
                steps: Vec::new(),
                meta: f64::NEG_INFINITY,
            };
            let judgements = scores.iter().map(|scores| scores.as_ref().map(judgement));
            whole.push((judgements.collect(), sought(problem)?));
        }
        let read: usize = found.iter().map(|(_, read)| read).sum();
        let count = problems.len() * self.recipe.pool;
        let spent = Spent::of(&pools, false).judging(read as f64 / count.max(1) as f64);
        let votes = Votes { vote: Vote::Mean, keep: None, mirrored: false };
        Ok(runs(arm, votes, &whole, (&spent, seed)))
    }
}

/// For each critique of a pool what a reward model says of the responses, and how many characters it reads in all.
type Critiqued = (Vec<Option<Vec<f64>>>, usize);

/// What a reward model says of the responses of a panel with each critique of a pool.
fn scores_of_critiques(
    judge: &dyn StepScorer,
    problem: &Problem,
    pool: &[Attempt],
) -> Result<Critiqued, Error> {
    let Preference { prompt, responses, .. } = preference(problem)?;
    let said = |attempt: &Attempt| critiques(&responses, &attempt.steps);
    let said: Vec<Option<Vec<String>>> = pool.iter().map(said).collect();
    let texts: Vec<String> = said.iter().flatten().flatten().cloned().collect();
    let read = texts.iter().map(|text| text.chars().count()).sum();
    let scores = preferring::scores(judge, &prompt, &texts)?;
    let mut each = scores.chunks(responses.len());
    let mut own = || each.next()?.iter().copied().collect::<Option<Vec<f64>>>();
    Ok((said.iter().map(|said| said.as_ref().and_then(|_| own())).collect(), read))
}

#[cfg(test)]
mod tests {
    use tts_core::Prompt;

    use super::*;

    const SUM: Votes = Votes { vote: Vote::Sum, keep: None, mirrored: false };

    fn judgement(scores: [f64; 2], meta: f64) -> Judgement {
        let (node, shown, steps) = (NodeId::ROOT, vec![0, 1], Vec::new());
        Judgement { node, sample: 0, shown, scores: scores.to_vec(), steps, meta }
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

    /// A judge that gives everything to the place that it sees first has no side in as many of both orders.
    #[test]
    fn mirrored_subsets_are_half_of_either_order() {
        let mirrored = Votes { mirrored: true, ..SUM };
        for size in [2, 5, 8, 9] {
            // The first half sees the best first, the second, turned back, the other.
            let side = |place: usize| if place < size - size / 2 { [1.0, 0.0] } else { [0.0, 1.0] };
            let pool: Heard = (0..size).map(|place| Some(judgement(side(place), 0.0))).collect();
            for n in (2..size).step_by(2) {
                let value = mirrored.of_pool(&pool, n, (2, 0), 3);
                assert!((value - 0.5).abs() < 1e-12, "{n} of {size}: {value}");
            }
            assert!((mirrored.of_pool(&pool, 1, (2, 0), 3) - 0.5).abs() < 1e-12, "{size}");
            // Of an odd number the one side or the other has one more.
            for n in (3..size).step_by(2) {
                let value = mirrored.of_pool(&pool, n, (2, 0), 3);
                assert!((value - 0.5).abs() < 0.2 && value > 0.0, "{n} of {size}: {value}");
            }
            if size > 5 {
                assert!((SUM.of_pool(&pool, 4, (2, 0), 3) - 0.5).abs() > 1e-6, "by chance alone");
            }
        }
    }

    #[test]
    fn a_share_of_judgements_is_rounded_up_and_never_none() {
        for (share, n, kept) in
            [(0.5, 32, 16), (0.5, 3, 2), (0.3, 10, 3), (0.001, 8, 1), (1.0, 5, 5)]
        {
            assert_eq!(Votes { keep: Some(share), ..SUM }.kept(n), Some(kept), "{share} of {n}");
        }
        assert_eq!(SUM.kept(9), None);
        let both = Votes { keep: Some(0.5), mirrored: true, ..SUM };
        assert!(both.check(true).expect_err("in one order").contains("leave mirrored out"));
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
        // What is said of each, without its number; of one that nothing is said of there is no critique.
        let responses = ["8 6 6 4".to_owned(), "9 6 4 2".to_owned()];
        let lines = ["s,o\n", "1s 8+6+6+4=24 5\n", "1o 8>6=6>4 3\n", "2s 9+6+4+2=21 2\n", "[8,7]"];
        let lines = lines.map(str::to_owned);
        assert_eq!(
            critiques(&responses, &lines),
            Some(vec!["8 6 6 4\ns 8+6+6+4=24\no 8>6=6>4".into(), "9 6 4 2\ns 9+6+4+2=21".into()])
        );
        assert_eq!(critiques(&responses, &lines[..3]), None);
        assert_eq!(critiques(&responses, &[]), None);
        let problem =
            |answer: &str| Problem { question: question.into(), answer: answer.into(), steps: 6 };
        assert_eq!(sought(&problem("2")).expect("a place"), (2, 1));
        assert!(sought(&problem("3")).is_err() && sought(&problem("0")).is_err());
        let turned = mirrored(&problem("2")).expect("a panel");
        assert_eq!(turned.question, "g:b desc n=4 even s=24\n1:9 6 4 2\n2:8 6 6 4");
        assert_eq!((turned.answer.as_str(), turned.steps), ("1", 6));
        assert_eq!(mirrored(&turned).expect("a panel"), problem("2"));
        let found = preference(&problem("2")).expect("a preference");
        assert_eq!(found.prompt, Prompt::text("g:b desc n=4 even s=24\n"));
        assert_eq!(
            (found.responses, found.best),
            (vec!["8 6 6 4".to_owned(), "9 6 4 2".to_owned()], 1)
        );
    }
}
