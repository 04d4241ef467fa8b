//! Which strategy on which problems: a choice by a probe, fitted on evaluations that lie in folders.
//!
//! [`Choosing::of`] reads folders of `evaluate`: of one the samples tell how easy each problem looks, the others are
//! the strategies that are chosen from. What that is worth is told on halves of the problems that had no say in it
//! ([`tts_search::choose::curve`], as in the experiment `choice`), and the policy of all problems is a recipe that
//! `solve`, `evaluate` and `serve` run ([`ComputeOptimal`]). All folders have to be of the same problems, model,
//! scorer, prompt, sampling, step rule and budget; seeds may differ.
//!
//! What the probe draws the chosen strategy asks for first, so that only the rest of it is paid on top; where the
//! strategies have the probe's seed, its samples are theirs, as they will be.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2.

mod price;
mod probed;
mod words;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use serde_json::Value;
use tts_core::drive::Judge;
use tts_core::{Aggregate, FittedTo, SearchStrategy, Until};
use tts_search::Recipe;
use tts_search::choose::{
    Bins, Choice, ComputeOptimal, Curve, FirstLines, Level, Probe, Signal, Spend, Stage, Tried,
    curve,
};
use tts_search::evaluate::Difficulty;
use tts_search::evaluate::words::significant;

use crate::Error;
use crate::files::write_json;
use crate::folders::{Folders, Kept, check_apart, check_same_problems};

pub use price::Price;
use probed::Probed;

/// What is chosen from, and by what.
#[derive(Debug, Clone, clap::Args)]
pub struct ChoosingOptions {
    /// Evaluations of the strategies to choose from, as FOLDER, NAME=FOLDER, or FOLDER,FOLDER,.. for shards.
    #[arg(required = true)]
    pub arms: Vec<Folders>,
    /// An evaluation whose samples say how easy a problem looks: best-of-n or self-consistency with few samples.
    #[arg(long)]
    pub probe: Folders,
    /// What its samples are looked at for: score or agreement.
    #[arg(long, default_value = "score", value_parser = signal)]
    pub signal: Signal,
    /// How far they go: end, or step, for the scores of first steps, which cost less.
    #[arg(long, default_value = "end", value_parser = until)]
    pub until: Until,
    /// Bins of problems, of equal size.
    #[arg(long, default_value = "5")]
    pub bins: NonZeroUsize,
    /// What strategies are paid in.
    #[arg(long, value_enum, default_value_t)]
    pub cost: Price,
    /// The most that the choice may cost, on average over all problems, with its probe; default: anything.
    #[arg(long)]
    pub within: Option<f64>,
    /// The strategy whose accuracy is to be reached for less.
    #[arg(long)]
    pub baseline: Option<Folders>,
    /// Samples from another seed, many, by whose share of right ones problems are binned for comparison: no
    /// problem without a known answer has it.
    #[arg(long)]
    pub difficulty: Option<Folders>,
    /// The chosen strategy starts from nothing, and the whole probe is paid on top.
    #[arg(long)]
    pub no_reuse: bool,
}

fn signal(text: &str) -> Result<Signal, String> {
    match text {
        "score" => Ok(Signal::Score),
        "agreement" => Ok(Signal::Agreement),
        _ => Err("expected score or agreement".into()),
    }
}

fn until(text: &str) -> Result<Until, String> {
    match text {
        "end" => Ok(Until::End),
        "step" => Ok(Until::Step),
        _ => Err("expected end or step".into()),
    }
}

/// A strategy that can be chosen.
#[derive(Debug)]
struct Tested {
    name: String,
    /// Without a probe.
    alone: Tried,
    /// With what of the probe comes on top.
    behind: Tried,
}

impl Tested {
    fn of(kept: &Kept, price: Price, on_top: &[f64]) -> Self {
        let alone = tried(kept, price);
        let costs = alone.costs.iter().zip(on_top).map(|(own, on_top)| own + on_top).collect();
        let behind = Tried { costs, ..alone.clone() };
        Self { name: kept.name.clone(), alone, behind }
    }

    fn cost(&self) -> f64 {
        mean(&self.behind.costs)
    }
}

/// A way to choose, and what comes of it.
#[derive(Debug)]
struct Way {
    name: &'static str,
    curve: Curve,
}

impl Way {
    /// The choice of the largest budget within the one that is asked for.
    fn at(&self, within: Option<f64>) -> Option<&Stage> {
        let fits = |stage: &&Stage| within.is_none_or(|most| stage.budget <= most);
        self.curve.stages.iter().rfind(fits)
    }
}

/// A fitted choice.
#[derive(Debug)]
pub struct Choosing {
    price: Price,
    within: Option<f64>,
    /// Bins that were asked for; equal estimates leave fewer.
    asked: usize,
    baseline: Option<String>,
    probe: Probe,
    /// The probe's name and mean cost, and whether the strategies have its samples.
    probed: (String, f64, bool),
    estimates: Vec<f64>,
    arms: Vec<Tested>,
    /// By the probe; by the probe as a gift; by the share of right samples, where that is known; one for all.
    ways: Vec<Way>,
    choice: Choice,
    optimal: ComputeOptimal<Recipe>,
}

