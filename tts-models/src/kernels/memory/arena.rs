//! Arrays of one length that come and go, in slabs of huge pages.
//!
//! Decoding reads the keys and values of every line in each step, a few KiB here and there: of long lines that is
//! more memory than any cache holds, and in pages of 4 KiB a miss of the address translation for each piece. So blocks
//! lie in slabs. What is given back is taken again first, from the slab that lies lowest, so that others run empty;
//! of empty ones a few are kept, for memory that is mapped is faster than fresh one, and the rest goes back to
//! the system.
//!
//! Source: as [`super`]; the order of slabs as in jemalloc (Evans 2006, "A scalable concurrent malloc(3) implementation for
//! FreeBSD", section 3).

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use super::Slab;

/// Bytes of a slab, about: as many arrays as fit, and one at least.
const SLAB: usize = 16 << 20;
/// Bytes of empty slabs that are kept, at most.
const MOST_EMPTY: usize = 64 << 20;

/// Gives out arrays.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    length: usize,
    bins: Mutex<Bins<T>>,
}

/// A slab, and which of its places nobody has.
#[derive(Debug)]
struct Bin<T> {
    slab: Slab,
    /// Places that were given out before, and came back: their elements are values of the type.
    back: Vec<NonNull<T>>,
    /// Places from the front that were ever given out.
    begun: usize,
}

#[expect(unsafe_code, reason = "pointers to memory that is given out")]
// SAFETY: the pointers lead into the slab beside them, which is `Send`; nothing is read through them here.
unsafe impl<T: Send> Send for Bin<T> {}

/// By the addresses of slabs.
#[derive(Debug)]
struct Bins<T> {
    /// Those with a free place.
    open: BTreeMap<usize, Bin<T>>,
    full: BTreeMap<usize, Bin<T>>,
    /// How many of the open ones have nothing but free places.
    empty: usize,
}

/// An array of an [`Arena`], and nobody else's until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken<T: Copy + Default> {
    start: NonNull<T>,
    /// The address of its slab.
    slab: usize,
    arena: Arc<Arena<T>>,
}

#[expect(unsafe_code, reason = "an array behind a pointer")]
// SAFETY: it owns its elements, like a `Box<[T]>`.
unsafe impl<T: Copy + Default + Send> Send for Taken<T> {}
#[expect(unsafe_code, reason = "an array behind a pointer")]
// SAFETY: as above.
unsafe impl<T: Copy + Default + Sync> Sync for Taken<T> {}

impl<T: Copy + Default> Arena<T> {
    /// Of arrays of so many elements.
    pub(crate) fn new(length: usize) -> Self {
        let bins = Bins { open: BTreeMap::new(), full: BTreeMap::new(), empty: 0 };
        Self { length, bins: Mutex::new(bins) }
    }

    /// Bytes from one array to the next: none shares a line of the cache with another.
    fn stride(&self) -> usize {
        (self.length * size_of::<T>()).max(1).next_multiple_of(64)
    }

    /// Arrays of a slab.
    fn places(&self) -> usize {
        (SLAB / self.stride()).max(1)
    }

    /// An array that nobody has: of defaults, or as somebody left it.
    pub(crate) fn take(self: &Arc<Self>) -> Taken<T> {
        let (stride, places) = (self.stride(), self.places());
        let mut bins = self.bins.lock().unwrap_or_else(PoisonError::into_inner);
        let (slab, mut bin) = match bins.open.pop_first() {
            Some(open) => {
                bins.empty -= usize::from(open.1.is_empty());
                open
            }
            None => Bin::new(stride * places),
        };
        let start = bin.back.pop().unwrap_or_else(|| bin.begin(stride, self.length));
        if bin.back.is_empty() && bin.begun == places {
            bins.full.insert(slab, bin);
        } else {
            bins.open.insert(slab, bin);
        }
        drop(bins);
        Taken { start, slab, arena: Arc::clone(self) }
    }

    fn put(&self, slab: usize, start: NonNull<T>) {
        let most = MOST_EMPTY / (self.stride() * self.places());
        let mut bins = self.bins.lock().unwrap_or_else(PoisonError::into_inner);
        let found = bins.open.remove(&slab).or_else(|| bins.full.remove(&slab));
        let Some(mut bin) = found else { return };
        bin.back.push(start);
        if bin.is_empty() {
            if bins.empty >= most {
                return;
            }
            bins.empty += 1;
        }
        bins.open.insert(slab, bin);
    }

    /// Bytes of slabs that are there now.
    #[cfg(test)]
    fn held(&self) -> usize {
        let bins = self.bins.lock().unwrap_or_else(PoisonError::into_inner);
        (bins.open.len() + bins.full.len()) * self.stride() * self.places()
    }
}

impl<T> Bin<T> {
    /// A fresh slab, and its address.
    fn new(bytes: usize) -> (usize, Self) {
        let slab = Slab::new(bytes);
        (slab.start.addr().get(), Self { slab, back: Vec::new(), begun: 0 })
    }

