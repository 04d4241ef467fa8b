//! A progress bar for a training run: updates, losses, speed, time left.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use super::Progress;

/// Shows a training run on standard error, for [`super::Trainer::watch`].
///
/// ```no_run
/// use tts_models::train::{Bar, TrainConfig, Trainer};
/// let mut bar = Bar::new("generator");
/// let trainer = Trainer::new(TrainConfig::default()).watch(|progress| bar.show(progress));
/// ```
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    /// The first update seen: speed counts from there.
    first: Option<Progress>,
}

impl Bar {
    /// A bar with a name before it. Nothing is shown when standard error is not a terminal.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{prefix} {wide_bar} {pos}/{len} {msg} {elapsed} (left {eta})";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar, first: None }
    }

    /// Shows how far a run is; always continues it.
    pub fn show(&mut self, progress: &Progress) -> ControlFlow<()> {
        let Progress { update, steps, held_out } = progress;
        let first = *self.first.get_or_insert_with(|| {
            // A run that goes on from a checkpoint: time left counts from here.
            self.bar.set_position(update.step as u64);
            self.bar.reset_eta();
            self.bar.reset_elapsed();
            *progress
        });
        self.bar.set_length(*steps as u64);
        self.bar.set_position(update.step as u64);
        let seconds = self.bar.elapsed().as_secs_f64();
        let speed = (update.tokens - first.update.tokens) as f64 / seconds.max(1e-3);
        let held_out = held_out.map_or_else(String::new, |h| format!(" held out {:.4}", h.loss));
        self.bar.set_message(format!("loss {:.4}{held_out} {speed:.0} tok/s", update.loss));
        if update.step == *steps {
            self.bar.finish();
        }
        ControlFlow::Continue(())
    }
}
