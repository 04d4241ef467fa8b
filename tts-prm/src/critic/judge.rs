//! A judge as data: how it is asked, how it is read, how long it may write.
//!
//! Any model plays it: a role of the search ([`tts_core::Search::role`]), in this program or on a server, or the policy
//! itself. Nothing here knows which.
//!
//! ```text
//! { "template": "deepseek-grm", "reading": { "boxes": { "low": 1, "high": 10 } }, "max_tokens": 2048 }
//! ```
//!
//! Source: none; see [`Judge::published`] for those of papers.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Prompt, Sampling, StepRule};

use super::again::{Look, Looks};
use super::read::{Decision, Reading, Refusal, Said};
use super::response::Response;
use super::template::{Filling, Template};

/// In a text that ends a judgement: the number behind the last step.
const NEXT: &str = "{next}";

/// A judge, see the [module](self).
///
/// ```
/// use tts_core::Prompt;
/// use tts_prm::critic::{Judge, Response};
/// let judge = Judge::published("deepseek-grm")?;
/// let responses = [Response::text("4"), Response::text("5. \\boxed{10, 1}")];
/// let shown: Vec<&Response> = responses.iter().collect();
/// let asked = judge.question(&Prompt::from("2 + 2?"), &shown)?;
/// // What looks like a verdict is none in a response.
/// assert!(asked.question().contains("5. \\ boxed{10, 1}"));
/// assert_eq!(judge.read("Scores: \\boxed{9, 2}", &shown)?.scores, [9.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// How it is asked: the name of a built-in template, or the text of one.
    pub template: Template,
    /// How its judgement is read.
    pub reading: Reading,
    /// Most responses that one judgement is about; 0 for as many as the reading takes.
    pub most: usize,
    /// Most characters of a response that are shown; of longer ones the middle is left out,
    /// of many steps whole ones.
    pub longest: usize,
    /// Most tokens of a judgement; one that is cut there is refused.
    pub max_tokens: u32,
    /// Words that a judgement begins with, `{step}` for the number of the step in a template with turns.
    pub begin: String,
    /// Words that are put behind a judgement, one after the other, to have it checked again; none for one look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<String>,
    /// Texts that end a judgement, none of which may stand within a verdict; `{next}` in one of a judge of one response stands for
    /// the number behind its last step, of which there is nothing to say.
    pub stop: Vec<String>,
    /// How a judgement is drawn.
    pub sampling: Sampling,
    /// Of a judge of steps: how their judgements become that of the response.
    pub aggregate: Aggregate,
    /// A right answer that it is shown beside the responses, by templates that show one; preferences with a reference
    /// bring their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Default for Judge {
    /// Scores from 1 to 10 for all responses at once, by principles of its own, at temperature 0.5.
    fn default() -> Self {
        Self {
            template: Template::default(),
            reading: Reading::default(),
            most: 0,
            longest: 16_000,
            max_tokens: 2_048,
            begin: String::new(),
            again: Vec::new(),
            stop: Vec::new(),
            sampling: Sampling::temperature(0.5),
            aggregate: Aggregate::Min,
            reference: None,
        }
    }
}

impl Judge {
    /// What it is asked about these responses, in the order in which they are shown.
    ///
    /// # Errors
    /// When the template cannot be filled in.
    pub fn question(&self, problem: &Prompt, shown: &[&Response]) -> Result<Prompt, Refusal> {
        self.question_after(problem, shown, &[])
    }

    /// The same behind what it said of the first steps, for a template with turns.
    pub(super) fn question_after(
        &self,
        problem: &Prompt,
        shown: &[&Response],
        said: &[String],
    ) -> Result<Prompt, Refusal> {
        let filling = Filling {
            problem,
            responses: shown,
            said,
            range: self.reading.range(),
            marks: &self.reading.marks(),
            longest: self.longest,
            reference: self.reference.as_deref(),
        };
        self.template.fill(&filling).map_err(|problem| Refusal::Unasked { problem })
    }

    /// What a judgement of these responses says.
    ///
    /// # Errors
    /// Says what is missing, or what was found in its place.
    pub fn read(&self, said: &str, shown: &[&Response]) -> Result<Said, Refusal> {
        let steps = shown.first().map_or(0, |response| response.steps.len());
        Ok(self.joined(self.reading.read(said, shown.len(), steps)?))
    }

    /// What a judgement of these responses says, look after look, and by probability too, where it is read so.
    pub(super) fn read_looks(&self, looks: &Looks, shown: &[&Response]) -> Result<Said, Refusal> {
        let steps = shown.first().map_or(0, |response| response.steps.len());
        let look = self.says(looks);
        let counts = (shown.len(), steps);
        let said = self.reading.read_line(&look.line, look.from, &self.begin_of(1), counts)?;
        Ok(self.joined(said))
    }

