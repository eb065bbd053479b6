//! What happens when: init, invocations, freezes, the end. The rules of Lambda, without its HTTP.
//!
//! - [`policy`]: limits and choices
//! - [`environment`]: what all phases work on
//! - [`init`], [`invoke`], [`stop`]: the phases
//! - [`report`]: what they came to

mod environment;
mod init;
mod invoke;
mod policy;
mod report;
mod stop;

pub(crate) use environment::{Environment, Shared};
pub(crate) use policy::Policy;
pub use report::{ExtensionInit, InitReport, Invocation, ProcessExit, ShutdownReport};
