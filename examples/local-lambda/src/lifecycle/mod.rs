//! What happens when: init, invocations, freezes, the end. The rules of Lambda, without its HTTP.
//!
//! - [`policy`]: limits and choices
//! - [`environment`]: what all phases work on
//! - [`init`], [`restore`], [`invoke`], [`stop`]: the phases
//! - [`report`]: what they came to

mod environment;
mod init;
mod invoke;
mod policy;
mod report;
mod restore;
mod stop;

pub(crate) use environment::{Environment, Shared, new_instance_id};
pub(crate) use policy::Policy;
pub use report::{ExtensionInit, InitReport, Invocation, ProcessExit, RestoreReport, ShutdownReport};
