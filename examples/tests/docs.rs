//! What the documents name is there: files behind links, headings, chapters, examples and their options.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A place in the repository.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let paths =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path());
    let below = |path: PathBuf| if path.is_dir() { files(&path, ending) } else { vec![path] };
    let fits = |path: &PathBuf| path.extension().is_some_and(|own| own == ending);
    paths.flat_map(below).filter(fits).collect()
}

/// All documents with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let top = ["README.md", "ADDING.md", "DESIGN.md"].map(at);
    let all = top.into_iter().chain(files(&at("docs"), "md"));
    all.map(|path| (path.clone(), read(&path))).collect()
}

/// The lines within blocks of this language, or outside of all blocks for `None`.
fn lines<'t>(text: &'t str, language: Option<&str>) -> Vec<&'t str> {
    let mut within = None;
    let line = |line: &'t str| {
        let fence = line.strip_prefix("```");
        if fence.is_some() {
            within = if within.is_some() { None } else { fence };
        }
        (fence.is_none() && within == language).then_some(line)
    };
    text.lines().filter_map(line).collect()
}

/// Whether a document has a heading of this anchor, as forges name them.
fn has_anchor(text: &str, anchor: &str) -> bool {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    let name = |line: &str| line.trim_start_matches('#').trim().to_lowercase();
    let headings = lines(text, None).into_iter().filter(|line| line.starts_with('#'));
    let mut names = headings.map(|line| name(line).chars().filter(kept).collect::<String>());
    names.any(|name| name.replace(' ', "-") == anchor)
}

#[test]
fn links_lead_somewhere() {
    for (document, text) in documents() {
        let targets = lines(&text, None).into_iter().flat_map(|line| line.split("](").skip(1));
        let targets = targets.filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let beside = document.parent().expect("a folder").join(file);
            let path = if file.is_empty() { &document } else { &beside };
            let there = path.exists() && (anchor.is_empty() || has_anchor(&read(path), anchor));
            assert!(there, "{}: a link to {target}", document.display());
        }
    }
}

#[test]
fn chapters_are_listed_and_tested() {
    let folder = at("docs/book/src");
    let (summary, tested) = (read(&folder.join("SUMMARY.md")), read(&at("examples/src/book.rs")));
    for chapter in files(&folder, "md") {
        let name = chapter.strip_prefix(&folder).expect("below").to_str().expect("a name");
        let listed = name == "SUMMARY.md" || summary.contains(&format!("]({name})"));
        assert!(listed, "{name} is not in SUMMARY.md");
        let code = read(&chapter).lines().any(|line| line.starts_with("```rust"));
        let known = !code || tested.contains(&format!("book/src/{name}\""));
        assert!(known, "{name} is not in examples/src/book.rs");
    }
}

/// Structs by name, each the lines between its braces.
type Structs = BTreeMap<String, Vec<String>>;

fn structs(text: &str) -> Structs {
    let parts = text.split("struct ").skip(1).filter_map(|rest| rest.split_once(" {\n"));
    let body = |rest: &str| {
        rest.lines().take_while(|line| *line != "}").map(|l| l.trim().to_owned()).collect()
    };
    parts.map(|(name, rest)| (name.to_owned(), body(rest))).collect()
}

/// The long options of a struct that clap derives, those of flattened structs included.
fn options(name: &str, structs: &Structs) -> Vec<String> {
    let (mut found, mut attributes) = (Vec::new(), String::new());
    let body = structs.get(name).unwrap_or_else(|| panic!("no struct {name}"));
    for line in body.iter().filter(|line| !line.starts_with("//")) {
        let field = line.strip_suffix(',').and_then(|line| line.split_once(": "));
        let field = field.map(|(name, kind)| (name.trim_start_matches("pub "), kind));
        let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let Some((field, kind)) = field.filter(|(name, _)| is_name(name)) else {
            attributes.push_str(line);
            continue;
        };
        if attributes.contains("command(flatten)") {
            found.extend(options(kind, structs));
        } else if attributes.contains("long") {
            let named =
                attributes.split("long = \"").nth(1).and_then(|rest| rest.split('"').next());
            found.push(named.map_or_else(|| field.replace('_', "-"), str::to_owned));
        }
        attributes.clear();
    }
    found
}

#[test]
fn commands_name_what_there_is() {
    let sources = files(&at("examples/src"), "rs").into_iter();
    let shared: Structs = sources.flat_map(|path| structs(&read(&path))).collect();
    for (document, text) in documents() {
        let script = lines(&text, Some("sh")).join("\n").replace("\\\n", " ");
        for command in script.lines().filter(|line| line.starts_with("cargo run")) {
            // Texts in quotes, and comments, are nobody's options.
            let bare: String = command.split(['"', '\'']).step_by(2).collect();
            let bare = bare.split(" #").next().unwrap_or_default();
            let mut words =
                bare.split_whitespace().skip_while(|w| !["--example", "--bin"].contains(w));
            let name = words.nth(1).expect("an example or a binary");
            let places =
                ["examples/examples", "examples/src/bin", "benches/src/bin", "tts-core/examples"];
            let mut programs = places.map(|place| at(place).join(format!("{name}.rs"))).into_iter();
            let Some(program) = programs.find(|path| path.is_file()) else {
                panic!("{}: no {name}: {command}", document.display())
            };
            let source = read(&program);
            let all = shared.clone().into_iter().chain(structs(&source)).collect();
            let mut known = options("Arguments", &all);
            // What else a program is asked for has options of its own.
            let others = source.split("::is_asked(std::env::args_os").filter_map(|before| {
                before.rsplit(|c: char| !c.is_alphanumeric()).next().filter(|name| !name.is_empty())
            });
            for other in others.filter(|name| all.contains_key(*name)) {
                known.extend(options(other, &all));
            }
            let given = bare.split_once(" -- ").map_or("", |(_, given)| given).split_whitespace();
            for option in given.filter_map(|word| word.strip_prefix("--")) {
                let option = option.split('=').next().unwrap_or_default();
                let there = known.iter().any(|known| known == option);
                assert!(there, "{}: no --{option}: {command}", document.display());
            }
        }
    }
}
