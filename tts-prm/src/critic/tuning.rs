//! What a generative judge is trained by: rewards of its judgements by rule, and which of them it learns from first.
//!
//! * **Reward**: +1 where the response that is labelled best has a higher score than every other, else -1; a tie is wrong. Of
//!   a single response: +1 where its score is the label. A judgement that cannot be read is wrong. Nothing rewards the form.
//! * **Grades**: of a single response whose label is a grade, `1 - |s - s*|`, the distance as a share of the scale; 0 where nothing can
//!   be read.
//! * **Steps**: +1 where every verdict up to and with the first error is as it is known, else -1.
//! * **Rejective fine-tuning**: of the attempts at an item those that are right are kept, unless all are: such an item is too
//!   easy, and nothing of it is kept.
//! * **Hints**: a line that names the best response, for items that are too hard; the attempt is kept if it is right, without the
//!   hint in its question. Such attempts shorten the critique, and are worth less.
//! * **A meta-judge** learns whether a judgement was right: the same rule is its label.
//!
//! Source: Liu et al. 2025, "Inference-Time Scaling for Generalist Reward Modeling" (arXiv 2504.02495), section 3.2 (rejective
//! fine-tuning and hinted sampling), equation 5 (the reward) and section 4 (meta reward model); `DeepSeekMath-V2` (arXiv
//! 2511.22570), section 2.1, for grades; Khalifa et al. 2025 (arXiv 2504.16828), section 3.2, for steps.

use tts_core::{Prompt, Role};

/// What is known of an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truth {
    /// The place of the best of several responses.
    Best(usize),
    /// The score of a single one.
    Label(f64),
    /// The grade of a single one, where one that is near is worth more than one that is far.
    Near {
        /// The score.
        label: f64,
        /// From the least score to the greatest.
        width: f64,
    },
    /// The place of the first wrong step of a single one, from 0; `None` where all are right. What is compared are the
    /// verdicts on its steps.
    Steps(Option<usize>),
}

impl Truth {
    /// Whether these scores are right, or of [`Truth::Steps`] these verdicts on steps, below one half for a wrong one.
    ///
    /// ```
    /// use tts_prm::critic::Truth;
    /// assert!(Truth::Best(1).holds(&[6.0, 7.0]));
    /// assert!(!Truth::Best(1).holds(&[7.0, 7.0]));
    /// assert!(Truth::Label(1.0).holds(&[1.0]));
    /// assert!(Truth::Steps(Some(1)).holds(&[1.0, 0.0, 0.0]));
    /// assert!(!Truth::Steps(Some(1)).holds(&[0.0, 0.0, 0.0]));
    /// ```
    pub fn holds(self, scores: &[f64]) -> bool {
        match self {
            Self::Label(label) | Self::Near { label, .. } => {
                scores.len() == 1 && (scores[0] - label).abs() < 1e-9
            }
            Self::Steps(first) => {
                let wrong = scores.iter().position(|&right| right < 0.5);
                !scores.is_empty() && wrong == first
            }
            Self::Best(best) => scores.get(best).is_some_and(|own| {
                let mut others = scores.iter().enumerate().filter(|(place, _)| *place != best);
                scores.len() > 1 && others.all(|(_, other)| other < own)
            }),
        }
    }

    /// The reward of a judgement: 1 or -1, and of a grade its credit; `None` stands for one that could not be read.
    ///
    /// ```
    /// use tts_prm::critic::Truth;
    /// let rewards = [Some(&[8.0, 3.0][..]), Some(&[5.0, 5.0]), Some(&[3.0, 8.0]), None];
    /// assert_eq!(rewards.map(|scores| Truth::Best(0).reward(scores)), [1.0, -1.0, -1.0, -1.0]);
    /// let proof = Truth::Near { label: 1.0, width: 1.0 };
    /// let rewards = [Some(&[1.0][..]), Some(&[0.5]), Some(&[0.0]), None];
    /// assert_eq!(rewards.map(|scores| proof.reward(scores)), [1.0, 0.5, 0.0, 0.0]);
    /// ```
    pub fn reward(self, scores: Option<&[f64]>) -> f64 {
        if let Self::Near { .. } = self {
            return self.credit(scores);
        }
        if self.is_right(scores) { 1.0 } else { -1.0 }
    }

