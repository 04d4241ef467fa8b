//! Each published judge on a transcript in the form of its paper.

use tts_core::{NodeId, Prompt, Role};

use super::super::{Judge, PUBLISHED, Reading, Response, Template};

fn solution() -> Response {
    let steps = ["2x = 4", "x = 2"].map(str::to_owned).to_vec();
    Response { node: NodeId::ROOT, steps }
}

#[test]
fn every_judge_is_sound_and_survives_json() {
    for name in PUBLISHED {
        let judge = Judge::published(name).expect(name);
        judge.check().expect(name);
        let json = serde_json::to_string(&judge).expect(name);
        assert_eq!(serde_json::from_str::<Judge>(&json).expect(name), judge, "{name}");
    }
    for name in Template::names() {
        let template = Template::built_in(name).expect(name);
        // Turns, and lines: a response has no line but its own.
        let apart = ["genprm", "panel"].contains(&name);
        assert!(!template.marks().is_empty() || apart, "{name}");
    }
}

#[test]
fn deepseek_grm() {
    let judge = Judge::published("deepseek-grm").expect("known");
    let responses = [Response::text("Paris."), Response::text("Lyon.")];
    let shown: Vec<&Response> = responses.iter().collect();
    let problem = Prompt::chat("Be brief.", "The capital of France?");
    let asked = judge.question(&problem, &shown).expect("asked");
    let asked = asked.question();
    for part in [
        "#### Conversation Context ####\nsystem: Be brief.\nuser: The capital of France?",
        "[The Begin of Response 1]\nParis.\n[The End of Response 1]",
        "[The Begin of Response 2]\nLyon.\n[The End of Response 2]",
        "from 1 to 10",
        "\\boxed{x, x}",
    ] {
        assert!(asked.contains(part), "{part}\n---\n{asked}");
    }
    let said = "Specific Criteria: 1. Accuracy (weight 0.7) 2. Brevity (weight 0.3).\n\
                Analysis: Response 1 names the capital, worth 9 or 10. Response 2 is wrong, at best \\boxed{2}.\n\
                Scores: $\\boxed{10, 2}$.";
    assert_eq!(judge.read(said, &shown).expect("read").scores, [10.0, 2.0]);
    // The published form for one response, 0 or 1.
    let single = Judge::published("deepseek-grm-single").expect("known");
    let said = "Specific Criteria: ...\nAnalysis: ...\nScores: \\boxed{1}";
    assert_eq!(single.read(said, &shown[..1]).expect("read").scores, [1.0]);
    assert!(single.read("Scores: \\boxed{7}", &shown[..1]).is_err());
    // The baseline that names the best.
    let best = Judge::published("deepseek-judge").expect("known");
    assert_eq!(best.read("Scores: \\boxed{2}", &shown).expect("read").scores, [0.0, 1.0]);
}

#[test]
fn proof() {
    let judge = Judge::published("proof").expect("known");
    let response = Response::text("Let n be even. Proof grade: 1");
    let asked = judge.question(&Prompt::from("Show it."), &[&response]).expect("asked");
    assert!(
        asked
            .question()
            .contains("[Begin of Proof]\nLet n be even. P roof grade: 1\n[End of Proof]")
    );
    let said =
        "1. Odd n are left out (fatal).\n2. A sign, which does not matter.\nProof grade: 0.5";
    assert_eq!(judge.read(said, &[&response]).expect("read").scores, [0.5]);
    for refused in ["It is worth a half.", "Proof grade: 2", "Proof grade: good"] {
        assert!(judge.read(refused, &[&response]).is_err(), "{refused}");
    }
}

#[test]
fn thinkprm() {
    let judge = Judge::published("thinkprm-steps").expect("known");
    let solution = solution();
    let asked = judge.question(&Prompt::from("Solve 2x + 3 = 7."), &[&solution]).expect("asked");
    assert_eq!(
        asked.question(),
        "You are given a math problem and a proposed step-by-step solution:\n\n[Math Problem]\n\n\
         Solve 2x + 3 = 7.\n\n[Solution]\n\nStep 1: 2x = 4\nStep 2: x = 2\n\n\
         Review and critique each step in the proposed solution to determine whether each step is correct. \
         If the solution is incomplete, only verify the provided steps."
    );
    let said = "\nLet's verify step by step:\nStep 1: Subtract 3 from both sides: $7 - 3 = 4$. \
                The step is \\boxed{correct}.\nStep 2: 4 / 2 = \\boxed{2}, so this step is \\boxed{correct}.\n\
                Is the solution correct?";
    let read = judge.read(said, &[&solution]).expect("read");
    assert_eq!((read.steps, read.scores), (vec![1.0, 1.0], vec![1.0]));
    // It ends where it would go on to a step that is not there.
    let stop = judge.rule(0, Some(3)).stop;
    assert_eq!(stop, ["Is the solution correct?", "</think>", "Step 3:"]);
    assert_eq!(judge.rule(0, None).stop, stop[..2]);
    // It stops at the first error.
    let said = "Step 1: 7 - 3 is 4, not 5. The step is \\boxed{incorrect}.\n</think>";
    assert_eq!(judge.read(said, &[&solution]).expect("read").steps, [0.0, 0.0]);
    // The decision that the paper scores by.
    let decision = Judge::published("thinkprm").expect("known");
    let Reading::Decision(by) = &decision.reading else { panic!("a decision") };
    assert_eq!((by.cue.as_str(), by.critique), ("\nIs the solution correct? ", true));
    let read = |said: &str| decision.read(said, &[&solution]).expect("read").scores;
    assert_eq!(read("... Is the solution correct? yes"), [1.0]);
    assert_eq!(read("... Is the solution correct? no"), [0.0]);
}

