//! Budgets turned into bounds on lines, and the contract that completions must keep.
//!
//! A soft budget only says when to stop. A hard one is divided before a round starts: lines are
//! dropped from the end until samples and calls suffice, and what is left of tokens and operations
//! is split evenly among the lines and bounds their length, so that no line can overrun whatever
//! the others do. The split depends on the request alone, never on the order of completion. Of money
//! the price of the reserve is held back as the reserve is of tokens.

use super::strategy::{Expand, ScoreBy};
use crate::{
    Budget, Completion, Finish, Limit, LineError, Mode, NodeKind, Prices, Request, Settings, Step,
    StepRule, Tree, Until, Usage,
};

/// What may be started.
pub(crate) enum Plan {
    /// The bounds of each decision, and how many lines a limit took away.
    Lines { bounds: Vec<Bound>, left_out: Vec<(Limit, u64)> },
    /// Nothing.
    Stop(Limit),
}

/// What may be started of a decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) lines: usize,
    /// Generated tokens of each line, at most.
    pub(crate) tokens: u32,
    /// The limit whose share that is, where it is less than the rule allows.
    pub(crate) by: Option<Limit>,
}

/// Generated tokens that may still be spent; the reserve is kept back until a path has finished.
fn tokens_left(budget: &Budget, usage: &Usage, finished: bool) -> Option<u64> {
    let reserve = if finished { 0 } else { budget.reserve };
    budget
        .generated_tokens
        .map(|limit| limit.saturating_sub(reserve).saturating_sub(usage.logical.generated_tokens))
}

/// Money that may still be spent; a hard budget keeps back what its reserve costs until a path has finished.
fn money_left(settings: &Settings, usage: &Usage, finished: bool) -> Option<f64> {
    let budget = &settings.budget;
    // Where operations are bounded hard there is no last line.
    let held = budget.mode == Mode::Hard && budget.flops.is_none() && !finished;
    let reserve = if held { budget.reserve } else { 0 };
    let price = reserve as f64 * dearest(settings, settings.scorer.is_some()) / 1e6;
    budget.money.map(|limit| limit - price - usage.logical.money)
}

/// The first limit that is reached.
pub(crate) fn exhausted(settings: &Settings, usage: &Usage, finished: bool) -> Option<Limit> {
    let (budget, cost) = (&settings.budget, &usage.logical);
    let reached = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
    if tokens_left(budget, usage, finished) == Some(0) {
        return Some(Limit::GeneratedTokens);
    }
    [
        (Limit::Samples, reached(budget.samples, cost.samples)),
        (Limit::ScoredTokens, reached(budget.scored_tokens, cost.scored_tokens)),
        (Limit::Flops, budget.flops.is_some_and(|limit| cost.flops >= limit)),
        (Limit::Money, money_left(settings, usage, finished).is_some_and(|left| left <= 0.0)),
        (Limit::Calls, reached(budget.calls, cost.calls)),
        (Limit::Rounds, budget.rounds.is_some_and(|limit| usage.rounds >= limit)),
    ]
    .into_iter()
    .find_map(|(limit, reached)| reached.then_some(limit))
}

/// Under a hard budget: the limit that judging this many tokens in so many calls for so much money would break.
pub(crate) fn cannot_score(
    budget: &Budget,
    usage: &Usage,
    (tokens, calls, money): (u64, u64, f64),
) -> Option<Limit> {
    if budget.mode == Mode::Soft {
        return None;
    }
    let cost = &usage.logical;
    if budget.scored_tokens.is_some_and(|limit| cost.scored_tokens + tokens > limit) {
        return Some(Limit::ScoredTokens);
    }
    // Shares come to the limit exactly, and a sum of many prices is off in its last bits.
    if budget.money.is_some_and(|limit| cost.money + money > limit * (1.0 + 1e-9)) {
        return Some(Limit::Money);
    }
    budget.calls.is_some_and(|limit| cost.calls + calls > limit).then_some(Limit::Calls)
}

/// The longest that a line may get by the step rule alone.
fn longest(rule: &StepRule, generated: u64, until: Until) -> u32 {
    let room = u64::from(rule.max_tokens).saturating_sub(generated);
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    match until {
        Until::Step => room.min(rule.max_step_tokens),
        Until::Steps(steps) => room.min(rule.max_step_tokens.saturating_mul(steps)),
        Until::Tokens(tokens) => room.min(tokens),
        Until::End => room,
    }
    .max(1)
}

/// Generated tokens before a line begins, those of its own step that are kept included.
fn generated_before(tree: &Tree, expand: &Expand) -> u64 {
    let before = tree.generated(expand.parent_in(tree));
    before + u64::from(expand.keep.map_or(0, |keep| tree[expand.node].generated_of(keep)))
}

