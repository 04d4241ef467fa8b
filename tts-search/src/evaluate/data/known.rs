//! The data sets that are known, each by the fields that its files have.
//!
//! Files of one set differ by who published them, so that a set has several forms. The form of a file is the one
//! of most fields that are all there; where two sets claim a file equally, a name has to say.
//!
//! Source: the data set cards of `openai/gsm8k`, `HuggingFaceH4/MATH-500`, `HuggingFaceH4/aime_2024`,
//! `MathArena/aime_2025`, `ChilleD/SVAMP`, `cais/mmlu`, `TIGER-Lab/MMLU-Pro`, `allenai/ai2_arc`,
//! `Jiayi-Pan/Countdown-Tasks-3to4` and `hotpotqa/hotpot_qa`.

use tts_core::rows::Row;

use super::Mapping;

/// How mathematics is asked.
const MATH: &str = "Solve the following problem step by step, and put the final answer within \\boxed{}.\n\n\
                    {{ question }}";

/// How choices are asked.
const CHOICE: &str = "Answer the following multiple-choice question. Think step by step, and end with \
                      \"The answer is\" and the letter of the right choice.\n\n{{ question }}";

/// How names and phrases are asked.
const PHRASE: &str = "Answer the question from the paragraphs. Think step by step, and end with \
                      \"The answer is\" and as few words as possible.\n\n{{ question }}";

/// How Countdown is asked: by steps that can be checked one by one.
const COUNTDOWN: &str = "Reach the target from the numbers, by +, -, * and /, using each number once. Each line \
                         takes two of the numbers at hand and lists, behind a semicolon, all that are at hand \
                         after it, until only the target is left. For 3 7 25 50 -> 132:\n\
                         50*3=150; 7 25 150\n25-7=18; 18 150\n150-18=132; 132\n\n\
                         Write such lines, and nothing else, for:\n{{ question }}";

/// The paragraphs of `HotpotQA` before its question.
const PARAGRAPHS: &str = "{% for title in context.title %}{{ title }}: {{ context.sentences[loop.index0] | \
                          join('') }}\n\n{% endfor %}{{ question }}";

/// A data set, in one form.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) mapping: Mapping,
    /// Fields that its files have and the mapping does not read.
    signs: &'static [&'static str],
    /// Fields that its templates read.
    reads: &'static [&'static str],
    /// A text that its answers hold.
    mark: Option<&'static str>,
}

impl Known {
    fn new(dataset: &str, question: &[&str], answer: &str, task: &str) -> Self {
        let ask = match (dataset, task) {
            ("plain", _) => None,
            (_, "choice") => Some(CHOICE),
            (_, "phrase") => Some(PHRASE),
            (_, "countdown") => Some(COUNTDOWN),
            _ => Some(MATH),
        };
        let mapping = Mapping {
            dataset: dataset.to_owned(),
            question: question.iter().map(|&name| name.to_owned()).collect(),
            answer: Some(answer.to_owned()),
            task: Some(task.to_owned()),
            ask: ask.map(str::to_owned),
            ..Mapping::default()
        };
        Self { mapping, signs: &[], reads: &[], mark: None }
    }

    fn id(mut self, field: &str) -> Self {
        self.mapping.id = Some(field.to_owned());
        self
    }

    fn choices(mut self, field: &str) -> Self {
        self.mapping.choices = Some(field.to_owned());
        self
    }

    fn template(mut self, template: &str, reads: &'static [&'static str]) -> Self {
        self.mapping.question_template = Some(template.to_owned());
        self.mapping.question.clear();
        self.reads = reads;
        self
    }

    fn signs(self, signs: &'static [&'static str]) -> Self {
        Self { signs, ..self }
    }

    /// The fields that it reads and cannot do without.
    fn fields(&self) -> Vec<&str> {
        let mapping = &self.mapping;
        let question = mapping.question.iter().map(String::as_str);
        let others = [&mapping.answer, &mapping.choices].into_iter().flatten().map(String::as_str);
        let mut fields: Vec<&str> =
            question.chain(self.reads.iter().copied()).chain(others).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Whether a record has what it reads, apart from what is asked by other names.
    fn serves(&self, asked: &Mapping, row: &Row) -> bool {
        let own = &self.mapping;
        let answer = own.answer.iter().filter(|_| asked.answer.is_none());
        let choices = own.choices.iter().filter(|_| asked.choices.is_none());
        let asks = asked.question_template.is_some() || !asked.question.is_empty();
        let question = own.question.iter().filter(|_| !asks);
        let reads = self.reads.iter().filter(|_| !asks);
        answer.chain(choices).chain(question).all(|field| row.has(field))
            && reads.into_iter().all(|field| row.has(field))
    }

    /// How many of a record's fields speak for it; `None` where one is missing.
    fn fits(&self, row: &Row) -> Option<usize> {
        let fields = self.fields();
        let whole = fields.iter().chain(self.signs).all(|field| row.has(field));
        let marked = self.mark.is_none_or(|mark| {
            let answer = self.mapping.answer.as_ref().and_then(|field| row.text(field).ok());
            answer.flatten().is_some_and(|answer| answer.contains(mark))
        });
        (whole && marked)
            .then_some(fields.len() + self.signs.len() + usize::from(self.mark.is_some()))
    }
}

