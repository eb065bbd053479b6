//! The extension, started by a shell that prepares its process: limits, groups, variables.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::binaries;

/// An executable under the extension's name, until it is dropped.
pub struct Wrapped {
    dir: PathBuf,
}

impl Wrapped {
    /// Runs these lines of shell, and becomes the extension.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn new(lines: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("forwarder-wrapped-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let wrapped = Self { dir };
        let extension = binaries::extension();
        let script = format!("#!/bin/sh\nset -e\n{lines}\nexec {}\n", extension.display());
        let path = wrapped.path();
        std::fs::write(&path, script).expect("a script");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("its mode");
        wrapped
    }

    /// Its address.
    pub fn path(&self) -> PathBuf {
        self.dir.join(binaries::extension().file_name().unwrap_or_default())
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
