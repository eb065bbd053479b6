//! Signals to process groups. The crate's only unsafe code.
#![allow(unsafe_code)]

use tokio::process::Command;

/// The signals that the environment sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Stops every thread: the freeze.
    Stop,
    /// Lets them run on: the thaw.
    Continue,
    /// Asks to end.
    Terminate,
    /// Ends.
    Kill,
}

/// Sends a signal to all processes of a group. A group that is gone is no error.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    let number = match signal {
        Signal::Stop => libc::SIGSTOP,
        Signal::Continue => libc::SIGCONT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    // 0 and 1 would mean "my own group" and "everyone".
    let Ok(group) = libc::pid_t::try_from(leader) else {
        return;
    };
    if group <= 1 {
        return;
    }
    // SAFETY: killpg takes two integers and touches no memory of ours.
    unsafe {
        libc::killpg(group, number);
    }
}

/// Has the kernel kill the process when the thread that started it ends, however it ends.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: between fork and exec only prctl and getppid are called, which are safe after a fork: they take
    // integers, allocate nothing and hold no lock.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // The parent may have ended before the kernel was told.
            if u32::try_from(libc::getppid()) != Ok(parent) {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        });
    }
}
