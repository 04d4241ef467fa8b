//! Sampled solutions in files that a killed run goes on with.
//!
//! One problem a line; a line that a kill cut short is dropped and written again.

use std::collections::HashSet;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use tts_core::family::{Problem, Split, problems};
use tts_core::files::{Lines, Others};
use tts_core::{Generator, Sampling, Search};
use tts_search::evaluate::attempts::{Attempts, sample};

use super::Stages;
use crate::Error;
use crate::setting;

/// Problems that are sampled between two writes.
const CHUNK: usize = 128;

/// Which problems, and how many solutions of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Name of the file without its ending.
    pub(super) name: &'static str,
    pub(super) split: Split,
    pub(super) problems: usize,
    pub(super) samples: usize,
}

/// The complete lines of a file, and their length in bytes.
fn read(path: &Path, bytes: &[u8]) -> Result<(Vec<Attempts>, u64), Error> {
    let (mut lines, mut length) = (Vec::new(), 0);
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        if line.ends_with(b"\n") {
            let attempts = serde_json::from_slice(line);
            let wrong = |error| format!("{}: line {number}: {error}", path.display());
            lines.push(attempts.map_err(wrong)?);
            length += line.len() as u64;
        }
    }
    Ok((lines, length))
}

impl Stages {
    /// Different problems of a split, other than those that the generator learnt from.
    fn unseen(&self, split: Split, count: usize) -> Result<Vec<Problem>, Error> {
        let family = &self.config.family;
        let learnt: HashSet<String> = problems(family, Split::Train, self.stream(0))
            .take(self.config.problems)
            .map(|problem| problem.question)
            .collect();
        let found: Vec<Problem> = problems(family, split, self.stream(1))
            .filter(|problem| !learnt.contains(&problem.question))
            .take(count)
            .collect();
        if found.len() < count {
            return Err(format!("only {} of {count} problems in the family", found.len()).into());
        }
        Ok(found)
    }

    /// The solutions of a plan, from its file as far as it goes.
    pub(super) fn sampled(
        &self,
        generator: &dyn Generator,
        plan: Plan,
    ) -> Result<Vec<Attempts>, Error> {
        let path = self.work.join(format!("{}.jsonl", plan.name));
        let problems = self.unseen(plan.split, plan.problems)?;
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut file = Lines::open(&path, Others::Refused).map_err(failed)?;
        let (mut all, length) = read(&path, &file.bytes().map_err(failed)?)?;
        let same = all.iter().zip(&problems).all(|(attempts, problem)| {
            attempts.question == problem.question && attempts.attempts.len() == plan.samples
        });
        if !same || all.len() > problems.len() {
            let problem = "belongs to a run with other settings; remove it to start afresh";
            return Err(format!("{}: {problem}", path.display()).into());
        }
        file.cut(length).map_err(failed)?;
        let bar = ProgressBar::new(problems.len() as u64).with_prefix(plan.name).with_style(
            ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {elapsed} (left {eta})")?,
        );
        bar.set_position(all.len() as u64);
        bar.reset_eta();
        for chunk in problems[all.len()..].chunks(CHUNK) {
            let family = &self.config.family;
            let search = Search::new(generator)
                .rule(setting::short_rule())
                .sampling(Sampling::temperature(self.config.temperature))
                .seed(self.config.seed)
                .concurrency(setting::CONCURRENCY);
            let sampled = sample(&search, family, chunk, plan.samples, || bar.inc(1))?;
            let mut lines = Vec::new();
            for attempts in &sampled {
                serde_json::to_writer(&mut lines, attempts)?;
                lines.push(b'\n');
            }
            file.append_safely(&lines).map_err(failed)?;
            all.extend(sampled);
        }
        bar.finish();
        Ok(all)
    }
}
