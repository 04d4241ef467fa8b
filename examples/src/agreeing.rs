//! What a judge says of labels: which it agrees with, and what it wrote about them.
//!
//! `label --method judge` keeps the labels that a judge of steps agrees with. What it wrote is paid for, and worth keeping: as
//! judgements to be looked at and compared (`--out-judgements`, the folder that `judge --out` makes), and as chains to be learnt,
//! those whose every verdict is as the labels have it (`--learn`, the rows that `judge --steps --learn` makes).
//!
//! Source: Zhao et al. 2025, "`GenPRM`" (arXiv:2504.00891), section 3.3: rationales that labels agree with are what a judge learns.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use tts_core::{Outcome, Search, Store};
use tts_prm::critic::assess::heard::FILE;
use tts_prm::critic::assess::{Heard, HeardBy, Record, write_heard};
use tts_prm::critic::{Jury, Ruling, StepCase, Verified, verified_chain};
use tts_prm::label::{Agreement, LabelledSolution, agreed_whole};
use tts_search::evaluate::{check_writable, words};

use crate::files::write_whole;
use crate::{Error, worked};

/// Below it a step is taken for wrong, as agreement takes it.
const THRESHOLD: f64 = 0.5;

/// Where goes what a judge writes about labels.
#[derive(Debug, Clone, Default, Args)]
pub struct AgreeingOptions {
    /// Folder for what the judge writes about each solution (`judged.jsonl`), for --method judge: `view` and `judge --compare` read
    /// it.
    #[arg(long, value_name = "FOLDER")]
    pub out_judgements: Option<PathBuf>,
    /// Where those of them go whose every verdict is as the labels have it, as data for `finetune`, for --method judge.
    #[arg(long, value_name = "FILE")]
    pub learn: Option<PathBuf>,
}

impl AgreeingOptions {
    /// Whether what is asked for can be written, before anything is paid for.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(folder) = &self.out_judgements {
            check_writable(&folder.join(FILE))?;
        }
        if let Some(path) = &self.learn {
            check_writable(path)?;
        }
        Ok(())
    }
}

