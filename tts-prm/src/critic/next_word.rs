//! The probability of the next word as a score: p(Yes), or an expectation over graded letters.
//!
//! Behind a text and a cue (`Is the answer correct (Yes/No)?`) each word of a [`Decision`] has a log-probability; the score
//! is the expectation of their values under the softmax of these, the exact one, where drawing words estimates it.
//! It is used in two ways:
//!
//! * as a named scorer of what a judge writes ([`super::By::Scorer`]): `GenRM` with a critique;
//! * with a question ([`NextWord::asking`]) as the scorer of a search: each solution is put into the template of a
//!   [`Judge`] and scored without a word being written, `GenRM` without a critique.
//!
//! A word of several tokens has the product of their probabilities; it is read as it is spelt, behind a space unless the cue ends in
//! one, so that `yes` and `Yes` are two. What a model would say besides the words is left out of account, which is `ThinkPRM`'s and
//! `GenPRM`'s way, unless the decision says what it is worth ([`Decision::outside`]): `GenRM`'s p(Yes) is not divided by anything.
//! Where it would say mostly something else, a decision with [`Decision::least`] is refused. Scores of values from 0 to 1 are
//! probabilities.
//!
//! Cost: all that is read, as scored tokens and operations of the model. Behind what a judge wrote that is the path, as for any
//! scorer, and besides it the cue and each word; of a solution that is asked about, the question about it in place of the path,
//! the cue and each word. A question is counted anew for each path, as one that is posed to a judge is; the words go on
//! from one reading of it. A hard budget of scored tokens knows of cue, words and questions what the longest before took, and
//! of the first nothing.
//!
//! Source: Zhang et al. 2024, "Generative Verifiers" (arXiv 2408.15240), equations 3 and 5; Liu et al. 2023, "G-Eval" (arXiv
//! 2303.16634), equation 1.

use std::sync::Arc;

use tts_core::cost::ModelCost;
use tts_core::{
    BoxError, Generator, Given, Likelihood, Prompt, Reads, Scale, Scored, StepScorer, Trajectory,
    seed,
};
use tts_models::{LanguageModel, Tokenizer};

use super::judge::Judge;
use super::read::Decision;
use super::response::Response;
use crate::PrmError;

/// How a model's text becomes token ids.
type Encode<'a, T> = Box<dyn Fn(&T) -> Result<Vec<u32>, BoxError> + Send + Sync + 'a>;

/// Somebody else's.
struct Lent<'a>(&'a dyn Likelihood);

impl Likelihood for Lent<'_> {
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
        self.0.logprobs(batch)
    }
}

/// Scores by the next word, see the [module](self).
pub struct NextWord<'a> {
    likelihood: Arc<dyn Likelihood + 'a>,
    encode: Encode<'a, Prompt>,
    cue: Vec<u32>,
    /// The cue as it is put behind a control token.
    first_cue: Vec<u32>,
    decision: Decision,
    words: Vec<Vec<u32>>,
    asks: Option<Judge>,
    cost: ModelCost,
    /// What the model is.
    model: Option<String>,
    /// Whose token ids it reads.
    vocabulary: Option<u64>,
}

impl std::fmt::Debug for NextWord<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextWord").field("decision", &self.decision).finish_non_exhaustive()
    }
}

impl<'a> NextWord<'a> {
    /// By a model in this program.
    ///
    /// # Errors
    /// When the decision is refused ([`super::Reading::check`]), or a word cannot be encoded.
    pub fn of(model: &'a dyn LanguageModel, decision: Decision) -> Result<Self, PrmError> {
        let prompt = move |prompt: &Prompt| Ok(model.encode(prompt)?);
        let lent = Arc::new(Lent(model));
        let scorer = Self::worded(lent, Box::new(prompt), model.tokenizer(), decision)?;
        Ok(scorer.told_of(model))
    }