/// How many scorers a round of these decisions goes to.
fn scorers(settings: &Settings, tree: &Tree, wanted: &[Expand]) -> u64 {
    let own = |expand: &Expand| {
        settings.scorer.is_some()
            && expand.score == ScoreBy::Kind
            && expand.kind_in(tree) != NodeKind::Aside
    };
    let named = wanted.iter().filter_map(|expand| match &expand.score {
        ScoreBy::Named(name) => Some(name),
        _ => None,
    });
    let named: std::collections::BTreeSet<_> = named.collect();
    u64::from(wanted.iter().any(own)) + named.len() as u64
}

/// What a round reads before it writes: the longest prompt so far, and money for all that is known to be read.
pub(crate) struct Reading {
    pub(crate) prompt_tokens: u64,
    pub(crate) money: f64,
}

/// Bounds for the decisions of a round.
pub(crate) fn plan(
    settings: &Settings,
    usage: &Usage,
    tree: &Tree,
    wanted: &[Expand],
    reading: &Reading,
    finished: bool,
) -> Plan {
    let budget = &settings.budget;
    let longest = |expand: &Expand| {
        let rule = expand.rule.as_ref().unwrap_or(&settings.rule);
        longest(rule, generated_before(tree, expand), expand.until)
    };
    let free = |expand: &Expand| Bound { lines: expand.n, tokens: longest(expand), by: None };
    let mut bounds: Vec<Bound> = wanted.iter().map(free).collect();
    let mut left_out = Vec::new();
    if budget.mode == Mode::Soft {
        return Plan::Lines { bounds, left_out };
    }
    let count = |bounds: &[Bound]| bounds.iter().map(|bound| bound.lines as u64).sum::<u64>();
    let asked = count(&bounds);
    let cost = &usage.logical;
    if let Some(limit) = budget.calls {
        // Judging the round is a call of each scorer as well.
        let judging = scorers(settings, tree, wanted);
        let room = limit.saturating_sub(cost.calls).saturating_sub(judging);
        if room == 0 {
            return Plan::Stop(Limit::Calls);
        }
        let late = bounds.iter_mut().filter(|bound| bound.lines > 0);
        late.skip(usize::try_from(room).unwrap_or(usize::MAX)).for_each(|bound| bound.lines = 0);
    }
    let called = count(&bounds);
    left_out.push((Limit::Calls, asked - called));
    if let Some(limit) = budget.samples {
        let mut room = usize::try_from(limit.saturating_sub(cost.samples)).unwrap_or(usize::MAX);
        for Bound { lines, .. } in &mut bounds {
            *lines = (*lines).min(room);
            room -= *lines;
        }
    }
    let lines = count(&bounds);
    left_out.push((Limit::Samples, called - lines));
    if lines == 0 {
        return Plan::Stop(Limit::Samples);
    }
    let mut shares = Vec::new();
    if let Some(left) = tokens_left(budget, usage, finished) {
        shares.push((Limit::GeneratedTokens, left / lines));
    }
    if let Some(limit) = budget.scored_tokens.filter(|_| scorers(settings, tree, wanted) > 0) {
        shares.push((Limit::ScoredTokens, limit.saturating_sub(cost.scored_tokens) / lines));
    }
    if let Some(limit) = budget.flops {
        let share = (limit - cost.flops) / lines as f64;
        shares.push((Limit::Flops, token_share(settings, reading.prompt_tokens, share)));
    }
    if let Some(left) = money_left(settings, usage, finished) {
        let share = (left - reading.money) / lines as f64;
        let judged = scorers(settings, tree, wanted) > 0;
        shares.push((Limit::Money, priced_share(settings, judged, share)));
    }
    for (limit, share) in shares {
        if share == 0 {
            return Plan::Stop(limit);
        }
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        for bound in bounds.iter_mut().filter(|bound| share < bound.tokens) {
            (bound.tokens, bound.by) = (share, Some(limit));
        }
    }
    Plan::Lines { bounds, left_out }
}

