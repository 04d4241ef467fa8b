//! Memory in huge pages, shared out to many arrays.
//!
//! A decoding step reads every weight once. In pages of 4 KiB that is a miss of the address
//! translation every 64 lines, which cost 5 to 10 % of a step with one line here. Linux maps huge
//! pages where it is asked to, and only for whole aligned stretches of 2 MiB, while most matrices
//! are smaller. So arrays are put side by side into slabs; a slab goes when the last array in it
//! does. Elsewhere a slab is ordinary memory.
//!
//! Source: Linux, Documentation/admin-guide/mm/transhuge.rst.

mod arena;

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub(crate) use arena::{Arena, Taken};

/// A huge page, in bytes.
const PAGE: usize = 2 << 20;
/// A slab, in bytes: arrays beyond it get one of their own. What is not used of it is never mapped.
const SLAB: usize = 32 << 20;

/// Aligned memory. It is not zeroed: that would map small pages before huge ones are asked for.
#[derive(Debug)]
struct Slab {
    start: NonNull<u8>,
    layout: Layout,
}

#[expect(unsafe_code, reason = "raw memory that arrays are placed in")]
// SAFETY: a slab is memory without an owner among threads; what is in it is reached through
// `Placed` only, which is `Send` and `Sync` where its elements are.
unsafe impl Send for Slab {}
#[expect(unsafe_code, reason = "raw memory that arrays are placed in")]
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    fn new(bytes: usize) -> Self {
        let bytes = bytes.next_multiple_of(PAGE);
        // A slab is at most one page larger than an array that exists.
        let Ok(layout) = Layout::from_size_align(bytes, PAGE) else {
            handle_alloc_error(Layout::new::<u8>())
        };
        #[expect(unsafe_code, reason = "raw memory that arrays are placed in")]
        // SAFETY: the layout is not empty, for a slab is at least a page.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        #[cfg(target_os = "linux")]
        #[expect(unsafe_code, reason = "a system call about memory")]
        // SAFETY: the range is this slab's own, and the advice changes no contents. Where it is
        // refused, pages are small.
        unsafe {
            libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
        }
        Self { start, layout }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "raw memory that arrays are placed in")]
        // SAFETY: allocated with this layout, and no array is left in it.
        unsafe {
            dealloc(self.start.as_ptr(), self.layout);
        }
    }
}

/// An array in a slab.
#[derive(Debug)]
pub(crate) struct Placed<T: Copy + 'static> {
    start: NonNull<T>,
    length: usize,
    /// Keeps the memory alive.
    _slab: Arc<Slab>,
}

#[expect(unsafe_code, reason = "an array behind a pointer")]
// SAFETY: it owns its elements, like a `Box<[T]>`.
unsafe impl<T: Copy + Send> Send for Placed<T> {}
#[expect(unsafe_code, reason = "an array behind a pointer")]
// SAFETY: as above.
unsafe impl<T: Copy + Sync> Sync for Placed<T> {}

/// The slab that has room, and how much of it is taken.
static OPEN: Mutex<(Weak<Slab>, usize)> = Mutex::new((Weak::new(), 0));

impl<T: Copy + 'static> Placed<T> {
    /// Copies an array into a slab.
    pub(crate) fn of(values: &[T]) -> Self {
        let bytes = size_of_val(values);
        let (slab, from) = room(bytes, align_of::<T>());
        #[expect(unsafe_code, reason = "writes to memory that nothing else refers to")]
        // SAFETY: `room` gives out `bytes` bytes from `from` on, aligned for `T`, once; both ranges
        // have them, and the second one was never handed out before. Elements are `Copy`, so that
        // none has to be dropped.
        let start = unsafe {
            let start = slab.start.add(from).cast::<T>();
            start.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
            start
        };
        Self { start, length: values.len(), _slab: slab }
    }
}

/// A slab, and where in it `bytes` bytes that nobody has are.
fn room(bytes: usize, align: usize) -> (Arc<Slab>, usize) {
    assert!(align <= PAGE, "elements that a page can align");
    if bytes > SLAB {
        return (Arc::new(Slab::new(bytes)), 0);
    }
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Never shared between two lines of the cache.
    let from = open.1.next_multiple_of(align.max(64));
    if let Some(slab) = open.0.upgrade()
        && from + bytes <= SLAB
    {
        open.1 = from + bytes;
        return (slab, from);
    }
    let slab = Arc::new(Slab::new(SLAB));
    *open = (Arc::downgrade(&slab), bytes);
    (slab, 0)
}

impl<T: Copy> Deref for Placed<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        #[expect(unsafe_code, reason = "an array behind a pointer")]
        // SAFETY: `of` wrote as many elements there; the slab lives as long as this array, and
        // nothing writes to it.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr(), self.length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_what_was_put_in() {
        let bytes: Vec<Vec<u8>> = (0..50_u8).map(|i| vec![i; 1 + 7_919 * usize::from(i)]).collect();
        let placed: Vec<Placed<u8>> = bytes.iter().map(|bytes| Placed::of(bytes)).collect();
        let numbers = Placed::of(&[1.5_f32, -2.0]);
        assert!(placed.iter().zip(&bytes).all(|(placed, bytes)| **placed == **bytes));
        assert_eq!(*numbers, [1.5, -2.0]);
        assert!(Placed::<u64>::of(&[]).is_empty());
    }

    #[test]
    fn arrays_begin_at_lines_and_survive_their_neighbours() {
        let arrays: Vec<Placed<u16>> = (0..100).map(|i| Placed::of(&vec![i; 300_000])).collect();
        assert!(arrays.iter().all(|array| array.as_ptr().addr().is_multiple_of(64)));
        let kept: Vec<_> = arrays.into_iter().enumerate().filter(|(i, _)| i % 30 == 7).collect();
        let later: Vec<Placed<u16>> = (0..60).map(|_| Placed::of(&vec![9_999; 300_000])).collect();
        for (index, array) in kept {
            assert!(array.iter().all(|&value| usize::from(value) == index));
        }
        assert!(later.iter().all(|array| array.iter().all(|&value| value == 9_999)));
    }

    #[test]
    fn an_array_larger_than_a_slab_has_its_own() {
        let large = vec![3_u32; SLAB / 4 + 5];
        let (before, placed) = (Placed::of(&[1_u32]), Placed::of(&large));
        assert_eq!(placed.len(), large.len());
        assert_eq!((*before)[0] + placed[SLAB / 4 + 4], 4);
    }

    #[test]
    fn threads_place_side_by_side() {
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                scope.spawn(move || {
                    let arrays: Vec<_> = (0..200).map(|_| Placed::of(&[thread; 1_000])).collect();
                    assert!(arrays.iter().all(|array| array.iter().all(|&t| t == thread)));
                });
            }
        });
    }
}