    fn is_empty(&self) -> bool {
        self.back.len() == self.begun
    }
}

impl<T: Copy + Default> Bin<T> {
    /// The next place that was never given out, filled with defaults.
    fn begin(&mut self, stride: usize, length: usize) -> NonNull<T> {
        let from = self.begun * stride;
        self.begun += 1;
        assert!(from + stride <= self.slab.layout.size(), "a place within the slab");
        #[expect(unsafe_code, reason = "writes to memory that nothing else refers to")]
        // SAFETY: by the assertion the place lies within the slab, and `length` elements within the place; its start
        // is a multiple of 64 from that of a page, which aligns any number. It was never given out: nobody reads it.
        unsafe {
            let start = self.slab.start.add(from).cast::<T>();
            for index in 0..length {
                start.add(index).write(T::default());
            }
            start
        }
    }
}

impl<T: Copy + Default> Deref for Taken<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        #[expect(unsafe_code, reason = "an array behind a pointer")]
        // SAFETY: `take` gives out as many elements that are values, to one owner at a time; the slab stays while one of
        // its places is out, and the arena as long as this array.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr(), self.arena.length)
        }
    }
}

impl<T: Copy + Default> DerefMut for Taken<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        #[expect(unsafe_code, reason = "an array behind a pointer")]
        // SAFETY: as of `deref`, and by the exclusive borrow nobody else reads or writes.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr(), self.arena.length)
        }
    }
}

impl<T: Copy + Default> Drop for Taken<T> {
    fn drop(&mut self) {
        self.arena.put(self.slab, self.start);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// As arrays on the heap would be, whoever comes and goes.
        #[test]
        fn arrays_are_their_owners_alone(
            length in 1_usize..300_000,
            moves in vec((any::<bool>(), any::<prop::sample::Index>(), any::<f32>()), 1..60),
        ) {
            let arena = Arc::new(Arena::<f32>::new(length));
            let mut taken: Vec<(Taken<f32>, f32)> = Vec::new();
            for (comes, which, value) in moves {
                if comes || taken.is_empty() {
                    let mut array = arena.take();
                    prop_assert_eq!(array.len(), length);
                    array.fill(value);
                    taken.push((array, value));
                } else {
                    taken.swap_remove(which.index(taken.len()));
                }
                for (array, value) in &taken {
                    let ends = [array[0], array[length / 2], array[length - 1]];
                    prop_assert!(ends.iter().all(|found| found.to_bits() == value.to_bits()));
                }
            }
            let starts: BTreeSet<usize> = taken.iter().map(|(array, _)| array.as_ptr().addr()).collect();
            prop_assert_eq!(starts.len(), taken.len());
            prop_assert!(starts.iter().all(|start| start % 64 == 0));
            let apart = starts.iter().zip(starts.iter().skip(1)).all(|(a, b)| b - a >= 4 * length);
            prop_assert!(apart);
        }
    }

    #[test]
    fn fresh_arrays_are_of_defaults_and_used_ones_come_again() {
        let arena = Arc::new(Arena::<i8>::new(1_000));
        let mut first = arena.take();
        assert!(first.iter().all(|code| *code == 0));
        first.fill(7);
        let at = first.as_ptr();
        let second = arena.take();
        drop(first);
        let again = arena.take();
        assert_eq!((again.as_ptr(), again[999]), (at, 7));
        assert!(second.iter().all(|code| *code == 0));
        assert!(Arc::new(Arena::<f32>::new(0)).take().is_empty());
    }

    #[test]
    fn empty_slabs_beyond_a_bound_go_back() {
        // Four arrays fill a slab.
        let arena = Arc::new(Arena::<u8>::new(SLAB / 4));
        let all: Vec<Taken<u8>> = (0..40).map(|_| arena.take()).collect();
        assert_eq!(arena.held(), 10 * SLAB);
        let kept = all.into_iter().step_by(13).collect::<Vec<_>>();
        // Four arrays in four slabs, and as many empty ones as are kept.
        assert_eq!((kept.len(), arena.held()), (4, 4 * SLAB + MOST_EMPTY));
        // All of their places are taken before another slab is.
        let more: Vec<Taken<u8>> = (0..28).map(|_| arena.take()).collect();
        assert_eq!(arena.held(), 4 * SLAB + MOST_EMPTY);
        drop((kept, more));
        assert_eq!(arena.held(), MOST_EMPTY);
    }

    #[test]
    fn threads_take_and_give_back_side_by_side() {
        let arena = Arc::new(Arena::<u64>::new(500));
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let arena = &arena;
                scope.spawn(move || {
                    for round in 0..50 {
                        let mut arrays: Vec<_> = (0..20).map(|_| arena.take()).collect();
                        for array in &mut arrays {
                            array.fill(thread * 100 + round);
                        }
                        let own =
                            |array: &Taken<u64>| array.iter().all(|x| *x == thread * 100 + round);
                        assert!(arrays.iter().all(own));
                    }
                });
            }
        });
    }
}
