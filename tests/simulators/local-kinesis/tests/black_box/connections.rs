use std::io::ErrorKind;
use std::time::Duration;

use local_kinesis::{Error, Fault, LocalKinesis};
use tokio::net::TcpStream;

use crate::client::{Client, LONG, STREAM};

#[tokio::test]
async fn stopped_it_refuses_connections_and_started_it_has_its_data() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    client.put(&["a"]).await.unwrap();
    for _ in 0..3 {
        kinesis.stop().await;
        assert_eq!(kinesis.connections_open(), 0);
        client.closed().await;
        let refused = TcpStream::connect(kinesis.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let unread = kinesis.read_all(STREAM).await.unwrap_err();
        assert!(matches!(unread, Error::Unreachable { .. }), "{unread}");

        kinesis.start().await.unwrap();
        client = Client::connect(kinesis.address()).await;
        client.put(&["b"]).await.unwrap();
    }
    assert_eq!(kinesis.read_all(STREAM).await.unwrap().len(), 4);
    assert_eq!(kinesis.counts(STREAM).calls, 4);
}

#[tokio::test]
async fn nobody_else_gets_the_port_while_it_is_stopped() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    kinesis.stop().await;
    let taken = tokio::net::TcpListener::bind(kinesis.address())
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    let port = kinesis.address().port();
    LocalKinesis::builder()
        .port(port)
        .start()
        .await
        .expect_err("not even another of our own");
    kinesis.start().await.unwrap();
    kinesis.start().await.expect("starting twice does nothing");
    LocalKinesis::builder()
        .port(port)
        .start()
        .await
        .expect_err("nor while it runs");
}

#[tokio::test]
async fn a_port_can_be_given_and_a_taken_one_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = LocalKinesis::builder().port(port).start().await.unwrap_err();
    assert!(
        matches!(error, Error::Listen { port: refused, .. } if refused == port),
        "{error}"
    );
    drop(taken);
    let kinesis = LocalKinesis::builder().port(port).start().await.unwrap();
    assert_eq!(kinesis.endpoint(), format!("http://127.0.0.1:{port}"));
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    client.put(&["a"]).await.unwrap();
    drop(kinesis);
    client.closed().await;
}

#[tokio::test]
async fn idle_connections_are_closed_at_will_and_busy_ones_are_not() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    let mut idle = Client::connect(kinesis.address()).await;
    idle.put(&["a"]).await.unwrap();

    let mut busy = Client::connect(kinesis.address()).await;
    kinesis.set_fault(Fault::delay(Duration::from_millis(300)).after_storing().for_next(1));
    let answers = tokio::spawn(async move { (busy.put(&["b"]).await, busy.put(&["c"]).await) });
    kinesis
        .wait_for_counts(STREAM, LONG, |counts| counts.stored.records == 2)
        .await
        .unwrap();
    assert_eq!(kinesis.connections_open(), 2);

    assert!(idle.is_open());
    kinesis.close_idle_connections();
    idle.closed().await;
    let (first, second) = answers.await.unwrap();
    assert_eq!(first.unwrap().status, 200, "a call in flight is answered");
    assert_eq!(second.expect("its connection stays").status, 200);

    // A new one is as good as ever, and the log tells them apart.
    let mut renewed = Client::connect(kinesis.address()).await;
    renewed.put(&["d"]).await.unwrap();
    let connections: Vec<_> = kinesis.calls(STREAM).iter().map(|call| call.connection).collect();
    assert_eq!(connections, [0, 1, 1, 2]);
}

#[tokio::test]
async fn waiting_ends_in_time_and_says_how_things_stand() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).start().await.unwrap();
    Client::connect(kinesis.address()).await.put(&["a"]).await.unwrap();
    let within = Duration::from_millis(20);
    let error = kinesis
        .wait_for_counts(STREAM, within, |counts| counts.calls == 2)
        .await
        .unwrap_err();
    let Error::TimedOut { counts, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(counts.calls, 1);
}

#[tokio::test]
async fn waiting_is_woken_by_what_is_put() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 2).start().await.unwrap();
    let mut client = Client::connect(kinesis.address()).await;
    let waiting = kinesis.wait_for_records(STREAM, LONG, |records| records.len() == 3);
    let (records, ()) = tokio::join!(waiting, async {
        client.put(&["a"]).await.unwrap();
        client.put(&["b", "c"]).await.unwrap();
    });
    assert_eq!(records.unwrap().len(), 3);
}
