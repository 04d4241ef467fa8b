//! What stands before the trees on a page: figures, charts, tables, and a list of problems.

use std::fmt::Write;

use serde::Serialize;

use super::text::{html, json};

/// Figures of a set of problems.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Names and values, in order.
    pub facts: Vec<(String, String)>,
    /// Charts as SVG elements, which are trusted: those of `tts_core::plot` hold escaped text.
    pub charts: Vec<String>,
    /// Tables, the first row their heads.
    pub tables: Vec<(String, Vec<Vec<String>>)>,
    /// The problems.
    pub problems: Vec<Problem>,
    /// What is to be said of it, below.
    pub notes: Vec<String>,
}

/// A problem of a report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Problem {
    /// What it is called.
    pub name: String,
    /// The question.
    pub question: String,
    /// The right answer.
    pub gold: String,
    /// The chosen answer, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Whether it is right.
    pub right: bool,
    /// Tokens generated.
    pub tokens: u64,
    /// What is to be said of it: that it failed, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its place among the cases of the page, where its tree is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<usize>,
    /// Nodes of that tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
}

impl Figures {
    /// The report as a part of a page.
    pub(super) fn write(&self, page: &mut String, title: &str) -> std::fmt::Result {
        write!(
            page,
            "<section id=\"report\" hidden>\n<h2>{}</h2>\n<dl class=\"facts\">",
            html(title)
        )?;
        for (name, value) in &self.facts {
            write!(page, "<dt>{}</dt><dd>{}</dd>", html(name), html(value))?;
        }
        page.push_str("</dl>\n");
        for chart in &self.charts {
            writeln!(page, "<figure>{chart}</figure>")?;
        }
        for (caption, rows) in &self.tables {
            write!(page, "<table><caption>{}</caption>", html(caption))?;
            for (at, row) in rows.iter().enumerate() {
                let tag = if at == 0 { "th" } else { "td" };
                page.push_str("<tr>");
                for cell in row {
                    write!(page, "<{tag}>{}</{tag}>", html(cell))?;
                }
                page.push_str("</tr>");
            }
            page.push_str("</table>\n");
        }
        for note in &self.notes {
            writeln!(page, "<p class=\"soft\">{}</p>", html(note))?;
        }
        if !self.problems.is_empty() {
            page.push_str("<h3>Problems</h3><div id=\"problems\"></div>\n");
            let rows = json(&self.problems);
            writeln!(
                page,
                "<script type=\"application/json\" id=\"problem-rows\">{rows}</script>"
            )?;
        }
        page.push_str("</section>\n");
        Ok(())
    }
}
