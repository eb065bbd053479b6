//! The C library's allocator, told what this process does.
//!
//! Left to itself, glibc maps each large buffer again and gives it back at once, and the page faults of that were a tenth of
//! the CPU time of a million events (some 25,000 faults; 4,000 so). Measured against glibc's defaults and larger thresholds,
//! which gained no more; not against other allocators.

/// Buffers up to this size are used again instead of mapped again: larger than a put with its encoding. Bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: libc::c_int = 4 * 1024 * 1024;

/// Sets the allocator's parameters. To be called first, while there is one thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the C library's parameters have no safe interface")]
pub fn tune() {
    for (parameter, value) in [
        (libc::M_MMAP_THRESHOLD, KEPT_BYTES),
        (libc::M_TRIM_THRESHOLD, KEPT_BYTES),
        // One thread does the work; the few that look up names need no heap of their own.
        (libc::M_ARENA_MAX, 1),
    ] {
        // SAFETY: mallopt takes two integers and refuses what it does not know; no other thread allocates meanwhile.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn tune() {}
