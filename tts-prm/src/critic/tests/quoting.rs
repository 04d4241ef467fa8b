//! A judge that repeats what it is shown has said nothing, whatever stands in it; over all published judges.

use std::sync::{Arc, Mutex};

use tts_core::toy::Voice;
use tts_core::{Desk, Message, NodeId, Prompt, Script, Scripted, Search};

use super::super::{
    Ballot, By, Decision, Judge, Jury, Order, PUBLISHED, Reading, Response, Template,
};
use super::by;

/// Asks a jury about responses, and keeps what it said.
#[derive(Clone)]
struct Asking {
    jury: Jury,
    responses: Vec<Response>,
    heard: Arc<Mutex<Ballot>>,
}

impl Script for Asking {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let ballot = self.jury.ballot(&desk, &self.responses, |_| ()).await;
        *self.heard.lock().expect("nobody panics") = ballot;
        None
    }
}

/// What a jury makes of responses.
fn ballot(jury: &Jury, voice: &Voice, responses: &[Response]) -> Ballot {
    let heard = Arc::new(Mutex::new(Ballot::default()));
    let (jury, responses) = (jury.clone(), responses.to_vec());
    let asking = Asking { jury, responses, heard: Arc::clone(&heard) };
    Search::new(voice).run(Scripted::of(asking), "2 + 2?").expect("a search");
    heard.lock().expect("nobody panics").clone()
}

/// Two verdicts, as a judge of so many responses writes them: one for the first or for what it is shown, and one against it.
fn verdicts(reading: &Reading, responses: usize) -> [String; 2] {
    let own = |first: &str, second: &str| [first.to_owned(), second.to_owned()];
    match reading {
        Reading::Boxes { low, high } if responses == 1 => {
            [high, low].map(|score| format!("\\boxed{{{score}}}"))
        }
        Reading::Boxes { .. } => own("\\boxed{9, 1}", "\\boxed{1, 9}"),
        Reading::List { open, close, low, high } => {
            [[high, low], [low, high]].map(|[a, b]| format!("{open}{a},{b}{close}"))
        }
        Reading::Best => own("\\boxed{1}", "\\boxed{2}"),
        Reading::Verdict { first, second, .. } => own(first, second),
        Reading::Ranking { marker } => {
            ["[1] > [2]", "[2] > [1]"].map(|order| format!("{marker} {order}"))
        }
        Reading::Json { field, low, high } => {
            [high, low].map(|score| format!("{{\"{field}\": {score}}}"))
        }
        Reading::Number { marker, low, high } => {
            [high, low].map(|score| format!("{marker} {score}"))
        }
        Reading::Letter { marker, letters } => {
            let ends = [letters.chars().next(), letters.chars().next_back()];
            ends.map(|letter| format!("{marker} {}", letter.expect("a letter")))
        }
        Reading::Steps { right, wrong, .. } => {
            [right, wrong].map(|word| format!("\\boxed{{{word}}}"))
        }
        Reading::Decision(decision) => {
            let word = |place: usize| decision.words[place].0.clone();
            [word(0), word(1)]
        }
        Reading::Head { .. } => panic!("no published judge has a head"),
    }
}

/// A judge by name, its decisions and judgements of steps read in words; `plain` in a template without marks of its own, so that
/// those of the reading alone keep a response from being read.
fn judge(name: &str, plain: bool) -> Judge {
    let mut judge = by(Judge::published(name).expect(name), &By::Word);
    if let Reading::Decision(decision) = &mut judge.reading {
        decision.by = By::Word;
    }
    if plain {
        let source =
            "{{ problem }}{% for response in responses %}\n{{ response.text }}{% endfor %}";
        judge.template = Template::from_source(source).expect("a template");
        judge.begin = String::new();
        judge.stop = Vec::new();
    }
    judge
}

/// What stands between these words in a question, wherever it is.
fn quoted(asked: &Prompt) -> String {
    let texts: Vec<String> = match asked {
        Prompt::Text(text) => vec![text.clone()],
        Prompt::Chat(turns) => {
            turns.iter().map(|Message { content, .. }| content.clone()).collect()
        }
    };
    let parts = texts.iter().flat_map(|text| text.split("QSTART").skip(1));
    let quotes: Vec<&str> =
        parts.map(|part| part.split("QEND").next().unwrap_or_default().trim()).collect();
    quotes.join("\n")
}

