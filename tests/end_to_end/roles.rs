//! A sink in another account: its role is assumed at STS, and puts are signed with what STS gives.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use end_to_end::post::{Poster, function_lines};
use end_to_end::world::*;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// What a call was signed with, and its body.
type Call = (String, String);

/// Stands in for STS and Kinesis: gives credentials, takes every record, and remembers each call.
struct StandIn {
    endpoint: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl StandIn {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = calls.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = seen.clone();
                let service = service_fn(move |request| answer(request, seen.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { endpoint, calls }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

async fn answer(request: Request<Incoming>, calls: Arc<Mutex<Vec<Call>>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let text = if body.contains("Action=AssumeRole") {
        // STS API reference, AssumeRole.
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIAOTHERACCOUNT</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
        <AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/writer/x</Arn><AssumedRoleId>AROA:x</AssumedRoleId>
        </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"#
            .to_owned()
    } else {
        let records = body.matches("\"PartitionKey\"").count();
        let taken = vec![r#"{"SequenceNumber":"1","ShardId":"shardId-000000000000"}"#; records];
        format!(r#"{{"FailedRecordCount":0,"Records":[{}]}}"#, taken.join(","))
    };
    calls.lock().unwrap().push((authorization, body));
    Ok(Response::new(Full::new(Bytes::from(text))))
}

#[tokio::test]
async fn a_sinks_role_is_assumed_and_signs_its_puts() {
    let (sts, aws) = (StandIn::start().await, StandIn::start().await);
    let kinesis = kinesis().await;
    let (builder, port) = lambda(&kinesis);
    let stream = "arn:aws:kinesis:eu-central-1:210987654321:stream/theirs";
    let lambda = builder
        .extension_env("AWS_ENDPOINT_URL_STS", &sts.endpoint)
        .extension_env("FORWARDER_SINKS__THEIRS__TYPE", "kinesis")
        .extension_env("FORWARDER_SINKS__THEIRS__STREAM", stream)
        .extension_env("FORWARDER_SINKS__THEIRS__ENDPOINT", &aws.endpoint)
        .extension_env(
            "FORWARDER_SINKS__THEIRS__ASSUME_ROLE",
            "arn:aws:iam::210987654321:role/writer",
        )
        .extension_env("FORWARDER_SINKS__THEIRS__EXTERNAL_ID", "agreed upon")
        .extension_env("FORWARDER_SINKS__OURS__TYPE", "kinesis")
        .extension_env("FORWARDER_SINKS__OURS__STREAM", STREAM)
        .extension_env("FORWARDER_ROUTES", "* -> theirs, ours")
        .freeze(false)
        .start()
        .await
        .unwrap();
    assert_eq!(
        Poster::connect(port).await.post("/", function_lines(0, 10, 50)).await,
        200
    );
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(4))
            .await
            .unwrap()
            .clean()
    );
    assert_silent(&lambda);

    let asked = sts.calls();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    for expected in [
        "RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fwriter",
        "ExternalId=agreed%20upon",
        "RoleSessionName=lambda-telemetry-forwarder",
    ] {
        assert!(asked[0].1.contains(expected), "{expected}: {asked:#?}");
    }
    assert!(
        !asked[0].0.contains("ASIAOTHERACCOUNT"),
        "asked with the function's own credentials"
    );
    let puts = aws.calls();
    assert!(!puts.is_empty());
    for (authorization, body) in puts {
        let signed = "Credential=ASIAOTHERACCOUNT/";
        assert!(authorization.contains(signed), "{authorization}");
        // The region is the stream's.
        assert!(authorization.contains("/eu-central-1/kinesis/"), "{authorization}");
        assert!(body.contains(stream), "{body}");
    }
    // The other sink of this type keeps its own credentials and place.
    Found::in_stream(&kinesis, STREAM).await.assert_proven();
}
