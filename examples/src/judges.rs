//! Strategies with judges that write, as the commands know them: by name, and within recipes.
//!
//! * `best-by-judge`: `n` samples, of which a jury chooses ([`BestByJudge`]).
//! * `judged`: any recipe (`inner`; by name best-of-N), whose leaves a jury judges ([`Judged`]).
//!
//! The judge is the role `judge` of `--model`, unless the settings name another; with `"role": null` the policy judges itself.
//!
//! Source: none; see [`tts_prm::critic`].

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tts_core::family::{Family, Panel, Split, problems};
use tts_core::{Scripted, seed};
use tts_prm::critic::{
    BestByJudge, Graded, Judge, Judged, Judging, Jury, Lesson, Preference, Preferences, Refusal,
    StepCases, Template, are_truths, read_graded, read_preferences, read_preferences_by,
    read_step_cases,
};
use tts_search::recipe::Registry;
use tts_search::{BestOfN, Recipe};

use crate::Error;
use crate::files::read_json;

/// A judge by name or from a file.
///
/// # Errors
/// When there is none of that name, or the file is none.
pub fn find(name: &str, template: Option<&Path>) -> Result<Judge, Error> {
    let path = PathBuf::from(name);
    let is_file = path.extension().is_some_and(|ending| ending == "json");
    let mut judge = if is_file { read_json(&path)? } else { Judge::published(name)? };
    if let Some(path) = template {
        judge.template = Template::from_file(path)?;
    }
    Ok(judge)
}

/// The preferences of a file, in a form that is known by its fields, or in that of a file of [`PreferenceFields`](tts_prm::critic::PreferenceFields); says how many
/// ties are left out.
///
/// # Errors
/// As [`read_preferences`] and [`read_preferences_by`].
pub fn preferences(path: &Path, fields: Option<&Path>) -> Result<Vec<Preference>, Error> {
    let Preferences { items, ties } = match fields {
        None => read_preferences(path)?,
        Some(fields) => read_preferences_by(path, &read_json(fields)?)?,
    };
    if ties > 0 {
        writeln!(std::io::stderr(), "data      {ties} ties are left out")?;
    }
    Ok(items)
}

/// Problems of the family of panels as preferences, of so many responses each: of its test split, or of that which judges learn
/// from.
///
/// # Errors
/// When there are no panels of so many responses.
pub fn panels(
    responses: usize,
    count: usize,
    learns: bool,
    seed: u64,
) -> Result<Vec<Preference>, Error> {
    let panel = Panel { responses: [responses; 2], ..Panel::default() };
    if let Some(problem) = panel.wrong() {
        return Err(problem.into());
    }
    let split = if learns { Split::Train } else { Split::Test };
    let drawn = problems(&panel, split, seed).take(count);
    Ok(drawn.filter_map(|problem| Preference::of_panel(&problem)).collect())
}

/// What a judge learns from by reinforcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LearntFrom {
    /// Responses of which one is best.
    #[default]
    Preferences,
    /// Single responses with a label, or a grade on the judge's scale.
    Graded,
    /// Solutions whose first wrong step is known.
    Steps,
}

/// A question, and what a judge learns of it.
pub type Asked = (String, Lesson);

impl LearntFrom {
    /// The task of a judge that learns from it.
    ///
    /// # Errors
    /// When the judge does not write what is judged.
    pub fn judging(self, judge: Judge) -> Result<Judging, Error> {
        let judging = match self {
            Self::Preferences => Judging::of(judge)?,
            Self::Graded | Self::Steps => Judging::of_labels(judge)?,
        };
        if judging.judge().judges_steps() != (self == Self::Steps) {
            let expected = if self == Self::Steps { "one of steps" } else { "one of responses" };
            return Err(
                format!("the judge and the data do not go together, expected {expected}").into()
            );
        }
        Ok(judging)
    }

    /// The lessons of a file, as many as are wanted; 0 for all.
    ///
    /// # Errors
    /// When it cannot be read, or the judge cannot be asked about a record; its number is told.
    pub fn lessons(
        self,
        judging: &Judging,
        (path, fields): (&Path, Option<&Path>),
        most: usize,
        lot: u64,
    ) -> Result<Vec<Asked>, Error> {
        let most = if most == 0 { usize::MAX } else { most };
        let named = |item: usize, lesson: Result<Lesson, Refusal>, question: &str| {
            let lesson =
                lesson.map_err(|error| format!("{}: item {item}: {error}", path.display()));
            Ok::<Asked, Error>((question.to_owned(), lesson?))
        };
        match self {
            Self::Preferences => (1..)
                .zip(&preferences(path, fields)?)
                .take(most)
                .map(|(item, own)| {
                    let lot = seed::mix(lot, item as u64 - 1);
                    named(item, judging.lesson(own, lot), own.prompt.question())
                })
                .collect(),
            Self::Graded => {
                let mut items = read_graded(path)?;
                // Of the whole file: the first of its grades may be 0 or 1.
                let truths = are_truths(&items, judging.single().reading.range())
                    .map_err(|problem| format!("{}: {problem}", path.display()))?;
                items.truncate(most);
                (1..)
                    .zip(items)
                    .map(|(item, own)| {
                        let own = Graded { truth: Some(truths), ..own };
                        named(item, judging.lesson_of(&own), own.prompt.question())
                    })
                    .collect()
            }
            Self::Steps => {
                let StepCases { items, left_out } = read_step_cases(path)?;
                if left_out > 0 {
                    writeln!(
                        std::io::stderr(),
                        "data      {left_out} records without a known first error are left out"
                    )?;
                }
                (1..)
                    .zip(&items)
                    .take(most)
                    .map(|(item, own)| {
                        named(item, judging.lesson_of_steps(own), own.prompt.question())
                    })
                    .collect()
            }
        }
    }
}

