//! Cost of what foreign bytes can make the forwarder do: it grows in proportion to them, in every function that reads them.
//!
//! Instructions are counted, by valgrind: they are the same on a busy machine and a quiet one, and count whatever is called.
//! - `content`: one generator of hostile content; `subject`: what is measured, and which file of the sources it covers.
//! - this file: the measure, and the test.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    unreachable_pub
)]

mod content;
mod subject;
#[path = "../delivery/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use subject::SUBJECTS;

/// Sizes of content, each twice the one before. Bytes.
const SIZES: [usize; 4] = [4_096, 8_192, 16_384, 32_768];

/// What the last doubling may cost more for each byte than the first. Quadratic work makes it nearly 4.
const MOST: f64 = 1.7;

/// A body of this size costs at most so many times what one of short lines costs that Lambda posts. Tiny events come near:
/// each is a line with an envelope.
const LARGE: usize = 1 << 20;
const MOST_OF_GOOD: f64 = 2.5;

/// The subject whose bodies are measured in that size too.
const PLAIN: &str = "a plain forwarder";

/// A growth that is less than so many instructions a byte is none: the constant part of a cost is not measured to the last.
const FREE: u64 = 200;

/// Tells the process under valgrind that it is the one.
const MEASURED: &str = "HOSTILE_MEASURED";

/// The one function that valgrind counts; it is known to it by its name.
#[inline(never)]
fn hostile_work_measured(work: &mut dyn FnMut() -> usize) -> usize {
    black_box(work()) + 1
}

/// Runs under valgrind, and says in which order.
#[test]
#[ignore = "a part of the test below"]
fn measured() {
    if std::env::var_os(MEASURED).is_none() {
        return;
    }
    let wanted = |name: &str| std::env::var("HOSTILE_SUBJECT").map_or(true, |wanted| wanted == name);
    for subject in SUBJECTS.iter().filter(|subject| wanted(subject.name)) {
        for (name, body) in content::bodies() {
            for &size in sizes(subject.name) {
                let body = body(size);
                let mut prepared = subject.prepare();
                let mut work = || prepared(&body);
                black_box(hostile_work_measured(&mut work));
                println!("measured {}: {name}", subject.name);
            }
        }
    }
}

/// The sizes in which a subject is measured.
fn sizes(subject: &str) -> &'static [usize] {
    const WITH_LARGE: [usize; 5] = [SIZES[0], SIZES[1], SIZES[2], SIZES[3], LARGE];
    if subject == PLAIN { &WITH_LARGE } else { &SIZES }
}

#[test]
#[ignore = "counts instructions with valgrind: make test-hostile"]
fn the_cost_of_foreign_bytes_grows_in_proportion_to_them() {
    let folder = std::env::temp_dir().join(format!("forwarder-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--dump-line=no"])
        // The name as valgrind shows it: it takes no pattern for either.
        .arg("--toggle-collect=hostile::hostile_work_measured")
        .arg("--dump-after=hostile::hostile_work_measured")
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(std::env::current_exe().unwrap())
        .args([
            "measured",
            "--exact",
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(MEASURED, "1")
        .output()
        .expect("valgrind runs; make test-hostile installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let names = said
        .lines()
        .filter_map(|line| line.rsplit_once("measured ").map(|(_, name)| name));
    let mut costs: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (index, name) in names.enumerate() {
        costs
            .entry(name)
            .or_default()
            .push(instructions(&folder.join(format!("out.{}", index + 1))));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(costs.len() >= SUBJECTS.len(), "{said}");
    let mut bad = Vec::new();
    let good = costs
        .get(format!("{PLAIN}: {}", content::GOOD).as_str())
        .map(|costs| costs[4]);
    for (name, costs) in &costs {
        let subject = name.split(": ").next().unwrap_or_default();
        assert_eq!(costs.len(), sizes(subject).len(), "{name}");
        let first = costs[1].saturating_sub(costs[0]) / (SIZES[1] - SIZES[0]) as u64;
        let last = costs[3].saturating_sub(costs[2]) / (SIZES[3] - SIZES[2]) as u64;
        println!("{name}: {first} then {last} instructions a byte");
        if let (Some(large), Some(good)) = (costs.get(4), good) {
            let times = *large as f64 / good as f64;
            println!("{name}: {times:.2} times a body of {}", content::GOOD);
            if times > MOST_OF_GOOD {
                bad.push(format!("{name}: {times:.2} times a body of {}", content::GOOD));
            }
        }
        if last as f64 > MOST * (first.max(FREE)) as f64 {
            bad.push(format!("{name}: {costs:?}"));
        }
    }
    assert!(bad.is_empty(), "{} costs are too high: {bad:#?}", bad.len());
}

/// The instructions that a part of callgrind's file sums up.
fn instructions(part: &Path) -> u64 {
    let text = std::fs::read_to_string(part).unwrap_or_else(|error| panic!("{}: {error}", part.display()));
    let sum = text
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    sum.unwrap().trim().parse().unwrap()
}

/// A file that reads foreign bytes has a subject here, or is named as one that reads none.
#[test]
fn every_file_that_reads_foreign_bytes_is_measured() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for folder in subject::FOLDERS {
        for file in files(&sources.join(folder)) {
            let file = file.strip_prefix(&sources).unwrap().to_str().unwrap().to_owned();
            let has_subject = SUBJECTS.iter().any(|subject| subject.files.contains(&file.as_str()));
            if !has_subject && !subject::READS_NOTHING_FOREIGN.contains(&file.as_str()) {
                missing.push(file);
            }
        }
    }
    assert!(missing.is_empty(), "no subject covers {missing:?}");
    let named = SUBJECTS
        .iter()
        .flat_map(|subject| subject.files)
        .chain(&subject::READS_NOTHING_FOREIGN);
    let gone: Vec<_> = named.filter(|file| !sources.join(file).exists()).collect();
    assert!(gone.is_empty(), "these are no files: {gone:?}");
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    files.filter(|path| !path.ends_with("tests.rs")).collect()
}
