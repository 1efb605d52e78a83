//! Why a service failed.

/// Why a service could not start or could not go on: a text for the log, with the cause in it.
///
/// Any error converts with [`ServiceError::new`] or [`ServiceError::from_error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ServiceError {
    reason: String,
}

impl ServiceError {
    /// Says what went wrong.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// An error and all its causes, in one line.
    pub fn from_error(error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            cause = error.source();
        }
        Self { reason }
    }
}
