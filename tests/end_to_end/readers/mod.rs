//! Readers of the stream that are not ours. `make test-readers` installs them and runs these tests.
//!
//! - `formats`: AWS's `aws_kinesis_agg`, Python's gzip, `zstd`, `jq`
//! - `firehose`: what Firehose writes to S3
//! - `consumers_guide`: what stands in docs/CONSUMERS.md, its SQL above all
//! - `languages`: the readers of examples/readers
//! - `lambda_consumer`: the function behind an event source mapping; `hostile`: what a record may cost it

mod consumers_guide;
mod firehose;
mod formats;
mod hostile;
mod lambda_consumer;
mod languages;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python that `make test-readers` set up.
fn python() -> PathBuf {
    let path = std::env::var_os("READERS_PYTHON").expect("READERS_PYTHON: run `make test-readers`");
    PathBuf::from(path)
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/readers/read.py")
}

/// Runs a reader and returns what it printed.
fn read(program: impl AsRef<Path>, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program.as_ref())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: run `make test-readers`", program.as_ref().display()));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    assert!(
        output.status.success(),
        "{} {arguments:?} failed",
        program.as_ref().display()
    );
    output.stdout
}

/// The number of objects that jq finds, one a line.
fn count_by_jq(lines: &[u8]) -> usize {
    let types = read("jq", &["-e", "-r", ".type"], lines);
    String::from_utf8(types).unwrap().lines().count()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forwarder-readers-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a record, and returns its path.
    fn write(&self, name: &str, data: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, data).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
