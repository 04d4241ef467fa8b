//! Panels as preferences: a judge is measured on responses whose worth is known exactly.
//!
//! The prompt is the query without the responses, which stand in the order of the panel, without their numbers. What each is
//! worth is the sum of its grades by all criteria of the query's genre, so that scores can be compared with it by rank.
//!
//! Source: [`tts_core::family::Panel`].

use tts_core::Prompt;
use tts_core::family::{Panel, Problem};

use super::preference::Preference;

impl Preference {
    /// A problem of [`Panel`] as a preference; `None` where it is of another family.
    ///
    /// ```
    /// use tts_core::family::{Family, Panel};
    /// use tts_prm::critic::{Judge, Preference, Response};
    /// let panel = Panel::default();
    /// let problem = panel.parse("g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2")?;
    /// let found = Preference::of_panel(&problem).expect("a panel");
    /// assert_eq!((found.best, &*found.responses[1]), (1, "9 6 4 2"));
    /// assert!(found.worth.is_some_and(|worth| worth[1] > worth[0]));
    /// // Its own judge is shown what a model of the family is asked.
    /// let shown: Vec<Response> = found.responses.iter().map(Response::text).collect();
    /// let asked = Judge::published("panel")?.question(&found.prompt, &shown.iter().collect::<Vec<_>>())?;
    /// assert_eq!(asked, panel.prompt(&problem.question));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_panel(problem: &Problem) -> Option<Self> {
        let worth = Panel::worth(&problem.question)?;
        let best = problem.answer.parse::<usize>().ok()?.checked_sub(1)?;
        let (query, responses) = problem.question.split_once('\n')?;
        let text = |line: &str| line.split_once(':').map_or(line, |(_, text)| text).to_owned();
        let responses: Vec<String> = responses.lines().map(text).collect();
        (best < responses.len()).then(|| Self {
            prompt: Prompt::text(format!("{query}\n")),
            responses,
            best,
            subset: None,
            reference: None,
            worth: Some(worth),
        })
    }
}
