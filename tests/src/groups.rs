//! Control groups, of version 1 or 2: the memory and the share of a CPU that Lambda gives a small function.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Names in this variable, separated by commas, may be skipped where the machine does not allow them: `groups`, `mounts`.
pub const MAY_SKIP: &str = "E2E_MAY_SKIP";

const ROOT: &str = "/sys/fs/cgroup";

/// The period of a CPU's share, as Lambda has it. Microseconds.
const PERIOD_US: u32 = 100_000;

/// A group, until it is dropped. Processes join it by [`joining`](Self::joining).
pub struct Group {
    folders: Vec<PathBuf>,
}

/// True if a test may be skipped on this machine; says so if it may.
///
/// # Panics
/// It may not: `E2E_MAY_SKIP` does not name it.
pub fn skip(what: &str, why: &str) -> bool {
    let allowed = std::env::var(MAY_SKIP).unwrap_or_default();
    assert!(
        allowed.split(',').any(|name| name.trim() == what),
        "{why}; set {MAY_SKIP}={what} where this test may be skipped"
    );
    true
}

impl Group {
    /// Makes a group with so much memory, and this share of one CPU. `None` where that may be skipped.
    ///
    /// # Panics
    /// The machine does not allow it, and [`MAY_SKIP`] does not say that it need not.
    pub fn new(memory_bytes: u64, cpu: Option<f64>) -> Option<Self> {
        match Self::make(memory_bytes, cpu) {
            Ok(group) => Some(group),
            Err(error) => {
                skip("groups", &format!("a control group cannot be made here: {error}"));
                None
            }
        }
    }

    fn make(memory_bytes: u64, cpu: Option<f64>) -> std::io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("forwarder-{}-{number}", std::process::id());
        Self::make_in(Path::new(ROOT), &name, memory_bytes, cpu)
    }

    /// Makes a group below `root`, of the version that is mounted there.
    ///
    /// # Errors
    /// A folder cannot be made there, or a limit is refused.
    pub fn make_in(root: &Path, name: &str, memory_bytes: u64, cpu: Option<f64>) -> std::io::Result<Self> {
        let mut group = Self { folders: Vec::new() };
        let quota = cpu.map(|share| (f64::from(PERIOD_US) * share) as u32);
        if root.join("cgroup.controllers").exists() {
            // Refused where it is set already, or by whoever runs us in a container; then the limits below fail and say so.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory +cpu");
            let folder = group.folder(&root.join(name))?;
            fs::write(folder.join("memory.max"), memory_bytes.to_string())?;
            // Not every kernel has swap; with it the limit would be none.
            let _ = fs::write(folder.join("memory.swap.max"), "0");
            if let Some(quota) = quota {
                fs::write(folder.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
            }
        } else {
            let folder = group.folder(&root.join("memory").join(name))?;
            fs::write(folder.join("memory.limit_in_bytes"), memory_bytes.to_string())?;
            if let Some(quota) = quota {
                let folder = group.folder(&root.join("cpu").join(name))?;
                fs::write(folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(folder.join("cpu.cfs_quota_us"), quota.to_string())?;
            }
        }
        Ok(group)
    }

    fn folder(&mut self, folder: &Path) -> std::io::Result<PathBuf> {
        fs::create_dir(folder)?;
        self.folders.push(folder.to_owned());
        Ok(folder.to_owned())
    }

    /// Moves a process into it.
    ///
    /// # Panics
    /// The process is gone.
    pub fn take(&self, pid: u32) {
        for folder in &self.folders {
            fs::write(folder.join("cgroup.procs"), pid.to_string()).expect("the process joins the group");
        }
    }

    /// What a shell runs to join it.
    pub fn joining(&self) -> String {
        let join = |folder: &PathBuf| format!("echo $$ > {}/cgroup.procs\n", folder.display());
        self.folders.iter().map(join).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            let _ = fs::remove_dir(folder);
        }
    }
}
