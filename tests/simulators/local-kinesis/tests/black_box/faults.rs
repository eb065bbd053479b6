use std::time::{Duration, Instant};

use local_kinesis::{CallError, Ended, Fault, LocalKinesis, RecordError, StoredRecord};

use crate::client::{Client, LONG, STREAM};

async fn world() -> (LocalKinesis, Client) {
    let kinesis = LocalKinesis::builder().stream(STREAM, 2).start().await.unwrap();
    let client = Client::connect(kinesis.address()).await;
    (kinesis, client)
}

fn texts(mut records: Vec<StoredRecord>) -> Vec<String> {
    records.sort_by(|a, b| a.data.cmp(&b.data));
    records
        .into_iter()
        .map(|record| String::from_utf8(record.data.to_vec()).unwrap())
        .collect()
}

#[tokio::test]
async fn without_faults_everything_is_stored_in_aws_shape() {
    let (kinesis, mut client) = world().await;
    let answer = client.put(&["a", "b", "c"]).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["FailedRecordCount"], 0);
    let records = kinesis.read_all(STREAM).await.unwrap();
    for (text, entry) in ["a", "b", "c"].iter().zip(answer.body["Records"].as_array().unwrap()) {
        let stored = records
            .iter()
            .find(|record| record.data == text.as_bytes())
            .expect("it should be stored");
        assert_eq!(entry["ShardId"], stored.shard, "of {text}");
        assert_eq!(entry["SequenceNumber"], stored.sequence_number, "of {text}");
        assert_eq!(entry.get("ErrorCode"), None, "a stored record has no error");
        assert_eq!(stored.partition_key, *text);
        let age = stored.arrival.elapsed().unwrap();
        assert!(age < LONG, "it arrived now, not {age:?} ago");
    }
    assert_eq!(records.len(), 3);
}

#[tokio::test]
async fn refused_records_are_not_stored_and_the_others_are() {
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::refuse_at([0, 2], RecordError::Throttled).for_next(1));
    let answer = client.put(&["a", "b", "c", "d"]).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["FailedRecordCount"], 2);
    let entries = answer.body["Records"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    for refused in [&entries[0], &entries[2]] {
        assert_eq!(refused["ErrorCode"], "ProvisionedThroughputExceededException");
        let message = refused["ErrorMessage"].as_str().unwrap();
        assert!(
            message.starts_with("Rate exceeded for shard shardId-00000000000"),
            "{message}"
        );
        assert!(
            message.ends_with("in stream telemetry under account 000000000000."),
            "{message}"
        );
        assert_eq!(refused.get("SequenceNumber"), None);
    }
    assert!(entries[1]["SequenceNumber"].is_string() && entries[3]["SequenceNumber"].is_string());
    assert_eq!(texts(kinesis.read_all(STREAM).await.unwrap()), ["b", "d"]);

    assert_eq!(
        client.put(&["e"]).await.unwrap().body["FailedRecordCount"],
        0,
        "the fault was for one call"
    );
}

#[tokio::test]
async fn internal_failures_of_records_are_said_as_such() {
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::refuse_share(1.0, RecordError::Internal));
    let answer = client.put(&["a"]).await.unwrap();
    assert_eq!(answer.body["Records"][0]["ErrorCode"], "InternalFailure");
    assert_eq!(answer.body["Records"][0]["ErrorMessage"], "Internal service failure.");
    kinesis.set_fault(Fault::refuse_share(1.0, RecordError::Code("Novel".to_owned())));
    assert_eq!(
        client.put(&["a"]).await.unwrap().body["Records"][0]["ErrorCode"],
        "Novel"
    );
    assert_eq!(kinesis.read_all(STREAM).await.unwrap(), []);
}

