//! Reasons why the demo cannot run to its end. Loss is not an error here but a result.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The reason why the demo gave up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{} is not there: run `make demo`, which builds it, or name another one in {variable}", path.display())]
    NoProgram { path: PathBuf, variable: &'static str },
    #[error("no free port: {0}")]
    NoPort(io::Error),
    #[error("the local Kinesis: {0}")]
    Kinesis(#[from] local_kinesis::Error),
    #[error("the local Lambda of {function}: {source}")]
    Lambda {
        function: &'static str,
        source: local_lambda::Error,
    },
    #[error("{what} took longer than {limit:?}")]
    TooLong { what: String, limit: Duration },
    #[error("reading the stream: {0}")]
    Read(#[from] reader::stream::Error),
    #[error("the stream holds what the forwarder does not write: {0}")]
    Unreadable(String),
    #[error(
        "the local Lambda handed nothing over, so nothing is proven: did the extension subscribe? It logged: {log}"
    )]
    NothingHandedOver { log: String },
    #[error("the page cannot be served: {0}")]
    Page(io::Error),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    #[error("a part of the demo broke: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// The longest that any single wait of the demo takes. Generous: the machines that run it may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits, but not for ever: past [`PATIENCE`] it is an error that says what was waited for.
pub(crate) async fn in_time<T>(what: impl Into<String>, wait: impl Future<Output = T>) -> Result<T, Error> {
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.map_err(|_| Error::TooLong {
        what: what.into(),
        limit: PATIENCE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_ends_in_vain_says_what_it_was_for() {
        let error = in_time("the end of time", std::future::pending::<()>())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "the end of time took longer than 30s");
    }
}
