//! Agents of Atlas: every part of a research written by rule, with errors at a rate.
//!
//! They read the default prompts of this library, or those of [`super::prompts`], and nothing else: what a prompt does not
//! show they do not know. The
//! first draft is a record of question marks; a question asks for the first link that is open and whose beginning is
//! known; an answer is read from the fenced sources; a revision puts in what was answered and takes nothing out; a
//! merge is what most texts say, the first of equals. With [`Agents::misread`] an answer takes a wrong word
//! of the sources, with [`Agents::stray`] a question names something else; both draw from the seed of the line.
//!
//! Source: none; see [`super`].

use std::collections::BTreeMap;

use tts_core::seed::{self, Rng};
use tts_core::{BoxError, Completion, Finish, Generated, Generator, Request, Step, Until};

use super::LINKS;
use super::request::slot;

/// Writes all parts, judges and merges.
///
/// ```
/// use tts_search::research::atlas::Agents;
/// let careless = Agents { misread: 0.1, ..Agents::default() };
/// assert_eq!(careless.stray, 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agents {
    /// How often an answer is a wrong word of its sources.
    pub misread: f64,
    /// How often a question names something else than what is open.
    pub stray: f64,
}

/// The name of the template that a prompt was filled from.
pub(super) fn part(prompt: &str) -> &'static str {
    // Both quote the task before they say what is to be done.
    if prompt.contains("\nMerge them into one") {
        return "merge";
    }
    if prompt.contains("\nWrite the text again, without these faults.") {
        return "rewrite";
    }
    let all = prompt.contains("one a line, and nothing else");
    match prompt.split(' ').next().unwrap_or_default() {
        "Judge" => "critique",
        "Plan" => "plan",
        "Decide" if all => "questions",
        "Decide" => "question",
        "Answer" => "answer",
        "A" => "mend",
        _ if prompt.starts_with("Write a first draft") => "draft",
        _ if prompt.starts_with("Write the draft") => "revise",
        _ => "report",
    }
}

/// What stands in a section of a prompt.
fn section<'p>(prompt: &'p str, name: &str) -> &'p str {
    let open = format!("<{name}>\n");
    let Some((_, rest)) = prompt.split_once(&open) else { return "" };
    rest.split(&format!("\n</{name}>")).next().unwrap_or(rest)
}

/// What is known of each chain of links from the land: its value with what it cites.
type Facts = BTreeMap<String, String>;

/// A value without citations.
fn bare(value: &str) -> &str {
    value.split('[').next().unwrap_or_default().trim()
}

/// The request of a prompt: the land and the names of its slots.
fn request(prompt: &str) -> (&str, Vec<&str>) {
    let asked = section(prompt, "question").strip_prefix("Report on ").unwrap_or_default();
    let (land, slots) = asked.split_once(": ").unwrap_or((asked, ""));
    (land, slots.split("; ").filter(|slot| !slot.is_empty()).collect())
}

/// What draft and answers of a prompt say, by chains of links.
fn facts(prompt: &str) -> Facts {
    let (land, _) = request(prompt);
    let mut facts: Facts = BTreeMap::new();
    for line in section(prompt, "draft").lines() {
        if let (Some((name, value)), Some((_, whole))) = (slot(line), line.split_once(": "))
            && value != "?"
        {
            facts.insert(name.to_owned(), whole.trim().to_owned());
        }
    }
    // Each answer is of a link of something; which chain that is follows from what is known of its beginning.
    let mut answers: Vec<(&str, &str, String)> = Vec::new();
    let mut asked = "";
    for line in section(prompt, "known").lines() {
        if let Some(question) = line.strip_prefix("Q: ") {
            asked = question;
        } else if let (Some(answer), Some((link, of))) = (
            line.strip_prefix("A: ").filter(|answer| answer.contains('[')),
            asked.split_once(" of "),
        ) {
            answers.push((link, of, answer.to_owned()));
        }
    }
    for (number, text) in sources(prompt) {
        answers.extend(quoted(number, text));
    }
    // Three links are the longest chain.
    for _ in 0..3 {
        for (link, of, answer) in &answers {
            let mut chains: Vec<String> = facts
                .iter()
                .filter(|(_, value)| bare(value) == *of)
                .map(|(chain, _)| format!("{chain} > {link}"))
                .collect();
            if *of == land {
                chains.push((*link).to_owned());
            }
            for chain in chains {
                facts.entry(chain).or_insert_with(|| answer.clone());
            }
        }
    }
    facts
}

/// The lines of the sources of a prompt, each with the number of its source.
fn sources(prompt: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut number = "";
    section(prompt, "sources").lines().filter_map(move |line| {
        let text = line.strip_prefix("| ");
        if text.is_none() {
            number = line.trim_matches(['[', ']']);
        }
        Some((number, text?))
    })
}

/// What a line of a source says: links of its entity, with its number behind them.
fn quoted<'p>(number: &str, text: &'p str) -> Vec<(&'static str, &'p str, String)> {
    let Some((of, _)) = text.split_once(" is a ") else { return Vec::new() };
    let told = LINKS.iter().filter_map(|(_, link, _, told)| Some((*link, told_in(text, told)?)));
    told.map(|(link, value)| (link, of, format!("{value} [{number}]"))).collect()
}

