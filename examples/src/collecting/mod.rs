//! What a model learns next from the solutions of an evaluation: rejection sampling, `STaR`, expert iteration, and the
//! distillation of one model's solutions into another, as a file that `finetune` reads.
//!
//! Solutions are those of an [`evaluate`](tts_search::evaluate) run, of any strategy; [`tts_prm::curate`] chooses among
//! them. With a hint, problems that nobody solved are asked once more with the answer shown, and what is right then is
//! learnt, too. Every line has the plain question, without worked examples and without a hint: a model is to come to the
//! solution by itself.
//!
//! Source: Zelikman et al. 2022 (`STaR`, arXiv:2203.14465), section 3; Yuan et al. 2023 (RFT, arXiv:2308.01825), section
//! 3.3; Singh et al. 2023 (`ReST-EM`, arXiv:2312.06585), section 4; DeepSeek-AI 2025 (arXiv:2501.12948), sections 2.3.3
//! and 2.4.

mod pool;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use tts_core::Prompt;
use tts_prm::curate::{Curation, CurationReport, Sameness, curate};
use tts_prm::reinforce::{Format, Script};
use tts_search::Hint;
use tts_search::evaluate::Item;

pub use self::pool::Pool;
use crate::Error;
use crate::files::{read_json, write_whole};
use crate::problems::Asks;
use crate::worked::line;

/// What is learnt of the solutions of an evaluation.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
pub struct CollectOptions {
    /// Writes the solutions that are worth learning, for `finetune`: right ones, different ones, and not too many of a
    /// problem. Of an evaluation that is there, by the same command or with --model records:FOLDER, nothing is drawn again.
    #[arg(long, value_name = "FILE")]
    pub learn: Option<PathBuf>,
    /// What is kept as a JSON file, see `tts_prm::curate::Curation`; options that are given go before it.
    #[arg(long, value_name = "FILE", requires = "learn")]
    pub curation: Option<PathBuf>,
    /// Keeps what is not right, too: all that the scorer likes, with --least-score, or everything.
    #[arg(long, requires = "learn")]
    pub keep_wrong: bool,
    /// Keeps only what has at least this score, on the scorer's scale.
    #[arg(long, requires = "learn")]
    pub least_score: Option<f64>,
    /// When two solutions of a problem are the same, so that the better one is kept: never, text or equations. Default:
    /// equations.
    #[arg(long, requires = "learn", value_parser = named::<Sameness>)]
    pub distinct: Option<Sameness>,
    /// Keeps at most so many solutions of a problem, those with the highest scores; 0 for all. Default: 10.
    #[arg(long, requires = "learn")]
    pub per_problem: Option<usize>,
    /// Keeps nothing of problems of which all solutions are right.
    #[arg(long, requires = "learn")]
    pub drop_easy: bool,
    /// Keeps only what has the form of R1-Zero, thoughts and answer between their marks; other marks in --curation.
    #[arg(long, requires = "learn")]
    pub form: bool,
    /// Keeps only what is in one script: latin, greek, cyrillic, hebrew, arabic, devanagari, han, japanese or hangul.
    #[arg(long, requires = "learn", value_parser = named::<Script>)]
    pub script: Option<Script>,
    /// Keeps only what has at most so many tokens.
    #[arg(long, requires = "learn")]
    pub most_tokens: Option<u64>,
    /// Asks problems of which no solution is right once more, with the answer shown; what is right then is kept, and
    /// learnt as if it had not been shown.
    #[arg(long, requires = "learn")]
    pub hinted: bool,
    /// A Jinja file in place of the words of the hint, over `question` and `answer`.
    #[arg(long, value_name = "FILE", requires = "hinted")]
    pub hint: Option<PathBuf>,
}

/// A choice by its name in JSON.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

impl CollectOptions {
    /// What is kept: of the file, or the defaults, and what is said otherwise.
    ///
    /// # Errors
    /// When the file cannot be read, or something means nothing.
    pub fn keep(&self) -> Result<Curation, Error> {
        let mut keep: Curation = match &self.curation {
            Some(path) => read_json(path)?,
            None => Curation::default(),
        };
        keep.solved &= !self.keep_wrong;
        keep.drop_easy |= self.drop_easy;
        keep.least_score = self.least_score.or(keep.least_score);
        keep.same = self.distinct.unwrap_or(keep.same);
        keep.per_problem = self.per_problem.unwrap_or(keep.per_problem);
        keep.script = self.script.or(keep.script);
        keep.most_tokens = self.most_tokens.or(keep.most_tokens);
        if self.form {
            keep.form = Some(Format::default());
        }
        keep.check()?;
        Ok(keep)
    }

    /// The hint, if one is to be given.
    ///
    /// # Errors
    /// When its file cannot be read, or is no hint.
    pub fn hint(&self) -> Result<Option<Hint>, Error> {
        if !self.hinted {
            return Ok(None);
        }
        let Some(path) = &self.hint else { return Ok(Some(Hint::default())) };
        let named = |problem: String| format!("--hint {}: {problem}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        Ok(Some(Hint::new(text).map_err(named)?))
    }
}

/// Whoever chooses what is learnt, and writes it.
#[derive(Debug)]
pub struct Collector<'a> {
    /// Where it goes.
    pub path: PathBuf,
    /// What is kept.
    pub keep: Curation,
    /// What is shown of problems that nobody solved, if they are asked again.
    pub hint: Option<Hint>,
    /// How problems are asked.
    pub asks: &'a Asks<'a>,
    /// The problems.
    pub items: &'a [Item],
    /// Behind worked examples, what ends a solution: it is cut, and a blank line stands there, as between examples.
    pub stops: Option<Vec<String>>,
}

