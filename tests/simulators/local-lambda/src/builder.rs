//! Builder: describes a local Lambda before it starts.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, LogFormat, MAX_EXTENSIONS, SubscribeAnswer};
use crate::error::Error;
use crate::lambda::LocalLambda;
use crate::mode::Mode;
use crate::policy::Policy;

/// Bytes of events that wait for one subscriber. What Lambda's own limit is nobody knows.
const TELEMETRY_BUFFER: usize = 16 * 1024 * 1024;

/// Describes a local Lambda; [`start`](Self::start) runs it.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    config: Config,
    /// As it was told; the default is the mode's.
    log_format: Option<LogFormat>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config {
                function: None,
                extensions: Vec::new(),
                function_name: "local-function".into(),
                function_version: "$LATEST".into(),
                handler: "bootstrap".into(),
                account_id: "123456789012".into(),
                region: "eu-west-1".into(),
                memory_mb: 128,
                limit_memory: false,
                timeout: Duration::from_secs(3),
                log_format: LogFormat::Text,
                env: Vec::new(),
                function_env: Vec::new(),
                extension_env: Vec::new(),
                tell_account_id: true,
                subscribe_answer: SubscribeAnswer::Accept,
                tolerate_init_failure: false,
                tenant_id: None,
                concurrency: 10,
                telemetry_buffer: TELEMETRY_BUFFER,
                api_host: own_address().into(),
                policy: Policy::default(),
            },
            log_format: None,
        }
    }
}

/// A loopback address that is most likely nobody else's.
fn own_address() -> Ipv4Addr {
    let byte = || fastrand::u8(1..=254);
    Ipv4Addr::new(127, byte(), byte(), byte())
}

impl LocalLambda {
    /// Describes a local Lambda before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// The function: a bootstrap executable that speaks the Runtime API. Without one (extension-only mode) every
    /// invocation succeeds at once with the response `null`.
    pub fn function(mut self, bootstrap: impl Into<PathBuf>) -> Self {
        self.config.function = Some(bootstrap.into());
        self
    }

    /// An extension: an executable, which has to register under its file name. At most ten.
    pub fn extension(mut self, executable: impl Into<PathBuf>) -> Self {
        self.config.extensions.push(executable.into());
        self
    }

