//! Judges of papers, and general ones, by name.
//!
//! | Name | Judges | Models that were taught it | Reading |
//! |---|---|---|---|
//! | `deepseek-grm` | any number of responses | DeepSeek-GRM (16B, 27B) | `\boxed{7, 8}`, 1 to 10 |
//! | `deepseek-grm-single` | one | the same | `\boxed{1}`, 0 or 1 |
//! | `deepseek-judge` | two or more | the baseline of the paper | `\boxed{2}`, the best |
//! | `genrm` | one | `GenRM` (none is public) | p(Yes) behind the question |
//! | `genrm-cot` | one | `GenRM-CoT` (none is public) | p(Yes) behind a critique |
//! | `thinkprm` | one, by a decision on all its steps | `ThinkPRM` (1.5B, 7B, 14B) | p(yes) behind a chain of thought |
//! | `thinkprm-steps` | the steps of one | the same | p(correct) at `\boxed{correct}` for each step |
//! | `genprm` | the steps of one, in turns | `GenPRM` (1.5B, 7B, 32B) | p(Yes) at `\boxed{Yes}` in each turn |
//! | `score` | one | any model that follows instructions | `{"score": 7}`, 1 to 10 |
//! | `rubric` | one | the same | a letter, A to E |
//! | `proof` | one, a proof | the same (the verifier of `DeepSeekMath-V2` was taught its kind) | `Proof grade: 0.5`, 0 to 1 |
//! | `issues` | one verification, such as `proof` writes | the same | `Verification grade: 1`, 0 to 1 |
//! | `pairwise` | two | the same | `[[A]]`, `[[B]]`, `[[C]]` |
//! | `listwise` | two or more | the same | `Ranking: [2] > [1]` |
//! | `steps` | the steps of one | the same | `\boxed{correct}` for each step |
//! | `helpful`, `comprehensive` | two reports | the same | `[[A]]`, `[[B]]`, `[[C]]` |
//! | `support` | a source and a sentence, as the steps of one | the same | a letter, A to C |
//! | `panel` | responses of the family of panels | models that were taught on it | `[8,7]`, 1 to 10 |
//!
//! `GenPRM` may run code between critique and verdict; here none is run, as in its mode without execution.
//! Where a model tells no log-probabilities, as on many servers, judgements of `thinkprm-steps` and `genprm` are refused;
//! `"by": "word"` in the reading of such a judge makes 1 or 0 of each verdict. `ThinkPRM`'s `</think>` ends the chain of
//! thought, as do the question that it puts to itself, and a step behind the last of the solution, which its models go on to
//! judge though it is not there.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495); Zhang et al. 2024 (arXiv 2408.15240); Khalifa et al. 2025 (arXiv
//! 2504.16828); Zhao et al. 2025 (arXiv 2504.00891); Han et al. 2025 (arXiv 2507.16075), section 3.2, for helpful and
//! comprehensive reports; Gao et al. 2023 (arXiv 2305.14627), section 3.3, for support; `DeepSeekMath-V2` (arXiv 2511.22570), section 2.1,
//! for proofs.

use tts_core::{Aggregate, Sampling};

use super::judge::Judge;
use super::read::{By, Decision, Reading};
use super::template::Template;

/// The names of [`Judge::published`].
pub const PUBLISHED: [&str; 19] = [
    "deepseek-grm",
    "deepseek-grm-single",
    "deepseek-judge",
    "genrm",
    "genrm-cot",
    "thinkprm",
    "thinkprm-steps",
    "genprm",
    "score",
    "rubric",
    "proof",
    "issues",
    "pairwise",
    "listwise",
    "steps",
    "helpful",
    "comprehensive",
    "support",
    "panel",
];

