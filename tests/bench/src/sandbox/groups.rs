//! Control groups: 128 MB and a fourteenth of a CPU, Lambda's smallest function.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Resources of a function of 128 MB.
pub const MEMORY_BYTES: u64 = 128 << 20;

/// Of each 100 ms, in microseconds: 128 MB of the 1,769 MB that a whole CPU comes with.
pub const QUOTA_MICROS: u64 = 7_200;
const PERIOD_MICROS: u64 = 100_000;

const ROOT: &str = "/sys/fs/cgroup";

/// A group, or with version 1 one of each kind, removed when dropped. Processes in it must have ended then.
#[derive(Debug)]
pub struct Groups {
    folders: Vec<PathBuf>,
}

impl Groups {
    /// Makes them; fails where the machine does not let us.
    pub fn new() -> io::Result<Self> {
        let name = format!("process-bench-{}", std::process::id());
        let root = Path::new(ROOT);
        let mut groups = Self { folders: Vec::new() };
        if root.join("cgroup.controllers").is_file() {
            // Most likely they are there for groups already; if not, the files below are missing, and that is said.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory +cpu");
            let folder = groups.folder(root.join(name))?;
            fs::write(folder.join("memory.max"), MEMORY_BYTES.to_string())?;
            fs::write(folder.join("cpu.max"), format!("{QUOTA_MICROS} {PERIOD_MICROS}"))?;
        } else {
            let folder = groups.folder(root.join("memory").join(&name))?;
            fs::write(folder.join("memory.limit_in_bytes"), MEMORY_BYTES.to_string())?;
            let folder = groups.folder(root.join("cpu").join(&name))?;
            fs::write(folder.join("cpu.cfs_period_us"), PERIOD_MICROS.to_string())?;
            fs::write(folder.join("cpu.cfs_quota_us"), QUOTA_MICROS.to_string())?;
        }
        Ok(groups)
    }

    fn folder(&mut self, folder: PathBuf) -> io::Result<PathBuf> {
        fs::create_dir(&folder)?;
        self.folders.push(folder.clone());
        Ok(folder)
    }

    /// The files that a process joins by.
    pub fn open(&self) -> io::Result<Vec<File>> {
        let open = |folder: &PathBuf| File::options().write(true).open(folder.join("cgroup.procs"));
        self.folders.iter().map(open).collect()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in &self.folders {
            // A process that hangs keeps it; the next run has another name.
            let _ = fs::remove_dir(folder);
        }
    }
}
