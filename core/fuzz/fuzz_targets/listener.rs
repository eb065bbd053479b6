//! Whatever bytes come on a connection: it ends, and only what was posted to the path is taken.
#![no_main]

#[path = "world.rs"]
mod world;

use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use telemetry_forwarder::invocations::Invocations;
use telemetry_forwarder::listener::gate::Gate;
use telemetry_forwarder::listener::path::Paths;
use telemetry_forwarder::listener::{Intake, serve_bytes};
use telemetry_forwarder::telemetry_api::Subscription;
use tokio::io::AsyncWriteExt;

fuzz_target!(|bytes: &[u8]| {
    world::runtime().block_on(async {
        let (forwarder, _) = world::forwarder(None);
        let forwarder = Arc::new(forwarder);
        let paths = Paths::new(Path::new("/nonexistent"));
        // Each request that is not a POST to `/` is refused.
        paths.subscribed(Subscription::Active { path: false });
        let invocations = Arc::new(Invocations::default());
        let gate = Arc::new(Gate::open());
        let intake = Arc::new(Intake::new(
            Arc::clone(&forwarder),
            invocations,
            Arc::new(paths),
            8 << 20,
            gate,
        ));
        let (mut client, server) = tokio::io::duplex(bytes.len().max(1) + (1 << 16));
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        serve_bytes(server, intake).await;
        let (intake, _) = forwarder.stats();
        let posts = bytes.windows(6).filter(|window| *window == b"POST /").count() as u64;
        assert!(intake.bodies <= posts, "{} of {posts}", intake.bodies);
    });
});
