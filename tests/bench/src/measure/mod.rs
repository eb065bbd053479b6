//! The measurements. Each runs one contender once; who compares interleaves them.
//!
//! - [`start`]: from exec to the first `next`
//! - [`load`]: many lines at once
//! - [`added`]: what invocations wait for

pub mod added;
pub mod load;
pub mod start;
