//! The path of the subscription's destination: a secret, so that only Lambda can post.
//!
//! It is new in each start of the process. A subscription may survive a reset of the environment, with the path that it was
//! made with; so that is kept in the spool's folder, readable for this user alone. Losing telemetry is worse than letting a
//! forger in: where the path cannot be known, any is taken until Lambda has shown it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forwarder_core::delivery::awake;

use crate::files::read_private;
use crate::telemetry_api::Subscription;

/// The file in the spool's folder.
pub const FILE: &str = "listener";

/// 128 bits, in hexadecimal digits.
const DIGITS: usize = 32;

/// Beside Lambda's own buffering: how long Lambda may take for its first POST before a path that it may have dropped is
/// looked for. It posts what init says within milliseconds. Awake.
const FIRST_POST: Duration = Duration::from_secs(2);

/// Which paths are Lambda's.
#[derive(Debug)]
pub struct Paths {
    /// Of this process.
    fresh: Option<String>,
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rule: Rule,
    /// Of the process before, with which a subscription may have been made that is still there.
    kept: Option<String>,
    /// Lambda has posted to a secret path.
    seen: bool,
    /// Lambda has had time for its first POST.
    overdue: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// The fresh one and the kept one.
    Secret,
    /// This one, which Lambda has shown, or `/`, where it takes none.
    Only(String),
    /// Until Lambda shows it.
    Any,
}

impl Paths {
    /// `dir`: the spool's folder, where the path of the process before may be.
    pub fn new(dir: &Path) -> Self {
        let file = dir.join(FILE);
        let kept = read_private(&file, DIGITS)
            .ok()
            .and_then(|text| String::from_utf8(text).ok())
            .filter(|text| is_secret(text));
        let rule = match kept {
            Some(_) => Rule::Secret,
            // A subscription of a process that left no path may be posted to before the new one is answered.
            None => Rule::Any,
        };
        Self {
            fresh: fresh(),
            file,
            state: Mutex::new(State {
                rule,
                kept,
                seen: false,
                overdue: false,
            }),
        }
    }

    /// The path to subscribe with, without its slash. `None` where the system gives no random bytes.
    pub fn fresh(&self) -> Option<&str> {
        self.fresh.as_deref()
    }

    /// Notes how the subscription was answered.
    pub fn subscribed(&self, subscription: Subscription) {
        let mut state = self.state();
        match subscription {
            Subscription::Active { path: true } => {
                state.rule = Rule::Secret;
                if let Some(fresh) = &self.fresh {
                    self.keep(fresh);
                }
            }
            Subscription::Active { path: false } => {
                log::info!(event = "listener_plain"; "Lambda takes no path in the subscription: whoever reaches the telemetry port can post");
                state.rule = Rule::Only("/".to_owned());
            }
            Subscription::Again if state.kept.is_some() => state.rule = Rule::Secret,
            Subscription::Again => {
                log::warn!(event = "listener_any_path"; "the subscription was there already and its path is unknown: any path is taken until Lambda has shown it");
                state.rule = Rule::Any;
            }
            Subscription::Unsupported => {}
        }
    }

    /// Waits until Lambda has had time for its first POST. `buffering`: how long it may hold an event.
    pub async fn wait_for_first(&self, buffering: Duration) {
        awake::sleep(buffering + FIRST_POST).await;
        self.state().overdue = true;
    }

    /// True if a request to this path is taken.
    pub fn take(&self, path: &str) -> bool {
        let mut state = self.state();
        match &state.rule {
            Rule::Any => true,
            Rule::Only(only) => same(path, only),
            Rule::Secret => {
                let known = [self.fresh.as_deref(), state.kept.as_deref()];
                let secret = path.strip_prefix('/').unwrap_or(path);
                if known.into_iter().flatten().any(|known| same(secret, known)) {
                    state.seen = true;
                    return true;
                }
                // A platform may accept the subscription and post without its path: AWS's emulator does.
                let dropped = path == "/" && state.overdue && !state.seen;
                if dropped {
                    log::warn!(event = "listener_any_path"; "Lambda does not post to the path of the subscription: any path is taken until Lambda has shown it");
                    state.rule = Rule::Any;
                }
                dropped
            }
        }
    }

    /// Whether Lambda has yet to show which path is its own.
    pub fn is_open(&self) -> bool {
        self.state().rule == Rule::Any
    }

    /// Lambda's own POST came to this path: it told of the request that runs.
    pub fn shown(&self, path: &str) {
        let mut state = self.state();
        if state.rule != Rule::Any {
            return;
        }
        log::info!(event = "listener_path_known"; "Lambda has shown the path that it posts to: no other one is taken");
        state.rule = Rule::Only(path.to_owned());
        if let Some(secret) = path.strip_prefix('/').filter(|secret| is_secret(secret)) {
            self.keep(secret);
        }
    }

    /// What cannot be kept is shown by Lambda after a reset.
    fn keep(&self, secret: &str) {
        let kept = || {
            let dir = self.file.parent().unwrap_or(Path::new("/"));
            DirBuilder::new().mode(0o700).recursive(true).create(dir)?;
            let part = self.file.with_extension("part");
            let _ = std::fs::remove_file(&part);
            // `create_new` never follows a link.
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&part)?;
            file.write_all(secret.as_bytes())?;
            std::fs::rename(&part, &self.file)
        };
        if let Err(error) = kept() {
            log::debug!(event = "listener_path_unkept", error = error.to_string().as_str(); "the path of the subscription cannot be kept for a reset of the environment");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guess would be worse than the plain address: it looks like a secret.
fn fresh() -> Option<String> {
    let mut bits = [0; DIGITS / 2];
    getrandom::fill(&mut bits).ok()?;
    Some(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_secret(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == DIGITS && text.bytes().all(digit)
}

/// Compares in a time that does not tell how much is equal.
fn same(one: &str, other: &str) -> bool {
    let different = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && different == 0
}

#[cfg(test)]
mod tests;
