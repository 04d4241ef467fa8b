//! Two reports on the same problems: what differs inside each.
//!
//! Source: [`tts_core::metrics::paired_shares`].

use tts_core::metrics::{Paired, paired_shares};

use super::{EvaluateError, Graded, Report};

/// Draws of the interval and of the p-value: a p-value of 0.05 has a standard error of 0.005.
pub(super) const DRAWS: usize = 2_000;

impl Report {
    /// The problems in order, 1 for right and 0 for wrong or failed: what the comparisons of
    /// [`tts_core::metrics`] take.
    pub fn values(&self) -> Vec<f64> {
        self.rows.iter().map(|row| f64::from(u8::from(row.correct))).collect()
    }

    /// How much more often this is right than the other, on the same problems: the difference of
    /// accuracies with its interval and p-value, from 2,000 draws. For other draws, take
    /// [`Report::values`] of both to [`paired_shares`].
    ///
    /// ```
    /// use tts_core::{Search, StepRule, toy::ToyWorld};
    /// use tts_search::SelfConsistency;
    /// use tts_search::evaluate::{Evaluation, Item};
    ///
    /// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
    /// let items: Vec<Item> =
    ///     (0..50).map(|number| Item::new(world.prompt(number).question(), world.answer(number))).collect();
    /// let tried = Evaluation::new(Search::new(&world).rule(StepRule::lines()), &items);
    /// let votes = |n| tried.run(&SelfConsistency { n, ..Default::default() }, |_| {});
    /// let gain = votes(9)?.against(&votes(1)?)?;
    /// assert!(gain.interval[0] > 0.0 && gain.p_value < 0.05);
    /// # Ok::<(), tts_search::evaluate::EvaluateError>(())
    /// ```
    ///
    /// # Errors
    /// When the problems are not the same: the error says how many are not, and which is the first. They are
    /// told apart by number, place in the file, name and right answer, for a report does not hold questions.
    pub fn against(&self, other: &Self) -> Result<Paired, EvaluateError> {
        self.same_problems(other, &["of the first".to_owned(), "of the second".to_owned()])?;
        Ok(paired_shares(&self.values(), &other.values(), DRAWS, 0)?)
    }

    /// Refuses a report of other problems; `sides` say whose each is.
    pub(super) fn same_problems(
        &self,
        other: &Self,
        sides: &[String; 2],
    ) -> Result<(), EvaluateError> {
        let stray = [self.stray(other), other.stray(self)];
        let told: Vec<String> = sides
            .iter()
            .zip(stray)
            .filter_map(|(side, stray)| {
                let first = stray.first()?;
                let (name, gold, all) = (first.name(), &first.gold, stray.len());
                Some(format!("{all} {side} alone, such as problem {name} (right answer {gold:?})"))
            })
            .collect();
        if !told.is_empty() {
            let (here, there) = (self.rows.len(), other.rows.len());
            let told = told.join(", ");
            let problem =
                format!("reports of {here} and {there} problems, expected the same ones: {told}");
            return Err(EvaluateError::Settings(problem));
        }
        Ok(())
    }

    /// The problems whose counterpart in the other report is missing, or another.
    fn stray(&self, other: &Self) -> Vec<&Graded> {
        let known = |row: &Graded| (row.index, row.place.clone(), row.id.clone(), row.gold.clone());
        let same = |at: usize, row: &Graded| {
            other.rows.get(at).is_some_and(|there| known(there) == known(row))
        };
        let rows = self.rows.iter().enumerate();
        rows.filter(|&(at, row)| !same(at, row)).map(|(_, row)| row).collect()
    }
}
