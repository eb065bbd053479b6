//! One row an invocation: SQL over the rows says what SQL over the lines says, for whatever chaos makes.

use end_to_end::world::kind;
use serde_json::Value;
use tokio::task::JoinSet;

use super::consumers_guide::{run, write};
use super::{Folder, read};
use crate::chaos::variable;
use crate::kinds::chaos;

const SEEDS: u64 = 50;

/// Environments at once.
const AT_ONCE: usize = 4;

fn gzip(lines: &[String]) -> Vec<u8> {
    read("gzip", &["-c"], lines.concat().as_bytes())
}

#[tokio::test]
#[ignore = "needs readers that `make test-readers` installs"]
async fn sql_over_rows_says_what_sql_over_lines_says() {
    let mut seeds = 0..variable("KINDS_SEEDS").unwrap_or(SEEDS);
    let count = seeds.end;
    let (mut running, mut lines, mut rows) = (JoinSet::new(), Vec::new(), Vec::new());
    loop {
        while running.len() < AT_ONCE
            && let Some(seed) = seeds.next()
        {
            running.spawn(chaos::run(seed));
        }
        let Some(found) = running.join_next().await else { break };
        for line in found.unwrap().lines {
            let to = match kind(&line) {
                "forwarder.invocation" => &mut rows,
                _ => &mut lines,
            };
            to.push(format!("{line}\n"));
        }
    }
    let folder = Folder::new("rows");
    write(&folder, "telemetry", "2026/11/20/09", &[gzip(&lines)]);
    write(&folder, "invocations", "2026/11/20/09", &[gzip(&rows)]);
    let more = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/rows.md");
    let answers: Value = serde_json::from_slice(&run(&["sql", folder.0.to_str().unwrap(), more], b"")).unwrap();
    let (of_rows, of_lines) = (&answers["Rows"], &answers["Lines"]);
    let invocations: u64 = of_rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["invocations"].as_u64().unwrap())
        .sum();
    assert!(invocations > 5 * count, "{invocations} complete rows of {}", rows.len());
    assert!(
        invocations * 10 > rows.len() as u64 * 8,
        "{invocations} complete rows of {}",
        rows.len()
    );
    for (row, line) in of_rows.as_array().unwrap().iter().zip(of_lines.as_array().unwrap()) {
        assert_eq!(row, line, "rows, and lines");
    }
    assert_eq!(of_rows.as_array().unwrap().len(), of_lines.as_array().unwrap().len());
}
