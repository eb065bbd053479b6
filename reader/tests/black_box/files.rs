//! What Firehose wrote, read from files, folders and standard input.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use forwarder_core::record::format::{Compression, Format};

use crate::world::{Finished, event, finish, last_report, life, line, packed};

/// The heap that the program may have, KiB.
const MOST_KIB: &str = "131072";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("consumer-files-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, data: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, data).unwrap();
        path.display().to_string()
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn consumer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.args(arguments).stdin(Stdio::null());
    command
}

async fn read(arguments: &[&str]) -> Finished {
    finish(consumer(arguments)).await
}

/// Records one after the other, as Firehose writes them.
fn object(compression: Compression, lines: &[String]) -> Vec<u8> {
    packed(Format::Ndjson, compression, 2_000, lines).concat()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Level::fast());
    gzip.write_all(data).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn objects_of_every_kind_in_folders_of_hours_are_shown_in_order_and_proved_complete() {
    let folder = Folder::new("kinds");
    let lines = life("a", 499);
    let part = |index: usize| &lines[index * 100..(index + 1) * 100];
    // The names begin where the last ones of the hour before ended.
    folder.write("2026/11/20/09/t-1.jsonl", object(Compression::None, part(0)));
    folder.write("2026/11/20/09/t-2.jsonl.gz", object(Compression::Gzip, part(1)));
    folder.write("2026/11/20/10/t-1.jsonl.zst", object(Compression::Zstd, part(2)));
    // Firehose's own compression over the sink's; a sink whose compression was changed.
    folder.write("2026/11/20/10/t-2.gz", gzip(&object(Compression::Gzip, part(3))));
    let changed = [
        object(Compression::Gzip, &part(4)[..50]),
        object(Compression::Zstd, &part(4)[50..]),
    ]
    .concat();
    folder.write("2026/11/20/11/t-1", changed);
    folder.write("2026/11/20/11/_SUCCESS", "");
    let path = folder.path().display().to_string();

    let all = read(&[&path, "--json", "--from", "trim-horizon", "--verify"]).await;
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    assert!(all.stdout == lines.concat(), "as they were put");
    assert!(
        all.stderr.contains("1 life: 1 complete, 0 unproven, 0 with loss\n"),
        "{}",
        all.stderr
    );
    assert!(all.stderr.contains("500 lines ("), "{}", all.stderr);
    assert!(all.stderr.contains(" from 5 files in "), "{}", all.stderr);

    let some = read(&[&path, "--grep", "order 17 "]).await;
    assert_eq!(some.stdout, "09:14:02.820 checkout 7d0c1f2e INFO   order 17 accepted\n");

    // Without its first hour: what came before is no loss, unless processes are expected to be whole.
    let later = format!("{path}/2026/11/20/10/");
    let (first, last) = (later.clone() + "t-1.jsonl.zst", later.clone() + "t-2.gz");
    let end = format!("{path}/2026/11/20/11/t-1");
    let middle = read(&[&first, &last, &end, "-q", "--verify"]).await;
    assert_eq!(middle.code, Some(0), "{}", middle.stderr);
    assert!(middle.stderr.contains("complete, from 200 on\n"), "{}", middle.stderr);
    let whole = read(&[&first, &last, &end, "-q", "--verify", "--from", "trim-horizon"]).await;
    assert_eq!(whole.code, Some(1), "{}", whole.stderr);
    assert!(whole.stderr.contains("lost 0–199\n"), "{}", whole.stderr);

    fs::remove_file(&last).unwrap();
    let gap = read(&[&path, "-q", "--verify", "--from", "trim-horizon"]).await;
    assert_eq!(gap.code, Some(1), "{}", gap.stderr);
    assert!(gap.stderr.contains("lost 300–399\n"), "{}", gap.stderr);
}

