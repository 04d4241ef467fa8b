//! Mappings of data files: of the real files beside the workspace, and of forms of other publishers.

use std::path::{Path, PathBuf};

use tts_core::task::{self, Puzzle};
use tts_core::{Generator as _, Prompt, Task};
use tts_search::evaluate::{DataSet, Item, Mapping, TextPool, load, parse};

/// A file of the shared data, if it lies beside the workspace.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is not beside the workspace", path.display());
        return None;
    }
    Some(path)
}

fn read(text: &str, mapping: &Mapping) -> Result<DataSet, String> {
    parse(text.as_bytes(), Path::new("p.jsonl"), mapping).map_err(|error| error.to_string())
}

#[test]
fn real_files_are_recognised() {
    // File, records, data set, task, first answer.
    let table = [
        ("gsm8k/test.jsonl", 1319, "gsm8k", "math", "18"),
        ("gsm8k/train.jsonl", 7473, "gsm8k", "math", "72"),
        ("math/math500.jsonl", 500, "math-500", "math", r"\left( 3, \frac{\pi}{2} \right)"),
        ("math/svamp.jsonl", 1000, "svamp", "math", "145.0"),
        ("countdown/countdown_rg_1000.jsonl", 1000, "countdown", "countdown", "99"),
        (
            "multihop/hotpotqa_distractor_100.jsonl",
            100,
            "hotpotqa",
            "phrase",
            "Gesellschaft mit beschränkter Haftung",
        ),
    ];
    for (name, count, dataset, task, gold) in table {
        let Some(path) = shared(name) else { continue };
        let data = load(&path, &Mapping::default()).unwrap();
        let found = (data.mapping.dataset.as_str(), data.mapping.task.as_deref());
        assert_eq!(found, (dataset, Some(task)), "{name}");
        // SVAMP holds 700 or 1,000 problems, by its version.
        assert!(
            data.items.len() == count || name.contains("svamp"),
            "{name}: {}",
            data.items.len()
        );
        assert_eq!(data.items[0].gold, gold, "{name}");
        // By name it is the same.
        assert_eq!(load(&path, &Mapping::named(dataset).unwrap()).unwrap(), data, "{name}");
        let task = task::by_name(task).unwrap();
        for item in &data.items {
            let asked = data.mapping.asked(&item.question).unwrap();
            assert!(asked.trim_end().ends_with(item.question.trim_end()), "{asked}");
            assert!(asked.len() > item.question.len(), "{name}");
            // The right answer, said as it is asked to be said, is right.
            let said = match dataset {
                "countdown" => continue,
                "hotpotqa" => format!("The answer is {}.", item.gold),
                _ => format!("So \\boxed{{{}}}.", item.gold),
            };
            assert!(task.verdict(&item.question, &item.gold, &said).is_right(), "{name}: {said}");
        }
    }
    if let Some(path) = shared("multihop/hotpotqa_distractor_100.jsonl") {
        let item = &load(&path, &Mapping::default()).unwrap().items[0];
        assert_eq!(item.id.as_deref(), Some("5a7613c15542994ccc9186bf"));
        assert!(item.question.starts_with("Constantin Medien: Constantin Medien AG (formerly"));
        assert!(item.question.ends_with("What does their new acronym stand for?"));
        assert_eq!(item.question.matches("\n\n").count(), 10);
    }
    if let Some(path) = shared("countdown/countdown_rg_1000.jsonl") {
        let data = load(&path, &Mapping::default()).unwrap();
        assert_eq!(data.items[0].question, "95 14 18 -> 99");
        let asked = data.mapping.asked(&data.items[0].question).unwrap();
        let solved = "95+18=113; 14 113\n113-14=99; 99";
        assert!(Puzzle.verdict(&asked, "99", solved).is_right());
        assert!(!Puzzle.verdict(&asked, "99", "95+18=113; 14 113\n113-15=98; 98").is_right());
    }
}