    /// By a model that nobody else needs.
    ///
    /// # Errors
    /// As [`NextWord::of`].
    pub fn owning(
        model: Box<dyn LanguageModel>,
        decision: Decision,
    ) -> Result<NextWord<'static>, PrmError> {
        let model: Arc<dyn LanguageModel> = Arc::from(model);
        let asked = Arc::clone(&model);
        let prompt = move |prompt: &Prompt| Ok(asked.encode(prompt)?);
        let likelihood: Arc<dyn Likelihood> = Arc::<dyn LanguageModel>::clone(&model);
        let scorer = NextWord::worded(likelihood, Box::new(prompt), model.tokenizer(), decision)?;
        Ok(scorer.told_of(&*model))
    }

    /// By a model on servers that judge given tokens, or tell the log-probability of any.
    ///
    /// # Errors
    /// As [`NextWord::of`].
    #[cfg(feature = "remote")]
    pub fn served(
        model: &'a tts_models::remote::Remote,
        decision: Decision,
    ) -> Result<Self, PrmError> {
        let prompt = move |prompt: &Prompt| Ok(model.prompt_tokens(prompt)?);
        let lent = Arc::new(Lent(model));
        let scorer = Self::worded(lent, Box::new(prompt), model.tokenizer(), decision)?;
        Ok(scorer.told_of(model))
    }

    /// The same of servers that nobody else asks.
    ///
    /// # Errors
    /// As [`NextWord::of`].
    #[cfg(feature = "remote")]
    pub fn owning_served(
        model: tts_models::remote::Remote,
        decision: Decision,
    ) -> Result<NextWord<'static>, PrmError> {
        let model = Arc::new(model);
        let asked = Arc::clone(&model);
        let prompt = move |prompt: &Prompt| Ok(asked.prompt_tokens(prompt)?);
        let likelihood: Arc<dyn Likelihood> = Arc::<tts_models::remote::Remote>::clone(&model);
        let scorer = NextWord::worded(likelihood, Box::new(prompt), model.tokenizer(), decision)?;
        Ok(scorer.told_of(&*model))
    }

    /// The same, with what the model says of itself.
    fn told_of(self, model: &(impl Generator + ?Sized)) -> Self {
        let (cost, vocabulary) = (model.cost(), model.vocabulary());
        Self { cost, model: model.identity(), vocabulary, ..self }
    }

    /// By a model with this tokenizer.
    fn worded(
        likelihood: Arc<dyn Likelihood + 'a>,
        encode: Encode<'a, Prompt>,
        tokenizer: &Tokenizer,
        decision: Decision,
    ) -> Result<Self, PrmError> {
        let text = |text: &str| {
            // Whatever ordinary token it goes on after: those of a text of its own end with one.
            let alone = tokenizer.encode(text, false)?;
            Ok(tokenizer.encode_after(&alone, text, false)?)
        };
        let first_cue = tokenizer.encode(&decision.cue, false)?;
        Ok(Self { first_cue, ..Self::encoding(likelihood, encode, text, decision)? })
    }

    /// By whatever tells log-probabilities, a server say; `encode` and `text` say the token ids of a prompt, and of a text
    /// that goes on.
    ///
    /// # Errors
    /// When the decision is refused, or a word cannot be encoded.
    pub fn new(
        likelihood: &'a dyn Likelihood,
        encode: impl Fn(&Prompt) -> Result<Vec<u32>, BoxError> + Send + Sync + 'a,
        text: impl Fn(&str) -> Result<Vec<u32>, BoxError>,
        decision: Decision,
    ) -> Result<Self, PrmError> {
        Self::encoding(Arc::new(Lent(likelihood)), Box::new(encode), text, decision)
    }

    fn encoding(
        likelihood: Arc<dyn Likelihood + 'a>,
        encode: Encode<'a, Prompt>,
        text: impl Fn(&str) -> Result<Vec<u32>, BoxError>,
        decision: Decision,
    ) -> Result<Self, PrmError> {
        let refuse =
            |field: &str, problem: String| PrmError::Solution { field: field.to_owned(), problem };
        super::Reading::Decision(decision.clone())
            .check()
            .map_err(|problem| refuse("decision", problem))?;
        // A cue that ends in a space leaves the word without one.
        let open = decision.cue.ends_with(char::is_whitespace);
        let cue = text(&decision.cue).map_err(|error| refuse("cue", error.to_string()))?;
        let word = |(word, _): &(String, f64)| {
            let spaced = if open { word.clone() } else { format!(" {word}") };
            let tokens = text(&spaced).map_err(|error| refuse("words", error.to_string()))?;
            if tokens.is_empty() {
                return Err(refuse("words", format!("{word:?} is no token")));
            }
            Ok(tokens)
        };
        let words = decision.words.iter().map(word).collect::<Result<_, _>>()?;
        Ok(Self {
            likelihood,
            encode,
            first_cue: cue.clone(),
            cue,
            decision,
            words,
            asks: None,
            cost: ModelCost::default(),
            model: None,
            vocabulary: None,
        })
    }

    /// The same of solutions, each put into the question of a judge of one response; the decision stays that of this scorer.
    ///
    /// # Errors
    /// When the judge is refused ([`Judge::check`]), needs several responses, or asks in turns.
    pub fn asking(self, judge: Judge) -> Result<Self, PrmError> {
        let refuse = |problem: String| PrmError::Solution { field: "judge".into(), problem };
        judge.check().map_err(refuse)?;
        let least = judge.takes()[0];
        if least > 1 {
            return Err(refuse(format!("it is about at least {least} responses, expected one")));
        }
        if judge.template.has_turns() {
            return Err(refuse("its template has turns, expected one question".into()));
        }
        Ok(Self { asks: Some(judge), ..self })
    }

    /// What stands before the word, and how many tokens of it are no path's.
    fn context(&self, path: &Trajectory) -> Result<(Vec<u32>, usize), BoxError> {
        if let Some(judge) = &self.asks {
            let steps = path.steps().iter().map(|step| step.text.clone()).collect();
            let response = Response { steps, ..Response::text("") };
            let mut context = (self.encode)(&judge.question(path.prompt(), &[&response])?)?;
            context.extend(&self.cue);
            let own = context.len();
            return Ok((context, own));
        }
        let mut context = (self.encode)(path.asked())?;
        let Some((last, before)) = path.steps().split_last() else {
            context.extend(&self.cue);
            return Ok((context, self.cue.len()));
        };
        context.extend(before.iter().flat_map(|step| step.tokens.iter().copied()));
        // Not the text: a critique that a stop text ended holds the cue too, behind what it begins with.
        let given = last.tokens.get(..last.given as usize).unwrap_or_default();
        let asked = |cue: &[u32]| !cue.is_empty() && given.ends_with(cue);
        if asked(&self.cue) || asked(&self.first_cue) {
            // The decision itself: what was drawn behind the cue is looked past.
            context.extend(given);
            return Ok((context, 0));
        }
        context.extend(last.tokens.iter().take(last.kept() as usize));
        context.extend(&self.cue);
        Ok((context, self.cue.len()))
    }

    /// What is read for a path besides it, or in its place: the last `own` tokens of the context, and each word behind it.
    fn reads(&self, context: usize, own: usize) -> Reads {
        let (context, own) = (context as u64, own as u64);
        let words = || self.words.iter().map(|word| word.len() as u64);
        let each = words().map(|word| self.cost.flops(context, word)).sum::<f64>();
        Reads {
            tokens: own + words().sum::<u64>(),
            flops: self.cost.flops(context - own, own) + each,
            path: self.asks.is_none().then_some(self.cost),
        }
    }

    /// The expectation under these log-probabilities, or under the softmax of them; why there is none.
    fn expectation(&self, logprobs: &[f64]) -> Result<f64, String> {
        let Decision { words, outside, least, .. } = &self.decision;
        let most = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !most.is_finite() || logprobs.iter().any(|logprob| logprob.is_nan()) {
            return Err("none of the words has a probability here".into());
        }
        let sum = |above: f64| -> [f64; 2] {
            let weights = logprobs.iter().map(|logprob| (logprob - above).exp());
            let weighted =
                words.iter().zip(weights).map(|((_, value), weight)| [value * weight, weight]);
            weighted.fold([0.0; 2], |[sum, all], [value, weight]| [sum + value, all + weight])
        };
        let [own, mass] = sum(0.0);
        if mass < *least {
            return Err(format!(
                "the words have {mass:.3} of the probability, expected at least {least}"
            ));
        }
        if let Some(outside) = outside {
            let [low, high] = super::Reading::Decision(self.decision.clone()).range();
            return Ok((own + (1.0 - mass).max(0.0) * outside).clamp(low, high));
        }
        let [own, mass] = sum(most);
        Ok(own / mass)
    }
}

