//! Panics on demand, for tests: of the tasks on this thread.

use std::cell::RefCell;

thread_local! {
    /// Tasks that are to panic when they run next.
    static TO_PANIC: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Lets a task panic once.
pub(crate) fn kill(name: &'static str) {
    TO_PANIC.with_borrow_mut(|names| names.push(name));
}

/// True if a task that was to panic has done so.
pub(crate) fn is_killed(name: &str) -> bool {
    TO_PANIC.with_borrow(|names| !names.contains(&name))
}

/// Panics, if that was asked for.
pub(crate) fn may_panic(name: &str) {
    let place = TO_PANIC.with_borrow(|names| names.iter().position(|other| *other == name));
    if let Some(place) = place {
        TO_PANIC.with_borrow_mut(|names| names.remove(place));
        panic!("{name} panics as asked");
    }
}
