//! A consumer that serves a page, and a browser that looks at it.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::world::{PATIENCE, Running, World};

/// The program, serving.
pub(crate) struct Consumer {
    pub(crate) url: String,
    running: Running,
}

impl Consumer {
    pub(crate) async fn start(world: &World, from: &str, address: &str) -> Self {
        let running = world.spawn(&["--from", from, "--web", address], "page.out", "page.err");
        world
            .wait_for("page.err", |text| {
                text.contains("the page is at ") && text.ends_with('\n')
            })
            .await;
        let said = fs::read_to_string(world.file("page.err")).unwrap();
        let url = said.split_once("the page is at ").unwrap().1.lines().next().unwrap();
        // What is served to everybody is asked for here.
        let url = url.replace("0.0.0.0", "127.0.0.1");
        Self { url, running }
    }

    fn address(&self) -> &str {
        let rest = self.url.strip_prefix("http://").unwrap();
        rest.split('/').next().unwrap()
    }

    /// Ends it. Answers its address.
    pub(crate) async fn stop(self) -> String {
        let address = self.address().to_owned();
        self.running.signal("-TERM");
        assert_eq!(self.running.ended().await, Some(0));
        address
    }

    /// Asks for something and takes no answer.
    pub(crate) fn connect(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address()).unwrap();
        stream
    }

    /// The memory that it takes, bytes: VmHWM of proc(5), the most so far.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }
}

/// A scenario of `page.mjs`.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    pub(crate) fn begin(scenario: &str, url: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let modules = std::env::var_os("PAGE_MODULES").map_or_else(|| folder.join("../target/web"), PathBuf::from);
        let mut child = Command::new("node")
            .arg(folder.join("tests/page/page.mjs"))
            .args([scenario, url])
            .env("PAGE_MODULES", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node: make test-web");
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take().unwrap();
        Self { child, input, output }
    }

    async fn said(&mut self) -> Option<String> {
        timeout(PATIENCE, self.output.next_line())
            .await
            .expect("the browser goes on")
            .unwrap()
    }

    /// Waits until it has come so far.
    pub(crate) async fn reached(&mut self, step: &str) {
        let said = self.said().await;
        assert_eq!(
            said.as_deref(),
            Some(format!("step {step}").as_str()),
            "what went wrong is above"
        );
    }

    /// Lets it go on.
    pub(crate) async fn go_on(&mut self) {
        self.input.write_all(b"\n").await.unwrap();
    }

    pub(crate) async fn ended(mut self) {
        assert_eq!(self.said().await.as_deref(), Some("done"), "what went wrong is above");
        assert!(self.child.wait().await.unwrap().success());
    }
}
