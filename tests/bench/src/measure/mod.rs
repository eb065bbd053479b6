//! The measurements. Each runs one contender once; who compares interleaves them.
//!
//! - [`start`]: from exec to the first `next`
//! - [`load`]: many lines at once

pub(crate) mod load;
pub(crate) mod start;