/// A record of all slots by what is known.
fn record(prompt: &str) -> String {
    let (_, slots) = request(prompt);
    let facts = facts(prompt);
    let line = |slot: &&str| format!("{slot}: {}", facts.get(*slot).map_or("?", String::as_str));
    slots.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Agents {
    /// What a prompt is answered with; `rng` decides what goes wrong.
    pub fn write(&self, prompt: &str, rng: &mut Rng) -> String {
        match part(prompt) {
            "merge" => most(prompt),
            "rewrite" => section(prompt, "text").to_owned(),
            "critique" => "Nothing is wrong.\nHelpful: 4\nComprehensive: 4".into(),
            "plan" => request(prompt).1.join("\n"),
            "questions" => Self::questions(prompt),
            "question" => self.question(prompt, rng),
            "answer" => self.answer(prompt, rng),
            _ => record(prompt),
        }
    }

    /// The first link that is open, of something that is known; or that all are known.
    fn question(&self, prompt: &str, rng: &mut Rng) -> String {
        let (land, slots) = request(prompt);
        let facts = facts(prompt);
        let known = section(prompt, "known");
        let open = slots.iter().find_map(|slot| {
            let links: Vec<&str> = slot.split(" > ").collect();
            let (mut chain, mut of) = (String::new(), land.to_owned());
            for link in links {
                let next =
                    if chain.is_empty() { link.to_owned() } else { format!("{chain} > {link}") };
                let Some(value) = facts.get(&next) else {
                    let question = format!("{link} of {of}");
                    // What was asked in vain is left for later.
                    return (!known.contains(&format!("Q: {question}\n"))).then_some(question);
                };
                bare(value).clone_into(&mut of);
                chain = next;
            }
            None
        });
        match open {
            Some(_) if rng.uniform() < self.stray => {
                let link = LINKS[rng.below(LINKS.len())].1;
                format!("{link} of {land}")
            }
            Some(open) => open,
            None => covered(prompt).to_owned(),
        }
    }

    /// All questions that the request alone leads to.
    fn questions(prompt: &str) -> String {
        let (land, slots) = request(prompt);
        let chain = |slot: &&str| {
            let mut links: Vec<&str> = slot.split(" > ").collect();
            links.reverse();
            format!("{} of {land}", links.join(" of "))
        };
        slots.iter().map(chain).collect::<Vec<_>>().join("\n")
    }

    /// What a source says of the link; of sources that hold nothing of it, that they do not say.
    fn answer(&self, prompt: &str, rng: &mut Rng) -> String {
        let asked = section(prompt, "question");
        let Some((link, of)) = asked.rsplit_once(" of ") else {
            return "The sources do not say.".into();
        };
        // Of a chain of links the last one before the name: what the words of the request lead to.
        let link = link.rsplit(" of ").next().unwrap_or(link);
        let (mut found, mut wrong) = (None, Vec::new());
        for (number, text) in sources(prompt) {
            let about = text.starts_with(&format!("{of} is a "));
            for (_, relation, _, told) in LINKS {
                let Some(value) = told_in(text, told) else { continue };
                if about && relation == link {
                    found.get_or_insert_with(|| format!("{value} [{number}]"));
                } else {
                    wrong.push(format!("{value} [{number}]"));
                }
            }
        }
        if rng.uniform() < self.misread && !wrong.is_empty() {
            return wrong[rng.below(wrong.len())].clone();
        }
        found.unwrap_or_else(|| "The sources do not say.".into())
    }
}

/// What stands in the place of the value where a text tells a link.
fn told_in<'t>(text: &'t str, told: &str) -> Option<&'t str> {
    let (before, _) = told.split_once("{}")?;
    let (_, rest) = text.split_once(before)?;
    rest.split_once('.').map(|(value, _)| value)
}

/// What is written when nothing is open, as the prompt says.
fn covered(prompt: &str) -> &str {
    let (_, rest) = prompt.split_once("write only: ").unwrap_or_default();
    rest.lines().next().unwrap_or_default()
}

/// What most texts of a merge say, the first of equals.
fn most(prompt: &str) -> String {
    let texts = prompt.split("<text>\n").skip(1).filter_map(|rest| rest.split_once("\n</text>"));
    let texts: Vec<&str> = texts.map(|(text, _)| text).collect();
    let count = |text: &&str| texts.iter().filter(|other| *other == text).count();
    let best = texts.iter().rev().max_by_key(|text| count(text));
    best.map_or(String::new(), |text| (*text).to_owned())
}

impl Generator for Agents {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let line = |request: &Request, seed: u64| {
            let prompt = request.prefix.prompt().question();
            let mut text = match request.prefix.steps() {
                [] => self.write(prompt, &mut seed::rng(seed)),
                // A line is written whole: what is gone on with has ended.
                _ => String::new(),
            };
            let most = match request.until {
                Until::Tokens(tokens) => tokens.min(request.max_tokens),
                _ => request.max_tokens,
            };
            // A token is four letters.
            let letters = text.chars().count();
            let whole = letters.div_ceil(4) < most as usize;
            if !whole {
                text = text.chars().take(4 * most.saturating_sub(1) as usize).collect();
            }
            let tokens = text.chars().count().div_ceil(4) + 1;
            let steps = vec![Step { text, tokens: vec![0; tokens], ..Step::default() }];
            let prompt_tokens = prompt.chars().count().div_ceil(4) as u64;
            let finish = match (whole, request.until) {
                (true, _) => Finish::Stop,
                (false, Until::Tokens(_)) => Finish::Step,
                (false, _) => Finish::Length,
            };
            Ok(Completion { steps, finish, prompt_tokens })
        };
        Ok(Generated::by_seed(batch, line))
    }

    fn identity(&self) -> Option<String> {
        Some(format!("agents of Atlas, misread {}, stray {}", self.misread, self.stray))
    }
}
