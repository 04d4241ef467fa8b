//! What the parts of a research are asked, as templates that a user can replace.
//!
//! Each is Jinja, as everywhere in this library; `prompts/*.jinja` beside this file are the defaults, and
//! [`ResearchPrompts::from_folder`] reads those that a folder has in their place. What stands in them is filled in
//! safe to quote: pages are fenced, and whatever a model wrote has lost its control tokens and tags
//! ([`crate::retrieve::harmless`]), so that a draft that copied a page cannot close the section that it stands in.
//!
//! Source: Han et al. 2025 (arXiv 2507.16075), section 2, for the parts; the words are this library's.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Value, context};
use serde::{Deserialize, Serialize};
use tts_core::{Message, Prompt, Role};

use crate::jinja::{self, said};
use crate::retrieve::RetrieveError;

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident [$($must:literal),*]),* $(,)?) => {
        /// What the parts of a research are asked.
        ///
        /// | template | names |
        /// |---|---|
        /// | `plan` | `problem` |
        /// | `draft` | `problem`, `plan` |
        /// | `question` | `problem`, `plan`, `draft`, `known`, `covered` |
        /// | `questions` | `problem`, `plan`, `most` |
        /// | `answer` | `asked`, `sources` |
        /// | `revise` | `problem`, `draft`, `known` |
        /// | `report` | `problem`, `plan`, `draft`, `known`, `sources` |
        /// | `critique` | `task`, `text` |
        /// | `rewrite` | `task`, `text`, `critique` |
        /// | `merge` | `task`, `texts` |
        /// | `mend` | `report`, `faults`, `known`, `sources` |
        /// | `react` | `problem`, `turns`, `last` |
        /// | `self_ask` | `problem`, `known`, `last` |
        ///
        /// `known` has `question` and `answer` of each exchange so far, `sources` have `number`, `title` and `text`, a turn has `said`
        /// and `sources`. Lines of titles and texts stand behind bars. `plan` and `draft` are empty where there is none, `known`,
        /// `turns` and `sources` too; the report has sources where a method shows pages in place of answers.
        ///
        /// ```
        /// use tts_search::research::ResearchPrompts;
        /// let plan = "Plan: {{ problem }}".to_owned();
        /// let prompts = ResearchPrompts { plan, ..ResearchPrompts::default() };
        /// prompts.check()?;
        /// let lost = ResearchPrompts { plan: "Plan.".into(), ..ResearchPrompts::default() };
        /// assert!(lost.check().unwrap_err().contains("problem"));
        /// # Ok::<(), String>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ResearchPrompts {
            /// Said before every prompt, as standing instructions; blank for none.
            pub system: String,
            $($(#[$doc])* pub $name: String,)*
        }

        impl Default for ResearchPrompts {
            fn default() -> Self {
                Self {
                    system: String::new(),
                    $($name: include_str!(concat!("prompts/", stringify!($name), ".jinja")).into(),)*
                }
            }
        }

        impl ResearchPrompts {
            /// The names of the templates, which are those of their files.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Refuses what is no template, names what is not filled in, or leaves out what it is for.
            ///
            /// # Errors
            /// A sentence that names the template.
            pub fn check(&self) -> Result<(), String> {
                $(check_one(stringify!($name), &self.$name, &[$($must),*])?;)*
                Ok(())
            }

            fn get(&self, name: &str) -> &str {
                match name {
                    $(stringify!($name) => &self.$name,)*
                    _ => "",
                }
            }

            fn slot(&mut self, name: &str) -> Option<&mut String> {
                match name {
                    "system" => Some(&mut self.system),
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

templates! {
    /// Asks for a plan.
    plan ["problem"],
    /// Asks for a first draft.
    draft ["problem"],
    /// Asks what to search for next.
    question ["problem"],
    /// Asks for all questions at once, one a line.
    questions ["problem", "most"],
    /// Asks for an answer from what was found.
    answer ["asked", "sources"],
    /// Asks for the next draft.
    revise ["draft", "known"],
    /// Asks for the report.
    report ["problem", "known"],
    /// Asks a judge for a critique.
    critique ["task", "text"],
    /// Asks for a text again, by its critique.
    rewrite ["task", "text", "critique"],
    /// Asks for several texts as one.
    merge ["task", "texts"],
    /// Asks for a report without what it cites wrongly.
    mend ["report", "faults"],
    /// Asks for the next turn of thought and action.
    react ["problem", "turns"],
    /// Asks for a follow-up question or the final answer.
    self_ask ["problem", "known"],
}

fn environment() -> Environment<'static> {
    let mut environment = jinja::environment();
    // A block on a line of its own leaves no line.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment
}

/// What stands for each name when a template is tried: at the beginning of a research, where most is empty, and later.
fn samples() -> [Value; 2] {
    let exchange = || context! { question => "q", answer => "a" };
    let source = || context! { number => 1, title => "| t", text => "| s" };
    let turn = |sources: Vec<Value>| context! { said => "s", sources };
    let empty = Vec::<Value>::new;
    let sample = |begun: bool| {
        let some = |text: &'static str| if begun { text } else { "" };
        let list = |of: Vec<Value>| if begun { of } else { empty() };
        context! {
            problem => "p", plan => some("plan"), draft => some("d"), covered => "c", most => 1, asked => "q",
            known => list(vec![exchange()]), sources => list(vec![source()]), last => begun,
            turns => list(vec![turn(vec![source()]), turn(empty())]),
            task => "t", text => "t", texts => ["t", "u"], critique => "c", report => "r", faults => ["f"],
        }
    };
    [sample(false), sample(true)]
}

fn check_one(name: &str, template: &str, must: &[&str]) -> Result<(), String> {
    let bad = |error: minijinja::Error| format!("prompt {name}: {}", said(&error));
    let environment = environment();
    let parsed = environment.template_from_str(template).map_err(bad)?;
    let names = parsed.undeclared_variables(false);
    if let Some(missing) = must.iter().find(|must| !names.contains(**must)) {
        return Err(format!("prompt {name}: it does not say where {{{{ {missing} }}}} stands"));
    }
    samples().into_iter().try_for_each(|sample| parsed.render(sample).map(|_| ()).map_err(bad))
}

impl ResearchPrompts {
    /// The defaults, with the files `NAME.jinja` of a folder in their place; `system.jinja` too.
    ///
    /// # Errors
    /// When the folder cannot be read, a file is named like no template, or is none.
    pub fn from_folder(folder: &Path) -> Result<Self, RetrieveError> {
        Self::default().with_folder(folder)
    }

    /// These, with the files of a folder in their place.
    ///
    /// # Errors
    /// As [`ResearchPrompts::from_folder`].
    pub fn with_folder(self, folder: &Path) -> Result<Self, RetrieveError> {
        let io = |source| RetrieveError::Io { path: folder.to_owned(), source };
        let mut prompts = self;
        let entries = std::fs::read_dir(folder).map_err(io)?.collect::<Result<Vec<_>, _>>();
        let mut paths: Vec<_> =
            entries.map_err(io)?.into_iter().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "jinja"));
        paths.sort();
        for path in paths {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(slot) = prompts.slot(name) else {
                let known = Self::NAMES.join(", ");
                let problem = format!("no prompt is called {name:?}, expected system, {known}");
                return Err(RetrieveError::File { path, problem });
            };
            match std::fs::read_to_string(&path) {
                Ok(text) => *slot = text,
                Err(source) => return Err(RetrieveError::Io { path, source }),
            }
        }
        let bad = |problem| RetrieveError::File { path: folder.to_owned(), problem };
        prompts.check().map_err(bad)?;
        Ok(prompts)
    }

    /// Whether a template says where this stands.
    pub(super) fn shows(&self, name: &str, what: &str) -> bool {
        let environment = environment();
        let parsed = environment.template_from_str(self.get(name));
        parsed.is_ok_and(|parsed| parsed.undeclared_variables(false).contains(what))
    }

    /// A template filled in. Templates were tried before, but not with all that may come.
    pub(super) fn filled(&self, name: &str, values: Value) -> Result<String, String> {
        let filled = environment().render_str(self.get(name), values);
        filled
            .map(|asked| asked.trim().to_owned())
            .map_err(|error| format!("prompt {name}: {}", said(&error)))
    }

    /// Words as a prompt of the problem's kind: raw text stays raw, and a chat keeps what was said before its last question,
    /// with the standing instructions of both.
    pub(super) fn prompt(&self, problem: &Prompt, asked: String) -> Prompt {
        let own = self.system.trim();
        let turns = match problem {
            Prompt::Text(_) if own.is_empty() => return Prompt::Text(asked),
            Prompt::Text(_) => return Prompt::Text(format!("{own}\n\n{asked}")),
            Prompt::Chat(turns) => turns,
        };
        let last = turns.iter().rposition(|turn| turn.role == Role::User).unwrap_or(0);
        let before = &turns[..last];
        let is_system = |turn: &&Message| turn.role == Role::System;
        let standing = before.iter().filter(is_system).map(|turn| turn.content.trim());
        let standing: Vec<&str> = standing.chain([own]).filter(|text| !text.is_empty()).collect();
        let message = |role, content| Message { role, content };
        let mut chat = Vec::with_capacity(before.len() + 2);
        if !standing.is_empty() {
            chat.push(message(Role::System, standing.join("\n\n")));
        }
        chat.extend(before.iter().filter(|turn| !is_system(turn)).cloned());
        chat.push(message(Role::User, asked));
        Prompt::Chat(chat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_folder_stand_in_place_of_the_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        file("plan.jinja", "Plan {{ problem }}.");
        file("notes.txt", "not a prompt");
        let prompts = ResearchPrompts::from_folder(folder.path()).expect("reads");
        assert_eq!(
            prompts,
            ResearchPrompts { plan: "Plan {{ problem }}.".into(), ..Default::default() }
        );
        for (name, text, expected) in [
            ("plan.jinja", "Plan {{ problem", "prompt plan: "),
            ("plan.jinja", "Plan.", "prompt plan: it does not say where {{ problem }} stands"),
            ("plan.jinja", "{{ problem }} {{ topic }}", "prompt plan: undefined value"),
            (
                "question.jinja",
                "{{ problem }} {{ known[0].answer }}",
                "prompt question: undefined value",
            ),
            ("react.jinja", "{{ problem }} {{ turns[0].said }}", "prompt react: undefined value"),
            ("plans.jinja", "{{ problem }}", "no prompt is called \"plans\""),
        ] {
            file(name, text);
            let error =
                ResearchPrompts::from_folder(folder.path()).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
            std::fs::remove_file(folder.path().join(name)).expect("removed");
        }
        // What was set before stays where the folder has nothing.
        let own = ResearchPrompts { system: "Be brief.".into(), ..ResearchPrompts::default() };
        file("plan.jinja", "Plan {{ problem }}.");
        let both = own.with_folder(folder.path()).expect("reads");
        assert_eq!(
            (both.system.as_str(), both.plan.as_str()),
            ("Be brief.", "Plan {{ problem }}.")
        );
        assert!(ResearchPrompts::from_folder(&folder.path().join("none")).is_err());
    }

    #[test]
    fn defaults_are_sound_and_a_chat_keeps_its_form() {
        let prompts = ResearchPrompts { system: "Be brief.".into(), ..ResearchPrompts::default() };
        prompts.check().expect("sound");
        let chat = prompts.prompt(&Prompt::from("q"), "asked".into());
        assert!(matches!(&chat, Prompt::Chat(turns) if turns.len() == 2));
        let raw = prompts.prompt(&Prompt::text("q"), "asked".into());
        assert_eq!(raw, Prompt::text("Be brief.\n\nasked"));
        // What was said before stays.
        let turn = |role, content: &str| Message { role, content: content.into() };
        let before = vec![
            turn(Role::System, "Speak French."),
            turn(Role::User, "Hello."),
            turn(Role::Assistant, "Bonjour."),
        ];
        let problem = Prompt::Chat([before.clone(), vec![turn(Role::User, "q")]].concat());
        let Prompt::Chat(turns) = prompts.prompt(&problem, "asked".into()) else {
            unreachable!("a chat");
        };
        assert_eq!(turns[0].content, "Speak French.\n\nBe brief.");
        assert_eq!(turns[1..3], before[1..]);
        assert_eq!(turns[3], turn(Role::User, "asked"));
    }
}
