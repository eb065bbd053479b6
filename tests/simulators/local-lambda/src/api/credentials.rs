//! The endpoint of credentials, version 2021-04-23: for functions with SnapStart.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::reply::{self, Reply, header};
use crate::fault::Refusal;
use crate::lifecycle::Shared;
use crate::mode::Mode;

pub(super) fn give(shared: &Shared, request: &Request<Incoming>) -> Result<Reply, Refusal> {
    let known = header(request, "authorization") == Some(&shared.credentials.token);
    if shared.config.policy.mode == Mode::SnapStart && known {
        return Ok(reply::json(StatusCode::OK, &shared.credentials.given()));
    }
    Err(Refusal {
        status: 404,
        ..Refusal::bad_request("CredentialsNotFound", "cannot get credentials for the provided token")
    })
}
