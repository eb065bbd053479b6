//! Roles of processes.

/// Role of a process in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The function's runtime.
    Function,
    /// An external extension.
    Extension,
}