impl AgreeingOptions {
    /// Drops the labels that a judge does not agree with, keeps what it wrote where that is asked for, and says on `out` what came of
    /// it.
    ///
    /// # Errors
    /// When the judge cannot be asked, or a file cannot be written: what it wrote until then is kept.
    pub fn agree(
        &self,
        search: &Search<'_>,
        (jury, by): (&Jury, impl FnOnce(&[StepCase]) -> HeardBy),
        labelled: &mut [Vec<LabelledSolution>],
        (store, out): (&Store, &mut impl Write),
    ) -> Result<(), Error> {
        let (mut lines, mut tokens) = (0, 0);
        let before = store.found();
        let all: Vec<LabelledSolution> = labelled.iter().flatten().cloned().collect();
        let cases: Vec<Option<StepCase>> = all.iter().map(StepCase::of_labels).collect();
        let mut heard: Vec<Option<Heard>> = vec![None; all.len()];
        let mut learnt: Vec<Vec<Verified>> = vec![Vec::new(); all.len()];
        let found = agreed_whole(search, jury, &all, |item, ruling: &Ruling, outcome: &Outcome| {
            let cost = &outcome.usage.logical;
            lines += cost.samples;
            tokens += cost.generated_tokens;
            let Some(case) = &cases[item] else { return };
            if self.out_judgements.is_some() {
                heard[item] = Some(Heard::of_steps(item, jury, (case, THRESHOLD), ruling, outcome));
            }
            if self.learn.is_some() {
                learnt[item] = verified_chain(&jury.judge, (item, case), ruling, outcome);
            }
        });
        if let Some(folder) = &self.out_judgements {
            let own: Vec<StepCase> = cases.iter().flatten().cloned().collect();
            let items = heard.into_iter().flatten().collect();
            write_heard(&folder.join(FILE), &Record { by: by(&own), items })?;
        }
        let learnt: Vec<Verified> = learnt.into_iter().flatten().collect();
        if let Some(path) = self.learn.as_ref().filter(|_| !learnt.is_empty()) {
            let rows =
                learnt.iter().map(|own| worked::line_of(&own.prompt, &own.parts, 1.0) + "\n");
            write_whole(path, rows.collect::<String>().as_bytes())?;
        }
        let found = found?;
        let count = |wanted| found.iter().filter(|&&found| found == wanted).count();
        writeln!(
            out,
            "judge     agrees on {} of {} solutions, not on {}, abstains on {}; {} lines, {} tokens, {} of the lines \
             were in the store",
            count(Agreement::Same),
            found.len(),
            count(Agreement::Other),
            count(Agreement::Abstained),
            words::thousands(lines),
            words::thousands(tokens),
            words::thousands(store.found() - before),
        )?;
        if self.learn.is_some() {
            writeln!(out, "kept      {} things to learn of what it wrote", learnt.len())?;
        }
        let mut found = found.into_iter();
        for solutions in labelled {
            solutions.retain(|_| found.next() == Some(Agreement::Same));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tts_core::toy::Voice;
    use tts_prm::critic::Judge;
    use tts_prm::critic::assess::read_heard;
    use tts_prm::label::LabelledStep;

    use super::*;
    use crate::worked::{Asked, read};

    fn solution(number: usize, last: f64) -> LabelledSolution {
        let step = |text: &str, value| LabelledStep {
            text: text.into(),
            tokens: Vec::new(),
            value: Some(value),
            rollouts: 4,
        };
        LabelledSolution {
            prompt: format!("question {number}").into(),
            start: None,
            steps: vec![step("one\n", 0.5), step("two\n", last)],
            solved: last > 0.0,
        }
    }

    #[test]
    fn what_a_judge_wrote_about_labels_is_kept_and_learnt_where_it_is_right() {
        // It finds the last step wrong, or says nothing.
        let voice = Voice::new(|_, _, rng| match rng.below(2) {
            0 => "One holds. \\boxed{correct} Two does not. \\boxed{incorrect}",
            _ => "Hm.",
        });
        let jury = Jury { role: None, ..Jury::of(Judge::published("steps").expect("known"), 16) };
        let folder = tempfile::tempdir().expect("a folder");
        let (out, learn) = (folder.path().join("judged"), folder.path().join("learn.jsonl"));
        let options =
            AgreeingOptions { out_judgements: Some(out.clone()), learn: Some(learn.clone()) };
        options.check().expect("writable");
        let store = Store::open(folder.path().join("store.jsonl")).expect("a store");
        let mut labelled = vec![vec![solution(0, 0.0)], vec![solution(1, 0.5)]];
        let by = |cases: &[StepCase]| HeardBy::of(&jury, "a voice", BTreeMap::new(), (cases, 3));
        let (search, mut said) = (Search::new(&voice).seed(3), Vec::new());
        options.agree(&search, (&jury, by), &mut labelled, (&store, &mut said)).expect("judged");
        // Only what it agrees with stays, and all that it wrote.
        let said = String::from_utf8(said).expect("text");
        assert_eq!((labelled[0].len(), labelled[1].len()), (1, 0), "{said}");
        let record = read_heard(&out).expect("kept");
        let right: Vec<f64> = record.items.iter().map(|heard| heard.right).collect();
        assert_eq!(right, [1.0, 0.0]);
        let written: usize = record.items.iter().map(|heard| heard.written.len()).sum();
        let unread: usize = record.items.iter().map(|heard| heard.unread.len()).sum();
        assert_eq!(written + unread, 32);
        assert!(unread > 0 && record.items[0].unread.iter().all(|own| own.text == "Hm."));
        // Of the first the chains that could be read, of the other, which has no error, none.
        let rows = read(&learn).expect("data for finetune");
        assert_eq!(rows.len(), record.items[0].written.len());
        for row in &rows {
            let Asked::Prompt(prompt) = &row.asked else { panic!("a prompt") };
            assert!(prompt.question().contains("question 0"), "{prompt:?}");
        }
        assert!(said.contains("agrees on 1 of 2 solutions, not on 1, abstains on 0"), "{said}");
        assert!(said.contains(&format!("kept      {} things to learn", rows.len())), "{said}");
    }
}