/// The strategies that recipes of the commands may hold beside those of `tts-search`.
pub fn registry() -> Registry {
    // A judge of one response at a time: it scales with the leaves of any search.
    let score = || Judge::published("score").unwrap_or_default();
    Registry::default()
        .with("best-by-judge", |n| Scripted::of(BestByJudge { n, ..BestByJudge::default() }))
        .with("judged", move |n| {
            let inner = Recipe::BestOfN(BestOfN { n, ..BestOfN::default() });
            Judged::of(inner, Jury::of(score(), 4))
        })
}

#[cfg(test)]
mod tests {
    use tts_core::toy::{ToyWorld, Voice};
    use tts_core::{Search, StepRule};

    use super::*;

    #[test]
    fn panels_are_preferences_of_two_splits() {
        let test = panels(4, 20, false, 3).expect("panels");
        assert_eq!((test.len(), &test), (20, &panels(4, 20, false, 3).expect("panels")));
        for item in &test {
            let worth = item.worth.as_deref().expect("graded");
            assert_eq!((item.responses.len(), worth.len()), (4, 4));
            let others = (0..4).filter(|&place| place != item.best);
            assert!(others.map(|place| worth[place]).all(|other| other < worth[item.best]));
        }
        let learnt = panels(4, 20, true, 3).expect("panels");
        assert!(learnt.iter().all(|item| !test.contains(item)));
        let error = panels(1, 20, false, 3).expect_err("alone").to_string();
        assert!(error.contains("responses"), "{error}");
    }

    #[test]
    fn labels_of_a_file_are_right_and_wrong_or_grades() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("graded.jsonl");
        let judge = Judge::published("score").expect("known");
        let judging = LearntFrom::Graded.judging(judge).expect("it writes its score");
        let golds = |labels: &[&str], most: usize| {
            let row = |label: &&str| {
                format!(r#"{{"prompt": "Prove it.", "response": "So.", "label": {label}}}"#)
            };
            let rows: Vec<String> = labels.iter().map(row).collect();
            std::fs::write(&path, rows.join("\n")).expect("written");
            let lessons = LearntFrom::Graded.lessons(&judging, (&path, None), most, 0);
            let gold = |(_, lesson): Asked| lesson.problem().gold;
            lessons
                .map(|lessons| lessons.into_iter().map(gold).collect::<Vec<String>>())
                .map_err(|error| error.to_string())
        };
        let ends = ["score 10 within 9", "score 1 within 9"];
        assert_eq!(golds(&["true", "false"], 0).expect("read"), ends);
        assert_eq!(golds(&["1", "0"], 1).expect("read"), ends[..1]);
        assert_eq!(golds(&["1", "1", "4"], 2).expect("read"), [ends[1]; 2]);
        let error = golds(&["1", "1", "1"], 2).expect_err("of either kind");
        assert!(error.contains("graded.jsonl: all labels are 1"), "{error}");
    }

    #[test]
    fn judges_are_strategies_by_name_and_in_recipes() {
        let (world, judge) =
            (ToyWorld::default(), Voice::new(|_, _, _| "{\"score\": 6} \\boxed{6, 6}"));
        let search = Search::new(world).role("judge", &judge).rule(StepRule::lines());
        let beam = r#"{"strategy": "custom", "name": "judged", "settings": {
            "inner": {"strategy": "beam-search", "keep": 1, "branch": 2, "first": 2},
            "jury": {"judge": {"template": "score", "reading": {"json": {"field": "score", "low": 1, "high": 10}}}, "samples": 1}}}"#;
        for (recipe, judged) in [
            (registry().default_of("best-by-judge", 2).expect("known"), 8),
            (registry().default_of("judged", 2).expect("known"), 8),
            (registry().from_json(beam).expect("a recipe"), 10),
        ] {
            let outcome = search.run(recipe, world.prompt(0)).expect("runs");
            assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
            assert_eq!(outcome.tree.cost_by_role()["judge"].samples, judged);
        }
        // A slip of the pen gets these names among all others.
        let error = registry().default_of("best-by-judg", 2).expect_err("unknown").to_string();
        assert!(
            error.contains("beam-search") && error.contains("best-by-judge, judged"),
            "{error}"
        );
        let bad = registry()
            .from_json(r#"{"strategy": "custom", "name": "judged", "settings": {"inner": {}}}"#);
        assert!(bad.is_err());
    }
}
