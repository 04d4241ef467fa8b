//! A research as Markdown: the report with its notes and the sources that it cites, to go on with in other programs.
//!
//! It is the report as it was checked, without citations that were refused; what does not hold is said on top. Nothing that
//! a page or a model wrote is markup of HTML, a link or a picture, titles stand on one line, and only `http` and `https` addresses are links.
//!
//! Source: none.

use super::page::Page;
use crate::retrieve::{quoted, visible};

/// Text that begins no tag, no character by its name, no link and no picture.
fn plain(text: &str) -> String {
    let text = visible(text).replace('&', "&amp;").replace('<', "&lt;");
    text.replace("](", "] (").replace("]:", "] :").replace("![", "! [")
}

/// The same on one line.
fn on_one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Page<'_> {
    /// The report as Markdown.
    ///
    /// ```
    /// use tts_core::{Scripted, Search};
    /// use tts_search::research::{Page, Research, atlas};
    /// use tts_search::retrieve::{SearchSettings, Searcher};
    /// let world = atlas::Atlas::new(7, 100);
    /// let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
    /// let search = Search::new(atlas::Agents::default()).role("search", searcher);
    /// let outcome = search.run(Scripted::of(Research::plain(3)), world.request(0).prompt())?;
    /// let text = Page::of(&outcome, "search").markdown();
    /// assert!(text.starts_with("# Report on ") && text.contains("## Sources\n\n- [1] "));
    /// # Ok::<(), tts_core::BoxError>(())
    /// ```
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", on_one_line(self.question()));
        for note in self.notes() {
            out.extend(["> ", &on_one_line(note), "\n\n"]);
        }
        out += plain(&self.checked().text).trim();
        let cited = self.checked().cited();
        let sources = self.trail().sources.iter().filter(|(number, _)| cited.contains(number));
        let source = |(number, passage): (u32, &crate::retrieve::Passage)| {
            let [title, id] = [&passage.title, &passage.id].map(|text| on_one_line(&quoted(text)));
            let place = passage.place.as_str();
            let address = ["http://", "https://"].iter().any(|scheme| place.starts_with(scheme));
            // An address that would end its brackets is none that is worth following.
            let link =
                address && !place.contains(|c: char| c.is_whitespace() || "<>()".contains(c));
            let link = if link { format!(", <{place}>") } else { String::new() };
            format!("- [{number}] {title} ({id}{link})\n")
        };
        let sources: String = sources.map(source).collect();
        if !sources.is_empty() {
            out.extend(["\n\n## Sources\n\n", &sources]);
        }
        out.trim_end().to_owned() + "\n"
    }
}