/// Tokens that this many operations pay for, generated and judged, at the longest context.
fn token_share(settings: &Settings, prompt_tokens: u64, flops: f64) -> u64 {
    let context = prompt_tokens + u64::from(settings.rule.max_tokens);
    let dearest = |costs: &mut dyn Iterator<Item = f64>| costs.fold(0.0, f64::max);
    let writers = std::iter::once(&settings.policy).chain(settings.roles.values());
    let judges = settings.scorer.iter().chain(settings.scorers.values());
    let dearest = dearest(&mut writers.map(|writer| writer.cost.flops(context, 1)))
        + dearest(&mut judges.map(|judge| judge.cost.flops(context, 1)));
    if dearest <= 0.0 {
        return u64::MAX;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let tokens = (flops / dearest).max(0.0) as u64;
    tokens
}

/// What a million tokens cost, written by the dearest and, if they are, judged by the dearest.
fn dearest(settings: &Settings, judged: bool) -> f64 {
    let Prices { writers, scorers } = &settings.prices;
    let written = writers.values().map(|price| price.generated).fold(0.0, f64::max);
    let scored = scorers.values().map(|price| price.scored).fold(0.0, f64::max);
    written + if judged { scored } else { 0.0 }
}

/// Tokens that so much money pays for.
fn priced_share(settings: &Settings, judged: bool, money: f64) -> u64 {
    let dearest = dearest(settings, judged);
    if dearest <= 0.0 {
        // Nothing of a line costs anything, but what it reads may.
        return if money < 0.0 { 0 } else { u64::MAX };
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let tokens = (money * 1e6 / dearest).max(0.0) as u64;
    tokens
}

/// Tokens for one last line after the budget is out, behind so many generated ones, once so much money is spent on
/// reading; `None` when even that is too much.
pub(crate) fn reserve(
    settings: &Settings,
    usage: &Usage,
    generated: u64,
    reading: f64,
) -> Option<u32> {
    let budget = &settings.budget;
    let cost = &usage.logical;
    let hard = budget.mode == Mode::Hard;
    let out = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
    if hard
        && (out(budget.samples, cost.samples)
            || out(budget.calls, cost.calls)
            || out(budget.scored_tokens, cost.scored_tokens)
            || budget.rounds.is_some_and(|limit| usage.rounds >= limit)
            || budget.flops.is_some())
    {
        return None;
    }
    let mut tokens = budget.reserve.min(u64::from(longest(&settings.rule, generated, Until::End)));
    if let Some(limit) = budget.generated_tokens.filter(|_| hard) {
        tokens = tokens.min(limit.saturating_sub(cost.generated_tokens));
    }
    if let Some(limit) = budget.money.filter(|_| hard) {
        let left = limit - cost.money - reading;
        tokens = tokens.min(priced_share(settings, settings.scorer.is_some(), left));
    }
    u32::try_from(tokens).ok().filter(|&tokens| tokens > 0)
}

/// Whether a completion keeps the generator's contract.
pub(crate) fn check_completion(line: &Completion, request: &Request) -> Result<(), LineError> {
    let broken = |what: String| Err(LineError(format!("the generator broke its contract: {what}")));
    let most = request.until.most_steps();
    if line.steps.is_empty() || line.steps.len() > most {
        return broken(format!("{} steps, expected 1 to {most}", line.steps.len()));
    }
    let steps = line.steps.iter();
    if line.finish == Finish::Halted && request.watch.halt.is_none() {
        return broken("a line was broken off that nobody asked to".into());
    }
    if steps.map(Step::generated).sum::<u64>() > u64::from(request.max_tokens) {
        return broken(format!(
            "{} tokens, expected at most {}",
            line.generated(),
            request.max_tokens
        ));
    }
    for (index, step) in line.steps.iter().enumerate() {
        let generated = step.generated();
        if !step.logprobs.is_empty() && step.logprobs.len() as u64 != generated {
            let found = step.logprobs.len();
            return broken(format!(
                "step {index}: {found} log-probabilities for {generated} tokens"
            ));
        }
        if let Some(bad) = step.logprobs.iter().find(|logprob| !logprob.is_finite()) {
            return broken(format!(
                "step {index}: a log-probability is {bad}, expected a finite number"
            ));
        }
        let words = request.append.is_some() || !request.given.is_empty();
        if step.given > 0 && (index > 0 || !words) {
            return broken(format!("step {index}: given tokens that nobody gave"));
        }
        if step.given as usize > step.tokens.len() || step.closing as usize > step.tokens.len() {
            let (given, closing, all) = (step.given, step.closing, step.tokens.len());
            return broken(format!(
                "step {index}: {given} given, {closing} closing of {all} tokens"
            ));
        }
        let kept = !request.given.is_empty() && index == 0;
        if kept && !step.tokens.starts_with(&request.given) {
            return broken("the first step does not begin with the tokens that were kept".into());
        }
        let watch = &request.watch;
        for (asked, noted, name) in [
            (watch.confidence > 0, step.confidence(), "confidence"),
            (watch.certainty, step.certainty(), "certainty"),
            (watch.drawn, step.drawn(), "log-probability as drawn"),
            // What was drawn is compared with what the model thinks.
            (watch.drawn, step.logprobs.as_slice(), "log-probability"),
        ] {
            if asked && noted.is_empty() && generated > 0 {
                return Err(LineError(format!(
                    "the generator notes no {name}, which was asked for"
                )));
            }
        }
        let notes = [step.confidence(), step.certainty(), step.drawn()];
        if let Some(notes) = notes
            .iter()
            .find(|notes| !matches!(notes.len() as u64, 0) && notes.len() as u64 != generated)
        {
            return broken(format!("step {index}: {} notes for {generated} tokens", notes.len()));
        }
        if let Some(bad) = notes.iter().copied().flatten().find(|note| !note.is_finite()) {
            return broken(format!("step {index}: a note is {bad}, expected a finite number"));
        }
    }
    Ok(())
}
