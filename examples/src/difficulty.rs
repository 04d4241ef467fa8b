//! How hard problems of a file are, for a policy that learns from them: what their data set says, or how often they
//! were solved in an evaluation before.
//!
//! Problems that are always solved, or never, teach a policy nothing: all samples of theirs are worth the same. An
//! evaluation of the same file with a few samples a problem tells them apart, and the run then spends itself on the
//! rest.
//!
//! Source: Yu et al. 2025 (arXiv 2503.14476), section 3.2, for groups without a signal; here they are found before
//! the run.

use std::io::Write;

use clap::Args;
use tts_prm::reinforce::{Curriculum, Problem, ReinforceConfig};
use tts_search::evaluate::words::significant;
use tts_search::evaluate::{DataSet, Graded, fingerprint};

use crate::Error;
use crate::folders::{Folders, Kept};

/// How hard problems are, and which are left out for it.
#[derive(Debug, Args)]
pub struct DifficultyOptions {
    /// Field of how hard a problem is, for a curriculum that begins with the easiest: a number, or a text with one number,
    /// such as `Level 3`. Default: as the data set has it.
    #[arg(long, conflicts_with_all = ["family", "judge", "graded"])]
    pub difficulty_field: Option<String>,
    /// Folder of an evaluation of the same file (`evaluate`, independent samples), whose shares of right samples say how
    /// hard problems are; those that it did not reach are left out.
    #[arg(long, conflicts_with_all = ["family", "judge"])]
    pub graded: Option<Folders>,
    /// Leaves out problems of which a smaller share was right there.
    #[arg(long, requires = "graded")]
    pub least_right: Option<f64>,
    /// Leaves out problems of which a larger share was right there.
    #[arg(long, requires = "graded")]
    pub most_right: Option<f64>,
}

/// Says how hard problems are said to be, where it is said of any.
///
/// # Errors
/// When `out` cannot be written to.
pub fn tell_range(out: &mut dyn Write, problems: &[Problem]) -> Result<(), Error> {
    let all: Vec<f64> = problems.iter().filter_map(|problem| problem.difficulty).collect();
    if all.is_empty() {
        return Ok(());
    }
    let (least, most) =
        all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &own| {
            (least.min(own), most.max(own))
        });
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let [least, most, mean] = [least, most, mean].map(significant);
    let (known, count) = (all.len(), problems.len());
    writeln!(
        out,
        "difficulty {least} to {most}, {mean} on average, of {known} problems of {count}"
    )?;
    Ok(())
}

/// Shares of right samples of the problems of a file, and which are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// Of the first problems of the file; `None` where nothing was drawn.
    of: Vec<Option<f64>>,
    /// The least and the greatest that is learnt from.
    wanted: [f64; 2],
}

/// What becomes of a problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// It is learnt from, and as hard as that, if anything says so.
    Yes(Option<f64>),
    /// It is left out.
    No,
}

impl DifficultyOptions {
    /// # Errors
    /// When nothing goes by what they say.
    pub fn check(&self, config: &ReinforceConfig) -> Result<(), Error> {
        let shares = [("--least-right", self.least_right), ("--most-right", self.most_right)];
        for (name, share) in shares {
            if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                return Err(format!("{name}: {share}, expected a share from 0 to 1").into());
            }
        }
        let [least, most] = self.wanted();
        if least > most {
            return Err(format!("--least-right: {least}, above --most-right of {most}").into());
        }
        let leaves_out = self.least_right.is_some() || self.most_right.is_some();
        let orders = matches!(config.curriculum, Curriculum::EasyFirst { .. });
        let idle = [
            ("--difficulty-field", self.difficulty_field.is_some()),
            ("--graded", self.graded.is_some() && !leaves_out),
        ];
        match idle.iter().find(|(_, said)| *said && !orders) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "{name}: nothing goes by how hard problems are: expected a recipe with a curriculum of easy-first, or \
                 --least-right and --most-right of what was --graded"
            )
            .into()),
        }
    }

    fn wanted(&self) -> [f64; 2] {
        [self.least_right.unwrap_or(0.0), self.most_right.unwrap_or(1.0)]
    }

    /// How often the problems of a data set were solved before, if an evaluation is named.
    ///
    /// # Errors
    /// When it cannot be read, or is one of other questions or answers.
    pub fn shares(&self, data: &DataSet) -> Result<Option<Shares>, Error> {
        let Some(folders) = &self.graded else { return Ok(None) };
        let kept = Kept::read(folders)?;
        let rows = &kept.report.rows;
        let same = rows.len() <= data.items.len();
        if !same || fingerprint(&data.items[..rows.len()]) != kept.fingerprint {
            let problem =
                "other questions or answers, expected those of the data, from the first on";
            return Err(format!("--graded: {}: {problem}", kept.name).into());
        }
        let mut of = vec![None; rows.len()];
        for row in rows {
            if let Some(place) = of.get_mut(row.index) {
                *place = share(row);
            }
        }
        Ok(Some(Shares { of, wanted: self.wanted() }))
    }
}

