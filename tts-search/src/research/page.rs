//! A research as one HTML file: the report with its citations linked, the sources, the searches, and the draft's history.
//!
//! Everything that a page or a model wrote is escaped by the template's own rule, a policy in the page forbids it to load or run
//! anything, and of the places of sources only `http` and `https` addresses become links. What does not hold is said
//! on top: citations that were refused, quotations that stand nowhere, claims without a source, a report without any, a
//! budget that ran out. Passages stand as models were shown them, but for the bars.
//!
//! Source: none.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Value, context};
use tts_core::{Outcome, Stop};

use super::cite::{self, Checked};
use super::diff::changes;
use super::trail::Trail;
use super::weak;
use crate::jinja::environment;
use crate::retrieve::{Cite, Piece, cites, pieces, quoted};

/// A page about a research.
///
/// ```
/// use tts_core::{Scripted, Search};
/// use tts_search::research::{Page, Research, atlas};
/// use tts_search::retrieve::{SearchSettings, Searcher};
/// let world = atlas::Atlas::new(7, 100);
/// let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
/// let search = Search::new(atlas::Agents::default()).role("search", searcher);
/// let outcome = search.run(Scripted::of(Research::plain(3)), world.request(0).prompt())?;
/// let page = Page::of(&outcome, "search");
/// assert!(page.html()?.contains("href=\"#source-1\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Page<'o> {
    outcome: &'o Outcome,
    trail: Trail,
    checked: Checked,
    notes: Vec<String>,
}

impl<'o> Page<'o> {
    /// Of an outcome, finished or not; `search` is the role that searches.
    pub fn of(outcome: &'o Outcome, search: &str) -> Self {
        let trail = Trail::of(&outcome.tree, outcome.best, search);
        let checked = cite::check(trail.report().unwrap_or_default(), &trail.citable());
        let mut page = Self { outcome, trail, checked, notes: Vec::new() };
        page.notes = page.found_wrong(search);
        page
    }

    /// The same page with something more that a reader should know, on top.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What was asked.
    pub fn question(&self) -> &str {
        self.outcome.tree.prompt().question()
    }

    /// What a reader should know, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the research did.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The report as it was checked.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    fn found_wrong(&self, search: &str) -> Vec<String> {
        let mut notes = Vec::new();
        let (checked, sources) = (&self.checked, &self.trail.sources);
        if self.trail.report().is_none() {
            notes.push(
                "There is no report: nothing was written before the research ended.".to_owned(),
            );
        } else if sources.is_empty() {
            notes.push(
                "Nothing was found, so no source supports anything in this report.".to_owned(),
            );
        } else if checked.cited().is_empty() {
            notes.push("This report cites none of the sources that were found.".to_owned());
        } else if checked.uncited() > 0 {
            let (uncited, all) = (checked.uncited(), checked.claims.len());
            notes.push(format!("{uncited} of {all} statements cite no source."));
        }
        notes.extend(checked.faults());
        let signs = weak::signs(self.outcome, search, &self.trail, checked);
        if !signs.is_empty() {
            notes.push(format!("The model may be too weak for this: {}.", signs.join("; ")));
        }
        if let Stop::Budget(limit) = self.outcome.stop {
            notes.push(format!("The budget ended it ({limit}): what was open then stayed open."));
        }
        if self.outcome.stop == Stop::Cancelled {
            notes.push("The research was called off: this is what was written by then.".to_owned());
        }
        let cut = self.outcome.best.is_some_and(|best| !self.outcome.tree[best].is_finished());
        if cut {
            notes.push("The report was cut at its greatest length.".to_owned());
        }
        notes
    }

    /// The page.
    ///
    /// # Errors
    /// What is wrong with the template, which is there for no outcome.
    pub fn html(&self) -> Result<String, String> {
        self.render().map_err(|error| error.to_string())
    }

    fn render(&self) -> Result<String, minijinja::Error> {
        let mut environment = environment();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let template = environment.template_from_str(include_str!("page.html.jinja"))?;
        let usage = self.outcome.usage;
        let summary = format!(
            "{} searches, {} sources, {} lines, {} generated tokens, {} rounds; {}",
            self.trail.exchanges.len(),
            self.trail.sources.len(),
            usage.logical.samples,
            usage.logical.generated_tokens,
            usage.rounds,
            self.outcome.stop
        );
        let exchange = |exchange: &super::trail::Exchange| {
            let super::trail::Exchange { question, found, answer, .. } = exchange;
            context! { question => question.as_str(), found => found.clone(), answer => answer.clone() }
        };
        let failure = |failed: &tts_core::FailedLine| {
            let role = failed.role.as_deref().unwrap_or("writer");
            format!("{role}, round {}: {}", failed.round, failed.error)
        };
        let refusal =
            |refused: &tts_core::Unscored| format!("round {}: {}", refused.round, refused.why);
        let cost = |(who, cost): (String, tts_core::Cost)| {
            let who = if who.is_empty() { "writer".to_owned() } else { who };
            context! { who, lines => cost.samples, calls => cost.calls, tokens => cost.generated_tokens }
        };
        template.render(context! {
            question => self.question(),
            summary,
            notes => self.notes.clone(),
            report => self.report(),
            sources => self.sources(),
            exchanges => self.trail.exchanges.iter().map(exchange).collect::<Value>(),
            failures => self.outcome.failed.iter().map(failure).collect::<Vec<_>>(),
            refusals => self.outcome.unscored.iter().map(refusal).collect::<Vec<_>>(),
            drafts => self.drafts(),
            costs => self.outcome.cost_by_role().into_iter().map(cost).collect::<Value>(),
        })
    }

    fn report(&self) -> Value {
        let citable = self.trail.citable();
        let cite = |cite: Cite| match cite {
            Cite::Number(number) => {
                context! { number => number.to_string(), known => citable.get(number).is_some() }
            }
            Cite::Unread(number) => context! { number, known => false },
        };
        let piece = |piece: Piece<'_>| match piece {
            Piece::Words(words) => context! { words },
            Piece::Cites(inside) => {
                context! { cites => cites(inside).into_iter().map(cite).collect::<Value>() }
            }
        };
        pieces(self.trail.report().unwrap_or_default()).into_iter().map(piece).collect()
    }

    fn sources(&self) -> Value {
        let cited = self.checked.cited();
        let source = |(number, passage): (u32, &crate::retrieve::Passage)| {
            let place = passage.place.as_str();
            let link = ["http://", "https://"].iter().any(|scheme| place.starts_with(scheme));
            context! {
                number,
                cited => cited.contains(&number),
                title => quoted(&passage.title),
                id => passage.id.as_str(),
                place,
                link => if link { place } else { "" },
                texts => self.trail.sources.shown(number).into_iter().map(quoted).collect::<Vec<_>>(),
            }
        };
        self.trail.sources.iter().map(source).collect()
    }

    fn drafts(&self) -> Value {
        let texts: Vec<&str> = self.trail.drafts.iter().map(|(_, text)| text.as_str()).collect();
        let last = texts.len().saturating_sub(1);
        let draft = |place: usize| {
            let before = if place == 0 { "" } else { texts[place - 1] };
            let name = match place {
                place if place == last => "the report".to_owned(),
                place => format!("draft {place}"),
            };
            context! { name, changes => Value::from(Serde(changes(before, texts[place]))) }
        };
        (0..texts.len()).map(draft).collect()
    }
}
