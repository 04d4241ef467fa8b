//! How a policy is asked, and how it writes: where steps end, and how tokens are drawn.
//!
//! An option that is given holds; else a strategy of another project brings what it is run with there
//! ([`Preset`]), and what neither says is this command's own. Worked examples are written a line a step, whoever says what
//! else.
//!
//! Source: none.

use clap::Args;
use tts_core::{Sampling, StepRule};
use tts_search::FewShot;
use tts_search::recipe::Preset;

use super::{PromptOptions, unescape};
use crate::Error;

/// Longest solution, in tokens, where nobody says.
const MAX_TOKENS: u32 = 512;

/// How a policy is asked, and how it writes.
#[derive(Debug, Args)]
pub struct WritingOptions {
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Sampling temperature; 0 is greedy. Default: 0.8.
    #[arg(long)]
    pub temperature: Option<f32>,
    /// Only the this many most probable tokens; 0, as by default, for all.
    #[arg(long)]
    pub top_k: Option<u32>,
    /// Only the most probable tokens that hold this much probability. Default: 1.
    #[arg(long)]
    pub top_p: Option<f32>,
    /// Only tokens at least this probable relative to the most probable. Default: 0.
    #[arg(long)]
    pub min_p: Option<f32>,
    /// Text that ends a step, with \n for a line break; may be given several times. Default: a
    /// blank line, or a line break with --few-shot.
    #[arg(long)]
    pub step: Vec<String>,
    /// Text that ends a solution; may be given several times.
    #[arg(long)]
    pub stop: Vec<String>,
    /// Longest step, in tokens. Default: 256.
    #[arg(long)]
    pub max_step_tokens: Option<u32>,
    /// Longest solution, in tokens. Default: 512.
    #[arg(long)]
    pub max_tokens: Option<u32>,
    /// Most steps of a solution. Default: 40.
    #[arg(long)]
    pub max_steps: Option<u32>,
    /// How the policy is asked.
    #[command(flatten)]
    pub prompting: PromptOptions,
}

impl WritingOptions {
    /// Where steps end.
    ///
    /// # Errors
    /// When a limit is 0 or a delimiter empty.
    pub fn rule(
        &self,
        few_shot: Option<&FewShot>,
        preset: Option<&Preset>,
    ) -> Result<StepRule, Error> {
        let mut own = StepRule { max_tokens: MAX_TOKENS, ..StepRule::default() };
        own.max_step_tokens = self.max_step_tokens.unwrap_or(own.max_step_tokens);
        let mut rule = match preset.and_then(|preset| preset.steps.as_ref()) {
            Some(steps) => steps.over(own),
            None => own,
        };
        if few_shot.is_some() {
            let StepRule { delimiters, stop, .. } = FewShot::rule();
            rule = StepRule { delimiters, stop, ..rule };
        }
        if !self.step.is_empty() {
            rule.delimiters = self.step.iter().map(|text| unescape(text)).collect();
        }
        if !self.stop.is_empty() {
            rule.stop = self.stop.iter().map(|text| unescape(text)).collect();
        }
        let rule = StepRule {
            max_step_tokens: self.max_step_tokens.unwrap_or(rule.max_step_tokens),
            max_tokens: self.max_tokens.unwrap_or(rule.max_tokens),
            max_steps: self.max_steps.unwrap_or(rule.max_steps),
            ..rule
        };
        rule.check()?;
        Ok(rule)
    }

    /// How tokens are drawn.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn sampling(&self, preset: Option<&Preset>) -> Result<Sampling, Error> {
        let own = preset.and_then(|preset| preset.sampling).unwrap_or_default();
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(own.temperature),
            top_k: self.top_k.unwrap_or(own.top_k),
            top_p: self.top_p.unwrap_or(own.top_p),
            min_p: self.min_p.unwrap_or(own.min_p),
            first: own.first,
        };
        sampling.check()?;
        Ok(sampling)
    }
}

