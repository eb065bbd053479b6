//! Delivery: everything between the routes and one sink.
//!
//! - [`sink`]: the interface of a sink.
//! - [`settings`]: packing of a lane; [`lane`]: its handle; `worker`: the task that puts what is due; `shared`: what both use.
//! - `queue`: the lines of one lane, made of the parts that follow.
//! - `writer`: from events to lines, and from lines to chunks.
//! - `store`: chunks in memory and on disk; [`spool`]: the disk itself.
//! - `share`: bytes of a put, where lanes have a bound together; `attempt`: the put in flight, and the search for a record that is called invalid.
//! - [`pacing`]: when to put: pauses, the breaker, the allowance for other lanes' lines; [`awake`]: waits.
//! - `ledger`: what became of each line, and what is still to be announced.
//!
//! # Locks
//! In this order, and none is held across an await:
//! 1. the intake of the forwarder;
//! 2. the queues, in the order of the lanes: whoever holds several took them in that order. A worker holds its own only, and
//!    lets go of it before it takes the one of its fallback;
//! 3. the spool.

mod attempt;
pub mod awake;
pub mod lane;
mod ledger;
pub mod pacing;
mod queue;
pub mod settings;
mod share;
mod shared;
pub mod sink;
pub mod spool;
mod store;
mod worker;
mod writer;

pub(crate) use queue::Queue;
pub(crate) use share::Share;
