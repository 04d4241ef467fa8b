//! How many searches the server takes at a time: those that run, and those that wait behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All places.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<AtomicUsize>,
}

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        Self { free: Arc::new(AtomicUsize::new(count)) }
    }

    /// So many places, or none: half a request is of no use.
    pub(crate) fn take(&self, count: usize) -> Option<Vec<Place>> {
        let less = |free: usize| free.checked_sub(count);
        self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).ok()?;
        Some((0..count).map(|_| Place(Arc::clone(&self.free))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_together_and_given_back() {
        let places = Places::new(3);
        let two = places.take(2).expect("free");
        assert!(places.take(2).is_none());
        let one = places.take(1).expect("the failed taking took nothing");
        assert!(places.take(1).is_none());
        drop((one, two));
        assert_eq!(places.take(3).map(|places| places.len()), Some(3));
    }
}
