use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use local_kinesis::{CallError, Fault, LocalKinesis, RecordError};

use crate::client::{Client, LONG, STREAM};

/// Puts 300 records a call, whatever happens, and returns those that were acknowledged.
async fn producer(kinesis: Arc<LocalKinesis>, name: usize, calm: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for call in 0.. {
        if calm.load(Ordering::Relaxed) {
            break;
        }
        let Ok(mut client) = Client::try_connect(kinesis.address()).await else {
            continue;
        };
        let texts: Vec<_> = (0..300).map(|record| format!("{name}-{call}-{record}")).collect();
        let all: Vec<_> = texts.iter().map(String::as_str).collect();
        // Some hang up before they could have had an answer.
        let patience = if call % 3 == 0 { Duration::from_millis(2) } else { LONG };
        let Ok(Ok(answer)) = tokio::time::timeout(patience, client.put(&all)).await else {
            continue;
        };
        let Some(entries) = answer.body["Records"].as_array() else {
            continue;
        };
        let stored = texts
            .into_iter()
            .zip(entries)
            .filter(|(_, entry)| entry["SequenceNumber"].is_string());
        acknowledged.extend(stored.map(|(text, _)| text));
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn in_a_storm_the_counts_are_what_can_be_read_and_nothing_acknowledged_is_lost() {
    let kinesis = Arc::new(
        LocalKinesis::builder()
            .stream(STREAM, 3)
            .seed(11)
            .start()
            .await
            .unwrap(),
    );
    kinesis.add_fault(Fault::refuse_share(0.2, RecordError::Throttled));
    kinesis.add_fault(Fault::reset().after_storing().for_share(0.1));
    kinesis.add_fault(Fault::fail(CallError::internal_failure()).for_share(0.3));
    kinesis.add_fault(Fault::delay(Duration::from_millis(3)).for_share(0.2));
    let calm = Arc::new(AtomicBool::new(false));
    let producers: Vec<_> = (0..4)
        .map(|name| tokio::spawn(producer(Arc::clone(&kinesis), name, Arc::clone(&calm))))
        .collect();
    for round in 1..=8 {
        let enough = |counts: &local_kinesis::Counts| counts.stored.records >= round * 1_500;
        kinesis.wait_for_counts(STREAM, LONG, enough).await.unwrap();
        kinesis.stop().await;
        let counts = kinesis.counts(STREAM);
        assert_eq!(counts.calls_in_flight(), 0, "a stop leaves nothing half done");
        kinesis.start().await.unwrap();
    }
    calm.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for producer in producers {
        acknowledged.extend(producer.await.unwrap());
    }
    let counts = kinesis
        .wait_for_counts(STREAM, LONG, |counts| counts.calls_in_flight() == 0)
        .await
        .unwrap();
    let mut read = BTreeMap::<_, u32>::new();
    for record in kinesis.read_all(STREAM).await.unwrap() {
        *read
            .entry(String::from_utf8(record.data.to_vec()).unwrap())
            .or_default() += 1;
    }
    assert_eq!(
        counts.stored.records,
        read.len() as u64,
        "no text was sent twice, so none is read twice"
    );
    assert!(read.values().all(|times| *times == 1));
    assert!(acknowledged.len() < read.len(), "some were stored without a word");
    for text in acknowledged {
        assert!(read.contains_key(&text), "{text} was acknowledged");
    }
    assert!(
        counts.records_refused > 0 && counts.calls_failed > 0 && counts.calls_unanswered > 0,
        "{counts:?}"
    );
}