fn mean(list: &[f64]) -> f64 {
    list.iter().sum::<f64>() / list.len().max(1) as f64
}

impl Choosing {
    /// Reads folders and fits.
    ///
    /// # Errors
    /// When a folder holds no evaluation that is done, its problems or settings are others, the probe is no probe, no
    /// choice is within the budget, or there are fewer problems than bins: the error names folder or option.
    pub fn of(options: &ChoosingOptions) -> Result<Self, Error> {
        let kept = options.arms.iter().map(Kept::read).collect::<Result<Vec<Kept>, Error>>()?;
        let arm = |of: &Folders| named(of, &options.arms);
        let read = |of: Option<&Folders>| of.map(|of| Kept::read(&arm(of))).transpose();
        let probe_folders = arm(&options.probe);
        let probe = Kept::read(&probe_folders)?;
        let baseline = read(options.baseline.as_ref())?;
        let difficulty = read(options.difficulty.as_ref())?;
        check_same_problems([&probe].into_iter().chain(&kept).chain(&baseline).chain(&difficulty))?;
        for other in kept.iter().chain(&baseline) {
            check_alike(&probe, other, &[])?;
        }
        // Who is right does not depend on who scores.
        if let Some(pool) = &difficulty {
            check_alike(&probe, pool, &["scorer", "named", "setup.scorer", "setup.named"])?;
        }
        let (asked, problems) = (options.bins.get(), probe.report.problems);
        if asked > problems {
            let problem = format!("{asked} of {problems} problems, expected 1 to {problems}");
            return Err(format!("--bins: {problem}").into());
        }
        if let Some(name) = twice(&kept) {
            return Err(format!("two strategies are called {name:?}: give one another name").into());
        }
        let price = options.cost;
        let looks = looks_of(&probe, options)?;
        let recipes = kept.iter().map(Kept::recipe).collect::<Result<Vec<Recipe>, Error>>()?;
        let firsts: Vec<FirstLines> = if options.no_reuse {
            vec![FirstLines::default(); recipes.len()]
        } else {
            recipes.iter().map(|recipe| FirstLines::of(recipe.clone())).collect()
        };
        let by_steps = firsts.iter().any(|first| first.begun > 0);
        let of = (&probe_folders, &probe);
        let Probed { estimates, paid, begun } = Probed::of(of, looks, price, by_steps)?;
        let on_top = |first: &FirstLines| -> Vec<f64> {
            let both = paid.iter().zip(&begun);
            both.map(|(&all, &begun)| price.on_top(*first, looks, [all, begun])).collect()
        };
        let arms: Vec<Tested> = kept
            .iter()
            .zip(&firsts)
            .map(|(kept, first)| Tested::of(kept, price, &on_top(first)))
            .collect();
        let level = |kept: &Kept| {
            let Tried { values, costs } = tried(kept, price);
            Level { values, costs }
        };
        let bins = Bins::apart(&estimates, asked)?;
        if bins.count() == 1 && asked > 1 {
            return Err(nothing_told(&probe.name, looks.signal, estimates[0]).into());
        }
        let ways = ways(
            (&arms, &bins, asked),
            (&estimates, difficulty.as_ref()),
            (&probe, &kept),
            baseline.as_ref().map(level).as_ref(),
        )?;
        let Some(stage) = ways[0].at(options.within) else {
            let least = ways[0].curve.stages.first().map_or(0.0, |stage| stage.budget);
            let least = price.told(least);
            let problem = format!("the cheapest choice costs {least} {} a problem", price.unit());
            return Err(format!("--within: {problem}").into());
        };
        let choice = Choice { probe: Some(looks), bins, arms: stage.arms.clone() };
        let fitted = ComputeOptimal::fitted(&choice, &recipes)?;
        let scorer = (looks.signal == Signal::Score).then(|| fitted_to(&probe, looks.aggregate));
        let optimal = ComputeOptimal { reuse: !options.no_reuse, scorer, ..fitted };
        optimal.check()?;
        let seed = |kept: &Kept| kept.settings.pointer("/setup/seed").cloned();
        let own = kept.iter().all(|arm| seed(arm).is_some() && seed(arm) == seed(&probe));
        Ok(Self {
            price,
            within: options.within,
            asked,
            baseline: baseline.map(|kept| kept.name),
            probe: looks,
            probed: (probe.name, mean(&paid), own),
            estimates,
            arms,
            ways,
            choice,
            optimal,
        })
    }

    /// The strategy that is made of it.
    pub fn recipe(&self) -> Recipe {
        self.optimal.clone().into()
    }