/// All of them.
fn all() -> Vec<Known> {
    let of = Known::new;
    vec![
        Known { mark: Some("####"), ..of("gsm8k", &["question"], "answer", "math") },
        of("math-500", &["problem"], "answer", "math").id("unique_id").signs(&["subject", "level"]),
        of("aime", &["problem"], "answer", "math").id("id").signs(&["solution", "url"]),
        of("aime", &["problem"], "answer", "math").id("problem_idx").signs(&["problem_idx"]),
        of("aime", &["Problem"], "Answer", "math").id("ID").signs(&["Solution"]),
        of("svamp", &["Body", "Question"], "Answer", "math").id("ID"),
        of("mmlu", &["question"], "answer", "choice").choices("choices"),
        of("mmlu", &["question"], "answer", "choice").choices("options").id("question_id"),
        of("mmlu", &["question"], "answerKey", "choice").choices("choices").id("id"),
        of("countdown", &[], "target", "countdown")
            .template("{{ nums | join(' ') }} -> {{ target }}", &["nums", "target"]),
        of("hotpotqa", &[], "answer", "phrase")
            .template(PARAGRAPHS, &["question", "context"])
            .id("id")
            .signs(&["supporting_facts"]),
        of("plain", &["question"], "answer", "math").id("id"),
        of("plain", &["problem"], "answer", "math").id("id"),
    ]
}

/// The form of a record: of the set that the mapping names, or of whichever it is. `None` where it is of none
/// and nothing was named.
pub(super) fn find(asked: &Mapping, row: &Row) -> Result<Option<Known>, String> {
    let all = all();
    let there = || row.names().take(12).collect::<Vec<_>>().join(", ");
    if !asked.dataset.is_empty() {
        let forms: Vec<&Known> =
            all.iter().filter(|known| known.mapping.dataset == asked.dataset).collect();
        let best = forms
            .iter()
            .filter(|known| known.serves(asked, row))
            .max_by_key(|known| known.fits(row));
        if let Some(known) = best {
            return Ok(Some((*known).clone()));
        }
        let forms: Vec<String> = forms.iter().map(|known| known.fields().join(", ")).collect();
        let (forms, dataset) = (forms.join("; or "), &asked.dataset);
        return Err(format!("not of {dataset}: expected the fields {forms}; found {}", there()));
    }
    let fitting: Vec<(usize, &Known)> =
        all.iter().filter_map(|known| Some((known.fits(row)?, known))).collect();
    let most = fitting.iter().map(|(count, _)| *count).max();
    let mut best =
        fitting.iter().filter(|(count, _)| Some(*count) == most).map(|(_, known)| *known);
    let Some(first) = best.next() else {
        let asks = asked.question_template.is_some() || !asked.question.is_empty();
        let lacks = if asks { "that of the answer" } else { "those of question and answer" };
        return Err(format!("no known fields, name {lacks}: {}", there()));
    };
    match best.find(|known| known.mapping.dataset != first.mapping.dataset) {
        None => Ok(Some(first.clone())),
        Some(other) => {
            let (first, other) = (&first.mapping.dataset, &other.mapping.dataset);
            Err(format!("may be of {first} or of {other}: name the dataset"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_can_be_used() {
        let all = all();
        for known in &all {
            known.mapping.check().expect("a mapping that holds");
        }
        for name in Mapping::NAMES {
            assert!(all.iter().any(|known| known.mapping.dataset == name), "{name}");
        }
    }
}
