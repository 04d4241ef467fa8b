//! Whether a recipe can be run: every name is known, every number makes sense, nothing contradicts something else.
//!
//! All of it is told when a recipe is read, before anything is made; errors name the arm, the model or the field.
//!
//! Source: none; a format of this library.

use std::collections::BTreeSet;
use std::fmt::Display;

use tts_core::plot::Chart;
use tts_core::{Rule, SearchStrategy};
use tts_prm::reinforce::{RewardSpec, Steps};

use super::generative::Led;
use super::judgements::{Scored, Scores};
use super::recipe::{Along, Arm, At, Comparison, EXACT, Recipe, Task, places};
use super::spec::{ModelSpec, Reading, Reinforced, StepOf};
use super::way::Way;
use crate::Error;

impl Recipe {
    pub(super) fn check(&self) -> Result<(), Error> {
        let counts = [
            ("problems", self.problems),
            ("seeds", usize::try_from(self.seeds)?),
            ("pool", self.pool),
            ("number of arms", self.arms.len()),
        ];
        if let Some((field, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(format!("{field} is 0, expected at least 1").into());
        }
        if let Some(problem) = self.task.family().wrong() {
            return Err(format!("task: {problem}").into());
        }
        if self.longest == Some(0) {
            return Err("longest is 0, expected at least 1 token".into());
        }
        self.arms.iter().try_for_each(|arm| self.check_arm(arm))?;
        if self.models.contains_key(EXACT) {
            return Err(format!("models: {EXACT:?} is the name of the checker").into());
        }
        let samples = [
            ("judged", self.judged.as_ref().map(|judged| judged.samples)),
            ("difficulty", self.difficulty.as_ref().map(|graded| graded.samples)),
        ];
        if let Some((field, _)) = samples.iter().find(|(_, samples)| *samples == Some(0)) {
            return Err(format!("{field}: samples is 0, expected at least 1").into());
        }
        for (name, spec) in &self.models {
            let field = format!("model {name:?}");
            self.check_model(spec).map_err(|error| format!("{field}: {error}"))?;
            spec.uses().into_iter().try_for_each(|used| self.known(&field, used))?;
            let mut judge = spec.judge().into_iter().filter(|judge| *judge != EXACT);
            judge.try_for_each(|judge| self.scores(&field, judge))?;
            let start = spec.starts_from().and_then(|from| self.models.get(from));
            if let Some(ModelSpec::Grader(_)) = start {
                return Err(format!("{field}: from is a grader, which has no weights").into());
            }
        }
        if let Some(judged) = &self.judged {
            self.known("judged", &judged.policy)?;
            judged.models.keys().try_for_each(|name| self.scores("judged", name))?;
        }
        if let Some(difficulty) = &self.difficulty {
            self.known("difficulty", &difficulty.policy)?;
        }
        if let Some(choice) = &self.choice {
            self.known("choice", &choice.policy)?;
            let mut scorer = choice.scorer.iter().filter(|name| *name != EXACT);
            scorer.try_for_each(|name| self.scores("choice", name))?;
            choice.check(self)?;
        }
        if let Some(matched) = &self.matched {
            matched.check(self)?;
        }
        self.check_training()?;
        self.check_told()
    }

    /// Whether there is a model of this name.
    fn known(&self, field: &str, name: &String) -> Result<(), String> {
        if self.models.contains_key(name) {
            return Ok(());
        }
        Err(format!("{field}: {name:?} is none of the models"))
    }

    /// Whether there is a model of this name that can be a scorer: it writes nothing before it judges.
    fn scores(&self, field: &str, name: &String) -> Result<(), String> {
        self.known(field, name)?;
        match self.models.get(name) {
            Some(ModelSpec::Generative(judge)) if judge.writes() => Err(format!(
                "{field}: {name:?} writes before it judges, expected it as the judge of an arm, not as a scorer"
            )),
            _ => Ok(()),
        }
    }

    fn check_arm(&self, arm: &Arm) -> Result<(), Error> {
        let field = format!("arm {:?}", arm.name);
        let wrong = |problem: &dyn Display| -> Result<(), Error> {
            Err(format!("{field}: {problem}").into())
        };
        self.known(&field, &arm.policy)?;
        let advantage = arm.advantage.iter().flat_map(|advantage| &advantage.scorer);
        for name in arm.scorer.iter().chain(advantage).filter(|name| *name != EXACT) {
            self.scores(&field, name)?;
            if let (true, Some(ModelSpec::Generative(_))) =
                (arm.strategy.is_pooled(), self.models.get(name))
            {
                return wrong(&format!(
                    "{name:?} reads a question about each sample, which a pool does not count: expected a recipe, as \
                     {{\"strategy\": \"best-of-n\", \"n\": \"N\"}}"
                ));
            }
        }
        self.check_led(arm).map_err(|problem| format!("{field}: {problem}"))?;
        if let Some(noise) = arm.noise
            && (arm.scorer.is_none() || !(noise >= 0.0 && noise.is_finite()))
        {
            let problem = "expected a number of at least 0, and a scorer that it is put on";
            return wrong(&format!("noise is {noise}, {problem}"));
        }
        if let Way::Votes(votes) = arm.strategy {
            votes.check(arm.scorer.is_some()).map_err(|error| format!("{field}: {error}"))?;
            if votes.mirrored && self.pool < 2 {
                return wrong(&format!("pool is {}, expected 2 for both orders", self.pool));
            }
        }
        if let Way::Scores(Scores { score }) = arm.strategy {
            if score == Scored::Responses && arm.n != [1] {
                return wrong(&"responses are scored once, expected an N of 1");
            }
            let scorer = arm.scorer.as_ref().and_then(|name| self.models.get(name));
            let fits = match scorer {
                // It reads what it learnt from: responses alone, or with critiques.
                Some(ModelSpec::Preferred(scalar)) => {
                    scalar.critic.is_some() == (score == Scored::Critiques)
                }
                Some(ModelSpec::Reward(reward)) => {
                    reward.learn == Reading::Outcome && score == Scored::Responses
                }
                _ => arm.scorer.is_none(),
            };
            if !fits || arm.every_step || arm.advantage.is_some() {
                return wrong(
                    &"responses are scored as wholes, expected a preferred or an outcome reward model, and one that \
                      learnt from critiques for critiques",
                );
            }
        }
        if matches!(arm.strategy, Way::Rejection(_)) && arm.scorer.is_some() {
            return wrong(&"samples are drawn again by their length, expected no scorer");
        }
        check_asked(arm).map_err(|problem| format!("{field}: {problem}"))?;
        let judges = matches!(arm.strategy, Way::Votes(_) | Way::Scores(_));
        if judges && !matches!(self.task, Task::Panel(_)) {
            return wrong(&format!("{} is for judgements, expected the task panel", arm.strategy));
        }
        if arm.in_turn && (arm.strategy.pooled().is_none() || arm.scorer.is_some()) {
            return wrong(&"samples in turn are chosen from by majority or pass-at-n");
        }
        let pooled = arm.strategy.is_pooled();
        if let Some(n) = arm.n.iter().find(|&&n| n == 0 || (pooled && n > self.pool)) {
            return wrong(&format!("N is {n}, expected 1 to {}", self.pool));
        }
        for &n in &arm.n {
            let named = |error: Error| format!("{field}: {error}");
            arm.search(n).map_err(named)?;
            let scored = arm.scorer.is_some() || arm.judge.is_some();
            if arm.strategy.is_scored(n).map_err(named)? && !scored {
                return wrong(&format!("{} needs a scorer", arm.strategy));
            }
        }
        Ok(())
    }

    /// Whether a judge can lead an arm's search.
    fn check_led(&self, arm: &Arm) -> Result<(), String> {
        let Some(led @ Led { by, samples, .. }) = &arm.judge else { return Ok(()) };
        let Some(ModelSpec::Generative(judge)) = self.models.get(by) else {
            return Err(format!("judge: {by:?} is no generative judge of this recipe"));
        };
        // What is wrong with the judge itself is told of its model.
        if judge.check().is_ok() {
            led.judge(judge).check().map_err(|problem| format!("judge: {problem}"))?;
        }
        if *samples == 0 {
            return Err("judge: samples is 0, expected at least 1".into());
        }
        if arm.scorer.is_some() {
            return Err("a judge stands in the place of a scorer: leave one out".into());
        }
        let searches = matches!(&arm.strategy, Way::Method(method) if method.is_scored())
            || matches!(arm.strategy, Way::Recipe(_));
        if !searches || arm.in_turn {
            return Err(format!(
                "{} is led by no judge, expected a search by scores",
                arm.strategy
            ));
        }
        if arm.choose != Rule::default() && arm.choose != arm.rule() {
            return Err(format!("choose is for searches, and {} has its own rule", arm.strategy));
        }
        Ok(())
    }

    fn check_model(&self, spec: &ModelSpec) -> Result<(), Error> {
        let of_panels = || match self.task {
            Task::Panel(_) => Ok(()),
            _ => Err("judges panels, expected the task panel"),
        };
        match spec {
            ModelSpec::Generative(judge) => {
                judge.check()?;
                if !matches!(self.task, Task::Chain(_)) {
                    return Err("judges chains, expected the task chain".into());
                }
            }
            ModelSpec::Revision(revised) => revised.revising().check()?,
            ModelSpec::Reinforced(policy) => check_reinforced(policy)?,
            ModelSpec::StepOf(StepOf { model, step }) => match self.models.get(model) {
                Some(ModelSpec::Reinforced(policy))
                    if policy.learn.keep.keeps(*step) && *step <= policy.learn.steps => {}
                Some(ModelSpec::Reinforced(_)) => {
                    let problem = format!("step is {step}, which {model:?} does not keep");
                    return Err(format!("{problem}, expected one of its learn.keep").into());
                }
                _ => return Err(format!("{model:?} is no reinforced model").into()),
            },
            ModelSpec::Distilled(student) if student.hinted.is_some() && !student.keep.solved => {
                return Err("hinted is for right solutions, expected keep.solved".into());
            }
            ModelSpec::Grader(grader) => {
                if let Some(problem) = grader.wrong() {
                    return Err(problem.into());
                }
                of_panels()?;
            }
            ModelSpec::Preferred(_) => of_panels()?,
            _ => {}
        }
        Ok(())
    }

    /// Whether training can be told: as many curves as a chart can show, and a level that is looked for where something is
    /// measured.
    fn check_training(&self) -> Result<(), Error> {
        let reinforced = self.models.values().filter_map(|spec| match spec {
            ModelSpec::Reinforced(policy) => Some(policy),
            _ => None,
        });
        let (curves, most) = (reinforced.clone().count(), Chart::MOST_SERIES);
        if curves > most {
            let problem = format!("{curves} are made by reinforcement, expected at most {most}");
            return Err(format!("models: {problem}, whose curves can be told apart").into());
        }
        if self.along == Along::Training {
            self.check_along_training()?;
        }
        if let Some(level) = self.until.iter().find(|&&level| !(level > 0.0 && level <= 1.0)) {
            return Err(format!("until: {level}, expected a share above 0 and up to 1").into());
        }
        if !self.until.is_empty() && !reinforced.clone().any(|policy| policy.held_out > 0) {
            return Err("until: no reinforced model has held_out problems, expected one".into());
        }
        Ok(())
    }

    /// Whether curves along training are of one way of answering each, and there is a place for them.
    fn check_along_training(&self) -> Result<(), Error> {
        let way = |arm: &Arm| (arm.strategy.clone(), arm.scorer.clone(), arm.judge.is_some());
        if self.arms.windows(2).any(|pair| way(&pair[0]) != way(&pair[1])) {
            let problem = "along training a curve is an N: expected one strategy and scorer";
            return Err(format!("arms: {problem}").into());
        }
        let budgets: BTreeSet<usize> = self.arms.iter().flat_map(|arm| arm.n.clone()).collect();
        if budgets.len() > Chart::MOST_SERIES {
            let (found, most) = (budgets.len(), Chart::MOST_SERIES);
            return Err(format!("arms: {found} values of N, expected at most {most}").into());
        }
        let trained = |arm: &Arm| match self.models.get(&arm.policy) {
            Some(ModelSpec::Reinforced(_)) => true,
            Some(ModelSpec::StepOf(of)) => of.step > 0,
            _ => false,
        };
        if !self.arms.iter().any(trained) {
            return Err("along training: no policy of an arm is reinforced".into());
        }
        Ok(())
    }

    /// Whether what is told can be: as many curves as a chart can show, comparisons of arms that there are.
    fn check_told(&self) -> Result<(), Error> {
        let names: BTreeSet<&String> = self.arms.iter().map(|arm| &arm.name).collect();
        let chosen = self.choice.is_some() && self.along == Along::Tokens;
        let (curves, most) = (names.len() + usize::from(chosen), Chart::MOST_SERIES);
        if curves > most {
            let problem = format!("{curves} curves cannot be told apart, expected at most {most}");
            return Err(format!("arms: {problem}").into());
        }
        for name in self.compare.iter().flat_map(|pair| [&pair.first, &pair.second]) {
            if !names.contains(name) {
                return Err(format!("compare: {name:?} is none of the arms").into());
            }
        }
        for pair in self.compare.iter().filter(|pair| pair.at == At::One) {
            let mut own = self.arms.iter().filter(|arm| arm.name == pair.second);
            if !own.any(|arm| arm.n.contains(&1)) {
                return Err(format!("compare: {:?} has no N of 1", pair.second).into());
            }
        }
        for name in self.compare.iter().flat_map(|pair| &pair.over).flatten() {
            if !places(&self.arms, name).iter().any(|place| place.0 == 1) {
                return Err(format!("compare: over: {name:?} has no N of 1").into());
            }
        }
        for pair in &self.compare {
            let Comparison { first, second, at, n, margin, over } = pair;
            let bounding = if *at == At::Accuracy { second } else { first };
            let own = places(&self.arms, bounding);
            if let Some(n) = n.iter().find(|&&n| own.iter().all(|place| place.0 != n)) {
                return Err(format!("compare: {bounding:?} has no N of {n}").into());
            }
            if !(*margin >= 0.0 && *margin < 1.0) {
                let problem = "expected a share of at least 0 and below 1";
                return Err(format!("compare: margin is {margin}, {problem}").into());
            }
            if *at != At::Accuracy && *margin > 0.0 {
                return Err(format!("compare: margin is {margin}, and is for accuracy").into());
            }
            if *at == At::Accuracy && (over.is_some() || first == second) {
                let problem = "at equal accuracy one arm is compared with another, without over";
                return Err(format!("compare: {first:?} and {second:?}: {problem}").into());
            }
            if *at != At::N {
                continue;
            }
            let both = format!("compare: {first:?} and {second:?} have no");
            if n.is_empty() && !own.iter().any(|&(n, _)| pair.meets(&self.arms, n)) {
                return Err(format!("{both} N, at one place of the axis, in common").into());
            }
            if let Some(n) = n.iter().find(|&&n| !pair.meets(&self.arms, n)) {
                return Err(format!("{both} N of {n}, at one place of the axis, in common").into());
            }
        }
        Ok(())
    }
}

/// Whether runs of an arm have the length that it asks for or another.
fn check_asked(arm: &Arm) -> Result<(), String> {
    let Some(asked) = arm.asked else { return Ok(()) };
    if arm.strategy.is_pooled() || matches!(arm.strategy, Way::Rejection(_) | Way::Scores(_)) {
        return Err("asked is for the runs of a search, and these are samples".into());
    }
    if arm.judge.is_some() {
        return Err("asked is for what a policy writes, and a judge writes beside it".into());
    }
    match arm.n.iter().find(|&&n| asked.at(n).is_empty()) {
        None => Ok(()),
        Some(n) => Err(format!("asked: the least is above the most at N = {n}")),
    }
}

/// Whether a policy can learn as it says: what it asks for is there, and what is there is asked for.
fn check_reinforced(policy: &Reinforced) -> Result<(), Error> {
    let Reinforced { learn, sampler, judge, held_out, .. } = policy;
    learn.check()?;
    if let Some(sampler) = sampler {
        SearchStrategy::check(sampler)?;
    }
    if learn.rewards.is_empty() {
        return Err("rewards: none, expected at least one".into());
    }
    if learn.keep.best && *held_out == 0 {
        return Err("keep.best: of what is measured on nothing, expected held_out problems".into());
    }
    let steps = learn.process.map(|process| process.of);
    let branches = sampler.as_ref().is_some_and(|sampler| sampler.samples().is_none());
    if steps == Some(Steps::Tree) && !branches {
        return Err(
            "process.of: tree, of independent samples, expected a sampler that branches".into()
        );
    }
    let searched = sampler.as_ref().and_then(|sampler| sampler.requires().scorer);
    let asks = if learn.rewards.iter().any(|term| term.of.needs_scorer()) {
        Some("the reward scored")
    } else if steps == Some(Steps::Scorer) {
        Some("process")
    } else {
        searched
    };
    let picks = learn.rewards.iter().any(|term| matches!(term.of, RewardSpec::Picked(_)));
    match (judge, asks) {
        (None, Some(who)) => Err(format!("judge: nobody, and {who} asks for scores").into()),
        (Some(judge), None) if !picks => Err(format!(
            "judge: {judge:?} is asked for nothing: expected a process, the reward scored or picked, or a sampler by scores"
        )
        .into()),
        _ => Ok(()),
    }
}
