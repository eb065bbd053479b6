//! `consumer mcp`: the stream for an assistant, over standard input and output, read-only. Model Context Protocol.
//!
//! # Layout
//! - `memory`: what may be asked for, bounded; `search`: questions to it, and their answers as JSON
//! - `tools`: the questions as tools of the protocol
//!
//! Log text is written by whoever can make a function log. Each answer says so, and holds such text in members named
//! `data` alone.

mod memory;
mod search;
mod tools;

use std::sync::Arc;

use rmcp::ServiceExt as _;
use tokio::task::JoinHandle;

pub use memory::{Memory, Progress};

use tools::Tools;

/// A session, until the client closes standard input.
pub struct Session {
    task: JoinHandle<()>,
}

impl Session {
    /// Answers questions about what is in `memory`.
    #[must_use]
    pub fn begin(memory: Arc<Memory>) -> Self {
        let task = tokio::spawn(async move {
            // How a client goes is its own matter.
            if let Ok(running) = Tools::new(memory).serve(rmcp::transport::stdio()).await {
                let _ = running.waiting().await;
            }
        });
        Self { task }
    }

    /// Waits until the client is gone. Cancelled, it loses nothing.
    pub async fn over(&mut self) {
        let _ = (&mut self.task).await;
    }
}
