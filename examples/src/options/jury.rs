//! Who judges, how often, and how judgements are added up: a jury by options, or from a file.
//!
//! `--jury FILE.json` has a whole [`Jury`]; options that are given go before what it says. Its `role` counts for nothing where
//! the model of the command is the judge.
//!
//! Source: none; see [`tts_prm::critic`].

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tts_core::Sampling;
use tts_prm::critic::{Judge, Jury, Meta, Order, Sure, Vote};

use crate::files::read_json;
use crate::{Error, judges};

/// How judgements are added up.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Votes {
    Mean,
    Sum,
    Winners,
}

/// In which order responses are shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Orders {
    Shuffled,
    Mirrored,
    Fixed,
}

/// The judge where nothing is said.
const DEFAULT: &str = "deepseek-grm";

/// Who judges, and how judgements are added up.
#[derive(Debug, Clone, Default, Args)]
pub struct JuryOptions {
    /// The judge: deepseek-grm, genrm-cot, thinkprm, pairwise and others by name, or a JSON file. Default: that of --jury,
    /// else deepseek-grm.
    #[arg(long)]
    pub judge: Option<String>,
    /// A whole jury as a JSON file, as recipes hold one: judge, samples, together, order, repeats, vote, meta, sure. Options
    /// that are given go before it.
    #[arg(long, value_name = "FILE")]
    jury: Option<PathBuf>,
    /// A Jinja file in place of the judge's template.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Judgements of each item; default: as the file of --jury says, else 1, and some more to learn from.
    #[arg(long)]
    pub samples: Option<usize>,
    /// Most responses that are shown at once; 0 for as many as the judge takes. Default: 0.
    #[arg(long)]
    together: Option<usize>,
    /// In which order they are shown; fixed takes data whose best responses stand at different places. Default: shuffled.
    #[arg(long)]
    order: Option<Orders>,
    /// How many judgements share an order, and so the reading of their question. Default: 1.
    #[arg(long)]
    repeats: Option<usize>,
    /// How judgements are added up. Default: mean.
    #[arg(long)]
    vote: Option<Votes>,
    /// Ask for so many judgements at a time, and for no more where the order is sure; 0 for all at once. Default: 0.
    #[arg(long)]
    sure: Option<usize>,
    /// The scorer that judges judgements, by its name (--named).
    #[arg(long, value_name = "NAME")]
    meta: Option<String>,
    /// A judge that reads what the judge wrote and says how far that is to be trusted, in place of a scorer: issues, or a JSON
    /// file. The same model plays it; a role of --model does by the file of --jury (meta.jury.role).
    #[arg(long, value_name = "JUDGE", conflicts_with = "meta")]
    meta_judge: Option<String>,
    /// How many of the judgements of each response count, those that the meta-judge trusts most. Default: half of them.
    #[arg(long)]
    keep: Option<usize>,
    /// Sampling temperature; default: the judge's.
    #[arg(long)]
    temperature: Option<f32>,
    /// Longest judgement, in tokens; default: the judge's.
    #[arg(long)]
    max_tokens: Option<u32>,
    /// How often the judge is made to check again what it wrote, within --max-tokens. Default: as the judge has it, 0 by name.
    #[arg(long, value_name = "TIMES")]
    again: Option<usize>,
}

impl JuryOptions {
    /// What the judge is called: its name, or the file that it is from.
    pub fn name(&self) -> String {
        let file = self.jury.as_ref().map(|path| path.display().to_string());
        self.judge.clone().or(file).unwrap_or_else(|| DEFAULT.to_owned())
    }

    /// A judge by name or from a file, as long and as warm as is asked for.
    ///
    /// # Errors
    /// When there is none, or it makes no sense.
    pub fn find(&self, name: &str) -> Result<Judge, Error> {
        self.as_asked(judges::find(name, self.template.as_deref())?)
    }

    fn as_asked(&self, mut judge: Judge) -> Result<Judge, Error> {
        judge.max_tokens = self.max_tokens.unwrap_or(judge.max_tokens);
        if let Some(temperature) = self.temperature {
            judge.sampling = Sampling { temperature, ..judge.sampling };
        }
        if let Some(times) = self.again {
            judge = judge.looking_again(times);
        }
        judge.check()?;
        Ok(judge)
    }

