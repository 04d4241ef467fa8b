//! Methods of research on Atlas, held against each other: by agents that are rules, and by a small model that learnt from
//! them.
//!
//! Every arm gets the same requests, writers and seeds, and the same hard limits of lines, searches included; so its
//! figures are paired. Differences are to the arm `denoising`, with their standard error over requests of all seeds.
//!
//! Source: none; see [`tts_search::research::atlas`].

mod plan;
mod table;
mod writer;

#[cfg(test)]
mod tests;

use tts_core::{Budget, Generator, Mode, Sampling, Search, StepRule};
use tts_search::research::atlas::{self, Atlas};
use tts_search::retrieve::{SearchSettings, Searcher};

pub use plan::{Arm, Careless, Plan, Trial};
pub use table::Table;
pub use writer::{Exact, WriterConfig, Written};

use crate::Error;

/// Runs all arms of a plan with the agents of one rate of errors.
///
/// # Errors
/// When a research fails, or an arm is no recipe.
pub fn scripted(plan: &Plan, careless: Careless) -> Result<Table, Error> {
    let agents = careless.agents();
    let mut table = Table::new(&plan.arms, &plan.calls);
    for &seed in &plan.seeds {
        run(plan, plan.requests, &mut table, seed, None, &|| Search::new(agents))?;
    }
    Ok(table)
}

/// Runs all arms of a plan with a model that writes every part, asked in the few words of [`atlas::prompts`].
///
/// # Errors
/// As [`scripted`].
pub fn written(plan: &Plan, trial: &Trial, model: &dyn Generator) -> Result<Table, Error> {
    let mut table = Table::new(&plan.arms, &trial.calls);
    let prompts = atlas::prompts();
    for &seed in &plan.seeds {
        run(plan, trial.requests, &mut table, seed, Some(&prompts), &|| {
            let sampling = Sampling::temperature(trial.temperature);
            Search::new(model).rule(trial.rule()).sampling(sampling)
        })?;
    }
    Ok(table)
}

/// All arms on one world.
fn run<'a>(
    plan: &Plan,
    requests: usize,
    table: &mut Table,
    seed: u64,
    prompts: Option<&tts_search::research::ResearchPrompts>,
    search: &dyn Fn() -> Search<'a>,
) -> Result<(), Error> {
    let world = Atlas::new(seed, plan.paragraphs);
    let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
    let requests: Vec<_> = (0..requests).map(|number| world.request(number)).collect();
    for (number, arm) in plan.arms.iter().enumerate() {
        let recipe = arm.recipe(prompts)?;
        for lines in table.calls().to_vec() {
            let budget = Budget { samples: Some(lines), mode: Mode::Hard, ..Budget::default() };
            let search = search().role("search", searcher.clone()).budget(budget).seed(seed);
            let outcomes = search.run_many(&recipe, requests.iter().map(atlas::Request::prompt));
            for (request, outcome) in requests.iter().zip(outcomes) {
                table.add((number, lines), request, &outcome?);
            }
        }
    }
    Ok(())
}

/// Lines of a model end by themselves, and nowhere else.
fn whole(max_tokens: u32) -> StepRule {
    StepRule {
        delimiters: Vec::new(),
        max_step_tokens: max_tokens,
        max_tokens,
        ..StepRule::default()
    }
}
