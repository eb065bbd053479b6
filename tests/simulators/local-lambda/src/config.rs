//! Configuration of the local Lambda. [`Builder`](crate::Builder) fills it, nothing changes it afterwards.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::policy::Policy;

/// Extensions of one function, external and internal together. Lambda developer guide, quotas.
pub(crate) const MAX_EXTENSIONS: usize = 10;

/// The format of the log lines, as a function's logging configuration sets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line is a string.
    #[default]
    Text,
    /// A line that is a JSON object becomes that object; any other is wrapped in one.
    Json,
}

/// Answer of the Telemetry API to a valid subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SubscribeAnswer {
    /// 200: events will come.
    #[default]
    Accept,
    /// 202 `Telemetry.NotSupported`, as AWS's emulator answers: no events will come.
    NotSupported,
    /// 400 `ValidationError` for one schema version, as a platform answers that does not know it.
    RejectSchema {
        /// The version that is refused, for example `2025-01-29`.
        version: String,
        /// Number of subscriptions refused; `u32::MAX` for all.
        times: u32,
    },
    /// 400 `ValidationError` for a destination with a path.
    RejectPath,
    /// 200, and posts go to the destination without its path, as AWS's emulator does.
    DropPath,
    /// 403 `Telemetry.SubscriptionClosed`, as after init.
    Closed,
}

/// The function as its account knows it, and the programs that run.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The bootstrap; none: extension-only mode.
    pub(crate) function: Option<PathBuf>,
    pub(crate) extensions: Vec<PathBuf>,
    pub(crate) function_name: String,
    pub(crate) function_version: String,
    pub(crate) handler: String,
    pub(crate) account_id: String,
    pub(crate) region: String,
    pub(crate) memory_mb: u32,
    /// The function is killed when all processes together have more memory than that.
    pub(crate) limit_memory: bool,
    pub(crate) timeout: Duration,
    pub(crate) log_format: LogFormat,
    /// The function's configured variables: function and extensions see them.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) function_env: Vec<(String, String)>,
    pub(crate) extension_env: Vec<(String, String)>,
    /// Register answers with the account id to those that ask for it.
    pub(crate) tell_account_id: bool,
    pub(crate) subscribe_answer: SubscribeAnswer,
    pub(crate) tolerate_init_failure: bool,
    /// Whom the environment belongs to, with tenant isolation.
    pub(crate) tenant_id: Option<String>,
    /// Invocations at once, on Managed Instances.
    pub(crate) concurrency: u32,
    /// Bytes of events that may wait for one subscriber.
    pub(crate) telemetry_buffer: usize,
    /// Address of Lambda's APIs.
    pub(crate) api_host: IpAddr,
    pub(crate) policy: Policy,
}

impl Config {
    /// The ARN that is invoked: of the version, where one is published.
    pub(crate) fn arn(&self) -> String {
        match self.function_version.as_str() {
            "$LATEST" => self.function_arn(),
            _ => self.version_arn(),
        }
    }

    /// The ARN with the version, whichever it is.
    pub(crate) fn version_arn(&self) -> String {
        format!("{}:{}", self.function_arn(), self.function_version)
    }

    fn function_arn(&self) -> String {
        format!(
            "arn:aws:lambda:{}:{}:function:{}",
            self.region, self.account_id, self.function_name
        )
    }

    /// The function's memory in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        u64::from(self.memory_mb) * 1024 * 1024
    }

    /// The names under which the extensions have to register: their file names.
    pub(crate) fn extension_names(&self) -> Vec<String> {
        self.extensions.iter().map(|path| file_name(path)).collect()
    }
}

pub(crate) fn file_name(path: &std::path::Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
