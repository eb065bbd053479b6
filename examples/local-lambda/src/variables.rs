//! The environment variables that a process on Lambda really sees.

use std::net::SocketAddr;

use crate::config::{Config, LogFormat};

/// What both function and extensions see, besides the function's own variables.
fn common(config: &Config, api: SocketAddr) -> Vec<(String, String)> {
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
        ("AWS_LAMBDA_INITIALIZATION_TYPE", config.policy.initialization_type),
        ("AWS_ACCESS_KEY_ID", "AKIDLOCALLAMBDA"),
        ("AWS_SECRET_ACCESS_KEY", "local-lambda-secret"),
        ("AWS_SESSION_TOKEN", "local-lambda-session"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The variables of an extension: none of the runtime's, and none of the function's that begin with `_`.
pub(crate) fn of_extension(config: &Config, api: SocketAddr) -> Vec<(String, String)> {
    let mut variables = common(config, api);
    variables.extend(config.env.iter().filter(|(name, _)| !name.starts_with('_')).cloned());
    variables.extend(config.extension_env.iter().cloned());
    variables
}

/// The variables of the function. Its task root is the directory of its bootstrap.
pub(crate) fn of_function(
    config: &Config,
    api: SocketAddr,
    log_stream: &str,
    task_root: &str,
) -> Vec<(String, String)> {
    let mut variables = common(config, api);
    let log_group = format!("/aws/lambda/{}", config.function_name);
    let log_format = match config.log_format {
        LogFormat::Text => "Text",
        LogFormat::Json => "JSON",
    };
    variables.extend(
        [
            ("_HANDLER", config.handler.as_str()),
            ("LAMBDA_TASK_ROOT", task_root),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
            ("AWS_LAMBDA_LOG_FORMAT", log_format),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    variables.extend(config.env.iter().cloned());
    variables.extend(config.function_env.iter().cloned());
    variables
}
