//! A global allocator that counts.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The system's allocator, with a count of what goes through it. A bench makes it its own:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: gate::allocations::Counting = gate::allocations::Counting::new();
/// # assert!(ALLOCATOR.live() < ALLOCATOR.peak() + 1);
/// ```
#[derive(Debug)]
pub struct Counting {
    calls: AtomicU64,
    live: AtomicU64,
    peak: AtomicU64,
}

impl Counting {
    /// Nothing counted yet.
    #[expect(clippy::new_without_default, reason = "a static needs a const function")]
    pub const fn new() -> Self {
        Self { calls: AtomicU64::new(0), live: AtomicU64::new(0), peak: AtomicU64::new(0) }
    }

    /// Allocations and reallocations so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    /// Octets allocated and not freed, as they were asked for: without the allocator's own.
    pub fn live(&self) -> u64 {
        self.live.load(Relaxed)
    }

    /// The most that [`live`](Self::live) was since the start or [`reset_peak`](Self::reset_peak).
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    /// Starts [`peak`](Self::peak) anew from what is live.
    pub fn reset_peak(&self) {
        self.peak.store(self.live(), Relaxed);
    }

    fn grow(&self, octets: usize) {
        self.calls.fetch_add(1, Relaxed);
        let live = self.live.fetch_add(octets as u64, Relaxed) + octets as u64;
        self.peak.fetch_max(live, Relaxed);
    }

    fn shrink(&self, octets: usize) {
        self.live.fetch_sub(octets as u64, Relaxed);
    }
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches only
// atomics, which neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.grow(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.grow(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.shrink(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // As if in place, which is how large blocks grow.
        self.shrink(layout.size());
        self.grow(new_size);
        // SAFETY: the caller keeps `GlobalAlloc::realloc`'s contract.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_calls_live_octets_and_their_peak() {
        let counting = Counting::new();
        let layout = Layout::array::<u8>(100).unwrap();
        // SAFETY: the layout is not empty; each block is freed once, with the layout it then has.
        unsafe {
            let block = counting.alloc(layout);
            let block = counting.realloc(block, layout, 300);
            assert_eq!((counting.calls(), counting.live(), counting.peak()), (2, 300, 300));
            counting.dealloc(block, Layout::array::<u8>(300).unwrap());
        }
        assert_eq!((counting.live(), counting.peak()), (0, 300));
        counting.reset_peak();
        assert_eq!(counting.peak(), 0);
    }
}
