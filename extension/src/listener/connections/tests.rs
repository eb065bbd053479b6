use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn connections() -> Arc<Connections> {
    Arc::new(Connections::new())
}

/// A connection and a task that ends when it is closed.
fn open(connections: &Arc<Connections>) -> (Arc<Connection>, tokio::task::JoinHandle<()>) {
    let (guard, _) = connections.enter();
    let (state, key) = (Arc::clone(&guard.state), guard.key());
    let task = tokio::spawn(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    Guard::set_task(connections, key, task.abort_handle());
    (state, task)
}

async fn is_closed(task: &mut tokio::task::JoinHandle<()>) -> bool {
    tokio::time::timeout(Duration::ZERO, task).await.is_ok()
}

#[tokio::test]
async fn over_the_bound_the_idlest_goes_first_and_lambdas_own_last() {
    let connections = connections();
    let (lambda, mut lambdas) = open(&connections);
    lambda.answered(true);
    let mut others: Vec<_> = (0..MOST - 1).map(|_| open(&connections)).collect();
    assert!(!is_closed(&mut others[0].1).await);
    let mut next = open(&connections);
    tokio::task::yield_now().await;
    assert!(is_closed(&mut others[0].1).await, "the first of the others");
    for _ in 0..1_000 {
        next = open(&connections);
    }
    tokio::task::yield_now().await;
    assert!(!is_closed(&mut lambdas).await);
    assert!(!is_closed(&mut next.1).await, "the newest");
    assert_eq!(connections.table().open.len(), MOST);
}

#[tokio::test(start_paused = true)]
async fn heads_and_stalled_bodies_end_and_lambdas_idle_connection_does_not() {
    let connections = connections();
    let watch = Arc::clone(&connections);
    tokio::spawn(async move { watch.watch().await });
    let (lambda, mut idle) = open(&connections);
    lambda.answered(true);
    let (_, mut head) = open(&connections);
    let (body, mut stalled) = open(&connections);
    body.begin_body();
    tokio::time::sleep(TICK * HEAD_TICKS - TICK / 2).await;
    assert!(!is_closed(&mut head).await);
    tokio::time::sleep(TICK * 2).await;
    tokio::task::yield_now().await;
    assert!(is_closed(&mut head).await);
    assert!(!is_closed(&mut stalled).await);
    tokio::time::sleep(TICK * BODY_TICKS).await;
    tokio::task::yield_now().await;
    assert!(is_closed(&mut stalled).await);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(!is_closed(&mut idle).await);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_counts_as_one_tick() {
    let connections = connections();
    let watch = Arc::clone(&connections);
    tokio::spawn(async move { watch.watch().await });
    let (_, mut head) = open(&connections);
    for _ in 0..HEAD_TICKS - 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        tokio::time::advance(Duration::from_secs(3_600)).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!is_closed(&mut head).await);
}

#[tokio::test]
async fn a_head_is_bounded_and_a_body_is_not() {
    let connections = connections();
    let (mut client, stream) = tokio::io::duplex(1 << 20);
    let (guard, _) = connections.enter();
    let state = Arc::clone(&guard.state);
    let mut watched = Watched { stream, guard };
    client.write_all(&vec![b'x'; 100_000]).await.unwrap();
    let mut text = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    let error = loop {
        match watched.read(&mut piece).await {
            Ok(bytes) => text.extend_from_slice(&piece[..bytes]),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(text.len() <= MAX_HEAD_BYTES as usize + HEAD_PIECE, "{}", text.len());
    state.begin_body();
    let mut rest = 100_000 - text.len();
    while rest > 0 {
        rest -= watched.read(&mut piece).await.unwrap();
    }
}
