//! What a judge says of the sentences of a report that cite, and what a reader of its page should know of that.
//!
//! Source: none; see [`tts_prm::critic::support()`].

use std::ops::ControlFlow;

use tts_core::{Generator, Prompt, Search};
use tts_prm::critic::{Cited, Judge, Jury, Support, support};
use tts_search::research::Page;

use crate::Error;

/// Asks a judge of each sentence that cites whether what it cites supports it, so many times: the page with what was found,
/// and that itself. A judge that fails takes no page with it: the page says that it failed. `done` is told how many
/// sentences were judged, of how many.
pub fn judged_page<'o>(
    page: Page<'o>,
    judge: &dyn Generator,
    times: usize,
    seed: u64,
    mut done: impl FnMut(usize, usize),
) -> (Page<'o>, Result<Support, Error>) {
    let evidence = page.checked().evidence(&page.trail().citable());
    let cited = evidence.iter().map(|evidence| Cited {
        sentence: evidence.claim.clone(),
        source: evidence.source.clone(),
    });
    let cited: Vec<Cited> = cited.collect();
    let question = Prompt::from(page.question());
    let found = Judge::published("support").map_err(Error::from).and_then(|published| {
        let jury = Jury { role: None, ..Jury::of(published, times) };
        let search = Search::new(judge).seed(seed);
        let found = support(&search, &jury, &question, &cited, |number| {
            done(number, cited.len());
            ControlFlow::Continue(())
        });
        found.map_err(Error::from)
    });
    let notes = match &found {
        Ok(found) => notes(&cited, found),
        Err(error) => vec![format!("The judge of support failed: {error}")],
    };
    (notes.into_iter().fold(page, Page::note), found)
}

/// What a reader should know.
fn notes(cited: &[Cited], found: &Support) -> Vec<String> {
    let Support { supported, partly, unsupported, abstained, tally, .. } = found;
    if cited.is_empty() {
        return vec![
            "No sentence of the report cites a source that a judge could be shown.".to_owned(),
        ];
    }
    let all = format!(
        "Of {} sentences that cite, a judge found {supported} supported by what they cite, {partly} in part, \
         {unsupported} not, and gave no judgement that could be read of {abstained} ({} judgements were refused).",
        cited.len(),
        tally.refused
    );
    let not = cited.iter().zip(&found.shares).filter(|(_, share)| **share == Some(0.0));
    let not = not.map(|(cited, _)| {
        format!("Not supported by what it cites, a judge says: {}", cited.sentence)
    });
    std::iter::once(all).chain(not).collect()
}

#[cfg(test)]
mod tests {
    use tts_core::toy::Voice;
    use tts_core::{BoxError, Finished, Generated, LineId, Outcome, Request, Scripted, Session};
    use tts_search::research::Research;
    use tts_search::research::atlas::{Agents, Atlas};
    use tts_search::retrieve::{SearchSettings, Searcher};

    use super::*;

    /// Takes lines, and gives them no number: whoever asks it cannot go on.
    struct Broken;

    impl Generator for Broken {
        fn generate(&self, _: &[Request]) -> Result<Vec<Generated>, BoxError> {
            Err("broken".into())
        }

        fn session(&self) -> Box<dyn Session + '_> {
            Box::new(Self)
        }
    }

    impl Session for Broken {
        fn submit(&mut self, _: Request) -> Vec<LineId> {
            Vec::new()
        }

        fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
            Ok(Vec::new())
        }

        fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
            Ok(Vec::new())
        }

        fn cancel(&mut self, _: LineId) {}
    }

    fn researched() -> Outcome {
        let world = Atlas::new(7, 200);
        let searcher = Searcher::new(world.retriever(), SearchSettings::default()).expect("sound");
        let search = Search::new(Agents::default()).role("search", searcher);
        search.run(Scripted::of(Research::plain(12)), world.request(0).prompt()).expect("runs")
    }

    #[test]
    fn a_judge_that_fails_outright_takes_no_page_with_it() {
        let outcome = researched();
        let before = Page::of(&outcome, "search");
        let text = before.checked().text.clone();
        let (page, found) = judged_page(before, &Broken, 2, 0, |_, _| {});
        let error = found.expect_err("no judge").to_string();
        let last = page.notes().last().cloned().unwrap_or_default();
        assert_eq!(last, format!("The judge of support failed: {error}"));
        assert_eq!(page.checked().text, text);
        let html = page.html().expect("a page");
        assert!(html.contains("The judge of support failed: ") && html.contains("capital"));
    }

    #[test]
    fn what_a_judge_finds_stands_on_the_page() {
        let outcome = researched();
        let judge = Voice::new(|asked, _, _| {
            let coin = asked.question().contains("coin: ");
            format!("Looked.\nSupport: {}", if coin { "C" } else { "A" })
        });
        let mut told = Vec::new();
        let (page, found) = judged_page(Page::of(&outcome, "search"), &judge, 1, 0, |done, all| {
            told.push((done, all));
        });
        let found = found.expect("judged");
        assert_eq!(told.last(), Some(&(6, 6)));
        assert_eq!(found.supported + found.unsupported, 6);
        let notes = page.notes().join("\n");
        assert!(notes.contains("Of 6 sentences that cite, a judge found"), "{notes}");
        assert!(
            notes.matches("Not supported by what it cites").count() == found.unsupported,
            "{notes}"
        );
    }
}
