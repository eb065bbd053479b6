//! Lambda on one machine: the Runtime API, the Extensions API and the Telemetry API around real processes.
//!
//! A function (a bootstrap executable) and extensions run as they do on Lambda: started in Lambda's order with
//! Lambda's environment variables, frozen between invocations, killed when they are late. What they print becomes
//! telemetry, and so does what the platform does with them; subscribers get it in batches as on Lambda. Everything
//! is measured and kept, so that a test can compare what an extension did with what it was given.
//!
//! ```no_run
//! use std::time::Duration;
//! use local_lambda::LocalLambda;
//!
//! # async fn example() -> Result<(), local_lambda::Error> {
//! let lambda = LocalLambda::builder()
//!     .function("target/debug/test-function")
//!     .extension("target/debug/my-extension")
//!     .env("MY_SETTING", "1")
//!     .start()
//!     .await?;
//! let invocation = lambda.invoke(r#"{"lines": 3}"#).await?;
//! assert!(invocation.succeeded());
//! println!("the extensions added {:?}", invocation.added);
//! let report = lambda.shutdown("spindown", Duration::from_secs(2)).await?;
//! assert!(report.clean());
//! assert!(lambda.ground_truth().iter().all(|event| event.acknowledged));
//! # Ok(()) }
//! ```
//!
//! # Layout
//! In the order one reads them:
//! - `mode`, `builder`, `config`, `policy`: what the local Lambda is to be
//! - `lambda`: the handle to a running one; `durable`: an execution of many invocations on it
//! - `lifecycle`: what happens when (init, invocations, freezes, the end), and what each came to
//! - `api`: the three HTTP APIs
//! - `telemetry`: events, subscriptions, delivery
//! - `process`: real processes and what they print; `variables`: the environment variables that they see;
//!   `credentials`: those that are no variables
//! - `state`, `watched`: what the lifecycle and the APIs know in common, and how one waits for it
//! - `chaos`: whatever can happen, by a seed
//! - `error`, `fault`: what can break; `role`, `clock`: words that all of them use

mod api;
mod builder;
mod chaos;
mod clock;
mod config;
mod credentials;
mod durable;
mod error;
mod fault;
mod lambda;
mod lifecycle;
mod mode;
mod policy;
mod process;
mod role;
mod state;
mod telemetry;
mod variables;
mod watched;

pub use builder::Builder;
pub use chaos::{Chaos, Played, Step};
pub use config::{LogFormat, SubscribeAnswer};
pub use durable::DurableExecution;
pub use error::{Error, InitFailure};
pub use fault::{Fault, Status};
pub use lambda::{LocalLambda, RunningProcess};
pub use lifecycle::{ExtensionInit, InitReport, Invocation, ProcessExit, RestoreReport, ShutdownReport, Trouble};
pub use mode::Mode;
pub use process::{OutputLine, Stream};
pub use role::Role;
pub use telemetry::{HandedOver, Subscription, TelemetryFault, TelemetryType};