    /// What a judgement is worth, from 0 to 1: 1 where it is right, and less the further a grade is from its label; 0 where
    /// nothing could be read.
    pub fn credit(self, scores: Option<&[f64]>) -> f64 {
        let Some(scores) = scores else { return 0.0 };
        match (self, scores) {
            (Self::Near { label, width }, &[score]) => {
                (1.0 - (score - label).abs() / width).clamp(0.0, 1.0)
            }
            (Self::Near { .. }, _) => 0.0,
            _ => f64::from(u8::from(self.holds(scores))),
        }
    }

    /// Which of the attempts at an item are learnt from: those that are right, unless all are.
    ///
    /// ```
    /// use tts_prm::critic::Truth;
    /// let (right, wrong) = (Some(vec![8.0, 3.0]), Some(vec![3.0, 8.0]));
    /// let kept = |attempts: &[Option<Vec<f64>>]| Truth::Best(0).kept(attempts);
    /// assert_eq!(kept(&[right.clone(), wrong.clone(), None]), [0]);
    /// assert!(kept(&[right.clone(), right.clone(), right]).is_empty());
    /// assert!(kept(&[wrong.clone(), None, wrong]).is_empty());
    /// ```
    pub fn kept(self, attempts: &[Option<Vec<f64>>]) -> Vec<usize> {
        let right = attempts.iter().map(|scores| self.is_right(scores.as_deref()));
        Sifted::of(&right.collect::<Vec<_>>(), false).kept
    }

    /// Whether an attempt is right: not one that could not be read.
    pub(super) fn is_right(self, scores: Option<&[f64]>) -> bool {
        scores.is_some_and(|scores| self.holds(scores))
    }

    /// A question with a hint of the answer behind it: in a chat behind the last turn of the user. `shown` is the order in which
    /// the responses stand in it.
    ///
    /// ```
    /// use tts_core::Prompt;
    /// use tts_prm::critic::Truth;
    /// // The best response is shown second.
    /// let hinted = Truth::Best(0).hinted(&Prompt::from("Which is best?"), &[1, 0]);
    /// assert_eq!(hinted.question(), "Which is best?\n\nThe best response is: Response 2");
    /// ```
    pub fn hinted(self, question: &Prompt, shown: &[usize]) -> Prompt {
        let hint = match self {
            Self::Label(label) | Self::Near { label, .. } => {
                format!("The right score is: {label}")
            }
            Self::Steps(None) => "All steps are right.".to_owned(),
            Self::Steps(Some(first)) => {
                format!("The first wrong step is: Step {}", first + 1)
            }
            Self::Best(best) => {
                let place = shown.iter().position(|&place| place == best).unwrap_or(best);
                // Where responses have letters it is named by its letter.
                let letter = u8::try_from(place).ok().and_then(|place| b'A'.checked_add(place));
                let lettered = question.question().contains("Response A]");
                match letter.filter(|letter| lettered && letter.is_ascii_uppercase()) {
                    Some(letter) => {
                        format!("The best response is: Response {}", char::from(letter))
                    }
                    None => format!("The best response is: Response {}", place + 1),
                }
            }
        };
        match question {
            Prompt::Text(text) => Prompt::Text(format!("{text}\n{hint}\n")),
            Prompt::Chat(messages) => {
                let mut messages = messages.clone();
                let last = messages.iter_mut().rev().find(|message| message.role == Role::User);
                if let Some(message) = last {
                    message.content = format!("{}\n\n{hint}", message.content.trim_end());
                }
                Prompt::Chat(messages)
            }
        }
    }
}

/// What becomes of the attempts at an item, by whether each is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sifted {
    /// The places of those that are learnt from: of right ones, and of none where all are, unless what is easy is kept.
    pub(super) kept: Vec<usize>,
    /// How many are right.
    pub(super) right: usize,
    /// Whether all are.
    pub(super) easy: bool,
    /// Whether none is.
    pub(super) hard: bool,
}