impl StepScorer for NextWord<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let mut given = Vec::with_capacity(batch.len() * self.words.len());
        let mut reads = Vec::with_capacity(batch.len());
        for path in batch {
            let (context, own) = match self.context(path) {
                Ok(context) => context,
                // A question that cannot be put, or holds what is no text of the model, leaves all others.
                Err(error) if self.asks.is_some() => {
                    reads.push(Err(error.to_string()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            reads.push(Ok(self.reads(context.len(), own)));
            let words = self.words.iter();
            given.extend(
                words.map(|tokens| Given { context: context.clone(), tokens: tokens.clone() }),
            );
        }
        let told = self.likelihood.logprobs(&given)?;
        let sums: Vec<f64> =
            told.iter().map(|word| word.iter().map(|&logprob| f64::from(logprob)).sum()).collect();
        if sums.len() != given.len() {
            return Err(
                format!("{} log-probabilities, expected {}", sums.len(), given.len()).into()
            );
        }
        let mut sums = sums.chunks(self.words.len());
        let said = |(path, reads): (&Trajectory, Result<Reads, String>)| {
            let reads = match reads {
                Ok(reads) => reads,
                Err(why) => return Scored::refused(why).reading(Some(Reads::default())),
            };
            let scored = match self.expectation(sums.next().unwrap_or_default()) {
                Ok(score) => Scored::of(vec![score; path.fresh_steps().len()]),
                Err(why) => Scored::refused(why),
            };
            scored.reading(Some(reads))
        };
        Ok(batch.iter().zip(reads).map(said).collect())
    }

    fn scale(&self) -> Scale {
        let [low, high] = super::Reading::Decision(self.decision.clone()).range();
        if low >= 0.0 && high <= 1.0 { Scale::OUTCOME } else { Scale::REWARD }
    }

    fn cost(&self) -> ModelCost {
        self.cost
    }

    /// Of a path that it goes on from; a solution that it asks about is text to it.
    fn vocabulary(&self) -> Option<u64> {
        if self.asks.is_some() { None } else { self.vocabulary }
    }

    fn identity(&self) -> Option<String> {
        let model = self.model.as_ref()?;
        // The name of a built-in template may stand for another text one day.
        let source = self.asks.as_ref().map(|judge| judge.template.source());
        let asked = serde_json::to_string(&(&self.decision, &self.asks, source)).ok()?;
        Some(format!("next word of {model}, {:016x}", seed::hash_text(0, &asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has no probabilities.
    struct Silent;

    impl Likelihood for Silent {
        fn logprobs(&self, _: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
            Ok(Vec::new())
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "an encoder may fail")]
    fn bytes(text: &str) -> Result<Vec<u32>, BoxError> {
        Ok(text.bytes().map(u32::from).collect())
    }

    fn scorer(decision: Decision) -> NextWord<'static> {
        let prompt = |prompt: &Prompt| bytes(prompt.question());
        let scorer = NextWord::new(&Silent, prompt, bytes, decision).expect("sound");
        NextWord { model: Some("m".into()), ..scorer }
    }

    #[test]
    fn its_identity_is_of_all_that_its_scores_depend_on() {
        let plain = || scorer(Decision::default());
        let asking = |judge: Judge| plain().asking(judge).expect("of one response");
        let genrm = Judge::published("genrm").expect("known");
        let own = Judge {
            template: super::super::Template::from_source("{{ problem }} {{ response.text }}")
                .expect("sound"),
            ..genrm.clone()
        };
        let words = vec![("Right".to_owned(), 1.0), ("Wrong".to_owned(), 0.0)];
        let identities: std::collections::BTreeSet<String> = [
            plain(),
            scorer(Decision { cue: "So?".into(), ..Decision::default() }),
            scorer(Decision { words, ..Decision::default() }),
            asking(genrm),
            asking(own),
        ]
        .iter()
        .map(|scorer| scorer.identity().expect("a model with a name"))
        .collect();
        assert_eq!(identities.len(), 5, "{identities:?}");
        assert_eq!(plain().identity(), plain().identity());
        assert_eq!(NextWord { model: None, ..plain() }.identity(), None);
    }

    /// A model without a letter for a space, which stands in marks that a response holds.
    #[test]
    fn a_question_that_is_no_text_is_refused_alone() {
        let prompt = |prompt: &Prompt| match prompt.question().find(' ') {
            Some(at) => Err(format!("no token for the space at {at}").into()),
            None => bytes(prompt.question()),
        };
        let word = |word: &str, value: f64| (word.to_owned(), value);
        let words = vec![word("Yes", 1.0), word("No", 0.0)];
        let decision = Decision { cue: "==".into(), words, ..Decision::default() };
        let template = super::super::Template::from_source("{{ problem }}{{ response.text }}");
        let reading = super::super::Reading::Decision(decision.clone());
        let judge = Judge { template: template.expect("sound"), reading, ..Judge::default() };
        let asking = NextWord::new(&Quarter, prompt, bytes, decision).expect("sound");
        let asking = asking.asking(judge).expect("of one response");
        let path = |text: &str| {
            let step = tts_core::Step { text: text.into(), ..tts_core::Step::default() };
            let question = std::sync::Arc::new("2+2?".into());
            Trajectory::new(question, vec![std::sync::Arc::new(step)], 1, true)
        };
        let scored = asking.score(&[path("=4"), path("==4"), path("=5")]).expect("scores");
        assert_eq!(scored[1].refused.as_deref(), Some("no token for the space at 5"));
        assert_eq!((scored[1].reads, scored[1].scores.len()), (Some(Reads::default()), 0));
        for place in [0, 2] {
            assert!((scored[place].scores[0] - 0.75).abs() < 1e-6, "{:?}", scored[place]);
        }
    }

    /// Words of a quarter and three quarters, whatever they stand behind.
    struct Quarter;

    impl Likelihood for Quarter {
        fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
            let p = |given: &Given| if given.tokens.len() == 4 { 0.75_f32 } else { 0.25 };
            let word = |given: &Given| {
                let rest = given.tokens.len() - 1;
                std::iter::once(p(given).ln()).chain(std::iter::repeat_n(0.0, rest)).collect()
            };
            Ok(batch.iter().map(word).collect())
        }
    }

    #[test]
    fn all_that_it_reads_is_counted() {
        let cost = ModelCost { parameters: 7, layers: 2, query_width: 3, windows: None };
        let prompt = |prompt: &Prompt| bytes(prompt.question());
        let scorer = || {
            let scorer = NextWord::new(&Quarter, prompt, bytes, Decision::default());
            NextWord { cost, ..scorer.expect("sound") }
        };
        let step = |text: &str, given: &str| {
            let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
            let given = u32::try_from(given.len()).expect("short");
            std::sync::Arc::new(tts_core::Step {
                text: text.into(),
                tokens,
                given,
                ..tts_core::Step::default()
            })
        };
        let path = |steps: Vec<std::sync::Arc<tts_core::Step>>| {
            let fresh = steps.len();
            Trajectory::new(std::sync::Arc::new("2+2?".into()), steps, fresh, true)
        };
        let of = |scorer: &NextWord<'_>, path: Trajectory| {
            let scored = scorer.score(&[path]).expect("scores").remove(0);
            assert!((scored.scores[0] - 0.75).abs() < 1e-6, "{scored:?}");
            scored.reads.expect("it says what it reads")
        };
        let words = |context: u64| cost.flops(context, 4) + cost.flops(context, 3);
        let cue = Decision::default().cue.len() as u64;
        // " Yes" and " No" behind the cue, which stands behind the path.
        let found = of(&scorer(), path(vec![step("=4", "")]));
        let flops = cost.flops(6, cue) + words(6 + cue);
        assert_eq!((found.tokens, found.path), (cue + 7, Some(cost)));
        assert!((found.flops - flops).abs() < 1e-9, "{found:?}");
        // Of a decision that the judge drew, the cue is in the path.
        let drawn = format!("{}x", Decision::default().cue);
        let found = of(&scorer(), path(vec![step(&drawn, &Decision::default().cue)]));
        assert_eq!((found.tokens, found.path), (7, Some(cost)));
        assert!((found.flops - words(4 + cue)).abs() < 1e-9, "{found:?}");
        // A critique that begins with given words and ends with the cue as a stop text is none: the cue stands behind it.
        let critique = std::sync::Arc::new(tts_core::Step {
            closing: u32::try_from(cue).expect("short"),
            ..(*step(&format!("So: ok{}", Decision::default().cue), "So:")).clone()
        });
        let found = of(&scorer(), path(vec![critique]));
        assert_eq!((found.tokens, found.path), (cue + 7, Some(cost)));
        let context = "2+2?So: ok".len() as u64;
        let flops = cost.flops(context, cue) + words(context + cue);
        assert!((found.flops - flops).abs() < 1e-9, "{found:?}");
        // A question about the path in its place, with all that the template says around it.
        let judge = Judge::published("genrm").expect("known");
        let asked = judge.question(&"2+2?".into(), &[&Response::text("=4")]).expect("filled in");
        let asking = scorer().asking(judge).expect("of one response");
        let found = of(&asking, path(vec![step("=4", "")]));
        let question = asked.question().len() as u64 + cue;
        assert_eq!((found.tokens, found.path), (question + 7, None));
        assert!((found.flops - cost.flops(0, question) - words(question)).abs() < 1e-6);
    }

    /// Words of these probabilities.
    struct Told([f64; 2]);

    impl Likelihood for Told {
        fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
            let word = |(given, p): (&Given, &f64)| {
                #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
                let first = p.ln() as f32;
                let rest = given.tokens.len() - 1;
                std::iter::once(first).chain(std::iter::repeat_n(0.0, rest)).collect()
            };
            Ok(batch.iter().zip(&self.0).map(word).collect())
        }
    }

    #[test]
    fn what_else_might_be_said_is_left_out_or_worth_what_the_decision_says() {
        let of = |p: [f64; 2], outside: Option<f64>, least: f64| -> Result<f64, String> {
            let told = Told(p);
            let decision = Decision { outside, least, ..Decision::default() };
            let prompt = |prompt: &Prompt| bytes(prompt.question());
            let scorer = NextWord::new(&told, prompt, bytes, decision).expect("sound");
            let step = tts_core::Step { text: "=4".into(), ..tts_core::Step::default() };
            let question = Arc::new("2+2?".into());
            let path = Trajectory::new(question, vec![Arc::new(step)], 1, true);
            let scored = scorer.score(&[path]).expect("scores").remove(0);
            scored.scores.first().copied().ok_or(scored.refused.unwrap_or_default())
        };
        for (p, outside, expected) in [
            ([0.3, 0.1], None, 0.75),
            // p(Yes) as it is.
            ([0.3, 0.1], Some(0.0), 0.3),
            ([0.3, 0.1], Some(0.5), 0.6),
            ([0.3, 0.1], Some(1.0), 0.9),
            ([0.0, 0.1], Some(0.0), 0.0),
            ([0.0, 0.1], None, 0.0),
        ] {
            let found = of(p, outside, 0.0).expect("a score");
            assert!((found - expected).abs() < 1e-6, "{p:?} {outside:?}: {found}");
        }
        assert!(of([0.3, 0.1], None, 0.39).is_ok());
        for outside in [None, Some(0.0)] {
            let error = of([0.3, 0.1], outside, 0.5).expect_err("mostly something else");
            assert!(error.contains("have 0.400") && error.contains("at least 0.5"), "{error}");
            let error = of([0.0, 0.0], outside, 0.0).expect_err("neither");
            assert!(error.contains("none of the words"), "{error}");
        }
    }

    #[test]
    fn judges_that_cannot_be_asked_about_one_response_are_refused() {
        for (name, expected) in [
            ("pairwise", "at least 2 responses"),
            ("listwise", "at least 2 responses"),
            ("genprm", "has turns"),
        ] {
            let judge = Judge::published(name).expect(name);
            let error = scorer(Decision::default()).asking(judge).expect_err(name).to_string();
            assert!(error.contains("judge: ") && error.contains(expected), "{error}");
        }
        let blank = Judge { max_tokens: 0, ..Judge::default() };
        let error = scorer(Decision::default()).asking(blank).expect_err("no tokens").to_string();
        assert!(error.contains("max_tokens is 0"), "{error}");
    }
}
