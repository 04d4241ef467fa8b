//! Errors of the library in the words of the commands: options where it names functions.
//!
//! The library tells whoever writes a program what to call, `Search::price` say. Whoever gives a command has options
//! for the same, so [`said`] puts these in their place, where errors are printed.
//!
//! Source: none.

/// What the library says, and what is said here. Longer ones first, where one is the beginning of another.
const WORDS: [(&str, &str); 19] = [
    ("see Search::scorer_named", "--named NAME=SCORER gives a scorer a name"),
    // Some commands say it themselves.
    (
        "; see Search::role; a JSON file of --model names engines by role",
        "; a JSON file of --model names engines by role",
    ),
    ("see Search::role", "a JSON file of --model names engines by role"),
    ("see Search::scorer", "--scorer says who scores"),
    ("(Search::price)", "(--price)"),
    ("(Search::scorer)", "(--scorer)"),
    (" (View::pose)", ""),
    ("(Evaluation::keep)", "(--record)"),
    (
        "(Reinforce::sampler), or a scorer",
        "(--sampler FILE), or a scorer (--scorer, with --scorer-for-sampler where it is to choose alone)",
    ),
    ("(Reinforce::sampler)", "(--sampler FILE)"),
    ("(Reinforce::scorer_named)", "(--named NAME=SCORER)"),
    ("(Reinforce::scorer)", "(--scorer)"),
    ("(Reinforce::role)", "(--role NAME=MODEL)"),
    ("(Reinforce::reference)", "(the model at the start)"),
    (
        "keep.best: of what is measured on nothing (Reinforce::held_out)",
        "--keep-best needs --held-out above 0",
    ),
    ("(Reinforce::held_out)", "(--held-out above 0)"),
    ("(Reinforce::keep)", "(--keep-best, --keep-every or --keep-step)"),
    (
        "has no difficulty, but the easiest are to come first",
        "has no difficulty, but the easiest are to come first (--difficulty-field names the field that tells it, --graded \
         an evaluation of the same problems)",
    ),
    (
        "expected one that writes its scores",
        "expected one that writes its scores, as --steps or --graded learn it",
    ),
];

/// An error as a command says it.
///
/// ```
/// use tts_examples::wording::said;
/// let error = "budget: money is bounded, and no price is known (Search::price)";
/// assert_eq!(said(error), "budget: money is bounded, and no price is known (--price)");
/// ```
pub fn said(error: &str) -> String {
    let put = |text: String, (theirs, ours): &(&str, &str)| {
        // What is said already is not said twice.
        if text.contains(ours) && ours.contains(theirs) { text } else { text.replace(theirs, ours) }
    };
    WORDS.iter().fold(error.to_owned(), put)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use tts_core::toy::{Sample, ToyWorld};
    use tts_core::{Budget, Price, Search};

    use super::*;

    #[test]
    fn functions_are_options() {
        let world = ToyWorld::default();
        let money = Budget { money: Some(1.0), ..Budget::default() };
        let refused = |search: Search<'_>| {
            let error = search.run(Sample { n: 1 }, world.prompt(0)).expect_err("refused");
            said(&error.to_string())
        };
        let search = || Search::new(world);
        let price = Price { generated: 1.0, ..Price::default() };
        for (error, expected) in [
            (refused(search().budget(money)), "no price is known (--price)"),
            (
                refused(search().price("judge", price)),
                "; a JSON file of --model names engines by role",
            ),
            (refused(search().scorer_price("", price)), "has no scorer; --scorer says who scores"),
            (
                refused(search().scorer_price("own", price)),
                "name \"own\"; --named NAME=SCORER gives a scorer a name",
            ),
            (
                said(
                    "no generator plays the role \"x\"; see Search::role; a JSON file of --model names engines by role",
                ),
                "role \"x\"; a JSON file of --model names engines by role",
            ),
            (
                said("keep.best: of what is measured on nothing (Reinforce::held_out)"),
                "--keep-best needs --held-out above 0",
            ),
            (
                said(&said("problems[0]: has no difficulty, but the easiest are to come first")),
                "(--difficulty-field names",
            ),
        ] {
            assert!(error.contains(expected) && !error.contains("::"), "{error}");
            assert_eq!(error.matches(expected).count(), 1, "{error}");
        }
        assert_eq!(said("a file is missing"), "a file is missing");
    }

    /// Source files below a folder.
    fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                into.push(path);
            }
        }
    }

    /// What the library names in its errors is known here, all of it.
    #[test]
    fn every_function_that_an_error_names_has_its_option() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        for part in ["tts-core", "tts-search", "tts-prm"] {
            sources(&root.join(part).join("src"), &mut files);
        }
        let mut found = 0;
        for path in files {
            let text = std::fs::read_to_string(&path).expect("a source");
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines.filter(|line| line.contains('"') || line.ends_with('\\')) {
                for begins in
                    ["(Search::", "(Reinforce::", "(Evaluation::", "(View::", "see Search::"]
                {
                    let Some((_, name)) = line.split_once(begins) else { continue };
                    let name: String =
                        name.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    // A call has its arguments behind it.
                    let end = if begins.starts_with('(') { ")" } else { "" };
                    let named = format!("{begins}{name}{end}");
                    if name == "new" || !line.contains(&named) {
                        continue;
                    }
                    found += 1;
                    let here = path.display();
                    assert!(!said(&format!("x {named}")).contains("::"), "{here}: {named}");
                }
            }
        }
        assert!(found >= 12, "{found}");
    }
}