#[tokio::test]
async fn a_seed_tells_the_same_story_again() {
    let story = async |seed| {
        let kinesis = LocalKinesis::builder()
            .stream(STREAM, 1)
            .seed(seed)
            .start()
            .await
            .unwrap();
        kinesis.set_fault(Fault::refuse_share(0.5, RecordError::Throttled));
        let all: Vec<_> = (10..99).map(|number| number.to_string()).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        Client::connect(kinesis.address()).await.put(&all).await.unwrap();
        texts(kinesis.read_all(STREAM).await.unwrap())
    };
    let first = story(3).await;
    assert!(
        (20..70).contains(&first.len()),
        "half of 89 should be stored, not {}",
        first.len()
    );
    assert_eq!(first, story(3).await);
    assert_ne!(first, story(4).await);
}

#[tokio::test]
async fn whole_calls_fail_with_the_status_and_type_asked_for() {
    let (kinesis, mut client) = world().await;
    let errors = [
        (
            CallError::throughput_exceeded(),
            400,
            "ProvisionedThroughputExceededException",
        ),
        (CallError::throttling(), 429, "ThrottlingException"),
        (CallError::internal_failure(), 500, "InternalFailure"),
        (CallError::service_unavailable(), 503, "ServiceUnavailable"),
        (CallError::access_denied(), 400, "AccessDeniedException"),
        (CallError::resource_not_found(), 400, "ResourceNotFoundException"),
        (CallError::expired_token(), 400, "ExpiredTokenException"),
        (CallError::kms_throttling(), 400, "KMSThrottlingException"),
        (CallError::new(418, "Teapot"), 418, "Teapot"),
    ];
    for (error, status, code) in errors {
        kinesis.set_fault(Fault::fail(error.with_message("why")));
        let answer = client.put(&["a"]).await.unwrap();
        assert_eq!((answer.status, answer.code(), answer.message()), (status, code, "why"));
        assert_eq!(answer.error_type.as_deref(), Some(code), "the header says it as well");
    }
    assert_eq!(kinesis.read_all(STREAM).await.unwrap(), []);
    kinesis.clear_faults();
    assert_eq!(client.put(&["a"]).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_call_can_fail_although_its_records_are_stored() {
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::fail(CallError::internal_failure()).after_storing().for_next(1));
    assert_eq!(client.put(&["a"]).await.unwrap().status, 500);
    assert_eq!(client.put(&["a"]).await.unwrap().status, 200);
    assert_eq!(texts(kinesis.read_all(STREAM).await.unwrap()), ["a", "a"]);
}

#[tokio::test]
async fn a_reset_comes_as_such_before_or_after_storing() {
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::reset().for_next(1));
    let error = client.put(&["before"]).await.unwrap_err();
    assert!(error.contains("ConnectionReset"), "{error}");

    kinesis.set_fault(Fault::reset().after_storing().for_next(1));
    let error = Client::connect(kinesis.address())
        .await
        .put(&["after"])
        .await
        .unwrap_err();
    assert!(error.contains("ConnectionReset"), "{error}");

    assert_eq!(texts(kinesis.read_all(STREAM).await.unwrap()), ["after"]);
    assert_eq!(kinesis.counts(STREAM).calls_unanswered, 2);
}

#[tokio::test]
async fn a_silent_call_keeps_its_connection_and_never_answers() {
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::silence().after_storing().for_next(1));
    let silent = tokio::spawn(async move { client.put(&["a"]).await.map(|answer| answer.status) });
    kinesis
        .wait_for_counts(STREAM, LONG, |counts| counts.calls_unanswered == 1)
        .await
        .unwrap();

    // Others are served meanwhile, and after them the silent one is still silent.
    let mut other = Client::connect(kinesis.address()).await;
    assert_eq!(other.put(&["b"]).await.unwrap().status, 200);
    assert!(!silent.is_finished());
    assert_eq!(texts(kinesis.read_all(STREAM).await.unwrap()), ["a", "b"]);

    kinesis.stop().await;
    silent
        .await
        .unwrap()
        .expect_err("only a stop ends it, and not with an answer");
}

