//! `SubscribeToShard`, straight to ferrokinesis' stream of events: its front door drops the sequence number and the time
//! of a starting position, so that every subscription would begin at the beginning.

use axum::body::Body;
use ferrokinesis::actions::subscribe_to_shard::execute_streaming;
use ferrokinesis::store::Store;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};

use super::refused::refused;
use crate::encoding::{self, Encoding};
use crate::fault::CallError;
use crate::wire;

pub(super) const TARGET: &str = "Kinesis_20131202.SubscribeToShard";

/// The largest body that is read: an ARN and a position are far less.
const MAX_BODY: usize = 64 * 1_024;

pub(super) async fn answer(store: &Store, request: Request<Incoming>) -> Response<Body> {
    match events(store, request).await {
        Ok(events) => {
            let mut response = Response::new(events);
            let kind = HeaderValue::from_static("application/vnd.amazon.eventstream");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        Err(error) => wire::error(&error, Encoding::Json),
    }
}

async fn events(store: &Store, request: Request<Incoming>) -> Result<Body, CallError> {
    let (head, body) = request.into_parts();
    wire::check_headers(&head.headers, &[Encoding::Json])?;
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| encoding::unreadable(&error))?.to_bytes();
    let body = Encoding::Json.read(&body)?;
    let content_type = Encoding::Json.content_type();
    execute_streaming(store, body, content_type).await.map_err(refused)
}
