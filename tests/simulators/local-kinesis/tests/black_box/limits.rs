use local_kinesis::{Fault, LocalKinesis};
use serde_json::{Value, json};

use crate::client::{Answer, Client, STREAM, record};

const MIB: usize = 1_048_576;

async fn put(client: &mut Client, records: Vec<Value>) -> Answer {
    let body = json!({ "StreamName": STREAM, "Records": records });
    client.call("Kinesis_20131202.PutRecords", &body).await.unwrap()
}

fn sized(bytes_with_key: usize) -> Value {
    record(&vec![b'x'; bytes_with_key - 1], "k")
}

#[tokio::test]
async fn a_call_is_taken_up_to_each_limit_and_refused_past_it() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let taken = [
        vec![sized(2); 500],
        vec![sized(MIB)],
        vec![sized(MIB); 10],
        vec![record(b"", "k")],
        vec![record(b"a", &"ü".repeat(256))],
    ];
    let mut records = 0;
    for call in taken {
        records += call.len();
        let answer = put(&mut client, call).await;
        assert_eq!((answer.status, &answer.body["FailedRecordCount"]), (200, &json!(0)));
    }
    let mut past = vec![sized(MIB); 10];
    past.push(sized(2));
    let long_key = json!({ "Data": "YQ==", "PartitionKey": "ü".repeat(257) });
    let refused = [
        (vec![sized(2); 501], "ValidationException", "'records' failed"),
        (vec![], "ValidationException", "'records' failed"),
        (
            vec![sized(MIB + 1)],
            "InvalidArgumentException",
            "the stream takes 1048576",
        ),
        (past, "InvalidArgumentException", "Records size exceeds 10 MB limit"),
        (
            vec![sized(2), record(b"a", "")],
            "ValidationException",
            "'records.2.member.partitionKey'",
        ),
        (
            vec![json!({ "Data": "YQ==" })],
            "ValidationException",
            "'records.1.member.partitionKey'",
        ),
        (vec![long_key], "ValidationException", "less than or equal to 256"),
    ];
    kinesis.set_fault(Fault::silence());
    for (call, code, words) in refused {
        let answer = put(&mut client, call).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{words}");
        assert!(
            answer.message().contains(words),
            "{} should say {words}",
            answer.message()
        );
    }
    assert_eq!(kinesis.counts(STREAM).stored.records, records as u64);
    assert_eq!(kinesis.read_all(STREAM).await.unwrap().len(), records);
}

#[tokio::test]
async fn a_stream_can_take_larger_records() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    kinesis.set_max_record_size(STREAM, 10_240).await.unwrap();
    assert_eq!(put(&mut client, vec![sized(10 * MIB)]).await.status, 200);
    let answer = put(&mut client, vec![record(&vec![0; 10 * MIB + 1], "k")]).await;
    assert_eq!(answer.code(), "ValidationException");
    assert!(
        answer.message().contains("'records.1.member.data'"),
        "{}",
        answer.message()
    );
    let records = kinesis.read_all(STREAM).await.unwrap();
    assert_eq!(records[0].data.len(), 10 * MIB - 1);
    kinesis
        .set_max_record_size(STREAM, 10_241)
        .await
        .expect_err("10 MiB is the most");
}

#[tokio::test]
async fn an_unknown_stream_is_not_found() {
    let kinesis = LocalKinesis::builder().stream("other", 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let answer = put(&mut client, vec![sized(2)]).await;
    assert_eq!((answer.status, answer.code()), (400, "ResourceNotFoundException"));
    assert_eq!(kinesis.counts(STREAM).calls_failed, 1);
}

#[tokio::test]
async fn throughput_is_limited_only_where_asked_for() {
    for (enforce, all_stored) in [(false, true), (true, false)] {
        let kinesis = LocalKinesis::builder()
            .stream(STREAM, 1)
            .enforce_limits(enforce)
            .start()
            .await
            .unwrap();
        let mut client = Client::connect(kinesis.address()).await;
        // 5 MiB in one call: a shard takes 1 MiB a second, and a call takes no five seconds.
        let answer = put(&mut client, vec![sized(MIB / 2); 10]).await;
        let refused = answer.body["FailedRecordCount"].as_u64().unwrap();
        assert_eq!(refused == 0, all_stored, "{refused} refused");
        let read = kinesis.read_all(STREAM).await.unwrap().len() as u64;
        assert_eq!(read, 10 - refused);
        assert_eq!(kinesis.counts(STREAM).records_refused, refused);
        let codes = answer.body["Records"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| entry.get("ErrorCode"));
        assert!(
            codes
                .into_iter()
                .all(|code| code == "ProvisionedThroughputExceededException")
        );
    }
}
