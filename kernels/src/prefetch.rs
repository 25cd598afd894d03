//! A hint to the machine that some memory will soon be read.

/// Bytes that come from memory together, on the machines that we know.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for the cache lines of a slice, so that reading it a microsecond later does not wait; changes nothing.
pub fn prefetch<A>(items: &[A]) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of_val(items)).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is within the slice, and the instruction neither reads nor writes nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(items.as_ptr().cast::<i8>().add(line)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = items;
}

/// Asks for the cache line of one item, for the second-level cache, where there is such an item.
#[inline(always)]
pub(crate) fn prefetch_one<A>(items: &[A], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = items.get(at) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: the address is that of an item, and the instruction neither reads nor writes nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(item).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, at);
}