    /// The jury: that of the file, or one judgement by the default judge, and what is said otherwise.
    ///
    /// # Errors
    /// When a file cannot be read, or the settings make no sense together.
    pub fn jury(&self) -> Result<Jury, Error> {
        let told: Option<Jury> = self.jury.as_deref().map(read_json).transpose()?;
        let judge = match (&self.judge, &told, &self.template) {
            (Some(name), ..) => self.find(name)?,
            (None, None, _) => self.find(DEFAULT)?,
            (None, Some(told), None) => self.as_asked(told.judge.clone())?,
            (None, Some(told), Some(template)) => {
                let template = tts_prm::critic::Template::from_file(template)?;
                self.as_asked(Judge { template, ..told.judge.clone() })?
            }
        };
        let jury = told.unwrap_or_else(|| Jury::of(Judge::default(), 1));
        let order = self.order.map(|order| match order {
            Orders::Shuffled => Order::Shuffled,
            Orders::Mirrored => Order::Mirrored,
            Orders::Fixed => Order::Fixed,
        });
        let vote = self.vote.map(|vote| match vote {
            Votes::Mean => Vote::Mean,
            Votes::Sum => Vote::Sum,
            Votes::Winners => Vote::Winners,
        });
        let sure = match self.sure {
            None => jury.sure,
            Some(0) => None,
            Some(batch) => Some(Sure { batch, ..jury.sure.unwrap_or_default() }),
        };
        let samples = self.samples.unwrap_or(jury.samples);
        let jury = Jury {
            judge,
            role: None,
            samples,
            together: self.together.unwrap_or(jury.together),
            order: order.unwrap_or(jury.order),
            repeats: self.repeats.unwrap_or(jury.repeats),
            vote: vote.unwrap_or(jury.vote),
            meta: self.meta(jury.meta, samples)?,
            sure,
        };
        jury.check()?;
        Ok(jury)
    }

    /// How many judgements each item gets: as the option or the file says, else so many.
    pub fn samples_or(&self, jury: &Jury, otherwise: usize) -> usize {
        if self.samples.is_some() || self.jury.is_some() { jury.samples } else { otherwise }
    }

    /// Refuses a jury that says how judgements count together, for an option that keeps each by itself.
    ///
    /// # Errors
    /// A sentence that names the fields at fault.
    pub fn each_alone(jury: &Jury, option: &str) -> Result<(), Error> {
        let plain = Jury::default();
        let said = [
            ("together", jury.together != plain.together),
            ("order", jury.order != plain.order),
            ("repeats", jury.repeats != plain.repeats),
            ("vote", jury.vote != plain.vote),
            ("meta", jury.meta != plain.meta),
            ("sure", jury.sure != plain.sure),
        ];
        let names: Vec<&str> =
            said.iter().filter(|(_, said)| *said).map(|(name, _)| *name).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(format!(
            "--jury: {option} keeps each judgement by itself, and the file says how they count together: leave out {}",
            names.join(", ")
        )
        .into())
    }

