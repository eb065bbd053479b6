use local_kinesis::{CallError, Fault, LocalFirehose, RecordError};
use serde_json::json;

use crate::client::{Client, LONG, STREAM};

async fn world() -> (LocalFirehose, Client) {
    let firehose = LocalFirehose::builder().stream(STREAM).start().await.unwrap();
    let client = Client::connect(firehose.address()).await;
    (firehose, client)
}

#[tokio::test]
async fn what_is_put_is_delivered_in_order() {
    let (firehose, mut client) = world().await;
    let answer = client.put_batch(STREAM, &["a\n", "b\n"]).await.unwrap();
    assert_eq!((answer.status, &answer.body["FailedPutCount"]), (200, &json!(0)));
    let ids: Vec<_> = answer.body["RequestResponses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["RecordId"])
        .collect();
    assert!(ids.len() == 2 && ids[0].is_string() && ids[0] != ids[1], "{ids:?}");
    let body = json!({ "DeliveryStreamName": STREAM, "Record": { "Data": "Ywo=" } });
    let answer = client.call("Firehose_20150804.PutRecord", &body).await.unwrap();
    assert!(answer.body["RecordId"].is_string(), "{answer:?}");
    assert_eq!(firehose.delivered(STREAM), ["a\n", "b\n", "c\n"]);
    assert_eq!(firehose.delivered_object(STREAM), "a\nb\nc\n");
}

#[tokio::test]
async fn refused_records_are_not_delivered() {
    let (firehose, mut client) = world().await;
    firehose.set_fault(Fault::refuse_at([0], RecordError::Throttled).for_next(1));
    firehose.add_fault(Fault::refuse_at([2], RecordError::Internal).for_next(1));
    let answer = client.put_batch(STREAM, &["a", "b", "c"]).await.unwrap();
    assert_eq!((answer.status, &answer.body["FailedPutCount"]), (200, &json!(2)));
    let entries = &answer.body["RequestResponses"];
    assert_eq!(
        entries[0],
        json!({ "ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down." })
    );
    assert!(
        entries[1]["RecordId"].is_string() && entries[1].get("ErrorCode").is_none(),
        "{entries}"
    );
    assert_eq!(
        entries[2],
        json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "Internal service failure." })
    );
    assert_eq!(firehose.delivered(STREAM), ["b"]);
}

#[tokio::test]
async fn it_meets_the_same_faults_and_stops_and_starts() {
    let (firehose, mut client) = world().await;
    firehose.set_fault(Fault::fail(CallError::new(503, "ServiceUnavailableException")).for_next(1));
    let answer = client.put_batch(STREAM, &["a"]).await.unwrap();
    assert_eq!((answer.status, answer.code()), (503, "ServiceUnavailableException"));
    firehose.set_fault(Fault::reset().after_storing().for_next(1));
    client.put_batch(STREAM, &["b"]).await.unwrap_err();
    firehose.stop().await;
    firehose.start().await.unwrap();
    let mut client = Client::connect(firehose.address()).await;
    let waiting = firehose.wait_for_delivered(STREAM, LONG, |delivered| delivered.len() == 2);
    let (delivered, answer) = tokio::join!(waiting, client.put_batch(STREAM, &["c"]));
    assert_eq!(
        (delivered.unwrap(), answer.unwrap().status),
        (vec!["b".into(), "c".into()], 200)
    );
}

#[tokio::test]
async fn a_call_is_taken_up_to_each_limit_and_refused_past_it() {
    let (firehose, mut client) = world().await;
    let most = "x".repeat(1_024_000);
    let rest = "x".repeat(4 * 1_048_576 - 4 * 1_024_000);
    let full = [most.as_str(), &most, &most, &most, &rest];
    for taken in [vec!["x"; 500], full.to_vec()] {
        assert_eq!(client.put_batch(STREAM, &taken).await.unwrap().status, 200);
    }
    let mut past = full.to_vec();
    past.push("x");
    let larger = format!("{most}x");
    for (call, code, words) in [
        (vec!["x"; 501], "ValidationException", "less than or equal to 500"),
        (vec![], "ValidationException", "greater than or equal to 1"),
        (vec!["x", &larger], "ValidationException", "'records.2.member.data'"),
        (past, "InvalidArgumentException", "Records size exceeds 4 MB limit"),
    ] {
        let answer = client.put_batch(STREAM, &call).await.unwrap();
        assert_eq!((answer.status, answer.code()), (400, code), "{words}");
        assert!(
            answer.message().contains(words),
            "{} should say {words}",
            answer.message()
        );
    }
    assert_eq!(firehose.delivered(STREAM).len(), 505);
    assert_eq!(firehose.delivered_object(STREAM).len(), 500 + 4 * 1_048_576);
}

#[tokio::test]
async fn it_knows_streams_by_name_only() {
    let (_firehose, mut client) = world().await;
    let arn = format!("arn:aws:firehose:us-east-1:000000000000:deliverystream/{STREAM}");
    let answer = client.put_batch(&arn, &["a"]).await.unwrap();
    assert_eq!((answer.status, answer.code()), (400, "ValidationException"));
    assert!(
        answer.message().contains("regular expression pattern"),
        "{}",
        answer.message()
    );
    let answer = client.put_batch("nowhere", &["a"]).await.unwrap();
    assert_eq!((answer.status, answer.code()), (400, "ResourceNotFoundException"));
    assert_eq!(
        answer.message(),
        "Firehose nowhere not found under account 000000000000."
    );
    let answer = client
        .call("Firehose_20150804.DeleteDeliveryStream", &json!({}))
        .await
        .unwrap();
    assert_eq!((answer.status, answer.code()), (400, "UnknownOperationException"));
}

#[tokio::test]
async fn records_are_billed_in_steps_of_5_kb() {
    let (firehose, mut client) = world().await;
    client
        .put_batch(STREAM, &["a", &"x".repeat(5_120), &"x".repeat(5_121)])
        .await
        .unwrap();
    let stored = firehose.counts(STREAM).stored;
    assert_eq!((stored.records, stored.billed_kb), (3, 5 + 5 + 10));
    assert_eq!(
        (stored.key_bytes, stored.put_units, stored.largest_record),
        (0, 0, 5_121)
    );
}