impl Judge {
    /// A judge of a paper, or a general one, by name, see the [table](self).
    ///
    /// ```
    /// use tts_prm::critic::{Judge, PUBLISHED};
    /// assert!(PUBLISHED.iter().all(|name| Judge::published(name).is_ok_and(|judge| judge.check().is_ok())));
    /// assert!(Judge::published("oracle").unwrap_err().contains("thinkprm"));
    /// ```
    ///
    /// # Errors
    /// A sentence with the names that there are.
    pub fn published(name: &str) -> Result<Self, String> {
        let steps = |right: &str, wrong: &str, by| Reading::Steps {
            right: right.into(),
            wrong: wrong.into(),
            by,
        };
        let yes_no = |cue: &str, words: [&str; 2], critique: bool| {
            let [yes, no] = words.map(str::to_owned);
            let words = vec![(yes, 1.0), (no, 0.0)];
            // `GenRM`'s score is p(Yes) as it is, `ThinkPRM`'s its share of yes and no.
            let outside = name.starts_with("genrm").then_some(0.0);
            Reading::Decision(Decision {
                cue: cue.into(),
                words,
                outside,
                by: By::Probability,
                critique,
                ..Decision::default()
            })
        };
        let (template, reading, temperature) = match name {
            "deepseek-grm" => (name, Reading::Boxes { low: 1, high: 10 }, 0.5),
            "deepseek-grm-single" => (name, Reading::Boxes { low: 0, high: 1 }, 0.5),
            "deepseek-judge" => (name, Reading::Best, 0.5),
            "panel" => {
                let [open, close] = ["[", "]"].map(str::to_owned);
                (name, Reading::List { open, close, low: 1, high: 10 }, 1.0)
            }
            "genrm" => (name, yes_no("Is the answer correct (Yes/No)?", ["Yes", "No"], false), 1.0),
            "genrm-cot" => {
                (name, yes_no("\nIs the answer correct (Yes/No)?", ["Yes", "No"], true), 0.7)
            }
            "thinkprm" => (name, yes_no("\nIs the solution correct? ", ["yes", "no"], true), 0.4),
            "thinkprm-steps" => ("thinkprm", steps("correct", "incorrect", By::Probability), 0.4),
            "genprm" => (name, steps("Yes", "No", By::Probability), 0.6),
            "score" => (name, Reading::Json { field: "score".into(), low: 1.0, high: 10.0 }, 0.5),
            "rubric" => {
                (name, Reading::Letter { marker: "Grade:".into(), letters: "ABCDE".into() }, 0.7)
            }
            "proof" | "issues" => {
                let of = if name == "proof" { "Proof" } else { "Verification" };
                let marker = format!("{of} grade:");
                (name, Reading::Number { marker, low: 0.0, high: 1.0 }, 0.7)
            }
            "support" => {
                (name, Reading::Letter { marker: "Support:".into(), letters: "ABC".into() }, 0.5)
            }
            "pairwise" | "helpful" | "comprehensive" => {
                let [first, second, tie] = ["[[A]]", "[[B]]", "[[C]]"].map(str::to_owned);
                (name, Reading::Verdict { first, second, tie: Some(tie) }, 0.5)
            }
            "listwise" => (name, Reading::Ranking { marker: "Ranking:".into() }, 0.5),
            "steps" => (name, steps("correct", "incorrect", By::Word), 0.5),
            other => {
                let names = PUBLISHED.join(", ");
                return Err(format!("judge {other:?}, expected one of {names}"));
            }
        };
        let judge = Self {
            template: Template::built_in(template)?,
            reading,
            sampling: Sampling::temperature(temperature),
            ..Self::default()
        };
        Ok(match name {
            // Reports are longer than answers.
            "helpful" | "comprehensive" => Self { longest: 48_000, ..judge },
            "deepseek-grm-single" => Self { most: 1, ..judge },
            "thinkprm" | "thinkprm-steps" => Self {
                max_tokens: 8_192,
                begin: "\nLet's verify step by step:".into(),
                stop: ["Is the solution correct?", "</think>", "Step {next}:"]
                    .map(str::to_owned)
                    .to_vec(),
                ..judge
            },
            "genprm" => Self {
                max_tokens: 8_192,
                begin: "<analyze>\nLet's analyze the Paragraph {step} step by step: ".into(),
                stop: vec!["</output>".into()],
                sampling: Sampling { top_p: 0.95, top_k: 20, ..judge.sampling },
                aggregate: Aggregate::Min,
                ..judge
            },
            _ => judge,
        })
    }
}
