//! Credentials of the function's role, as a snapshotted environment fetches them: its variables would be as old as the
//! snapshot.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use uuid::Uuid;

use crate::clock::format_time;

/// Validity of credentials: some hours, as the role's do on Lambda.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// Credentials of the endpoint, and who may have them.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// Token that a request must carry: `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub(crate) token: String,
    /// Restores so far; each brings other credentials.
    restores: AtomicU32,
}

/// The answer of the endpoint.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Given {
    access_key_id: String,
    secret_access_key: &'static str,
    token: &'static str,
    expiration: String,
}

impl Credentials {
    pub(crate) fn new() -> Self {
        Self {
            token: Uuid::new_v4().simple().to_string(),
            restores: AtomicU32::new(0),
        }
    }

    /// From now on others are given. `AKIDSNAPSHOT` is that of the snapshot, `AKIDRESTORE1` that of the first restore.
    pub(crate) fn renew(&self) {
        self.restores.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn given(&self) -> Given {
        let access_key_id = match self.restores.load(Ordering::Relaxed) {
            0 => "AKIDSNAPSHOT".to_owned(),
            number => format!("AKIDRESTORE{number}"),
        };
        Given {
            access_key_id,
            secret_access_key: SECRET_ACCESS_KEY,
            token: SESSION_TOKEN,
            expiration: format_time(SystemTime::now() + LIFETIME),
        }
    }
}

/// The secret of every key here: nobody checks signatures.
pub(crate) const SECRET_ACCESS_KEY: &str = "local-lambda-secret";
/// The session that goes with it.
pub(crate) const SESSION_TOKEN: &str = "local-lambda-session";
