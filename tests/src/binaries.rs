//! Paths of the programs under test. They are built apart from the tests, since a build of the whole workspace would
//! unify features and test another program than the one that ships.

use std::path::PathBuf;

/// The extension: `TELEMETRY_FORWARDER_BIN`, or where `make binaries` puts it.
///
/// # Panics
/// It is not there; the message says how to build it.
pub fn extension() -> PathBuf {
    find("TELEMETRY_FORWARDER_BIN", "telemetry-forwarder")
}

/// The test function: `TEST_FUNCTION_BIN`, or where `make binaries` puts it.
///
/// # Panics
/// It is not there; the message says how to build it.
pub fn test_function() -> PathBuf {
    find("TEST_FUNCTION_BIN", "test-function")
}

/// The function that reads the stream: `LAMBDA_CONSUMER_BIN`, or where `make binaries` puts it.
///
/// # Panics
/// It is not there; the message says how to build it.
pub fn lambda_consumer() -> PathBuf {
    find("LAMBDA_CONSUMER_BIN", "lambda-consumer")
}

fn find(variable: &str, name: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/e2e/ci")).join(name),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{} is not there: build it with `make binaries`, or name another one in {variable}",
        path.display()
    );
    path
}
