//! The environment variables that a process on Lambda really sees.

use std::net::SocketAddr;

use crate::config::{Config, LogFormat};
use crate::credentials::{Credentials, SECRET_ACCESS_KEY, SESSION_TOKEN};
use crate::mode::Mode;

/// Variables that function and extensions see, besides the function's own.
fn common(config: &Config, api: SocketAddr, credentials: &Credentials) -> Vec<(String, String)> {
    let credentials_uri = format!("http://{api}/2021-04-23/credentials");
    let credentials = match config.policy.mode {
        Mode::SnapStart => [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials_uri.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", &credentials.token),
        ]
        .to_vec(),
        _ => [
            ("AWS_ACCESS_KEY_ID", "AKIDLOCALLAMBDA"),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_SESSION_TOKEN", SESSION_TOKEN),
        ]
        .to_vec(),
    };
    [
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("LD_LIBRARY_PATH", "/lib64:/usr/lib64:/opt/lib"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("AWS_LAMBDA_RUNTIME_API", &api.to_string()),
        ("AWS_REGION", &config.region),
        ("AWS_DEFAULT_REGION", &config.region),
        ("AWS_LAMBDA_FUNCTION_NAME", &config.function_name),
        ("AWS_LAMBDA_FUNCTION_VERSION", &config.function_version),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &config.memory_mb.to_string()),
        (
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            config.policy.mode.initialization_type(),
        ),
    ]
    .into_iter()
    .chain(credentials)
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn log_format(config: &Config) -> (String, String) {
    let format = match config.log_format {
        LogFormat::Text => "Text",
        LogFormat::Json => "JSON",
    };
    ("AWS_LAMBDA_LOG_FORMAT".to_owned(), format.to_owned())
}

/// The variables of an extension: none of the runtime's, and none of the function's that begin with `_`.
pub(crate) fn of_extension(config: &Config, api: SocketAddr, credentials: &Credentials) -> Vec<(String, String)> {
    let mut variables = common(config, api, credentials);
    variables.extend(config.policy.mode.concurrent().then(|| log_format(config)));
    variables.extend(config.env.iter().filter(|(name, _)| !name.starts_with('_')).cloned());
    variables.extend(config.extension_env.iter().cloned());
    variables
}

/// The variables of the function. Its task root is the directory of its bootstrap.
pub(crate) fn of_function(
    config: &Config,
    api: SocketAddr,
    credentials: &Credentials,
    log_stream: &str,
    task_root: &str,
) -> Vec<(String, String)> {
    let mut variables = common(config, api, credentials);
    let log_group = format!("/aws/lambda/{}", config.function_name);
    let mut more = vec![
        ("_HANDLER", config.handler.as_str()),
        ("LAMBDA_TASK_ROOT", task_root),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ];
    // The stream of a snapshot's clones is not known when the snapshot is taken.
    if config.policy.mode != Mode::SnapStart {
        more.push(("AWS_LAMBDA_LOG_GROUP_NAME", &log_group));
        more.push(("AWS_LAMBDA_LOG_STREAM_NAME", log_stream));
    }
    let more = more
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    variables.extend(more);
    variables.push(log_format(config));
    if config.policy.mode.concurrent() {
        let concurrency = config.concurrency.to_string();
        variables.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), concurrency));
    }
    variables.extend(config.env.iter().cloned());
    variables.extend(config.function_env.iter().cloned());
    variables
}
