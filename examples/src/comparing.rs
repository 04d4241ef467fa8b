//! Evaluations of strategies on the same problems, side by side: what the command `compare` says and writes.
//!
//! [`Study::read`] takes folders of `evaluate` as arms, and one more as the pool that says how difficult the problems
//! are. Figures are those of [`Arms`]; this module adds which settings each arm had, what the arms are beside a larger
//! model at as many operations ([`LargerOptions`]), and puts all of it into files.
//!
//! Source: none; see [`tts_search::evaluate::Arms`].

mod larger;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use tts_search::evaluate::{Arms, Compared, CostAxis, Difficulty};

use crate::Error;
use crate::files::{write_json, write_whole};
use crate::folders::{Folders, Kept, check_apart, check_same_problems};

pub use self::larger::{AtOperations, LargerOptions, Named};

/// Arms on the same problems, as they lie in folders.
#[derive(Debug)]
pub struct Study {
    kept: Vec<Kept>,
    arms: Arms,
    pool: Option<(Kept, Difficulty)>,
    matched: Option<AtOperations>,
}

/// Where settings of `evaluate` have the strategy.
const RECIPE: &str = "/setup/recipe";

/// What a comparison is, as a file has it.
#[derive(Serialize)]
struct Figures<'a> {
    /// All that decided the results of each arm, by its name.
    settings: BTreeMap<&'a str, &'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<&'a Difficulty>,
    #[serde(flatten)]
    compared: &'a Compared,
    /// Beside a larger model.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<&'a AtOperations>,
}

impl Study {
    /// Reads folders; an evaluation by a larger model is the last arm.
    ///
    /// # Errors
    /// When a folder holds no evaluation that is done, arms or pool are of other problems, two arms have one name,
    /// the pool has the samples of an arm, or arms cannot be compared with a larger model.
    pub fn read(
        folders: &[Folders],
        pool: Option<&Folders>,
        larger: &LargerOptions,
    ) -> Result<Self, Error> {
        larger.check()?;
        let all = folders.iter().chain(&larger.larger);
        let kept = all.map(Kept::read).collect::<Result<Vec<Kept>, Error>>()?;
        let arms = Arms::new(kept.iter().map(Kept::arm).collect())?;
        let pool = pool.map(Kept::read).transpose()?;
        check_same_problems(kept.iter().chain(&pool))?;
        let pool = match pool {
            Some(pool) => {
                check_apart(&pool, &kept)?;
                let difficulty = Difficulty::of(&pool.report)
                    .map_err(|error| format!("{}: {error}", pool.name))?;
                Some((pool, difficulty))
            }
            None => None,
        };
        let difficulty = pool.as_ref().map(|(_, difficulty)| difficulty);
        let matched = larger.figures(folders, &kept, difficulty)?;
        Ok(Self { kept, arms, pool, matched })
    }

    /// The arms.
    pub fn arms(&self) -> &Arms {
        &self.arms
    }

    /// All figures, against one arm or each with each.
    ///
    /// # Errors
    /// When there is no such arm.
    pub fn compare(&self, against: Option<&str>) -> Result<Compared, Error> {
        let difficulty = self.pool.as_ref().map(|(_, difficulty)| difficulty);
        Ok(self.arms.compare(against, difficulty)?)
    }

    /// Writes what the arms are beside a larger model, where one is asked for.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_matched(&self, out: &mut dyn Write) -> io::Result<()> {
        self.matched.iter().try_for_each(|matched| matched.write(out))
    }

    /// Says of each arm what it is: its recipe, and what else is another in its settings than in the first's.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_settings(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(first) = self.kept.first() else { return Ok(()) };
        for kept in &self.kept {
            let recipe = kept.settings.pointer(RECIPE).unwrap_or(&kept.settings);
            writeln!(out, "{}: {recipe}", kept.name)?;
            let beside = kept.beside(first).into_iter();
            // Recipes are told whole.
            let beside: Vec<String> =
                beside.filter(|other| !other.starts_with("setup.recipe")).collect();
            if !beside.is_empty() {
                writeln!(out, "    other than {}: {}", first.name, beside.join(", "))?;
            }
        }
        if let Some((pool, found)) = &self.pool {
            let (samples, mean) = (found.samples, 100.0 * found.pass_at_1.mean);
            let name = &pool.name;
            write!(out, "difficulty: {samples} samples a problem of {name}, {mean:.1} % right")?;
            match found.bins.len() {
                1 => writeln!(out, "; as many of each problem, so that nothing tells these apart")?,
                bins @ 2..5 => writeln!(
                    out,
                    "; {bins} bins in place of 5: problems with as many right samples are in one"
                )?,
                _ => writeln!(out)?,
            }
        }
        writeln!(out)
    }

    /// Writes the figures as JSON, with the settings of each arm.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_json(&self, path: &Path, compared: &Compared) -> Result<(), Error> {
        let settings = self.kept.iter().map(|kept| (kept.name.as_str(), &kept.settings)).collect();
        let difficulty = self.pool.as_ref().map(|(_, difficulty)| difficulty);
        let matched = self.matched.as_ref();
        write_json(path, &Figures { settings, difficulty, compared, matched })
    }

    /// Writes accuracy against each cost that is known of all arms as `COST.svg` into a folder; how many there were.
    ///
    /// # Errors
    /// When a chart cannot be drawn or written.
    pub fn write_charts(&self, folder: &Path) -> Result<usize, Error> {
        let drawn =
            CostAxis::ALL.into_iter().filter_map(|axis| Some((axis, self.arms.chart(axis)?)));
        let mut count = 0;
        for (axis, chart) in drawn {
            chart.write(folder.join(format!("{}.svg", axis.name())))?;
            count += 1;
        }
        Ok(count)
    }

    /// Writes a page for a browser.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_page(&self, path: &Path, compared: &Compared) -> Result<(), Error> {
        let names: Vec<&str> = self.kept.iter().map(|kept| kept.name.as_str()).collect();
        let page = self.arms.page(&names.join(", "), compared);
        let tables = self.matched.iter().flat_map(AtOperations::tables);
        let page = tables.fold(page, |page, (title, rows)| page.table(title, rows));
        write_whole(path, page.html().as_bytes())
    }
}
