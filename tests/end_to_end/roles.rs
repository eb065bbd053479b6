//! A sink in another account: its role is assumed at STS, and puts are signed with what STS gives.

use std::time::Duration;

use end_to_end::post::{Poster, function_lines};
use end_to_end::stand_in::StandIn;
use end_to_end::world::*;

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
