//! What is noted of a line's tokens, and when their confidence breaks the line off.

use std::collections::VecDeque;

use tts_core::{Halt, Notes, Watch};

use crate::engine::sampling::Signals;

/// The notes of the present step, and the last confidences of the whole line.
#[derive(Debug, Clone)]
pub(super) struct Watching {
    notes: Notes,
    halt: Option<Halt>,
    /// Of as many tokens as the halt goes by, at most.
    last: VecDeque<f32>,
}

impl Watching {
    pub(super) fn new(watch: &Watch) -> Self {
        Self { notes: Notes::default(), halt: watch.halt, last: VecDeque::new() }
    }

    /// Takes the signals of the next token. True when the mean confidence of the last ones is so
    /// low that the line ends here.
    pub(super) fn note(&mut self, signals: Signals) -> bool {
        self.notes.confidence.extend(signals.confidence);
        self.notes.certainty.extend(signals.certainty);
        self.notes.drawn.extend(signals.drawn);
        let (Some(halt), Some(confidence)) = (self.halt, signals.confidence) else { return false };
        let window = halt.window as usize;
        self.last.push_back(confidence);
        if self.last.len() > window {
            self.last.pop_front();
        }
        // Summed anew each time, so that it depends on these tokens alone.
        let sum: f64 = self.last.iter().copied().map(f64::from).sum();
        self.last.len() == window && sum / (window as f64) < f64::from(halt.below)
    }

    /// The notes of the step that ends, if anything was asked for.
    pub(super) fn take(&mut self) -> Option<Box<Notes>> {
        let notes = std::mem::take(&mut self.notes);
        (notes != Notes::default()).then(|| Box::new(notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halts(halt: Halt, confidences: &[f32]) -> Option<usize> {
        let watch = Watch { confidence: 1, halt: Some(halt), ..Watch::default() };
        let mut watching = Watching::new(&watch);
        confidences.iter().position(|&confidence| {
            watching.note(Signals { confidence: Some(confidence), ..Signals::default() })
        })
    }

    #[test]
    fn a_line_halts_where_the_mean_of_the_last_tokens_is_too_low() {
        let line = [4.0, 1.0, 1.0, 3.0, 1.0, 0.0, 5.0];
        let halt = |window: u32, below: f32| halts(Halt { window, below }, &line);
        assert_eq!(halt(1, 1.0), Some(5));
        assert_eq!(halt(1, 1.5), Some(1));
        // Means of three: 2, 5/3, 5/3, 4/3, 2.
        assert_eq!(halt(3, 1.7), Some(3));
        assert_eq!(halt(3, 1.5), Some(5));
        assert_eq!(halt(3, 1.3), None);
        // Not the mean of fewer tokens, and not one that is just as low.
        assert_eq!(halt(7, 100.0), Some(6));
        assert_eq!(halt(8, 100.0), None);
        assert_eq!(halt(2, 0.5), None);
        assert_eq!(halt(1, f32::NEG_INFINITY), None);
        assert_eq!(halt(2, f32::INFINITY), Some(1));
    }

    #[test]
    fn steps_share_the_window_and_not_the_notes() {
        let halt = Some(Halt { window: 2, below: 1.0 });
        let watch = Watch { confidence: 1, halt, ..Watch::default() };
        let mut watching = Watching::new(&watch);
        let signals = |confidence| Signals { confidence: Some(confidence), ..Signals::default() };
        assert!(!watching.note(signals(0.5)));
        assert_eq!(watching.take().map(|notes| notes.confidence), Some(vec![0.5]));
        assert!(watching.note(signals(0.25)));
        assert_eq!(watching.take().map(|notes| notes.confidence), Some(vec![0.25]));
        assert_eq!(watching.take(), None);
    }
}