#[test]
fn forms_of_other_publishers_are_recognised() {
    let aime = r#"{"id": 60, "problem": "P", "solution": "S", "answer": "204", "url": "u", "year": "2024"}"#;
    let arena = r#"{"problem_idx": 3, "problem": "P", "answer": 70, "problem_type": ["algebra"]}"#;
    let svamp = r#"{"ID": "c-1", "Body": "B.", "Question": "Q?", "Answer": "145.0", "Type": "t"}"#;
    let mmlu =
        r#"{"question": "Q?", "subject": "s", "choices": ["w", "x", "y", "z"], "answer": 3}"#;
    let pro = r#"{"question_id": 7, "question": "Q?", "options": ["w", "x", "y"], "answer": "B", "answer_index": 1}"#;
    let arc = r#"{"id": "M1", "question": "Q?", "choices": {"text": ["w", "x"], "label": ["1", "2"]}, "answerKey": "2"}"#;
    let game = r#"{"nums": [3, 7, 25], "target": 96}"#;
    let plain = r#"{"question": "Q?", "answer": "4"}"#;
    let problem = r#"{"problem": "Q?", "answer": "4", "solution": "S"}"#;
    for (text, dataset, id, question, gold) in [
        (aime, "aime", Some("60"), "P", "204"),
        (arena, "aime", Some("3"), "P", "70"),
        (svamp, "svamp", Some("c-1"), "B. Q?", "145.0"),
        (mmlu, "mmlu", None, "Q?\nA) w\nB) x\nC) y\nD) z", "D"),
        (pro, "mmlu", Some("7"), "Q?\nA) w\nB) x\nC) y", "B"),
        (arc, "mmlu", Some("M1"), "Q?\nA) w\nB) x", "B"),
        (game, "countdown", None, "3 7 25 -> 96", "96"),
        (plain, "plain", None, "Q?", "4"),
        (problem, "plain", None, "Q?", "4"),
    ] {
        let data = read(text, &Mapping::default()).unwrap();
        let item = &data.items[0];
        assert_eq!(data.mapping.dataset, dataset, "{text}");
        assert_eq!((item.question.as_str(), item.gold.as_str()), (question, gold), "{text}");
        assert_eq!(item.id.as_deref(), id, "{text}");
    }
    let taken = read(mmlu, &Mapping::default()).unwrap().taken();
    assert_eq!(
        taken,
        "mmlu: question from question, answer from answer, choices from choices; task choice"
    );
    let taken = read(game, &Mapping::default()).unwrap().taken();
    assert_eq!(taken, "countdown: question from a template, answer from target; task countdown");
    // What is not of a data set is asked as it stands.
    assert_eq!(read(plain, &Mapping::default()).unwrap().mapping.asked("Q?"), Ok("Q?".into()));
    let asked = read(mmlu, &Mapping::default()).unwrap().mapping.asked("Q?\nA) w").unwrap();
    assert!(
        asked.starts_with("Answer the following multiple-choice") && asked.ends_with("A) w"),
        "{asked}"
    );
}

