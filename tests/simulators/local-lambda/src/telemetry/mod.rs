//! Telemetry: what happened, who asked to hear of it, and how it gets there.
//!
//! - [`records`]: the platform's events
//! - [`event`]: an event as JSON text
//! - [`terms`]: what a subscription asks for, validated
//! - [`subscriber`]: the queue of one subscriber
//! - [`hub`]: all events, all subscribers
//! - [`delivery`]: the task that posts one subscriber's batches; [`cut`]: their bodies; [`fault`]: what may be wrong on their way

mod cut;
mod delivery;
mod event;
mod fault;
mod hub;
pub(crate) mod records;
mod subscriber;
mod terms;

pub(crate) use event::check as check_event;
pub use fault::TelemetryFault;
pub use hub::HandedOver;
pub(crate) use hub::{Hub, Subscribed};
pub(crate) use terms::{Destination, Terms};
pub use terms::{Subscription, TelemetryType};
