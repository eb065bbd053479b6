//! What is promised when the input is hostile: docs/SECURITY.md names these tests.

mod answers;
mod attack;
mod flood;
mod forgery;
mod memory;
mod planted;
mod readable;
mod redaction;
mod start;
mod storm;