    /// Writes the strategy as a recipe, which commands take as `--recipe`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_recipe(&self, path: &Path) -> Result<(), Error> {
        write_json(path, &self.recipe())
    }

    /// Writes what was found, for people to read.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        words::write(self, out)
    }
}

/// An evaluation that may be named as one of the strategies is, where no folder is called so.
fn named(of: &Folders, arms: &[Folders]) -> Folders {
    let [folder] = &of.folders[..] else { return of.clone() };
    let arm = arms.iter().find(|arm| folder.as_os_str() == arm.name.as_str() && !folder.exists());
    arm.unwrap_or(of).clone()
}

/// Why a probe whose samples say the same of every problem chooses nothing.
fn nothing_told(probe: &str, signal: Signal, estimate: f64) -> String {
    let (said, other) = match signal {
        Signal::Score => ("scores", "--signal agreement, or evaluate it with another --scorer"),
        Signal::Agreement => ("agreement", "--signal score"),
    };
    let estimate = significant(estimate);
    format!(
        "--probe {probe}: the {said} of its samples are the same ({estimate}) for every problem, so that nothing tells \
         problems apart: look at {other}"
    )
}

/// Refuses an evaluation that differs from the probe's in more than strategy, seed, and settings of these names: what is
/// chosen has one of all others.
fn check_alike(probe: &Kept, other: &Kept, but: &[&str]) -> Result<(), Error> {
    let differs = other.beside_but(probe, &[but, &["setup.recipe", "setup.seed"]].concat());
    if differs.is_empty() {
        return Ok(());
    }
    let (name, of, differs) = (&other.name, &probe.name, differs.join(", "));
    Err(format!(
        "{name}: has other settings than {of}, expected another strategy or seed alone: {differs}"
    )
    .into())
}

/// Whose scores an evaluation's samples have.
fn fitted_to(kept: &Kept, aggregate: Aggregate) -> FittedTo {
    let identity = kept.settings.get("scorer").and_then(Value::as_str).map(str::to_owned);
    let judge = Judge { scale: kept.report.scale, identity, ..Judge::default() };
    FittedTo::of(&judge, aggregate)
}

fn twice(all: &[Kept]) -> Option<&str> {
    let before = |place: usize| all[..place].iter().any(|other| other.name == all[place].name);
    (0..all.len()).find(|&place| before(place)).map(|place| all[place].name.as_str())
}

/// What an evaluation draws first and how its samples are looked at.
fn looks_of(kept: &Kept, options: &ChoosingOptions) -> Result<Probe, Error> {
    let first = FirstLines::of(kept.recipe()?);
    let Some(aggregate) = kept.samples.filter(|_| first.whole > 0) else {
        let problem = "its strategy does not sample the problem in the search's own way, expected \
                       best-of-n or self-consistency, say";
        return Err(format!("--probe {}: {problem}", kept.name).into());
    };
    let (signal, until) = (options.signal, options.until);
    let probe = Probe { samples: first.whole, signal, aggregate, until };
    probe.check()?;
    Ok(probe)
}

fn tried(kept: &Kept, price: Price) -> Tried {
    let rows = kept.report.rows.iter();
    Tried { values: kept.report.values(), costs: rows.map(|row| price.of(&row.cost)).collect() }
}

/// What each way to choose is worth.
fn ways(
    (arms, bins, asked): (&[Tested], &Bins, usize),
    (estimates, difficulty): (&[f64], Option<&Kept>),
    (probe, kept): (&Kept, &[Kept]),
    baseline: Option<&Level>,
) -> Result<Vec<Way>, Error> {
    let gift = vec![0.0; estimates.len()];
    let behind: Vec<Tried> = arms.iter().map(|arm| arm.behind.clone()).collect();
    let alone: Vec<Tried> = arms.iter().map(|arm| arm.alone.clone()).collect();
    let one = Bins { edges: Vec::new() };
    let of = |name, estimates: &[f64], bins: &Bins, arms: &[Tried]| {
        let spend = if bins.count() == 1 { Spend::Arm } else { Spend::Choice };
        let curve = curve(estimates, bins, arms, (&gift, spend), baseline)?;
        Ok::<_, Error>(Way { name, curve })
    };
    let mut ways = vec![
        of("by the probe", estimates, bins, &behind)?,
        of("by the probe, not paid", estimates, bins, &alone)?,
    ];
    if let Some(pool) = difficulty {
        check_apart(pool, kept.iter().chain([probe]))?;
        let shares = Difficulty::shares(&pool.report)
            .map_err(|error| format!("--difficulty {}: {error}", pool.name))?;
        let bins = Bins::apart(&shares, asked)?;
        ways.push(of("by the share of right samples", &shares, &bins, &alone)?);
    }
    ways.push(of("the best of them for all", estimates, &one, &alone)?);
    Ok(ways)
}

#[cfg(test)]
mod tests;
