use std::collections::BTreeSet;

use local_kinesis::{Error, LocalKinesis};

use crate::client::{Client, LONG, STREAM};

async fn put(client: &mut Client, from: usize, to: usize) {
    let texts: Vec<_> = (from..to).map(|number| format!("{number:04}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    assert_eq!(client.put(&texts).await.unwrap().body["FailedRecordCount"], 0);
}

#[tokio::test]
async fn after_splits_and_merges_everything_is_read_back_once() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let shard = |number: u32| format!("shardId-{number:012}");

    put(&mut client, 0, 100).await;
    kinesis.split_shard(STREAM, &shard(0)).await.unwrap();
    assert_eq!(kinesis.open_shards(STREAM).await.unwrap(), [shard(1), shard(2)]);
    put(&mut client, 100, 200).await;
    kinesis.split_shard(STREAM, &shard(2)).await.unwrap();
    put(&mut client, 200, 300).await;
    kinesis.merge_shards(STREAM, &shard(1), &shard(3)).await.unwrap();
    assert_eq!(kinesis.open_shards(STREAM).await.unwrap(), [shard(4), shard(5)]);
    put(&mut client, 300, 400).await;

    let records = kinesis.read_all(STREAM).await.unwrap();
    assert!(
        records.is_sorted_by_key(|record| &record.shard),
        "parents come before their children"
    );
    let texts: BTreeSet<_> = records.iter().map(|record| record.data.to_vec()).collect();
    assert_eq!((records.len(), texts.len()), (400, 400), "each record once");
    let shards: BTreeSet<_> = records.iter().map(|record| record.shard.clone()).collect();
    assert_eq!(shards, (0..6).map(shard).collect(), "all six shards have some");
    let generations: Vec<_> = records.iter().filter(|record| record.shard == shard(0)).collect();
    assert!(
        generations
            .iter()
            .zip(0..)
            .all(|(record, number)| record.data == format!("{number:04}")),
        "in order"
    );
}

#[tokio::test]
async fn a_reader_follows_to_the_children() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let waiting = kinesis.wait_for_records(STREAM, LONG, |records| records.len() == 60);
    let (records, ()) = tokio::join!(waiting, async {
        put(&mut client, 0, 20).await;
        kinesis.split_shard(STREAM, "shardId-000000000000").await.unwrap();
        put(&mut client, 20, 40).await;
        put(&mut client, 40, 60).await;
    });
    let texts: BTreeSet<_> = records.unwrap().iter().map(|record| record.data.to_vec()).collect();
    assert_eq!(texts.len(), 60);
}

#[tokio::test]
async fn more_records_than_one_get_are_read() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 3).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    for from in (0..3_000).step_by(500) {
        put(&mut client, from, from + 500).await;
    }
    let texts: BTreeSet<_> = kinesis
        .read_all(STREAM)
        .await
        .unwrap()
        .iter()
        .map(|record| record.data.to_vec())
        .collect();
    assert_eq!(texts.len(), 3_000);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let error = kinesis.split_shard(STREAM, "shardId-000000000007").await.unwrap_err();
    assert!(
        error.to_string().contains("no open shard shardId-000000000007"),
        "{error}"
    );
    for error in [
        kinesis.read_all("nowhere").await.unwrap_err(),
        kinesis.open_shards("nowhere").await.unwrap_err(),
        LocalKinesis::builder()
            .stream("a", 1)
            .stream("a", 1)
            .start()
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::Refused { status: 400, .. }), "{error}");
    }
}