    /// The kind of Lambda. Default on demand.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.config.policy.mode = mode;
        self
    }

    /// Invocations that a Managed Instance runs at once. Default 10.
    pub fn concurrency(mut self, invocations: u32) -> Self {
        self.config.concurrency = invocations;
        self
    }

    /// Tenant isolation: the environment belongs to this tenant. Default none.
    pub fn tenant_id(mut self, id: impl Into<String>) -> Self {
        self.config.tenant_id = Some(id.into());
        self
    }

    /// A variable of the function's configuration. Function and extensions see it, but extensions see none whose
    /// name begins with `_`.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.env.push((name.into(), value.into()));
        self
    }

    /// A variable that only the function sees. Lambda has no such thing; tests do.
    pub fn function_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.function_env.push((name.into(), value.into()));
        self
    }

    /// A variable that only the extensions see. Lambda has no such thing; tests do.
    pub fn extension_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.extension_env.push((name.into(), value.into()));
        self
    }

    /// The function's name. Default `local-function`.
    pub fn function_name(mut self, name: impl Into<String>) -> Self {
        self.config.function_name = name.into();
        self
    }

    /// The function's version. Default `$LATEST`.
    pub fn function_version(mut self, version: impl Into<String>) -> Self {
        self.config.function_version = version.into();
        self
    }

    /// The function's handler, as `_HANDLER` and register tell it. Default `bootstrap`.
    pub fn handler(mut self, handler: impl Into<String>) -> Self {
        self.config.handler = handler.into();
        self
    }

    /// The account, in the ARN and for extensions that ask for it. Default `123456789012`.
    pub fn account_id(mut self, id: impl Into<String>) -> Self {
        self.config.account_id = id.into();
        self
    }

    /// Answers register with the account id to those that ask for it. Default true.
    pub fn tell_account_id(mut self, tell: bool) -> Self {
        self.config.tell_account_id = tell;
        self
    }

    /// The region. Default `eu-west-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.config.region = region.into();
        self
    }

    /// The function's memory in MB. It is told, and enforced by [`limit_memory`](Self::limit_memory). Default 128.
    pub fn memory_mb(mut self, mb: u32) -> Self {
        self.config.memory_mb = mb;
        self
    }

    /// Kills the function (`Runtime.OutOfMemory`) when function and extensions together have more memory
    /// resident than the function's. Default false.
    pub fn limit_memory(mut self, limit: bool) -> Self {
        self.config.limit_memory = limit;
        self
    }

    /// The function's timeout, for function and extensions together. Default 3 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// The longest that init may take in a phase of its own before it counts as failed. Default as on Lambda: 10 s on
    /// demand, else 130 s or the function's timeout.
    pub fn init_timeout(mut self, timeout: Duration) -> Self {
        self.config.policy.init_limit = Some(timeout);
        self
    }

    /// The format of the log lines. The function is told by `AWS_LAMBDA_LOG_FORMAT`. Default text, on Managed
    /// Instances JSON.
    pub fn log_format(mut self, format: LogFormat) -> Self {
        self.log_format = Some(format);
        self
    }

    /// The address of this machine at which Lambda's APIs listen. Default: one of 127.0.0.0/8 that nobody else has, so that a
    /// process that another environment left behind never finds this one at a port that was freed. Lambda's own is another one by
    /// now, which is not a loopback address.
    pub fn api_host(mut self, host: IpAddr) -> Self {
        self.config.api_host = host;
        self
    }

    /// Stops processes (SIGSTOP) while all of them wait for the next event. Default true. Managed
    /// Instances never are.
    pub fn freeze(mut self, freeze: bool) -> Self {
        self.config.policy.freeze = freeze;
        self
    }

    /// Bytes of events that may wait for one subscriber before they are dropped, which `platform.logsDropped` tells.
    /// Default 16 MiB; what Lambda's own limit is nobody knows.
    pub fn telemetry_buffer(mut self, bytes: usize) -> Self {
        self.config.telemetry_buffer = bytes;
        self
    }

    /// Answer to a valid subscription to the Telemetry API. Default: accepted.
    pub fn subscribe_answer(mut self, answer: SubscribeAnswer) -> Self {
        self.config.subscribe_answer = answer;
        self
    }

    /// Lets [`start`](Self::start) succeed though init failed. [`LocalLambda::init`] then tells how, and the first
    /// invocation runs init again, as Lambda does. Default false.
    pub fn tolerate_init_failure(mut self, tolerate: bool) -> Self {
        self.config.tolerate_init_failure = tolerate;
        self
    }

    /// Starts the processes and runs init: extensions first, the function when all have registered, done when all
    /// wait for their first event.
    ///
    /// # Errors
    /// [`Error::Configuration`] for what Lambda would refuse, [`Error::Io`] where no socket can be had,
    /// [`Error::Init`] where init failed.
    pub async fn start(self) -> Result<LocalLambda, Error> {
        let mut config = checked(self.config)?;
        config.log_format = self.log_format.unwrap_or(match config.policy.mode {
            Mode::ManagedInstances => LogFormat::Json,
            _ => LogFormat::Text,
        });
        LocalLambda::start(config).await
    }
}

fn checked(mut config: Config) -> Result<Config, Error> {
    if config.function.is_none() && config.extensions.is_empty() {
        return Err(Error::Configuration(
            "neither a function nor an extension to run".into(),
        ));
    }
    if config.extensions.len() > MAX_EXTENSIONS {
        return Err(Error::Configuration(format!(
            "{} extensions: a function has at most {MAX_EXTENSIONS}",
            config.extensions.len()
        )));
    }
    let names: BTreeSet<String> = config.extension_names().into_iter().collect();
    if names.len() < config.extensions.len() {
        return Err(Error::Configuration(
            "two extensions have the same file name, under which both would register".into(),
        ));
    }
    for path in config.function.iter_mut().chain(&mut config.extensions) {
        *path = absolute(path)?;
    }
    Ok(config)
}

/// Processes run in directories of their own, so a relative path would be lost.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Io {
        what: "finding the current directory",
        source,
    })
}
