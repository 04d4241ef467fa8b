//! Where the time of a workload goes: the clock of a model around it, and its account as text and as a table.
//!
//! [`Watch`] measures a workload. Where the model's clock is on ([`watch_stages`]), what it says of the same stretch of
//! time stands beside the seconds.

use std::fmt::Write as _;
use std::time::Instant;

use tts_core::BoxError;
use tts_models::{Account, InstructionSet, LanguageModel};

use crate::Figures;

/// Switches the model's clock on: from now on figures come with an account.
///
/// # Errors
/// When its backend has no clock.
pub fn watch_stages(model: &dyn LanguageModel) -> Result<(), BoxError> {
    let clock = model.clock().ok_or("an account is of the native backend: others have no clock")?;
    clock.start();
    Ok(())
}

/// A workload that runs.
pub(crate) struct Watch<'m> {
    model: &'m dyn LanguageModel,
    start: Instant,
}

/// What a workload took.
pub(crate) struct Taken {
    pub(crate) seconds: f64,
    pub(crate) account: Option<Account>,
}

impl<'m> Watch<'m> {
    pub(crate) fn start(model: &'m dyn LanguageModel) -> Self {
        if let Some(clock) = model.clock() {
            clock.restart();
        }
        Self { model, start: Instant::now() }
    }

    pub(crate) fn stop(self) -> Taken {
        let seconds = self.start.elapsed().as_secs_f64();
        let account = self.model.clock().and_then(tts_models::Clock::account);
        Taken { seconds, account }
    }
}

/// The instruction set, where it is not the machine's own.
pub(crate) fn limited() -> Option<InstructionSet> {
    let set = InstructionSet::in_use();
    (set != InstructionSet::of_machine()).then_some(set)
}

/// The accounts of figures, for people: a line for each stage with thread-seconds and their share of threads times
/// wall. Empty without accounts.
pub fn account_text(figures: &[Figures]) -> String {
    let mut out = String::new();
    for one in figures {
        let Some(account) = &one.account else { continue };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{}, {} lines: {:.1} tokens/s; {:.3} s on {} threads, {}",
            one.workload,
            one.lines,
            one.tokens_per_second,
            account.wall_seconds(),
            account.threads,
            account.instruction_set,
        );
        let mut line = |name: &str, seconds: f64| {
            let share = 100.0 * account.share(seconds);
            let _ = writeln!(out, "  {name:<32}{seconds:>9.3} s {share:>6.1} %");
        };
        for time in &account.stages {
            line(time.stage.name(), time.worked_seconds);
        }
        line("threads that wait", account.waited_seconds());
        let products = account.stages.iter().filter(|time| time.stage.is_product());
        line("of these, all products", products.map(|time| time.worked_seconds).sum());
    }
    out
}

/// The accounts of figures as CSV: a row for each stage, and one of `all`.
pub fn account_csv(figures: &[Figures]) -> String {
    let mut out = "workload,lines,threads,instruction_set,tokens_per_second,stage,wall_seconds,\
        worked_seconds,worked_share,waited_seconds,waited_share\n"
        .to_owned();
    for one in figures {
        let Some(account) = &one.account else { continue };
        let mut row = |stage: &str, wall: f64, worked: f64, waited: f64| {
            let [of_worked, of_waited] = [worked, waited].map(|seconds| account.share(seconds));
            let _ = writeln!(
                out,
                "{},{},{},{},{:.2},{stage},{wall:.6},{worked:.6},{of_worked:.4},{waited:.6},{of_waited:.4}",
                one.workload,
                one.lines,
                account.threads,
                account.instruction_set,
                one.tokens_per_second,
            );
        };
        let mut worked = 0.0;
        for time in &account.stages {
            // Names have commas.
            let stage = format!("\"{}\"", time.stage.name());
            row(&stage, time.wall_seconds, time.worked_seconds, time.waited_seconds);
            worked += time.worked_seconds;
        }
        row("all", account.wall_seconds(), worked, account.waited_seconds());
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tts_core::Sampling;
    use tts_models::testing::{byte_config, lively_weights};
    use tts_models::{Engine, EngineConfig, Native, Tokenizer};

    use super::*;

    /// Rows add up to the row of all, and shares of worked and waited to one.
    #[test]
    fn an_account_as_csv_adds_up() {
        let weights = lively_weights(byte_config("qwen3")).expect("weights");
        let native = Native::new(weights, 2).expect("threads");
        let bytes = Arc::new(Tokenizer::bytes().expect("a tokenizer"));
        let config = EngineConfig { ignore_end: true, ..EngineConfig::default() };
        let model = Engine::new(native, bytes, None, config).expect("an engine");
        let run = || {
            let sampling = Sampling::temperature(0.8);
            crate::decode(&model, "decode", 8, Some(16), 12, sampling, true)
        };
        let off = run().expect("runs");
        assert!(off.account.is_none() && account_text(&[off]).is_empty());
        watch_stages(&model).expect("native");
        let figures = [run().expect("runs")];
        let csv = account_csv(&figures);
        let rows = csv.lines().skip(1);
        let rows: Vec<Vec<&str>> = rows.map(|row| row.rsplitn(6, ',').collect()).collect();
        let sum = |column: usize| -> f64 {
            let own = rows[..rows.len() - 1].iter();
            own.map(|row| row[column].parse::<f64>().expect("a number")).sum()
        };
        let all = rows.last().expect("a row of all");
        assert!(all[5].ends_with(",all"), "{csv}");
        for (column, whole) in all.iter().enumerate().take(5) {
            let whole: f64 = whole.parse().expect("a number");
            assert!((sum(column) - whole).abs() < 2e-3, "{column} of {csv}");
        }
        let shares: f64 = [0, 2].map(|at| all[at].parse::<f64>().expect("a number")).iter().sum();
        assert!((shares - 1.0).abs() < 2e-3, "{csv}");
        let wall: f64 = all[4].parse().expect("a number");
        assert!(wall >= figures[0].seconds - 1e-3, "{csv}");
        let text = account_text(&figures);
        assert!(text.contains("product: head") && text.contains("threads that wait"), "{text}");
    }
}
