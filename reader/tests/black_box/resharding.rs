//! Splits, merges, iterators that expire, and where reading begins.

use std::time::{Duration, SystemTime};

use local_kinesis::LocalKinesis;
use reader::stream::{News, Pace, Reader, Start, Stream};

use crate::world::{PATIENCE, STREAM, World, life, line};

#[tokio::test]
async fn it_follows_a_split_and_a_merge_while_it_reads() {
    let mut world = World::new("follows", 2).await;
    let lines = life("a", 299);
    world.put_lines(&lines[..100]).await;
    let consumer = world.spawn(&["--from", "trim-horizon", "--json", "--verify"], "out", "err");
    world.wait_for("out", |text| text.lines().count() >= 90).await;

    let open = world.kinesis.open_shards(STREAM).await.unwrap();
    world.kinesis.split_shard(STREAM, &open[0]).await.unwrap();
    world.put_lines(&lines[100..200]).await;
    let open = world.kinesis.open_shards(STREAM).await.unwrap();
    // The upper half of the first shard stands beside the second one.
    world.kinesis.merge_shards(STREAM, &open[2], &open[0]).await.unwrap();
    world.put_lines(&lines[200..]).await;
    world.wait_for("out", |text| text.lines().count() >= 300).await;
    consumer.signal("-INT");
    assert_eq!(consumer.ended().await, Some(0), "{}", world.text("err"));
    assert_eq!(
        world.text("out"),
        lines.concat(),
        "in the order in which they were sent"
    );
    assert!(world.text("err").contains("from 5 shards"), "{}", world.text("err"));
}

#[tokio::test]
async fn from_latest_and_from_a_time_only_what_came_since_is_shown() {
    let mut world = World::new("latest", 2).await;
    let lines = life("a", 59);
    world.put_lines(&lines[..30]).await;
    // A closed shard with old records, and children without.
    let open = world.kinesis.open_shards(STREAM).await.unwrap();
    world.kinesis.split_shard(STREAM, &open[0]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let between = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(5)).await;

    let client = || world.client.clone();
    let mut latest = Reader::new(client(), Stream::new(STREAM), Start::Latest, Pace::local());
    while !latest.caught_up() {
        latest.next().await.unwrap();
    }
    let at = Reader::new(client(), Stream::new(STREAM), Start::At(between), Pace::local());
    world.put_lines(&lines[30..]).await;
    for mut reader in [latest, at] {
        let mut read = String::new();
        while read.lines().count() < 30 {
            if let News::Batch(batch) = tokio::time::timeout(PATIENCE, reader.next()).await.unwrap().unwrap() {
                batch
                    .records
                    .iter()
                    .for_each(|record| read.push_str(std::str::from_utf8(&record.data).unwrap()));
            }
        }
        let mut read: Vec<_> = read.split_inclusive('\n').collect();
        read.sort_unstable();
        let mut expected = lines[30..].to_vec();
        expected.sort_unstable();
        assert_eq!(read, expected);
    }
    let ago = world.read(&["--json", "--from", "1h"]).await;
    assert_eq!(ago.stdout.lines().count(), 60);
}

#[tokio::test]
async fn a_clock_ahead_of_that_of_kinesis_is_no_trouble() {
    let mut world = World::new("ahead", 1).await;
    let ahead = Start::At(SystemTime::now() + Duration::from_secs(30));
    let mut reader = Reader::new(world.client.clone(), Stream::new(STREAM), ahead, Pace::local());
    let News::Batch(batch) = tokio::time::timeout(PATIENCE, reader.next()).await.unwrap().unwrap() else {
        panic!("no answer is trouble")
    };
    assert!(batch.records.is_empty());
    world.put_lines(&[line("a", 0, "x")]).await;
    let mut read = 0;
    while read == 0 {
        if let News::Batch(batch) = tokio::time::timeout(PATIENCE, reader.next()).await.unwrap().unwrap() {
            read += batch.records.len();
        }
    }
}

#[tokio::test]
async fn an_expired_iterator_is_renewed_after_the_last_record() {
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 1)
        .iterator_ttl(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    let client = reader::aws::local_client(kinesis.endpoint());
    let slow = Pace {
        interval: Duration::from_millis(1_300),
        ..Pace::local()
    };
    let mut reader = Reader::new(client.clone(), Stream::new(STREAM), Start::Latest, slow);
    let mut read = Vec::new();
    for seq in 0..3 {
        loop {
            let news = tokio::time::timeout(PATIENCE, reader.next()).await.unwrap();
            let News::Batch(batch) = news.expect("an expired iterator is no error") else {
                panic!("nor is it trouble")
            };
            if batch.records.is_empty() {
                break;
            }
            read.extend(batch.records);
        }
        let put = client.put_record().stream_name(STREAM).partition_key("k");
        put.data(line("a", seq, "x\n").into_bytes().into())
            .send()
            .await
            .unwrap();
    }
    while read.len() < 3 {
        if let News::Batch(batch) = tokio::time::timeout(PATIENCE, reader.next()).await.unwrap().unwrap() {
            read.extend(batch.records);
        }
    }
    let texts: Vec<_> = read
        .iter()
        .map(|record| String::from_utf8(record.data.to_vec()).unwrap())
        .collect();
    assert_eq!(texts, [line("a", 0, "x\n"), line("a", 1, "x\n"), line("a", 2, "x\n")]);
}
