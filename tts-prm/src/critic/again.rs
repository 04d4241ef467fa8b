//! Another look: a judge that is made to check again what it wrote.
//!
//! ```text
//! question -- critique, verdict -- "Let me check this again." -- critique, verdict -- (again, or over)
//! ```
//!
//! What ended a judgement is taken back, words are put behind it ([`super::Judge::again`]), and it goes on from there, with
//! all that it wrote in sight. The last verdict counts: a look that gives none leaves that of the look before, and a judge
//! of steps that gives some gives all of them again. A look that was cut is no last word, so the judgement is refused. Samples
//! are independent and looks are not, so both are ways to spend tokens: `samples` judgements of `again` looks cost about
//! `samples` times one more than that. The judge's limit of tokens holds for all looks together.
//!
//! Source: Khalifa et al. 2025, "Process Reward Models That Think" (arXiv 2504.16828), section 5, for scaling a verifier in
//! sequence by telling it to check again; the words are this project's.

use tts_core::{Ask, Desk, Line};

use super::judge::Judge;
use super::jury::Jury;

/// What is put behind a judgement to have it checked again, look after look.
const WORDS: [&str; 3] = [
    "\nLet me check this again, from the beginning.\n",
    "\nNow once more, without trusting what is written above.\n",
    "\nIs there anything that was passed over?\n",
];

impl Judge {
    /// The same judge, made to check so many times what it wrote.
    ///
    /// ```
    /// use tts_prm::critic::Judge;
    /// let judge = Judge::published("thinkprm")?.looking_again(2);
    /// assert_eq!(judge.again.len(), 2);
    /// assert_eq!(judge.check(), Ok(()));
    /// // There is nothing that it has written before it decides.
    /// assert!(Judge::published("genrm")?.looking_again(1).check().is_err());
    /// # Ok::<(), String>(())
    /// ```
    #[must_use]
    pub fn looking_again(self, times: usize) -> Self {
        let again = WORDS.iter().cycle().take(times).map(|words| (*words).to_owned()).collect();
        Self { again, ..self }
    }
}

/// A judgement as it stood after a look.
#[derive(Debug)]
pub(super) struct Look {
    /// All of it.
    pub(super) line: Line,
    /// Where in its text this look begins, in bytes.
    pub(super) from: usize,
}

/// A judgement, look after look.
#[derive(Debug)]
pub(super) struct Looks {
    before: Vec<Look>,
    last: Look,
}

impl Looks {
    /// A judgement that was looked at once.
    pub(super) fn of(line: Line) -> Self {
        Self { before: Vec::new(), last: Look { line, from: 0 } }
    }

    /// The judgement as it stands.
    pub(super) fn last(&self) -> &Look {
        &self.last
    }

    /// The last look first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Look> {
        std::iter::once(&self.last).chain(self.before.iter().rev())
    }

    /// Adds a look: a line in place of the last step, which begins with what was kept of that and with these words.
    fn add(&mut self, rest: Line, words: &str) {
        let mut begun = self.last.line.clone();
        begun.nodes.pop();
        let given_up = begun.steps.pop();
        let before: usize = begun.steps.iter().map(|step| step.text.len()).sum();
        let old = given_up.as_ref().map_or("", |step| &step.text);
        let new = rest.steps.first().map_or("", |step| &step.text);
        let from = before + behind(old, new, words);
        let look = Look { line: begun.and(rest), from };
        self.before.push(std::mem::replace(&mut self.last, look));
    }
}

/// Where in a text that begins with the beginning of another one, and then with words, these words end.
fn behind(old: &str, new: &str, words: &str) -> usize {
    let same = old.bytes().zip(new.bytes()).take_while(|(old, new)| old == new).count();
    // What was kept is at most what is the same; a writer may say the words again, further on.
    let mut end = (same + words.len()).min(new.len());
    while !new.is_char_boundary(end) {
        end += 1;
    }
    new[..end].rfind(words).map_or(end, |at| at + words.len())
}

impl Jury {
    /// A judgement of steps up to that before `next`, and what comes of checking it again; `None` where a line of that fails.
    pub(super) async fn look_again(&self, desk: &Desk, line: Line, next: usize) -> Option<Looks> {
        let mut looks = Looks::of(line);
        let left = self.judge.again.len();
        for (number, words) in self.judge.again.iter().enumerate() {
            let line = &looks.last().line;
            if !line.is_finished() {
                // It is refused as it is.
                break;
            }
            let ask = Ask::behind(line.node).aside().keep(line.kept()).append(words.clone());
            let rest = desk.line(self.drawn(ask, number + 1 == left, next)).await?;
            looks.add(rest, words);
        }
        Some(looks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_begins_behind_the_words_that_were_put_there() {
        for (old, new, expected) in [
            // What ended the judgement was taken back, or was a token without a text.
            ("right</think>", "rightAGAINwrong", "wrong"),
            ("right", "rightAGAINwrong", "wrong"),
            // It says the words itself, or said them before.
            ("right", "rightAGAINno AGAIN wrong", "no AGAIN wrong"),
            ("AGAIN right", "AGAIN rightAGAINwrong", "wrong"),
            ("", "AGAINwrong", "wrong"),
            // What was taken back begins as the words do.
            ("rightAG", "rightAGAINwrong", "wrong"),
            ("right", "rightAGAIN", ""),
        ] {
            assert_eq!(&new[behind(old, new, "AGAIN")..], expected, "{old:?} {new:?}");
        }
    }
}
