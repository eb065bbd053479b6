use local_kinesis::{CallError, Counts, Fault, LocalKinesis, RecordError, Tally};
use serde_json::json;

use crate::client::{Client, STREAM, record, signed};

async fn put(client: &mut Client, sizes: &[(usize, &str)]) -> u64 {
    let records: Vec<_> = sizes
        .iter()
        .map(|(size, key)| record(&vec![b'x'; *size], key))
        .collect();
    let body = json!({ "StreamName": STREAM, "Records": records });
    client.call("Kinesis_20131202.PutRecords", &body).await.unwrap();
    body.to_string().len() as u64
}

#[tokio::test]
async fn what_arrives_and_what_is_stored_are_counted_apart() {
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 1)
        .stream("idle", 1)
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    // "schlüssel" has 9 characters and 10 bytes.
    let mut body_bytes = put(
        &mut client,
        &[(1_014, "schlüssel"), (1_015, "schlüssel"), (60_000, "k")],
    )
    .await;
    kinesis.set_fault(Fault::refuse_at([1], RecordError::Throttled).for_next(1));
    body_bytes += put(&mut client, &[(10, "k"), (20, "k")]).await;
    kinesis.set_fault(Fault::fail(CallError::throttling()).for_next(1));
    body_bytes += put(&mut client, &[(30, "k")]).await;

    let stored = Tally {
        records: 4,
        data_bytes: 1_014 + 1_015 + 60_000 + 10,
        key_bytes: 10 + 10 + 1 + 1,
        billed_kb: 1 + 2 + 59 + 1,
        put_units: 1 + 1 + 3 + 1,
        largest_record: 60_001,
    };
    let received = Tally {
        records: 6,
        data_bytes: stored.data_bytes + 20 + 30,
        key_bytes: stored.key_bytes + 2,
        billed_kb: stored.billed_kb + 2,
        put_units: stored.put_units + 2,
        ..stored
    };
    let expected = Counts {
        calls: 3,
        calls_answered: 2,
        calls_failed: 1,
        calls_unanswered: 0,
        records_refused: 1,
        body_bytes,
        largest_call_records: 3,
        largest_call_bytes: 1_024 + 1_025 + 60_001,
        received,
        stored,
    };
    assert_eq!(kinesis.counts(STREAM), expected);
    assert_eq!(kinesis.counts("idle"), Counts::default());
    assert_eq!(kinesis.total(), expected);

    kinesis.reset_counts();
    assert_eq!(kinesis.total(), Counts::default());
    assert_eq!(kinesis.calls(STREAM), []);
    assert_eq!(kinesis.read_all(STREAM).await.unwrap().len(), 4, "the data stays");
}

#[tokio::test]
async fn an_arn_is_counted_under_its_streams_name() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{STREAM}");
    let body = json!({ "StreamARN": arn, "Records": [record(b"a", "a")] });
    assert_eq!(
        client.call("Kinesis_20131202.PutRecords", &body).await.unwrap().status,
        200
    );
    assert_eq!(kinesis.counts(STREAM).stored.records, 1);
}

#[tokio::test]
async fn reading_is_no_put_and_meets_no_fault() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    kinesis.set_fault(Fault::silence());
    kinesis.read_all(STREAM).await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let body = json!({ "StreamName": STREAM });
    let answer = client
        .call("Kinesis_20131202.DescribeStreamSummary", &body)
        .await
        .unwrap();
    assert_eq!(answer.body["StreamDescriptionSummary"]["OpenShardCount"], 1);
    assert_eq!(kinesis.total(), Counts::default());
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_without_a_name() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let target = "Kinesis_20131202.PutRecords";
    let no_base64 = json!({ "StreamName": STREAM, "Records": [{ "Data": "*", "PartitionKey": "k" }] });
    for (body, code) in [
        (json!({ "StreamName": STREAM }), "SerializationException"),
        (no_base64, "SerializationException"),
        (json!({ "Records": [record(b"a", "a")] }), "InvalidArgumentException"),
    ] {
        let answer = client.call(target, &body).await.unwrap();
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    let body = crate::client::put_records(&["a"]).to_string();
    let mut unsigned = signed(target).body(body.clone().into()).unwrap();
    unsigned.headers_mut().remove("authorization");
    assert_eq!(
        client.send(unsigned).await.unwrap().code(),
        "MissingAuthenticationTokenException"
    );
    let mut undated = signed(target).body(body.clone().into()).unwrap();
    undated.headers_mut().remove("x-amz-date");
    assert_eq!(
        client.send(undated).await.unwrap().code(),
        "IncompleteSignatureException"
    );
    // JSON that says it is CBOR, and an encoding that nobody takes.
    for (kind, status) in [("application/x-amz-cbor-1.1", 400), ("text/plain", 404)] {
        let mut other = signed(target).body(body.clone().into()).unwrap();
        other.headers_mut().insert("content-type", kind.parse().unwrap());
        assert_eq!(client.send(other).await.unwrap().status, status, "{kind}");
    }

    assert_eq!((kinesis.counts("").calls, kinesis.counts("").calls_failed), (7, 7));
    assert_eq!(kinesis.counts(STREAM), Counts::default());
}