#[test]
fn what_a_mapping_names_goes_before_what_is_known() {
    let text = r#"{"question": "Q", "answer": "1 #### 2", "gold": 3, "name": "n", "note": "N", "opts": ["5", "7"]}"#;
    let of = |json: &str| {
        let mapping: Mapping = serde_json::from_str(json).unwrap();
        read(text, &mapping)
    };
    let item = |json: &str| {
        let item = of(json).unwrap().items.remove(0);
        (item.question, item.gold, item.id)
    };
    let pair = |question: &str, gold: &str| (question.to_owned(), gold.to_owned(), None::<String>);
    assert_eq!(item("{}"), pair("Q", "2"));
    assert_eq!(item(r#"{"answer": "gold"}"#), pair("Q", "3"));
    assert_eq!(item(r#"{"question": ["note", "question"]}"#), pair("N Q", "2"));
    assert_eq!(item(r#"{"question_template": "{{ note }}: {{ gold + 1 }}"}"#), pair("N: 4", "2"));
    assert_eq!(item(r#"{"id": "name"}"#).2.as_deref(), Some("n"));
    let chosen = r#"{"question": ["question"], "answer": "gold", "choices": "opts"}"#;
    assert!(of(chosen).unwrap_err().contains("line 1: the answer \"3\" is none of the 2 choices"));
    let named =
        of(r#"{"dataset": "gsm8k", "answer": "gold", "task": "exact", "ask": "{{ question }}!"}"#)
            .unwrap();
    assert_eq!(named.mapping.task.as_deref(), Some("exact"));
    assert_eq!(named.mapping.asked("Q"), Ok("Q!".into()));
    assert_eq!(named.items[0].gold, "3");
    let mapping = Mapping {
        question: vec!["note".into()],
        answer: Some("gold".into()),
        ..Mapping::default()
    };
    let data = read(text, &mapping).unwrap();
    assert_eq!((data.mapping.dataset.as_str(), data.mapping.ask), ("", None), "nothing is guessed");
    // A mapping is written as it is read.
    let mapping = read(text, &Mapping::default()).unwrap().mapping;
    let written = serde_json::to_string(&mapping).unwrap();
    assert_eq!(serde_json::from_str::<Mapping>(&written).unwrap(), mapping);
}

#[test]
fn what_is_wrong_with_a_mapping_or_record_is_said() {
    let question = r#"{"question": "Q", "answer": "4"}"#;
    let choices = r#"{"question": "Q", "choices": CHOICES, "answer": ANSWER}"#;
    let of = |choices_: &str, answer: &str| {
        choices.replace("CHOICES", choices_).replace("ANSWER", answer)
    };
    let named = |name: &str| Mapping { dataset: name.into(), ..Mapping::default() };
    let known = Mapping::default;
    let template =
        |text: &str| Mapping { question_template: Some(text.into()), ..Mapping::default() };
    let table = [
        (
            question.into(),
            named("mmlu"),
            "line 1: not of mmlu: expected the fields answer, choices, question; or",
        ),
        (
            question.into(),
            named("countdown"),
            "expected the fields nums, target; found answer, question",
        ),
        (
            question.into(),
            named("gsm9k"),
            "dataset: \"gsm9k\" is not known, expected gsm8k, math-500",
        ),
        (question.into(), template("{{ nothing }}"), "question_template: undefined value"),
        (question.into(), template("{{ question "), "question_template: syntax error"),
        (
            question.into(),
            Mapping { task: Some("maths".into()), ..known() },
            "task: \"maths\" is not a task",
        ),
        (question.into(), Mapping { ask: Some("{% if %}".into()), ..known() }, "ask: syntax error"),
        (
            question.into(),
            Mapping { question: vec!["a".into()], ..template("b") },
            "question and question_template: expected one of them",
        ),
        (
            question.into(),
            Mapping { id: Some("name".into()), ..known() },
            "field \"name\" is not there",
        ),
        (
            r#"{"q": "Q", "a": "4"}"#.into(),
            known(),
            "no known fields, name those of question and answer: a, q",
        ),
        (
            r#"{"q": "Q", "a": "4"}"#.into(),
            Mapping { question: vec!["q".into()], ..known() },
            "no known fields, name that of the answer: a, q",
        ),
        (of(r#"["x"]"#, "0"), known(), "field \"choices\": 1 choices, expected 2 to 26"),
        (of(r#""x, y""#, "0"), known(), "field \"choices\": expected a list of choices"),
        (
            of(r#"{"text": ["x", "y"], "label": ["A"]}"#, "0"),
            known(),
            "expected a list of choices, or lists",
        ),
        (of(r#"["x", "y"]"#, "2"), known(), "the answer \"2\" is none of the 2 choices"),
        (of(r#"["x", "y"]"#, r#""C""#), known(), "the answer \"C\" is none of the 2 choices"),
        (of(r#"["x", "y"]"#, "-1"), known(), "the answer \"-1\" is none of the 2 choices"),
        (
            format!("{}\n{}", of(r#"["x", "y"]"#, "1"), question),
            known(),
            "line 2: field \"choices\": expected",
        ),
    ];
    for (text, mapping, expected) in table {
        let error = read(&text, &mapping).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    // Letters, numbers from 0 and texts are answers; a letter goes before a text, a label before both.
    for (list, answer, gold) in [
        (r#"["x", "y"]"#, "1", "B"),
        (r#"["1", "0"]"#, "1", "B"),
        (r#"["x", "y"]"#, r#""a""#, "A"),
        (r#"["x", "y"]"#, r#""(B)""#, "B"),
        (r#"["x", "y"]"#, r#""1""#, "B"),
        (r#"["2", "1"]"#, r#""2""#, "A"),
        (r"[2, 1]", r#""1""#, "B"),
        (r#"["b", "a"]"#, r#""a""#, "A"),
        (r#"{"text": ["x", "y"], "label": ["B", "A"]}"#, r#""A""#, "B"),
    ] {
        let data = read(&of(list, answer), &Mapping::default()).unwrap();
        assert_eq!(data.items[0].gold, gold, "{list} {answer}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_are_data_sets() {
    let file = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        load(&path, &Mapping::default()).unwrap()
    };
    let gsm8k = file("gsm8k.snappy.parquet");
    assert_eq!((gsm8k.items.len(), gsm8k.mapping.dataset.as_str()), (25, "gsm8k"));
    for (number, item) in gsm8k.items.iter().enumerate() {
        let expected = format!("A baker has {} rolls and sells {}.", number % 5 + 20, number % 5);
        assert!(item.question.starts_with(&expected), "{}", item.question);
        assert_eq!(item.gold, "20");
    }
    let mmlu = file("mmlu.zstd.parquet");
    assert_eq!(mmlu.items[0].question, "Which is a prime?\nA) 4\nB) 6\nC) 7\nD) 9");
    assert_eq!(mmlu.items.iter().map(|item| item.gold.as_str()).collect::<Vec<_>>(), ["C", "D"]);
    let hotpot = file("hotpotqa.zstd2.parquet");
    assert_eq!(hotpot.mapping.dataset, "hotpotqa");
    assert_eq!(
        hotpot.items[0].question,
        "Lay: The Lay is by Mira Voss.\n\nMira Voss: Mira Voss was born in Osleta. She wrote.\n\n\
         Where was the author of the Lay born?"
    );
    assert_eq!(hotpot.items[1].id.as_deref(), Some("h2"));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_without_its_feature_says_so() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mmlu.zstd.parquet");
    let error = load(&path, &Mapping::default()).unwrap_err().to_string();
    assert!(error.contains("mmlu.zstd.parquet") && error.contains("feature `parquet`"), "{error}");
}

/// The examples of the documentation are what it says they are.
#[test]
fn documented_examples_are_recognised() {
    let text = include_str!("../../docs/data.md");
    let records: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"")).collect();
    let names: Vec<String> = records
        .iter()
        .map(|record| read(record, &Mapping::default()).unwrap().mapping.dataset)
        .collect();
    assert_eq!(names, Mapping::NAMES);
    let table = text.split("## Data sets by name").nth(1).unwrap();
    for name in Mapping::NAMES {
        let mapping =
            read(records[names.iter().position(|n| n == name).unwrap()], &Mapping::default());
        let task = mapping.unwrap().mapping.task.unwrap();
        let row = table.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap();
        assert!(row.contains(&format!("| {task} |")), "{row}");
    }
    let mapping = text.split("```json\n").nth(2).unwrap().split("```").next().unwrap();
    serde_json::from_str::<Mapping>(mapping).unwrap().check().unwrap();
}

/// Pools as other projects write them: rows of a problem are joined, by question or by id, however it is asked.
#[test]
fn texts_of_others_are_found_by_their_usual_fields() {
    let table = [
        // search-and-learn.
        (r#"{"problem": "2+3?", "unique_id": "a/1", "completions": ["x", "y"], "pred": "x"}"#, 2),
        // vLLM's answers, and OpenAI's choices under a name of one's own.
        (
            r#"{"prompt": "2+3?", "outputs": [{"text": "x", "finish_reason": "stop"}, {"text": "y"}]}"#,
            2,
        ),
        (
            r#"{"question": "2+3?", "responses": [{"message": {"content": "x"}, "finish": null}]}"#,
            1,
        ),
        // lm-evaluation-harness.
        (r#"{"question": "2+3?", "resps": [["x", "y"], ["z"]]}"#, 3),
        (
            r#"{"doc_id": 0, "doc": {"question": "2+3?"}, "target": "5", "resps": [["x", "y"]], "filtered_resps": ["x"]}"#,
            2,
        ),
        // A row a sample.
        (
            "{\"question\": \"2+3?\", \"generation\": \"x\"}\n{\"question\": \" 2+3?\", \"generation\": \"y\"}",
            2,
        ),
        ("question,completion\n2+3?,x\n", 1),
    ];
    let item = Item::new("2+3?", "5");
    let asked = || Prompt::chat("Be brief.", "Solve: 2+3?");
    for (rows, count) in table {
        let pool = TextPool::parse(rows.as_bytes(), Path::new("pool"), None).unwrap();
        let given = pool.texts([(&item, asked())]).unwrap();
        assert_eq!(given.count("Solve: 2+3?"), count, "{rows}");
        assert!(given.identity().is_some());
    }
    // Two fields that say the same are one problem; others are other names of it.
    let rows = r#"{"question": "2+3?", "prompt": "2+3?", "problem": "two", "output": "x"}"#;
    let pool = TextPool::parse(rows.as_bytes(), Path::new("pool"), None).unwrap();
    for question in ["2+3?", "two"] {
        let given = pool.texts([(&Item::new(question, "5"), asked())]).unwrap();
        assert_eq!(given.count("Solve: 2+3?"), 1, "{question}");
    }
    // By id where rows have no question, or that of the problem in other words; by the words that it is asked with.
    let rows =
        "{\"id\": \"p1\", \"responses\": [\"x\"]}\n{\"id\": 2, \"responses\": [\"y\", \"z\"]}";
    let by_id = TextPool::parse(rows.as_bytes(), Path::new("pool"), None).unwrap();
    let named = Item { id: Some("2".into()), ..Item::new("other words", "5") };
    assert_eq!(by_id.texts([(&named, asked())]).unwrap().count("Solve: 2+3?"), 2);
    let around = r#"{"id": 2, "prompt": "User: other words.", "responses": ["y"]}"#;
    let around = TextPool::parse(around.as_bytes(), Path::new("pool"), None).unwrap();
    assert_eq!(around.texts([(&named, asked())]).unwrap().count("Solve: 2+3?"), 1);
    let rows = r#"{"prompt": "Solve: 2+3?", "mine": ["x"], "completions": ["y", "z"]}"#;
    let words = TextPool::parse(rows.as_bytes(), Path::new("pool"), Some("mine")).unwrap();
    assert_eq!(words.texts([(&item, asked())]).unwrap().count("Solve: 2+3?"), 1);
    let usual = TextPool::parse(rows.as_bytes(), Path::new("pool"), None).unwrap();
    let identity = |pool: &TextPool| pool.texts([(&item, asked())]).unwrap().identity();
    assert_ne!(identity(&words), identity(&usual));
    // Equal questions are one problem, and its texts are not there twice.
    let twice = usual.texts([(&item, asked()), (&item, asked())]).unwrap();
    assert_eq!(twice.count("Solve: 2+3?"), 2);
}

/// Ids that number the rows are not those of the problems: the question says whose a text is.
#[test]
fn a_question_counts_before_an_id() {
    let row = |(id, question, text): (u32, &str, &str)| {
        format!("{{\"id\": {id}, \"question\": \"{question}\", \"response\": \"{text}\"}}")
    };
    let pool = |rows: &[(u32, &str, &str)]| {
        let rows: Vec<String> = rows.iter().copied().map(row).collect();
        TextPool::parse(rows.join("\n").as_bytes(), Path::new("p.jsonl"), None).unwrap()
    };
    let item = |id: &str, question: &str| Item { id: Some(id.into()), ..Item::new(question, "4") };
    let items = [item("1", "2+2?"), item("2", "3+3?")];
    let asked = |item: &Item| Prompt::from(format!("Solve: {}", item.question));
    let all = pool(&[(1, "2+2?", "4"), (2, "2+2?", "5"), (3, "3+3?", "6")]);
    let given = all.texts(items.iter().map(|item| (item, asked(item)))).unwrap();
    assert_eq!(["Solve: 2+2?", "Solve: 3+3?"].map(|asked| given.count(asked)), [2, 1]);
    // Without a row of its question, a row of its id is another problem's: not its text, and not within a number either.
    for other in ["2+2?", "13+3?"] {
        let some = pool(&[(1, "2+2?", "4"), (2, other, "5")]);
        let error = some.texts([(&items[1], asked(&items[1]))]).unwrap_err().to_string();
        let expected = format!(
            "p.jsonl: line 2: its id \"2\" is that of the problem \"3+3?\", and its question is {other:?}"
        );
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn pools_that_say_nothing_are_refused_with_their_place() {
    let good = r#"{"question": "Q", "completions": ["x"]}"#;
    let table = [
        (String::new(), None, "p.jsonl: no rows"),
        (r#"{"question": "Q", "text": "x"}"#.into(), None, "line 1: no field of texts is named"),
        (
            r#"{"q": "Q", "completions": ["x"]}"#.into(),
            None,
            "nothing says which problem a row is of",
        ),
        (
            format!("{good}\n{{\"question\": \"R\"}}"),
            None,
            "line 2: field \"completions\": expected a text",
        ),
        (
            format!("{good}\n{{\"completions\": [\"x\"]}}"),
            None,
            "line 2: field \"question\" is not there",
        ),
        (
            good.replace("[\"x\"]", "[]"),
            None,
            "field \"completions\": no texts, expected at least one",
        ),
        (good.replace("\"x\"", "null"), None, "found null"),
        (good.replace("\"x\"", "7"), None, "found 7"),
        (good.replace("\"x\"", r#"{"tokens": 3}"#), None, "an object with \"text\""),
        (
            good.replace("\"x\"", r#"{"text": "x", "finish": "tired"}"#),
            None,
            "finish \"tired\", expected stop or length",
        ),
        (good.replace("\"x\"", r#"{"text": "x", "finish": 1}"#), None, "finish 1, expected"),
        (good.into(), Some("mine"), "field \"mine\": expected a text"),
        (
            r#"{"doc": {"question": ["Q"]}, "id": 1, "resps": ["x"]}
               {"doc": {}, "resps": ["x"]}"#
                .into(),
            None,
            "line 2: field \"id\" is not there",
        ),
        (
            r#"{"doc": {"question": "Q"}, "resps": ["x"]}
               {"doc": {"question": ["Q"]}, "resps": ["x"]}"#
                .into(),
            None,
            "line 2: field \"doc.question\": expected a text or a number, found [\"Q\"]",
        ),
        (format!("{good}\n{{"), None, "line 2"),
    ];
    for (rows, field, expected) in table {
        let error = TextPool::parse(rows.as_bytes(), Path::new("p.jsonl"), field).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected) && error.starts_with("p.jsonl: "), "{rows}: {error}");
    }
    let missing = TextPool::read(Path::new("nowhere.jsonl"), None).unwrap_err().to_string();
    assert!(missing.contains("nowhere.jsonl"), "{missing}");
    // Problems without a row: the first by its words, and how many.
    let pool = TextPool::parse(good.as_bytes(), Path::new("p.jsonl"), None).unwrap();
    let items = ["Q", "R", "S"].map(|question| Item::new(question, "1"));
    let asked = |item: &'static str| Prompt::from(item);
    let error = pool.texts(items.iter().zip(["Q", "R", "S"].map(asked))).unwrap_err().to_string();
    assert!(error.contains("p.jsonl: no row is of the problem \"R\", and 1 more"), "{error}");
}
