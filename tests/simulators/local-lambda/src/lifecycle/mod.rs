//! Order of init, invocations, freezes and the end. The rules of Lambda, without its HTTP.
//!
//! - [`environment`]: what all phases work on
//! - [`init`], [`restore`], [`invoke`], [`stop`]: the phases; [`concurrent`] instead of [`invoke`] on Managed Instances
//! - [`running`]: an invocation and what is told of it; [`trouble`]: what befalls it
//! - [`report`]: what they came to

mod concurrent;
mod environment;
mod init;
mod invoke;
mod report;
mod restore;
mod running;
mod stop;
mod trouble;

pub(crate) use environment::{Environment, Shared, new_instance_id};
pub use report::{ExtensionInit, InitReport, Invocation, ProcessExit, RestoreReport, ShutdownReport};
pub(crate) use running::Call;
pub use trouble::Trouble;