/// What a preset brings to a rule and to a sampling, as the options that say the same; without what its project does not
/// say, and without what is otherwise in these, because an option says so.
pub(super) fn brought(preset: &Preset, rule: &StepRule, sampling: &Sampling) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(own) = &preset.steps {
        let delimiters = own.delimiters.iter().filter(|own| **own == rule.delimiters).flatten();
        options.extend(delimiters.map(|text| format!("--step {text:?}")));
        for (name, own, now) in [
            ("max-step-tokens", own.max_step_tokens, rule.max_step_tokens),
            ("max-tokens", own.max_tokens, rule.max_tokens),
            ("max-steps", own.max_steps, rule.max_steps),
        ] {
            if own == Some(now) {
                options.push(format!("--{name} {now}"));
            }
        }
    }
    if let Some(own) = &preset.sampling
        && own.temperature.to_bits() == sampling.temperature.to_bits()
    {
        options.push(format!("--temperature {}", own.temperature));
    }
    options
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tts_search::compat::Steps;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        writing: WritingOptions,
    }

    fn written(options: &[&str]) -> WritingOptions {
        Arguments::parse_from([&["test"], options].concat()).writing
    }

    #[test]
    fn an_option_goes_before_a_preset_and_that_before_the_default() {
        let preset = Preset::named("search-and-learn/beam-search", 16);
        let preset = preset.expect("a name").expect("a budget");
        let of = |options: &[&str]| {
            let (writing, preset) = (written(options), Some(&preset));
            let rule = writing.rule(None, preset).expect("a rule");
            let sampling = writing.sampling(preset).expect("a sampling");
            (brought(preset.expect("one"), &rule, &sampling).join(" "), rule, sampling)
        };
        let (told, rule, sampling) = of(&[]);
        let steps = Some(Steps::from(rule));
        assert_eq!((steps, Some(sampling)), (preset.steps.clone(), preset.sampling));
        let expected = "--step \"\\n\\n\" --max-step-tokens 2048 --max-tokens 81920 --max-steps 40 --temperature 0.8";
        assert_eq!(told, expected);
        // Also where an option says what is the default otherwise.
        let (told, rule, sampling) =
            of(&["--max-tokens", "512", "--temperature", "0.5", "--step", "\\n"]);
        assert_eq!((rule.max_tokens, rule.max_step_tokens), (512, 2048));
        assert_eq!(rule.delimiters, ["\n"]);
        assert!((sampling.temperature - 0.5).abs() < f32::EPSILON);
        assert_eq!(told, "--max-step-tokens 2048 --max-steps 40");
        // What its project does not say is as these commands have it, and not told of it.
        let lengthless = Preset::named("thinkbooster/beam-search", 15).expect("a name");
        let lengthless = lengthless.expect("a budget");
        for (options, lengths) in [
            (&[][..], (256, 2560)),
            (&["--max-step-tokens", "64"], (64, 640)),
            (&["--max-tokens", "300"], (256, 300)),
        ] {
            let (writing, preset) = (written(options), Some(&lengthless));
            let rule = writing.rule(None, preset).expect("a rule");
            let sampling = writing.sampling(preset).expect("a sampling");
            assert_eq!((rule.max_step_tokens, rule.max_tokens), lengths);
            assert_eq!(brought(&lengthless, &rule, &sampling), ["--max-steps 10"]);
        }
        // Without a preset, what the commands always had.
        let (plain, asked) = (written(&[]), written(&["--top-k", "5", "--max-steps", "3"]));
        let rule = plain.rule(None, None).expect("a rule");
        assert_eq!((rule.max_step_tokens, rule.max_tokens, rule.max_steps), (256, 512, 40));
        assert_eq!(plain.sampling(None).expect("a sampling"), Sampling::default());
        assert_eq!(asked.rule(None, None).expect("a rule").max_steps, 3);
        assert_eq!(asked.sampling(None).expect("a sampling").top_k, 5);
        // Worked examples say how steps look, and not how many there are.
        let shots = FewShot::default();
        let rule = plain.rule(Some(&shots), Some(&preset)).expect("a rule");
        assert_eq!(
            (&rule.delimiters, &rule.stop),
            (&FewShot::rule().delimiters, &FewShot::rule().stop)
        );
        assert_eq!(rule.max_tokens, 81_920);
        let error = written(&["--max-steps", "0"]).rule(None, None).expect_err("none").to_string();
        assert!(error.contains("max_steps is 0"), "{error}");
    }
}
