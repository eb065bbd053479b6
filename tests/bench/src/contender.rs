//! Contenders that are measured.

use std::path::PathBuf;

/// The stream that all of them put into.
pub const STREAM: &str = "telemetry";

/// An extension in one configuration.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name in the tables.
    pub name: String,
    /// Its executable.
    pub program: PathBuf,
    /// Command that starts it, with its arguments; nothing, if it is started itself.
    pub launcher: Vec<String>,
    /// Its variables.
    pub variables: Vec<(String, String)>,
    /// True if it forwards anything: the bare program does not.
    pub forwards: bool,
}

impl Contender {
    /// The bare program, the measure of all others.
    pub fn bare(program: PathBuf) -> Self {
        Self {
            name: "bare".into(),
            program,
            launcher: Vec::new(),
            variables: Vec::new(),
            forwards: false,
        }
    }

    /// The same job the usual way.
    pub fn ordinary(program: PathBuf) -> Self {
        Self {
            name: "ordinary".into(),
            program,
            launcher: Vec::new(),
            variables: vec![("STREAM_NAME".into(), STREAM.into())],
            forwards: true,
        }
    }

    /// The forwarder, with settings besides its stream.
    pub fn forwarder(name: &str, program: PathBuf, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self {
            name: name.into(),
            program,
            launcher: Vec::new(),
            variables: std::iter::once(("FORWARDER_SINKS__KINESIS__STREAM".into(), STREAM.into()))
                .chain(settings)
                .collect(),
            forwards: true,
        }
    }

    /// The forwarder in the configurations that differ in cost.
    pub fn forwarders(program: PathBuf) -> Vec<Self> {
        let compression = |value| [("FORWARDER_SINKS__KINESIS__COMPRESSION", value)];
        vec![
            Self::forwarder("forwarder", program.clone(), &[]),
            Self::forwarder("forwarder, zstd", program.clone(), &compression("zstd")),
            Self::forwarder("forwarder, gzip", program.clone(), &compression("gzip")),
            Self::forwarder(
                "forwarder, kpl",
                program,
                &[("FORWARDER_SINKS__KINESIS__FORMAT", "kpl")],
            ),
        ]
    }
}
