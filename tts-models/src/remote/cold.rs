//! Marks of calls that must not find in a server's cache what others have left there, themselves included.
//!
//! A server that tells prefixes apart by a mark keeps those of marked calls as it keeps all others: a mark that
//! came twice would find its own. So no mark is made twice, by this connection or by another one. It changes
//! nothing that is drawn.
//!
//! Source: none.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A call whose prefix is computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cold {
    connection: u64,
    call: u64,
}

impl fmt::Display for Cold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cold-{:016x}-{}", self.connection, self.call)
    }
}

/// The marks of a connection.
#[derive(Debug)]
pub(super) struct Marks {
    connection: u64,
    calls: AtomicU64,
}

impl Marks {
    /// Marks that no other connection has: they begin with a number that the system draws.
    pub(super) fn new() -> Self {
        Self { connection: RandomState::new().hash_one(0_u8), calls: AtomicU64::new(0) }
    }

    /// The next one.
    pub(super) fn next(&self) -> Cold {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        Cold { connection: self.connection, call }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_mark_is_made_twice() {
        let all: Vec<Marks> = (0..50).map(|_| Marks::new()).collect();
        let marks = all.iter().flat_map(|marks| (0..20).map(|_| marks.next().to_string()));
        let marks: Vec<String> = marks.collect();
        let different: HashSet<&String> = marks.iter().collect();
        assert_eq!(different.len(), marks.len());
    }
}
