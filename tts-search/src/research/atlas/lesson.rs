//! Lessons of Atlas: what each part of a research was asked and wrote, for a model that is to write all parts.
//!
//! A lesson is right where its text is what the agents without errors write for the same prompt. So a research in which
//! much went wrong has lessons too: its prompts show what errors lead to, and those of its lines that are right how to
//! go on from there. [`prompts`] are templates in as few words as the agents understand, so that a small model can read
//! them; of a world that is made up no page says anything that could be followed, so they do not warn of it.
//!
//! Source: Laskey et al. 2017, "DART: Noise Injection for Robust Imitation Learning" (arXiv 1703.09327), section 3, for errors
//! that are put into demonstrations; sorted by an exact check as in Zelikman et al. 2022 (arXiv 2203.14465).

use tts_core::{Tree, seed};

use super::Agents;
use super::agents::part;
use crate::research::ResearchPrompts;

/// What a part was asked and wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lesson {
    /// The part, by the name of its template.
    pub part: &'static str,
    /// What it was asked.
    pub prompt: String,
    /// What it wrote.
    pub text: String,
}

impl Lesson {
    /// What the agents without errors write for its prompt.
    pub fn expected(&self) -> String {
        // Without errors nothing is drawn.
        Agents::default().write(&self.prompt, &mut seed::rng(0))
    }

    /// Whether it is that.
    pub fn is_right(&self) -> bool {
        self.text == self.expected()
    }
}

/// All that the policy wrote in a research, in the order in which it came; lines that were cut are left out, and those of
/// roles, which search.
///
/// ```
/// use tts_core::{Scripted, Search};
/// use tts_search::research::{Research, atlas};
/// use tts_search::retrieve::{SearchSettings, Searcher};
///
/// let world = atlas::Atlas::new(7, 200);
/// let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
/// let search = Search::new(atlas::Agents::default()).role("search", searcher);
/// let mut research = Research::plain(12);
/// research.parts.prompts = atlas::prompts();
/// let outcome = search.run(Scripted::of(research), world.request(0).prompt())?;
/// let lessons = atlas::lessons(&outcome.tree);
/// assert_eq!(lessons[0].part, "plan");
/// assert!(lessons.iter().all(atlas::Lesson::is_right));
/// # Ok::<(), tts_core::BoxError>(())
/// ```
pub fn lessons(tree: &Tree) -> Vec<Lesson> {
    let written = tree
        .iter()
        .filter(|(_, node)| !node.is_question() && node.is_finished() && node.role.is_none());
    let lesson = |id| {
        let prompt = tree.asked(id).question().to_owned();
        Lesson { part: part(&prompt), prompt, text: tree.text(id) }
    };
    written.map(|(id, _)| lesson(id)).collect()
}

/// Templates for Atlas in few words; those that its agents do not play are the library's.
///
/// ```
/// tts_search::research::atlas::prompts().check()?;
/// # Ok::<(), String>(())
/// ```
pub fn prompts() -> ResearchPrompts {
    ResearchPrompts {
        plan: include_str!("prompts/plan.jinja").into(),
        draft: include_str!("prompts/draft.jinja").into(),
        question: include_str!("prompts/question.jinja").into(),
        questions: include_str!("prompts/questions.jinja").into(),
        answer: include_str!("prompts/answer.jinja").into(),
        revise: include_str!("prompts/revise.jinja").into(),
        report: include_str!("prompts/report.jinja").into(),
        critique: include_str!("prompts/critique.jinja").into(),
        rewrite: include_str!("prompts/rewrite.jinja").into(),
        merge: include_str!("prompts/merge.jinja").into(),
        ..ResearchPrompts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_known_by_its_words() {
        for prompts in [prompts(), ResearchPrompts::default()] {
            let table = [
                ("plan", &prompts.plan),
                ("draft", &prompts.draft),
                ("question", &prompts.question),
                ("questions", &prompts.questions),
                ("answer", &prompts.answer),
                ("revise", &prompts.revise),
                ("report", &prompts.report),
                ("critique", &prompts.critique),
                ("rewrite", &prompts.rewrite),
                ("merge", &prompts.merge),
            ];
            for (name, template) in table {
                assert_eq!(part(template), name);
            }
        }
    }
}
