//! One HTML file of searches, complete in itself.
//!
//! Each search is JSON in an element of its own that is read when it is first looked at, so that a page
//! of many opens as fast as one of few. Rows of a tree are made as they come into sight. A content policy
//! forbids the page to load or send anything, whatever stands in it.

use std::fmt::Write;

use super::data::Data;
use super::text::{html, json};
use super::{Case, Figures};

const STYLE: &str = include_str!("page/page.css");
const BODY: &str = include_str!("page/page.html");
const SCRIPTS: [&str; 5] = [
    include_str!("page/model.js"),
    include_str!("page/outline.js"),
    include_str!("page/detail.js"),
    include_str!("page/problems.js"),
    include_str!("page/main.js"),
];
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// A page of searches, and of figures where there are some.
#[derive(Debug, Default)]
pub struct Page {
    title: String,
    figures: Option<Figures>,
    cases: Vec<Case>,
}

impl Page {
    /// A page without anything on it.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), figures: None, cases: Vec::new() }
    }

    /// The same page with one more search; two can be shown side by side.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// The same page with figures, which it opens with.
    #[must_use]
    pub fn figures(self, figures: Figures) -> Self {
        Self { figures: Some(figures), ..self }
    }

    /// The same page with one table more behind those of its figures, its first row the heads.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>, rows: Vec<Vec<String>>) -> Self {
        let figures = self.figures.get_or_insert_with(Figures::default);
        figures.tables.push((name.into(), rows));
        self
    }

    /// The page.
    pub fn html(&self) -> String {
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut page);
        page
    }

    fn write(&self, page: &mut String) -> std::fmt::Result {
        write!(
            page,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{BODY}",
            html(&self.title)
        )?;
        if let Some(figures) = &self.figures {
            figures.write(page, &self.title)?;
        }
        for (number, case) in self.cases.iter().enumerate() {
            let (name, data) = (html(&case.name), json(&Data::of(case)));
            writeln!(
                page,
                "<script type=\"application/json\" class=\"case\" id=\"case-{number}\" \
                 data-name=\"{name}\">{data}</script>"
            )?;
        }
        page.push_str("<script>\n\"use strict\";\n(() => {\n");
        for script in SCRIPTS {
            page.push_str(script);
        }
        page.push_str("})();\n</script>\n</body>\n</html>\n");
        Ok(())
    }
}