    /// Who judges the judgements: as the file says, and what is said otherwise.
    fn meta(&self, told: Option<Meta>, samples: usize) -> Result<Option<Meta>, Error> {
        if let Some(name) = &self.meta_judge {
            let judge = judges::find(name, None)?;
            let jury = Jury { role: None, ..Jury::of(judge, 1) };
            let keep = self.keep.or(told.map(|told| told.keep));
            return Ok(Some(Meta::by(jury, keep.unwrap_or(samples.div_ceil(2).max(1)))));
        }
        match (&self.meta, self.keep, told) {
            (None, None, told) => Ok(told),
            (None, Some(keep), Some(told)) => Ok(Some(Meta { keep, ..told })),
            (None, Some(_), None) => Err(
                "--keep needs someone who judges judgements: --meta NAME, or --meta-judge JUDGE"
                    .into(),
            ),
            (Some(scorer), keep, told) => {
                let half = samples.div_ceil(2).max(1);
                let keep = keep.or(told.map(|told| told.keep)).unwrap_or(half);
                Ok(Some(Meta::of(scorer.clone(), keep)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        jury: JuryOptions,
    }

    fn jury(arguments: &[&str]) -> Result<Jury, String> {
        let parsed = Arguments::try_parse_from([&["test"], arguments].concat());
        let parsed = parsed.map_err(|error| error.to_string())?;
        parsed.jury.jury().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_given_goes_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("jury.json");
        let told = r#"{"judge": {"template": "pairwise", "reading": {"verdict": {"first": "[[A]]", "second": "[[B]]"}}},
            "samples": 8, "order": "mirrored", "meta": {"scorer": "trust", "keep": 3}}"#;
        std::fs::write(&path, told).expect("written");
        let path = path.to_str().expect("a name");
        let found = jury(&["--jury", path]).expect("a jury");
        assert_eq!((found.samples, found.order, found.role.as_deref()), (8, Order::Mirrored, None));
        assert_eq!(found.meta, Some(Meta::of("trust", 3)));
        let more = ["--samples", "4", "--order", "shuffled", "--keep", "2", "--max-tokens", "9"];
        let other = jury(&[&["--jury", path][..], &more].concat()).expect("a jury");
        assert_eq!((other.samples, other.order, other.judge.max_tokens), (4, Order::Shuffled, 9));
        assert_eq!(other.meta, Some(Meta::of("trust", 2)));
        assert_eq!(other.judge.template, found.judge.template);
        let named = jury(&["--jury", path, "--judge", "listwise"]).expect("a jury");
        assert_eq!(named.judge, Judge::published("listwise").expect("known"));
        let error = jury(&["--jury", path, "--samples", "2"]).expect_err("three of two");
        assert!(error.contains("meta.keep is 3"), "{error}");
        // What learns takes as many as are said, and no votes.
        let options =
            |arguments: &[&str]| Arguments::parse_from([&["test"], arguments].concat()).jury;
        assert_eq!(options(&["--jury", path]).samples_or(&found, 3), 8);
        assert_eq!(options(&[]).samples_or(&jury(&[]).expect("a jury"), 3), 3);
        let error = JuryOptions::each_alone(&found, "--learn").expect_err("votes");
        assert!(error.to_string().contains("leave out order, meta"), "{error}");
        assert!(JuryOptions::each_alone(&jury(&[]).expect("a jury"), "--learn").is_ok());
    }

    #[test]
    fn without_a_file_it_is_one_judgement_of_the_default() {
        let found = jury(&[]).expect("a jury");
        let judge = Judge::published("deepseek-grm").expect("known");
        assert_eq!(found, Jury { role: None, ..Jury::of(judge, 1) });
        let again = jury(&["--judge", "thinkprm", "--again", "2"]).expect("a jury").judge.again;
        assert_eq!(again.len(), 2);
        let second = jury(&["--judge", "proof", "--samples", "3", "--meta-judge", "issues"]);
        let issues = Jury { role: None, ..Jury::of(Judge::published("issues").expect("known"), 1) };
        assert_eq!(second.expect("a jury").meta, Some(Meta::by(issues, 2)));
        let meta = jury(&["--samples", "5", "--meta", "m"]).expect("a jury").meta;
        assert_eq!(meta, Some(Meta::of("m", 3)));
        for (arguments, expected) in [
            (&["--keep", "2"][..], "--meta NAME"),
            (&["--repeats", "0"], "repeats is 0"),
            (&["--judge", "genrm", "--again", "1"], "decides at once"),
            (&["--judge", "oracle"], "expected one of deepseek-grm"),
            (&["--meta-judge", "pairwise"], "of several responses"),
            (&["--meta", "m", "--meta-judge", "issues"], "cannot be used with"),
            (&["--judge", "genrm", "--samples", "2", "--meta", "m"], "the judge writes none"),
            (&["--order", "random"], "invalid value"),
        ] {
            let error = jury(arguments).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
