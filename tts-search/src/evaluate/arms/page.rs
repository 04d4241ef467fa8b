//! Arms side by side as a page for a browser: tables, accuracy against each cost, and where they disagree.

use tts_core::inspect::{Figures, Page};

use super::{Arms, Compared};

/// The most problems of disagreement that a page lists.
const MOST: usize = 200;

impl Arms {
    /// The page of these arms and their figures.
    ///
    /// ```
    /// use tts_core::{Search, toy::ToyWorld};
    /// use tts_search::SelfConsistency;
    /// use tts_search::evaluate::{Arm, Arms, Evaluation, Item};
    ///
    /// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
    /// let items: Vec<Item> =
    ///     (0..9).map(|number| Item::new(world.prompt(number).question(), world.answer(number))).collect();
    /// let tried = Evaluation::new(Search::new(&world), &items);
    /// let votes = |n| tried.run(&SelfConsistency { n, ..Default::default() }, |_| {});
    /// let arms = Arms::new(vec![Arm::new("one", votes(1)?), Arm::new("nine", votes(9)?)])?;
    /// let html = arms.page("Sums", &arms.compare(None, None)?).html();
    /// assert!(html.contains("nine - one"));
    /// # Ok::<(), tts_search::evaluate::EvaluateError>(())
    /// ```
    pub fn page(&self, title: &str, compared: &Compared) -> Page {
        let mut figures = Figures {
            facts: vec![("problems".to_owned(), self.problems().to_string())],
            tables: compared.cells(),
            charts: charts(self),
            ..Figures::default()
        };
        let (rows, all) = self.disagreements();
        if all > 0 {
            figures.tables.push(("Where they disagree".to_owned(), rows));
        }
        if all > MOST {
            figures.notes.push(format!("{MOST} of {all} problems of disagreement are listed."));
        }
        figures.notes.push(
            "A difference is called sure where its adjusted p-value is below 0.05. One that is not seen may be \
             there: its interval says what is still possible."
                .to_owned(),
        );
        Page::new(title).figures(figures)
    }

    /// The problems that some arms solve and others do not, as many as there is room for, and how many there are.
    fn disagreements(&self) -> (Vec<Vec<String>>, usize) {
        let head = ["problem", "right answer"].map(str::to_owned).into_iter();
        let mut rows: Vec<Vec<String>> =
            vec![head.chain(self.all().iter().map(|arm| arm.name.clone())).collect()];
        let mut all = 0;
        for (place, row) in self.all()[0].report.rows.iter().enumerate() {
            let own = self.all().iter().map(|arm| &arm.report.rows[place]);
            let own: Vec<_> = own.collect();
            if own.iter().all(|other| other.correct == row.correct) {
                continue;
            }
            all += 1;
            if all > MOST {
                continue;
            }
            let answers = own.into_iter().map(|graded| {
                let answer = graded.answer.as_deref().unwrap_or("none");
                let mark = if graded.correct { "\u{2713}" } else { "\u{2717}" };
                format!("{mark} {answer}")
            });
            let cells = [row.name(), row.gold.clone()].into_iter();
            rows.push(cells.chain(answers).collect());
        }
        (rows, all)
    }
}

#[cfg(not(feature = "plot"))]
fn charts(_: &Arms) -> Vec<String> {
    Vec::new()
}

/// Accuracy against each cost that is known of all.
#[cfg(feature = "plot")]
fn charts(arms: &Arms) -> Vec<String> {
    let charts = super::CostAxis::ALL.into_iter().filter_map(|axis| arms.chart(axis));
    // What cannot be drawn is in the tables still.
    charts.filter_map(|chart| chart.svg().ok()).collect()
}
