//! Errors of ferrokinesis.

use ferrokinesis::error::KinesisErrorResponse;

use crate::fault::CallError;

/// ferrokinesis' error as ours.
pub(super) fn refused(error: KinesisErrorResponse) -> CallError {
    CallError {
        status: error.status_code,
        code: error.body.error_type,
        message: error.body.message.unwrap_or_default(),
    }
}
