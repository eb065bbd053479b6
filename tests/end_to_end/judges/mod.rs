//! Lambdas that are not ours judge registration and lifecycle of the real binary. `make test-judges` sets them up.
//!
//! - `simulator`: the crate `lambda-simulator`
//! - `emulator`: AWS's own runtime interface emulator

mod emulator;
mod simulator;