/// Problems that were asked again with their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    asked: usize,
    right: usize,
    kept: usize,
}

impl Collector<'_> {
    /// Chooses among the solutions of a pool, and writes what is kept. `again` draws one solution of each of some problems
    /// by prompts with a hint, and is called where there is somebody to be told.
    ///
    /// # Errors
    /// When a hint cannot be filled, nobody scored what a score is asked of, nothing is kept, or something cannot be
    /// written.
    pub fn finish(
        &self,
        pool: &Pool,
        again: impl FnOnce(&[Item], &HashMap<String, Prompt>) -> Result<Pool, Error>,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        if self.keep.least_score.is_some() && !pool.is_scored() {
            return Err("least_score of --learn: nothing was scored, expected a --scorer".into());
        }
        let (candidates, places) = pool.candidates();
        let (kept, report) = curate(&candidates, &self.keep)?;
        let mut lines: Vec<(usize, String)> = Vec::with_capacity(kept.len());
        lines.extend(kept.iter().map(|&place| self.line(places[place], &candidates[place].text)));
        let told = match &self.hint {
            None => None,
            Some(hint) => {
                let (told, more) = self.told(hint, pool, again)?;
                lines.extend(more);
                Some(told)
            }
        };
        // Those of a problem stand together, in the order in which they were drawn.
        lines.sort_by_key(|(problem, _)| *problem);
        Self::tell(&report, told, out)?;
        if lines.is_empty() {
            return Err("--learn: nothing is kept, and nothing was written".into());
        }
        let text: String = lines.into_iter().map(|(_, line)| line + "\n").collect();
        write_whole(&self.path, text.as_bytes())?;
        writeln!(out, "{}", self.path.display())?;
        Ok(())
    }

    /// What becomes of problems that nobody solved, asked again with their answers.
    fn told(
        &self,
        hint: &Hint,
        pool: &Pool,
        again: impl FnOnce(&[Item], &HashMap<String, Prompt>) -> Result<Pool, Error>,
    ) -> Result<(Told, Vec<(usize, String)>), Error> {
        let hard = pool.unsolved();
        let items: Vec<Item> = hard.iter().map(|&place| self.items[place].clone()).collect();
        let prompts = items
            .iter()
            .map(|item| Ok((item.question.clone(), self.asks.hinted(hint, item)?)))
            .collect::<Result<HashMap<String, Prompt>, Error>>()?;
        let found = if items.is_empty() { Pool::default() } else { again(&items, &prompts)? };
        let (mut candidates, places) = found.candidates();
        // Who was told and is wrong all the same has nothing to teach; one right solution of one makes no problem easy.
        for candidate in candidates.iter_mut().filter(|candidate| !candidate.solved) {
            candidate.text.clear();
        }
        let keep = Curation { solved: true, drop_easy: false, ..self.keep.clone() };
        let (kept, report) = curate(&candidates, &keep)?;
        let told = Told { asked: items.len(), right: report.solved, kept: kept.len() };
        let line = |place: usize| self.line(hard[places[place]], &candidates[place].text);
        Ok((told, kept.into_iter().map(line).collect()))
    }

    /// A line to learn, with the place of its problem.
    fn line(&self, problem: usize, text: &str) -> (usize, String) {
        let prompt = self.asks.plain(&self.items[problem].question);
        let Some(stops) = &self.stops else { return (problem, line(&prompt, text.trim_end())) };
        let mut own = text.trim();
        let stops = || stops.iter().map(|stop| stop.trim()).filter(|stop| !stop.is_empty());
        while let Some(rest) = stops().find_map(|stop| own.strip_suffix(stop)) {
            own = rest.trim();
        }
        (problem, line(&prompt, &format!(" {own}\n\n")))
    }

    fn tell(report: &CurationReport, told: Option<Told>, out: &mut dyn Write) -> Result<(), Error> {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        writeln!(
            out,
            "learn     {} of {} solutions, of {} of {} problems; {} are right, {} of one, {} of any, {} of the right ones \
             differ",
            report.kept,
            report.candidates,
            report.kept_problems,
            report.problems,
            report.solved,
            percent(report.pass_at_1),
            percent(report.pass_at_n),
            percent(report.diversity)
        )?;
        if report.easy_problems > 0 {
            writeln!(
                out,
                "          {} problems are too easy: all are right",
                report.easy_problems
            )?;
        }
        if report.unfit > 0 {
            let unfit = report.unfit;
            writeln!(out, "          {unfit} solutions have another form, script or length")?;
        }
        if report.kept_wrong > 0 {
            writeln!(out, "          {} that are kept are wrong", report.kept_wrong)?;
        }
        if let Some(Told { asked, right, kept }) = told {
            writeln!(
                out,
                "hinted    {asked} problems that nobody solved, asked again with the answer: {right} right, {kept} kept"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