#[tokio::test]
async fn a_delay_holds_back_the_answer_or_the_storing_too() {
    const DELAY: Duration = Duration::from_millis(150);
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::delay(DELAY).for_next(1));
    let began = Instant::now();
    assert_eq!(client.put(&["a"]).await.unwrap().status, 200);
    assert!(began.elapsed() >= DELAY, "it took {:?}", began.elapsed());

    // A client that does not wait: it stored nothing in one case, and something in the other.
    for (fault, stored) in [(Fault::delay(LONG), 1), (Fault::delay(LONG).after_storing(), 2)] {
        let calls = kinesis.counts(STREAM).calls;
        kinesis.set_fault(fault.for_next(1));
        let mut impatient = Client::connect(kinesis.address()).await;
        let waiting = tokio::spawn(async move { impatient.put(&["b"]).await.map(|answer| answer.status) });
        let met = |counts: &local_kinesis::Counts| counts.calls == calls + 1 && counts.stored.records == stored;
        kinesis.wait_for_counts(STREAM, LONG, met).await.unwrap();
        waiting.abort();
        let counts = kinesis
            .wait_for_counts(STREAM, LONG, |counts| counts.calls_in_flight() == 0)
            .await
            .unwrap();
        assert_eq!(counts.stored.records, stored);
    }
    assert_eq!(texts(kinesis.read_all(STREAM).await.unwrap()), ["a", "b"]);
    assert_eq!(kinesis.counts(STREAM).calls_unanswered, 2);
}

#[tokio::test]
async fn a_fault_can_be_for_one_stream() {
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 1)
        .stream("spare", 1)
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    kinesis.set_fault(Fault::fail(CallError::access_denied()).on("spare"));
    assert_eq!(client.put(&["a"]).await.unwrap().status, 200);
    let mut body = crate::client::put_records(&["a"]);
    body["StreamName"] = "spare".into();
    let answer = client.call("Kinesis_20131202.PutRecords", &body).await.unwrap();
    assert_eq!(answer.code(), "AccessDeniedException");
    assert_eq!(
        (
            kinesis.counts("spare").calls_failed,
            kinesis.counts(STREAM).calls_failed
        ),
        (1, 0)
    );
}

#[tokio::test]
async fn faults_work_together_and_the_log_tells() {
    let (kinesis, mut client) = world().await;
    kinesis.set_fault(Fault::refuse_at([0], RecordError::Internal).for_next(1));
    kinesis.add_fault(Fault::delay(Duration::from_millis(1)).for_next(2));
    kinesis.add_fault(Fault::fail(CallError::throttling()).on("elsewhere"));
    client.put(&["a", "b"]).await.unwrap();
    kinesis.set_fault(Fault::fail(CallError::throttling()).for_next(1));
    client.put(&["a"]).await.unwrap();
    let calls = kinesis.calls(STREAM);
    let ends: Vec<_> = calls.iter().map(|call| call.ended.clone()).collect();
    let failed = Ended::Failed {
        status: 429,
        code: "ThrottlingException".to_owned(),
    };
    assert_eq!(ends, [Ended::Answered { refused: 1 }, failed]);
    assert_eq!((calls[0].records, calls[0].bytes), (2, 4));
    assert_eq!(calls[0].connection, calls[1].connection);
    assert!(calls[0].at < calls[1].at);
}

#[tokio::test]
async fn a_single_put_record_fails_where_its_record_is_refused() {
    let (kinesis, mut client) = world().await;
    let mut body = crate::client::record(b"a", "a");
    body["StreamName"] = STREAM.into();
    kinesis.set_fault(Fault::refuse_share(1.0, RecordError::Throttled).for_next(1));
    let answer = client.call("Kinesis_20131202.PutRecord", &body).await.unwrap();
    assert_eq!(
        (answer.status, answer.code()),
        (400, "ProvisionedThroughputExceededException")
    );
    let answer = client.call("Kinesis_20131202.PutRecord", &body).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body["SequenceNumber"].is_string(), "{answer:?}");
    assert_eq!(texts(kinesis.read_all(STREAM).await.unwrap()), ["a"]);
}