impl Sifted {
    /// Those of attempts of which each is right or not.
    pub(super) fn of(right: &[bool], keeps_easy: bool) -> Self {
        let places: Vec<usize> = (0..right.len()).filter(|&place| right[place]).collect();
        let (count, easy) = (places.len(), !right.is_empty() && places.len() == right.len());
        let kept = if easy && !keeps_easy { Vec::new() } else { places };
        Self { kept, right: count, easy, hard: count == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_is_wrong_and_so_is_what_says_too_little() {
        let best = Truth::Best(2);
        for (scores, right) in [
            (&[1.0, 2.0, 3.0][..], true),
            (&[3.0, 2.0, 3.0], false),
            (&[1.0, 4.0, 3.0], false),
            (&[1.0, 2.0], false),
            (&[], false),
        ] {
            assert_eq!(best.holds(scores), right, "{scores:?}");
        }
        assert!(!Truth::Best(0).holds(&[5.0]), "one response has no best");
        for (scores, right) in
            [(&[1.0][..], true), (&[0.0], false), (&[1.0, 1.0], false), (&[], false)]
        {
            assert_eq!(Truth::Label(1.0).holds(scores), right, "{scores:?}");
        }
    }

    #[test]
    fn a_hint_names_the_best_as_the_question_does() {
        use super::super::{Judge, Response};
        for (name, expected) in [
            ("pairwise", "The best response is: Response B"),
            ("deepseek-grm", "The best response is: Response 2"),
        ] {
            let responses = [Response::text("5"), Response::text("4")];
            let shown: Vec<&Response> = responses.iter().collect();
            let judge = Judge::published(name).expect(name);
            let asked = judge.question(&Prompt::from("2 + 2?"), &shown).expect(name);
            let hinted = Truth::Best(0).hinted(&asked, &[1, 0]);
            assert!(hinted.question().ends_with(expected), "{}", hinted.question());
        }
    }

    #[test]
    fn what_is_kept_of_an_item_is_right_and_never_all() {
        // Every pattern of three attempts.
        for pattern in 0..8_u32 {
            let attempt = |place: u32| match pattern >> place & 1 {
                1 => Some(vec![9.0, 1.0]),
                _ => Some(vec![5.0, 5.0]),
            };
            let attempts: Vec<Option<Vec<f64>>> = (0..3).map(attempt).collect();
            let kept = Truth::Best(0).kept(&attempts);
            let right = pattern.count_ones() as usize;
            assert_eq!(kept.len(), if right == 3 { 0 } else { right }, "{pattern:03b}");
            assert!(kept.iter().all(|&place| pattern >> place & 1 == 1));
        }
    }

    #[test]
    fn what_is_easy_is_kept_where_it_is_asked_for() {
        let of = |right: &[bool], easy| {
            let Sifted { kept, right, easy, hard } = Sifted::of(right, easy);
            (kept, right, easy, hard)
        };
        assert_eq!(of(&[true, true], false), (vec![], 2, true, false));
        assert_eq!(of(&[true, true], true), (vec![0, 1], 2, true, false));
        for easy in [false, true] {
            assert_eq!(of(&[false, true], easy), (vec![1], 1, false, false));
            assert_eq!(of(&[false, false], easy), (vec![], 0, false, true));
            assert_eq!(of(&[], easy), (vec![], 0, false, true));
        }
    }

    #[test]
    fn grades_are_worth_what_they_are_near() {
        let near = Truth::Near { label: 5.5, width: 9.0 };
        for (scores, expected) in [
            (Some(&[5.5][..]), 1.0),
            (Some(&[10.0]), 0.5),
            (Some(&[1.0]), 0.5),
            (Some(&[5.5, 5.5]), 0.0),
            (Some(&[]), 0.0),
            (None, 0.0),
        ] {
            assert!((near.reward(scores) - expected).abs() < 1e-12, "{scores:?}");
        }
        assert!(near.holds(&[5.5]) && !near.holds(&[5.0]));
        // What is near is not right, and is not kept.
        assert_eq!(near.kept(&[Some(vec![5.5]), Some(vec![5.0]), None]), [0]);
        assert!((Truth::Near { label: 0.0, width: 1.0 }.credit(Some(&[7.0]))).abs() < 1e-12);
    }

    #[test]
    fn one_wrong_verdict_of_five_makes_a_chain_wrong() {
        for (verdicts, first, right) in [
            (&[1.0, 1.0, 1.0, 1.0, 1.0][..], None, true),
            (&[1.0, 1.0, 0.0, 1.0, 1.0], None, false),
            (&[1.0, 1.0, 0.0, 0.0, 0.0], Some(2), true),
            // Behind the first error nobody knows.
            (&[1.0, 1.0, 0.0, 1.0, 0.0], Some(2), true),
            (&[1.0, 0.0, 0.0, 0.0, 0.0], Some(2), false),
            (&[1.0, 1.0, 1.0, 0.0, 0.0], Some(2), false),
            (&[0.9, 0.8, 0.3, 0.3, 0.3], Some(2), true),
            (&[], None, false),
        ] {
            assert_eq!(Truth::Steps(first).holds(verdicts), right, "{verdicts:?} {first:?}");
        }
        let hinted = Truth::Steps(Some(2)).hinted(&Prompt::from("Check."), &[0]);
        assert_eq!(hinted.question(), "Check.\n\nThe first wrong step is: Step 3");
    }
}
