//! Pages that were opened, by their addresses.
//!
//! An address is reserved before it is fetched: whoever asks for it meanwhile waits for the same page. The oldest pages
//! are dropped where there are too many, or they are too long together, and so is what failed in passing.
//!
//! Source: none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use super::Failed;
use super::pages::locked;
use super::visit::Read;

/// Pages that are kept, at most.
const KEPT: usize = 64;

/// Bytes of their passages, at most; the last page is kept however long it is.
const BYTES: usize = 16 << 20;

/// A page that was read, or why it was not.
pub(super) type Page = Arc<Result<Read, Failed>>;

/// Where a page comes to stand.
type Slot = Arc<OnceLock<Page>>;

/// Pages by their addresses.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    by_address: BTreeMap<String, Slot>,
    /// Their addresses, from the oldest.
    order: VecDeque<String>,
}

impl Slots {
    fn drop_at(&mut self, number: usize) {
        if let Some(address) = self.order.remove(number) {
            self.by_address.remove(&address);
        }
    }

    /// The page at an address that is no longer fetched.
    fn page(&self, address: &str) -> Option<&Page> {
        self.by_address.get(address)?.get()
    }

    /// Drops the oldest until all is within the bounds.
    fn bound(&mut self) {
        let kept = |page: &Page| page.as_ref().as_ref().map_or(0, |read| read.kept);
        loop {
            let read = || self.order.iter().filter_map(|address| self.page(address));
            let (count, bytes) = (read().count(), read().map(kept).sum::<usize>());
            let oldest = self.order.iter().position(|address| self.page(address).is_some());
            match oldest {
                Some(oldest) if count > KEPT || (count > 1 && bytes > BYTES) => {
                    self.drop_at(oldest);
                }
                _ => return,
            }
        }
    }
}

impl Kept {
    /// The page at an address, if it was read.
    pub(super) fn page(&self, address: &str) -> Option<Page> {
        locked(&self.0).page(address).map(Arc::clone)
    }

    /// The page at an address, which is read unless it is kept; or somebody else reads it, who is waited for.
    pub(super) fn or_read(&self, address: &str, read: impl FnOnce() -> Page) -> Page {
        let slot = {
            let Slots { by_address, order } = &mut *locked(&self.0);
            let slot = by_address.entry(address.to_owned()).or_insert_with(|| {
                order.push_back(address.to_owned());
                Slot::default()
            });
            Arc::clone(slot)
        };
        let page = Arc::clone(slot.get_or_init(read));
        let mut slots = locked(&self.0);
        let own = slots.by_address.get(address).is_some_and(|kept| Arc::ptr_eq(kept, &slot));
        let passing = page.as_ref().as_ref().is_err_and(|failed| failed.in_passing);
        if own && passing {
            slots.by_address.remove(address);
            slots.order.retain(|kept| kept != address);
        }
        slots.bound();
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::Memory;

    fn read(kept: usize) -> Page {
        Arc::new(Ok(Read { memory: Memory::default(), bytes: 1, kept }))
    }

    #[test]
    fn the_oldest_are_dropped_and_what_passes_is_not_kept() {
        let kept = Kept::default();
        for number in 0..=KEPT {
            kept.or_read(&number.to_string(), || read(1));
        }
        assert!(kept.page("0").is_none() && kept.page("1").is_some());
        kept.or_read("long", || read(BYTES));
        assert!(kept.page("1").is_none() && kept.page("64").is_none());
        kept.or_read("longer", || read(2 * BYTES));
        assert!(kept.page("long").is_none() && kept.page("longer").is_some());
        for in_passing in [true, false] {
            let failed = Failed { why: "late".into(), in_passing };
            kept.or_read("failed", || Arc::new(Err(failed)));
            assert_eq!(kept.page("failed").is_none(), in_passing);
        }
    }

    #[test]
    fn an_address_is_read_once_by_all_who_ask_at_the_same_time() {
        let (kept, times) = (Kept::default(), Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    kept.or_read("a", || {
                        *locked(&times) += 1;
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        read(1)
                    })
                });
            }
        });
        assert_eq!(*locked(&times), 1);
    }
}
