//! Output of a process, as lines.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::net::unix::pipe;

use crate::role::Role;
use crate::telemetry::Hub;
use crate::watched::Watched;

/// Bytes after which a line without an end becomes an event: what CloudWatch Logs takes as one event.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Bytes read from a pipe at a time.
const READ_BYTES: usize = 64 * 1024;
/// Reads after which a drain has seen all that was in the pipe when it began: a pipe holds at most 1 MiB
/// (`/proc/sys/fs/pipe-max-size`). A process that goes on printing cannot hold the drain up.
const DRAIN_READS: usize = 1024 * 1024 / READ_BYTES + 1;

/// Stream of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// An extension's standard output.
    Stdout,
    /// An extension's standard error.
    Stderr,
    /// The function's, which share one pipe so that their order is kept.
    Both,
}

/// A line that a process printed.
#[derive(Debug, Clone)]
pub struct OutputLine {
    /// The file name of the process.
    pub process: Arc<str>,
    /// Kind.
    pub role: Role,
    /// Stream that it printed to.
    pub stream: Stream,
    /// The line without its line break.
    pub text: String,
    /// Time at which it was read.
    pub at: SystemTime,
}

/// Destinations of lines: into the telemetry and into the record of all output.
#[derive(Debug, Clone)]
pub(crate) struct LineSink {
    pub(crate) process: Arc<str>,
    pub(crate) role: Role,
    pub(crate) hub: Arc<Hub>,
    pub(crate) output: Arc<Watched<Vec<OutputLine>>>,
}

impl LineSink {
    fn line(&self, stream: Stream, bytes: &[u8]) {
        let printed = String::from_utf8_lossy(bytes);
        self.hub.emit_line(self.role, &printed);
        let line = OutputLine {
            process: Arc::clone(&self.process),
            role: self.role,
            stream,
            text: printed.trim_end_matches(['\n', '\r']).to_owned(),
            at: SystemTime::now(),
        };
        self.output.update(|lines| lines.push(line));
    }
}

/// The reading end of one pipe.
#[derive(Debug)]
pub(crate) struct Capture {
    /// Wakes the reader when there is something to read.
    pipe: pipe::Receiver,
    /// The same pipe, read directly and without blocking: for the drain an empty pipe has to be really empty,
    /// whatever the reactor has heard so far.
    direct: File,
    stream: Stream,
    sink: LineSink,
    /// The beginning of a line whose end has not been printed. Its lock also keeps reads in order.
    partial: Mutex<Vec<u8>>,
}

impl Capture {
    pub(crate) fn new(fd: OwnedFd, stream: Stream, sink: LineSink) -> io::Result<Arc<Self>> {
        let pipe = pipe::Receiver::from_owned_fd(fd)?;
        Ok(Arc::new(Self {
            direct: File::from(pipe.as_fd().try_clone_to_owned()?),
            pipe,
            stream,
            sink,
            partial: Mutex::new(Vec::new()),
        }))
    }

    /// Reads until the pipe ends.
    pub(crate) async fn run(self: Arc<Self>) {
        while self.pipe.readable().await.is_ok() {
            match self.read(|space| self.pipe.try_read(space)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.end_line();
    }

    /// Reads all that has been printed so far, a line without an end included.
    pub(crate) fn drain(&self) {
        for _ in 0..DRAIN_READS {
            // An empty pipe is an error here: it would block.
            if !matches!(self.read(|space| (&self.direct).read(space)), Ok(1..)) {
                break;
            }
        }
        self.end_line();
    }

    /// One read, and the lines that it completes.
    fn read(&self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        let before = partial.len();
        partial.resize(before + READ_BYTES, 0);
        let read = partial.get_mut(before..).map_or(Ok(0), read);
        partial.truncate(before + read.as_ref().copied().unwrap_or(0));

        let mut done = 0;
        while let Some(length) = partial
            .get(done..)
            .and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
        {
            let end = done + length + 1;
            self.sink.line(self.stream, partial.get(done..end).unwrap_or_default());
            done = end;
        }
        partial.drain(..done);
        if partial.len() >= MAX_LINE_BYTES {
            self.sink.line(self.stream, &partial);
            partial.clear();
        }
        read
    }

    fn end_line(&self) {
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        if !partial.is_empty() {
            self.sink.line(self.stream, &partial);
            partial.clear();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::LogFormat;

    fn capture() -> (io::PipeWriter, Arc<Capture>) {
        let (reader, writer) = io::pipe().unwrap();
        let sink = LineSink {
            process: "one".into(),
            role: Role::Function,
            hub: Arc::new(Hub::new(LogFormat::Text, 1_000_000)),
            output: Arc::default(),
        };
        (writer, Capture::new(reader.into(), Stream::Both, sink).unwrap())
    }

    fn lines(capture: &Capture) -> Vec<String> {
        let texts = |lines: &Vec<OutputLine>| lines.iter().map(|line| line.text.clone()).collect();
        capture.sink.output.read(texts)
    }

    /// No await: the reactor has heard of nothing, as when a `next` arrives right after a line.
    #[tokio::test]
    async fn a_drain_sees_all_that_was_printed_before_it() {
        let (mut writer, capture) = capture();
        writer.write_all(b"first\nsecond\nhalf").unwrap();
        capture.drain();
        assert_eq!(lines(&capture), ["first", "second", "half"]);
        capture.drain();
        assert_eq!(lines(&capture).len(), 3, "nothing comes twice");
    }

    #[tokio::test]
    async fn lines_are_whole_however_they_are_written() {
        let (mut writer, capture) = capture();
        let reading = tokio::spawn(Arc::clone(&capture).run());
        let writing = std::thread::spawn(move || {
            for part in ["a b", " c\r\n\nd", "\n", "no end"] {
                writer.write_all(part.as_bytes()).unwrap();
                std::thread::yield_now();
            }
        });
        reading.await.unwrap();
        writing.join().unwrap();
        assert_eq!(lines(&capture), ["a b c", "", "d", "no end"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let (mut writer, capture) = capture();
        let reading = tokio::spawn(Arc::clone(&capture).run());
        let writing =
            tokio::task::spawn_blocking(move || writer.write_all(&vec![b'x'; MAX_LINE_BYTES + 2 * READ_BYTES]));
        writing.await.unwrap().unwrap();
        reading.await.unwrap();
        let lengths: Vec<usize> = lines(&capture).iter().map(String::len).collect();
        assert!(lengths[0] >= MAX_LINE_BYTES && lengths.len() == 2, "{lengths:?}");
        assert_eq!(lengths.iter().sum::<usize>(), MAX_LINE_BYTES + 2 * READ_BYTES);
    }
}