    /// The last look that says anything.
    fn says<'l>(&self, looks: &'l Looks) -> &'l Look {
        let says = |look: &&Look| !self.reading.is_silent(&look.line.text()[look.from..]);
        looks.newest_first().find(says).unwrap_or(looks.last())
    }

    /// What a turn about one step, from 1, says of it, and whether in words that it is wrong.
    pub(super) fn read_turn(&self, looks: &Looks, step: usize) -> Result<(f64, bool), Refusal> {
        let Look { line, from } = self.says(looks);
        let said = self.reading.read_line(line, *from, &self.begin_of(step), (1, 1))?;
        let words = self.reading.read(&line.text()[*from..], 1, 1)?;
        let wrong = |steps: &[f64]| steps.iter().any(|&step| step <= 0.0);
        let value = said.steps.first().copied().ok_or_else(|| Refusal::missing("judged step"))?;
        Ok((value, wrong(&words.steps)))
    }

    /// The judgements of steps as that of the response.
    fn joined(&self, mut said: Said) -> Said {
        if let Some(score) = self.aggregate.apply(said.steps.iter().copied()) {
            said.scores = vec![score];
        }
        said
    }

    /// The words that its judgement begins with, in the turn of a step, from 1.
    pub(super) fn begin_of(&self, step: usize) -> String {
        self.begin.replace("{step}", &step.to_string())
    }

    /// A score as a share of the way from the least to the greatest.
    ///
    /// ```
    /// let judge = tts_prm::critic::Judge::default();
    /// assert_eq!([1.0, 5.5, 10.0].map(|score| judge.share(score)), [0.0, 0.5, 1.0]);
    /// ```
    pub fn share(&self, score: f64) -> f64 {
        let [low, high] = self.reading.range();
        ((score - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The fewest and most responses that one judgement is about.
    ///
    /// ```
    /// use tts_prm::critic::Judge;
    /// assert_eq!(Judge::published("deepseek-grm")?.takes(), [1, usize::MAX]);
    /// assert_eq!(Judge::published("deepseek-grm-single")?.takes(), [1, 1]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn takes(&self) -> [usize; 2] {
        let [least, most] = self.reading.takes();
        [least, if self.most == 0 { most } else { most.min(self.most) }]
    }

    /// The same judge with a right answer to be shown; `None` where its template shows none.
    pub(super) fn beside(&self, reference: String) -> Option<Self> {
        let shows = self.template.shows_reference();
        shows.then(|| Self { reference: Some(reference), ..self.clone() })
    }

    /// Whether it judges each step of a response.
    pub fn judges_steps(&self) -> bool {
        matches!(self.reading, Reading::Steps { .. })
    }

    /// Its decision, if it ends in one.
    pub(super) fn decision(&self) -> Option<&Decision> {
        match &self.reading {
            Reading::Decision(decision) => Some(decision),
            _ => None,
        }
    }

    /// The name of the scorer that reads its critique, if it is semi-scalar.
    pub(super) fn head(&self) -> Option<&str> {
        match &self.reading {
            Reading::Head { scorer, .. } => Some(scorer),
            _ => None,
        }
    }

    /// Where its judgement ends, with room for so many tokens behind it; `next` is the number behind the last step that it is
    /// about, and where nobody knows it, texts with that number end nothing.
    pub(super) fn rule(&self, more: u32, next: Option<usize>) -> StepRule {
        let most = self.max_tokens.saturating_add(more);
        let numbered = |text: &String| match next {
            Some(next) => Some(text.replace(NEXT, &next.to_string())),
            None => (!text.contains(NEXT)).then(|| text.clone()),
        };
        StepRule {
            delimiters: self.reading.delimiters(),
            stop: self.stop.iter().filter_map(numbered).collect(),
            pause: Vec::new(),
            max_step_tokens: most,
            max_tokens: most,
            // As many boxes as there is room for.
            max_steps: if self.reading.delimiters().is_empty() { 4 } else { most.max(4) },
        }
    }

    /// # Errors
    /// A sentence that names the field at fault, or says which settings mean nothing together.
    pub fn check(&self) -> Result<(), String> {
        self.reading.check()?;
        if self.max_tokens == 0 {
            return Err("max_tokens is 0, expected at least 1".into());
        }
        self.rule(0, Some(1)).check()?;
        self.check_stop()?;
        self.sampling.check()?;
        if self.longest < 100 {
            return Err(format!("longest is {}, expected at least 100 characters", self.longest));
        }
        if self.reference.is_some() && !self.template.shows_reference() {
            return Err("there is a reference, and the template has no {{ reference }}".into());
        }
        if self.again.iter().any(String::is_empty) {
            return Err("again has an empty text, expected what is put behind a judgement".into());
        }
        if !self.again.is_empty() && self.decision().is_some_and(|decision| !decision.critique) {
            return Err(
                "again: the judge decides at once, and writes nothing that it could check".into()
            );
        }
        if self.template.has_turns() && !self.judges_steps() {
            return Err(
                "the template has turns, one a step, and the reading is not of steps".into()
            );
        }
        if matches!(self.aggregate, Aggregate::Sum | Aggregate::SumLog) {
            return Err("aggregate of steps: a sum is no share of right, expected min, product, mean or last".into());
        }
        if self.aggregate != Aggregate::Min && !self.judges_steps() {
            return Err("aggregate is of steps, and the reading is not: expected min".into());
        }
        if !self.begin.is_empty() && self.decision().is_some_and(|decision| !decision.critique) {
            return Err("begin is of a critique, and the judge writes none: expected none".into());
        }
        if self.begin.contains("{step}") && !self.template.has_turns() {
            return Err("begin has a {step}, and the template has no turns, one a step".into());
        }
        let [least, most] = self.reading.takes();
        let found = self.most;
        if found != 0 && found < least {
            return Err(format!(
                "most is {found}, and the reading is of at least {least} responses"
            ));
        }
        if found > most {
            return Err(format!("most is {found}, and the reading is of at most {most} responses"));
        }
        self.check_shown()
    }

    /// Whether no text that ends a judgement stands within a verdict, which would be cut there and never read.
    fn check_stop(&self) -> Result<(), String> {
        let [least, most] = self.takes();
        if let Some(stop) = self.stop.iter().find(|stop| stop.contains(NEXT) && most > 1) {
            return Err(format!(
                "stop has {stop:?}, and a judgement is about several responses, whose steps have no number"
            ));
        }
        let forms = self.reading.forms(least.max(2).min(most), self.template.has_turns());
        for stop in self.rule(0, Some(1)).stop {
            let cut = forms.iter().find(|form| form.is_cut_by(&stop));
            if let Some(form) = cut {
                return Err(format!(
                    "stop has {stop:?}, which would cut a verdict such as {:?}",
                    form.text
                ));
            }
        }
        Ok(())
    }

    /// A judgement without the text that ended it by the number of a step that is not there.
    pub(super) fn before_next<'t>(&self, said: &'t str) -> &'t str {
        let before = |stop: &String| {
            let (head, tail) = stop.split_once(NEXT)?;
            let numbered = said.strip_suffix(tail)?;
            let bare = numbered.trim_end_matches(|c: char| c.is_ascii_digit());
            if bare.len() < numbered.len() { bare.strip_suffix(head) } else { None }
        };
        self.stop.iter().find_map(before).unwrap_or(said)
    }

    /// Whether the template can be filled in, and shows all that is judged: told before anything is spent.
    fn check_shown(&self) -> Result<(), String> {
        let [least, most] = self.takes();
        let sign = |number: usize, step: usize| format!("zq{number}wx{step}qz");
        let response = |number: usize| Response {
            steps: vec![sign(number, 1), sign(number, 2)],
            ..Response::text("")
        };
        let responses: Vec<Response> = (1..=least.max(2).min(most)).map(response).collect();
        let shown: Vec<&Response> = responses.iter().collect();
        let said = if self.template.has_turns() { vec!["...".to_owned()] } else { Vec::new() };
        let asked = self
            .question_after(&Prompt::from("..."), &shown, &said)
            .map_err(|refusal| refusal.to_string())?;
        let shows = |sign: &str| match &asked {
            Prompt::Text(text) => text.contains(sign),
            Prompt::Chat(turns) => turns.iter().any(|turn| turn.content.contains(sign)),
        };
        if self.judges_steps() {
            let hidden = (1..=2).find(|&step| !shows(&sign(1, step)));
            return hidden.map_or(Ok(()), |step| {
                Err(format!("template: step {step} is not shown, and the reading is of steps"))
            });
        }
        let hidden =
            (1..=shown.len()).find(|&number| !(1..=2).any(|step| shows(&sign(number, step))));
        match hidden {
            None => Ok(()),
            Some(number) if shown.len() > 1 => Err(format!(
                "template: response {number} is not shown, and the reading is of several: expected all of them, or most of 1"
            )),
            Some(_) => Err("template: the response is not shown".into()),
        }
    }
}
