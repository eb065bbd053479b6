//! Paths of the extension and the test function. `make demo` builds both apart from this program, since a build of the
//! whole workspace would unify features and run another extension than the one that ships.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::Error;

/// The programs that run beside the demo.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) extension: PathBuf,
    pub(crate) function: PathBuf,
}

impl Programs {
    pub(crate) fn find() -> Result<Self, Error> {
        let find = |variable, name| locate(variable, std::env::var_os(variable), name);
        Ok(Self {
            extension: find("TELEMETRY_FORWARDER_BIN", "telemetry-forwarder")?,
            function: find("TEST_FUNCTION_BIN", "test-function")?,
        })
    }
}

/// The path that the variable names, or the one that `make binaries` builds.
fn locate(variable: &'static str, value: Option<OsString>, name: &str) -> Result<PathBuf, Error> {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/e2e/ci")).join(name);
    let path = value
        .filter(|value| !value.is_empty())
        .map_or_else(built, PathBuf::from);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::NoProgram { path, variable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_remedy() {
        let error = locate("SOME_BIN", Some("/nowhere/at-all".into()), "at-all").unwrap_err();
        let message = error.to_string();
        for part in ["/nowhere/at-all", "make demo", "SOME_BIN"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_variable_wins() {
        let itself = std::env::current_exe().unwrap();
        let found = locate("SOME_BIN", Some(itself.clone().into()), "no-such-program").unwrap();
        assert_eq!(found, itself);
    }
}
