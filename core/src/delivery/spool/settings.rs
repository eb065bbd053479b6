//! Mode, folder and size of the spool.

use std::path::PathBuf;

/// Mode of the spool, `FORWARDER_SPOOL__MODE`: when chunks go to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpoolMode {
    /// Never.
    Off,
    /// Chunks that memory cannot hold, and what is left at an end that has a successor.
    #[default]
    Overflow,
    /// Every chunk before Lambda gets its answer, so that not even SIGKILL loses one.
    Always,
}

impl SpoolMode {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 3] = ["off", "overflow", "always"];

    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "overflow" => Some(Self::Overflow),
            "always" => Some(Self::Always),
            _ => None,
        }
    }
}

/// Folder and size of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// The folder that holds all lives.
    pub dir: PathBuf,
    /// Limit of the files of all processes together. Bytes.
    pub max_bytes: u64,
    /// Mode.
    pub mode: SpoolMode,
}