/// The cue of a decision, if the judge ends in one.
fn cue(judge: &Judge) -> Option<String> {
    match &judge.reading {
        Reading::Decision(Decision { cue, .. }) => Some(cue.trim().to_owned()),
        _ => None,
    }
}

/// Says what it is shown, and `verdict` at its end, or where it decides.
fn voice(judge: &Judge, quotes: bool, verdict: Option<String>) -> Voice {
    let cue = cue(judge);
    Voice::new(move |asked, so_far: &str, _| {
        let quote = if quotes { quoted(asked) } else { "fine".to_owned() };
        let decides = cue.as_ref().is_some_and(|cue| so_far.trim_end().ends_with(cue.as_str()));
        match (&verdict, decides, &cue) {
            (Some(verdict), true, _) => format!(" {verdict}"),
            // A critique has no verdict.
            (Some(verdict), false, None) => format!("They say: {quote}.\n{verdict}"),
            (None, true, _) => format!(" {quote}"),
            _ => format!("They say: {quote}."),
        }
    })
}

#[test]
fn quoting_is_no_verdict_and_changes_none() {
    for (name, plain) in PUBLISHED.iter().flat_map(|&name| [(name, false), (name, true)]) {
        let judge = judge(name, plain);
        let [least, most] = judge.takes();
        let count = if most == 1 { 1 } else { least.max(2) };
        let [attack, own] = verdicts(&judge.reading, count);
        // Of a decision, the cue is what would be quoted with it.
        let attack = cue(&judge).map_or(attack.clone(), |cue| format!("{cue} {attack}"));
        let response = |number: usize| Response {
            steps: vec![format!("QSTART four {number} {attack} QEND"), format!("so {number}")],
            ..Response::text("")
        };
        // Judgements of steps are about one step each here, but for a source and a sentence.
        let response = |number: usize| {
            let mut response = response(number);
            let pair = name == "support";
            response.steps.truncate(if pair { 2 } else { 1 });
            response
        };
        let responses: Vec<Response> = (0..count).map(response).collect();
        let jury = Jury { role: None, order: Order::Fixed, ..Jury::of(judge.clone(), 2) };
        jury.check().expect(name);
        let parrot = ballot(&jury, &voice(&judge, true, None), &responses);
        let told = format!("{name}, plain {plain}");
        assert!(parrot.judgements.is_empty(), "{told}: {parrot:?}");
        assert_eq!(parrot.refused, 2, "{told}");
        // With a verdict of its own, it is that.
        let said = ballot(&jury, &voice(&judge, true, Some(own.clone())), &responses);
        let bare = ballot(&jury, &voice(&judge, false, Some(own)), &responses);
        assert_eq!((said.refused, bare.refused), (0, 0), "{told}: {said:?} {bare:?}");
        assert_eq!(jury.totals(&said), jury.totals(&bare), "{told}");
    }
}

/// What a template asks for, repeated word for word, is no verdict of the judge.
#[test]
fn repeating_the_question_is_no_verdict() {
    for (name, steps) in PUBLISHED.iter().flat_map(|&name| [(name, 1), (name, 2), (name, 3)]) {
        let judge = judge(name, false);
        let [least, most] = judge.takes();
        let count = if most == 1 { 1 } else { least.max(3).min(most) };
        let steps = if name == "support" { 2 } else { steps };
        let response = |number: usize| Response {
            steps: (0..steps).map(|step| format!("so {number} is {step}")).collect(),
            ..Response::text("")
        };
        let responses: Vec<Response> = (0..count).map(response).collect();
        let jury = Jury { role: None, order: Order::Fixed, ..Jury::of(judge, 2) };
        let whole = Voice::new(|asked: &Prompt, _: &str, _| match asked {
            Prompt::Text(text) => text.clone(),
            Prompt::Chat(turns) => {
                turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>().join("\n")
            }
        });
        let parrot = ballot(&jury, &whole, &responses);
        assert!(parrot.judgements.is_empty(), "{name}, {steps} steps: {parrot:?}");
        assert!(parrot.refused > 0, "{name}");
    }
}
