//! Instructions of a process, counted by callgrind: the same on a busy machine and a quiet one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// Functions whose instructions are left out. Where the CPU has instructions for SHA-256, signing costs a fraction of
/// what valgrind, which has none, counts.
const LEFT_OUT: [&str; 2] = ["sha256", "sha2::"];

/// A folder that callgrind writes to.
#[derive(Debug)]
pub struct Callgrind {
    folder: PathBuf,
    /// Parts that it has written so far.
    parts: usize,
}

impl Callgrind {
    /// In an empty folder of its own.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("instructions-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, parts: 0 })
    }

    /// Arguments and variables of a program.
    pub fn launcher(&self) -> Vec<String> {
        let file = self.folder.join("out");
        [
            "valgrind".to_owned(),
            "--quiet".into(),
            "--tool=callgrind".into(),
            // Where vgdb finds the process.
            format!("--vgdb-prefix={}", self.folder.join("vgdb").display()),
            format!("--callgrind-out-file={}", file.display()),
        ]
        .into()
    }

    /// Instructions since the start or since the last call, without signing.
    ///
    /// # Errors
    /// The process or valgrind's `vgdb` is not there.
    pub fn count(&mut self, pid: u32) -> Result<u64> {
        let prefix = format!("--vgdb-prefix={}", self.folder.join("vgdb").display());
        let answer = Command::new("vgdb")
            .args([prefix, format!("--pid={pid}"), "dump".into()])
            .output()
            .map_err(|error| format!("vgdb, a part of valgrind, cannot be started: {error}"))?;
        self.parts += 1;
        let part = self.folder.join(format!("out.{}", self.parts));
        let text = fs::read_to_string(&part).map_err(|error| {
            let said = String::from_utf8_lossy(&answer.stderr).into_owned();
            format!(
                "callgrind has not written {}: {error}; vgdb said: {said}",
                part.display()
            )
        })?;
        Ok(instructions(&text))
    }

    /// Folder of its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Callgrind {
    fn drop(&mut self) {
        // What stays behind is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The sum of all functions' own costs but those left out. Callgrind's format, version 1: `fn=(number) name` begins a
/// function, the name only the first time; a line that begins with a position is a cost, but for the one behind `calls=`,
/// which is what the callee cost.
fn instructions(profile: &str) -> u64 {
    let mut left_out = std::collections::BTreeSet::new();
    let mut counts = true;
    let mut of_callee = false;
    let mut sum = 0;
    for line in profile.lines() {
        let function = ["fn=", "cfn="].into_iter().find_map(|key| line.strip_prefix(key));
        if let Some(function) = function {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            if LEFT_OUT.iter().any(|part| name.contains(part)) {
                left_out.insert(number.to_owned());
            }
            if line.starts_with("fn=") {
                counts = !left_out.contains(number);
            }
        } else if line.starts_with("calls=") {
            of_callee = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line
                .split_ascii_whitespace()
                .nth(1)
                .and_then(|cost| cost.parse::<u64>().ok());
            if !std::mem::take(&mut of_callee) && counts {
                sum += cost.unwrap_or(0);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_costs_count_but_neither_callees_nor_signing() {
        let profile = "\
version: 1
events: Ir
positions: line
fl=(1) a.rs
fn=(1) main
1 100
cfn=(2) sha2::sha256::compress
calls=3 0
+1 7000
* 5

fn=(2)
0 7000

fn=(3) accept
-1 40
totals: 7145
";
        assert_eq!(instructions(profile), 145);
    }
}
