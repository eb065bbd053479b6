//! Rotel, a collector from PyPI. `make test-otlp` installs it.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running collector. It ends with this.
#[derive(Debug)]
pub struct Rotel {
    child: Child,
    /// Where it takes OTLP over HTTP.
    pub url: String,
}

impl Rotel {
    /// Starts the program that `ROTEL_BIN` names. It hands on what it receives to the receiver at `next`; what it says
    /// goes to a file.
    ///
    /// # Panics
    /// There is no such program.
    pub async fn start(next: &str, log: &Path) -> Self {
        let program = std::env::var("ROTEL_BIN").expect("ROTEL_BIN: Rotel's program; make test-otlp");
        let (http, grpc) = (free(), free());
        let log = File::create(log).unwrap();
        let child = Command::new(program)
            .args(["start", "--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", next])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let url = format!("http://{http}");
        let rotel = Self { child, url };
        while TcpStream::connect(&http).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rotel
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