#[test]
fn genprm() {
    let judge = Judge::published("genprm").expect("known");
    let solution = solution();
    let problem = Prompt::from("Solve 2x + 3 = 7.");
    let first = judge.question(&problem, &[&solution]).expect("asked");
    let Prompt::Chat(turns) = first else { panic!("a chat") };
    let said: Vec<(Role, &str)> =
        turns.iter().map(|turn| (turn.role, turn.content.as_str())).collect();
    let system = "You are a math teacher. Your task is to review and critique the paragraphs in solution step by step.";
    assert_eq!(
        said,
        [(Role::System, system), (Role::User, "Question: Solve 2x + 3 = 7.\n\n2x = 4")]
    );
    let answer = "<analyze>\nLet's analyze the Paragraph 1 step by step: 7 - 3 = 4.\n</analyze>\n<output>\n\
                  **Judgement**: $\\boxed{Yes}$\n</output>";
    assert_eq!(judge.reading.read(answer, 1, 1).expect("read").steps, [1.0]);
    let second = judge.question_after(&problem, &[&solution], &[answer.to_owned()]).expect("asked");
    let Prompt::Chat(turns) = second else { panic!("a chat") };
    let roles: Vec<Role> = turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
    assert_eq!((turns[2].content.as_str(), turns[3].content.as_str()), (answer, "x = 2"));
    let wrong = "<output>\n**Judgement**: $\\boxed{No}$\n</output>";
    assert_eq!(judge.reading.read(wrong, 1, 1).expect("read").steps, [0.0]);
    // What the released script takes for 0.5.
    assert!(judge.reading.read("<output>\n**Judgement**: fine\n</output>", 1, 1).is_err());
}

#[test]
fn genrm() {
    let judge = Judge::published("genrm-cot").expect("known");
    let solution = solution();
    let asked = judge.question(&Prompt::from("Solve 2x + 3 = 7."), &[&solution]).expect("asked");
    assert!(asked.question().ends_with("Let's verify step by step."), "{}", asked.question());
    let read = |said: &str| judge.read(said, &[&solution]).map(|said| said.scores);
    let yes = "2x = 4 is right. x = 2 is right. Verification: Is the answer correct (Yes/No)? Yes";
    assert_eq!(read(yes), Ok(vec![1.0]));
    assert_eq!(read(&yes.replace(" Yes", " No")), Ok(vec![0.0]));
    assert!(read("I could not say.").is_err());
    // The paper's score is p(Yes), whatever else might be said; of ThinkPRM it is the share of yes among both.
    for (name, outside) in [("genrm", Some(0.0)), ("genrm-cot", Some(0.0)), ("thinkprm", None)] {
        let judge = Judge::published(name).expect(name);
        let Reading::Decision(decision) = &judge.reading else { panic!("a decision") };
        assert_eq!(decision.outside, outside, "{name}");
    }
}

#[test]
fn general_judges() {
    let solution = solution();
    for (name, said, count, expected) in [
        ("score", "Sound, if terse.\n{\"score\": 7.5}", 1, vec![7.5]),
        ("rubric", "Right and clear.\nGrade: A", 1, vec![4.0]),
        ("pairwise", "A is right. My verdict: [[A]]", 2, vec![1.0, 0.0]),
        ("listwise", "Ranking: [3] > [1] > [2]", 3, vec![0.5, 0.0, 1.0]),
        ("steps", "Step 1: \\boxed{correct} Step 2: \\boxed{incorrect}", 1, vec![0.0]),
    ] {
        let judge = Judge::published(name).expect(name);
        let shown = vec![&solution; count];
        judge.question(&Prompt::from("Solve 2x + 3 = 7."), &shown).expect(name);
        assert_eq!(judge.read(said, &shown).expect(name).scores, expected, "{name}");
    }
}

/// The scores that `its_hub` reads from a judge's text; where it falls back on 5.0 this library abstains.
#[test]
fn golden_scores() {
    let beside = |up: &str| {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(up)
            .join("shared/data/golden/peer_golden.jsonl")
    };
    let Some(rows) =
        ["../..", "../../.."].into_iter().find_map(|up| std::fs::read_to_string(beside(up)).ok())
    else {
        eprintln!("skipped: {} is not there", beside("../..").display());
        return;
    };
    let judge = Judge::published("score").expect("known");
    let one = Response::text("x");
    let mut count = 0;
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).expect("JSON");
        if row["kind"] != "judge_score_parse" {
            continue;
        }
        count += 1;
        let (text, expected) = (row["text"].as_str().expect("a text"), row["expected"].as_f64());
        let found = judge.read(text, &[&one]).ok().map(|said| said.scores[0]);
        let fallback = expected == Some(5.0) && !text.contains("\"score\": 5");
        assert_eq!(found, expected.filter(|_| !fallback), "{row}");
    }
    assert_eq!(count, 12);
}
