//! Whatever lies in a spool: it is read or refused, and what is delivered of it are lines.
#![no_main]

#[path = "world.rs"]
mod world;

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;

fuzz_target!(|segment: &[u8]| {
    let root = std::env::temp_dir().join(format!("forwarder-fuzz-spool-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let folder = root.join("0123456789abcdef");
    DirBuilder::new().mode(0o700).recursive(true).create(&folder).unwrap();
    File::create(folder.join("lock")).unwrap();
    std::fs::write(folder.join("00000000.seg"), segment).unwrap();
    world::runtime().block_on(async {
        let (forwarder, kept) = world::forwarder(Some(root.clone()));
        forwarder.recover().await;
        forwarder
            .close((Instant::now() + Duration::from_secs(5)).into(), false)
            .await;
        let bytes: usize = kept.0.lock().unwrap().iter().map(|record| record.data.len()).sum();
        assert!(
            bytes <= segment.len() + (1 << 20),
            "what was not there is not delivered"
        );
    });
    let _ = std::fs::remove_dir_all(&root);
});
