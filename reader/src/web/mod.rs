//! `--web`: the stream on a page. The reader publishes into a [`Hub`]; each open page takes from it at its own pace.
//!
//! # Layout
//! In the order of the data:
//! - `hub`: what pages may ask for, bounded: rows, series, how the reader is doing
//! - `row`: an event as a page shows it; `series`: what is drawn over time
//! - `tab`: what an open page is sent, at its own pace
//! - `answer`: requests, who may make them, and what browsers are told about the page
//! - `page/`: the page, plain modules without a build; `assets`: it, in the binary

mod answer;
mod assets;
mod hub;
mod row;
mod series;
mod tab;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use tokio::net::TcpListener;

pub use hub::{Hub, Status};

use answer::Guard;

/// Where it is served unless another address is asked for: for nobody but this machine.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8400";

/// A page that is being served, until it is dropped.
pub struct Server {
    /// The page's address, with the token where one is needed.
    pub url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the page. Where the address is not the loopback, whoever asks needs the token in the URL.
///
/// # Errors
/// The address cannot be had, or the machine has no random numbers for a token.
pub async fn serve(address: SocketAddr, hub: Arc<Hub>) -> io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let guard = Guard::new(address)?;
    let url = guard.url(address);
    let serving = Arc::new(answer::Serving::new(hub, guard));
    let router = Router::new()
        .fallback(
            |State(serving): State<Arc<answer::Serving>>, request: Request| async move { serving.answer(&request) },
        )
        .with_state(serving);
    let task = tokio::spawn(async move {
        // It ends with the program only.
        let _ = axum::serve(listener, router).await;
    });
    Ok(Server { url, task })
}