/// The share of a problem's samples that are right; none without any.
fn share(row: &Graded) -> Option<f64> {
    let right = row.candidates.iter().filter(|sample| sample.right).count();
    let all = row.candidates.len();
    (all > 0).then(|| right as f64 / all as f64)
}

impl Shares {
    /// Whether the problem at a place of the data is learnt from.
    pub fn wanted(&self, place: usize) -> Wanted {
        let [least, most] = self.wanted;
        match self.of.get(place).copied().flatten() {
            Some(share) if share >= least && share <= most => Wanted::Yes(Some(1.0 - share)),
            _ => Wanted::No,
        }
    }

    /// Says how many problems of the data are wanted, and why others are not.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn tell(&self, out: &mut dyn Write, problems: usize) -> Result<(), Error> {
        let [least, most] = self.wanted;
        let known = || self.of.iter().take(problems).flatten();
        let rarely = known().filter(|share| **share < least).count();
        let often = known().filter(|share| **share > most).count();
        let unknown = problems - known().count();
        let left = problems - unknown - rarely - often;
        Ok(writeln!(
            out,
            "graded    {left} of {problems} problems are wanted, {rarely} were solved too rarely, {often} too \
             often, {unknown} not tried"
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> DifficultyOptions {
        DifficultyOptions {
            difficulty_field: None,
            graded: None,
            least_right: None,
            most_right: None,
        }
    }

    #[test]
    fn problems_are_wanted_by_how_often_they_were_solved() {
        let shares = Shares {
            of: vec![Some(0.0), Some(0.25), None, Some(1.0), Some(0.5)],
            wanted: [0.05, 0.95],
        };
        let found: Vec<Wanted> = (0..6).map(|place| shares.wanted(place)).collect();
        let (no, yes) = (Wanted::No, |hard| Wanted::Yes(Some(hard)));
        assert_eq!(found, [no, yes(0.75), no, no, yes(0.5), no]);
        let mut told = Vec::new();
        shares.tell(&mut told, 6).expect("told");
        // Of fewer problems of the file, what was tried behind them does not count.
        shares.tell(&mut told, 2).expect("told");
        assert_eq!(
            String::from_utf8(told).expect("text"),
            "graded    2 of 6 problems are wanted, 1 were solved too rarely, 1 too often, 2 not tried\n\
             graded    1 of 2 problems are wanted, 1 were solved too rarely, 0 too often, 0 not tried\n"
        );
    }

    #[test]
    fn what_nothing_goes_by_is_refused() {
        let shuffled = ReinforceConfig::default();
        let easy = ReinforceConfig {
            curriculum: Curriculum::EasyFirst { start: 0.5, full: 0.5 },
            ..ReinforceConfig::default()
        };
        let by_field = DifficultyOptions { difficulty_field: Some("level".into()), ..options() };
        let error = by_field.check(&shuffled).expect_err("shuffled").to_string();
        assert!(error.contains("--difficulty-field: nothing goes by"), "{error}");
        by_field.check(&easy).expect("an order");
        let graded = "pool".parse::<Folders>().expect("a folder");
        let alone = DifficultyOptions { graded: Some(graded.clone()), ..options() };
        let error = alone.check(&shuffled).expect_err("shuffled").to_string();
        assert!(error.contains("--graded: nothing goes by"), "{error}");
        let within = |least, most| DifficultyOptions {
            graded: Some(graded.clone()),
            least_right: least,
            most_right: most,
            ..options()
        };
        within(Some(0.05), None).check(&shuffled).expect("some are left out");
        for (least, most, expected) in [
            (Some(1.5), None, "--least-right: 1.5, expected a share"),
            (None, Some(f64::NAN), "--most-right: NaN, expected a share"),
            (Some(0.9), Some(0.1), "--least-right: 0.9, above --most-right of 0.1"),
        ] {
            let error = within(least, most).check(&shuffled).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