#[tokio::test]
async fn standard_input_is_shown_while_it_comes() {
    let mut command = consumer(&["-", "--level", "error"]);
    let mut running = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = running.stdin.take().unwrap();
    let mut output = BufReader::new(running.stdout.take().unwrap());
    let lines = [line("a", 0, "fine\n"), line("a", 1, "[ERROR] first\n")].concat();
    input.write_all(lines.as_bytes()).unwrap();
    let mut shown = String::new();
    output.read_line(&mut shown).unwrap();
    assert!(shown.contains("ERROR  [ERROR] first"), "{shown}");
    input
        .write_all(line("a", 2, "[ERROR] second\n").trim_end().as_bytes())
        .unwrap();
    drop(input);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut output, &mut rest).unwrap();
    assert!(rest.contains("[ERROR] second") && rest.lines().count() == 1, "{rest}");
    assert!(running.wait().unwrap().success());
}

#[tokio::test]
async fn what_cannot_be_read_is_named_by_file_and_line_and_costs_only_itself() {
    let folder = Folder::new("broken");
    let good = [line("a", 0, "one\n"), "no event\n".to_owned(), line("a", 1, "two\n")].concat();
    let file = folder.write(
        "a.jsonl",
        [good.as_bytes(), b"\xff\xfe\n", line("a", 2, "three\n").as_bytes()].concat(),
    );
    let read_it = read(&[&file, "--verify"]).await;
    assert_eq!(read_it.stdout.lines().count(), 3, "{}", read_it.stdout);
    for part in [
        format!("skipped line 2 of {file}: the line is not an event"),
        format!("skipped line 4 of {file}: it is not text"),
        "2 that cannot be read".to_owned(),
    ] {
        assert!(read_it.stderr.contains(&part), "{part} in {}", read_it.stderr);
    }

    let whole = [
        gzip(line("b", 0, "one\n").as_bytes()),
        gzip(line("b", 1, "two\n").as_bytes()),
    ]
    .concat();
    let cut = folder.write("b.jsonl.gz", &whole[..whole.len() - 9]);
    let cut_off = read(&[&cut]).await;
    assert!(cut_off.stdout.contains("one"), "{}", cut_off.stdout);
    assert!(
        cut_off.stderr.contains(&format!("skipped the rest of {cut}: ")),
        "{}",
        cut_off.stderr
    );

    let nowhere = read(&["./nowhere.jsonl"]).await;
    assert_eq!(nowhere.code, Some(2));
    assert!(
        nowhere.stderr.contains("./nowhere.jsonl cannot be read"),
        "{}",
        nowhere.stderr
    );
}

#[tokio::test]
async fn the_size_of_a_file_does_not_matter_to_memory() {
    let folder = Folder::new("large");
    // 300,000 lines, 90 MB; then 200 MB of one line, and the last of the process.
    let mut object = Vec::new();
    for turn in 0..30_u64 {
        let lines: Vec<_> = (turn * 10_000..(turn + 1) * 10_000)
            .map(|seq| line("a", seq, "order accepted\n"))
            .collect();
        object.extend(zstd::stream::encode_all(lines.concat().as_bytes(), 1).unwrap());
    }
    let mut long = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..200 {
        long.write_all(&vec![b'x'; 1_000_000]).unwrap();
    }
    long.write_all(b"\n").unwrap();
    object.extend(long.finish().unwrap());
    object.extend(zstd::stream::encode_all(last_report("a", 300_000).as_bytes(), 1).unwrap());
    let file = folder.write("large.zst", object);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("ulimit -d {MOST_KIB} && exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_consumer"))
        .args([&file, "--json", "--verify", "--from", "trim-horizon"]);
    let read = finish(limited).await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert_eq!(read.stdout.lines().count(), 300_001);
    let skipped = format!("skipped line 300001 of {file}: the line is longer than 10485760 bytes");
    assert!(read.stderr.contains(&skipped), "{}", read.stderr);
    assert!(read.stderr.contains("0 lines lost"), "{}", read.stderr);
}

#[tokio::test]
async fn what_was_announced_as_dropped_is_told_of_files_too() {
    let folder = Folder::new("dropped");
    let dropped = event(
        "a",
        3,
        "forwarder.dropped",
        r#"{"reason":"buffer_full","ranges":[[1,3]]}"#,
    );
    let lines = [line("a", 0, "x"), dropped, last_report("a", 4)].concat();
    let file = folder.write("a.jsonl", Bytes::from(lines));
    let read = read(&[&file, "--verify", "--from", "trim-horizon"]).await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert!(read.stderr.contains("3 dropped and announced"), "{}", read.stderr);
}
