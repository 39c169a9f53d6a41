use rusqlite::ErrorCode;

use crate::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match &error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch => Self::Corrupt(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            },
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        let Some(told) = error.as_db_error() else {
            // What came could not be read, or nothing came at all.
            let unreadable = std::error::Error::source(&error)
                .is_some_and(|source| source.is::<tokio_postgres::types::WrongType>());
            let told = chain(&error);
            return if unreadable { Self::Corrupt(told) } else { Self::Again(told) };
        };
        let text = format!("{} ({})", told.message(), told.code().code());
        match *told.code() {
            // Another batch came between.
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::UNIQUE_VIOLATION
            | SqlState::LOCK_NOT_AVAILABLE
            // The server goes away, or is one that takes no writes (any more).
            | SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | SqlState::IDLE_SESSION_TIMEOUT
            | SqlState::READ_ONLY_SQL_TRANSACTION
            // It has no room for one more just now, or was kept waiting too long by others.
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::QUERY_CANCELED => Self::Again(text),
            ref code if code.code().starts_with("08") => Self::Again(text),
            SqlState::INVALID_TEXT_REPRESENTATION if told.message().contains(AGAIN) => {
                let (_, why) = told.message().split_once(AGAIN).unwrap_or_default();
                Self::Again(why.trim_end_matches('"').to_owned())
            }
            SqlState::CHARACTER_NOT_IN_REPERTOIRE
            | SqlState::UNTRANSLATABLE_CHARACTER
            | SqlState::NOT_NULL_VIOLATION
            | SqlState::CHECK_VIOLATION
            | SqlState::NUMERIC_VALUE_OUT_OF_RANGE
            | SqlState::DATA_CORRUPTED
            | SqlState::INDEX_CORRUPTED => Self::Corrupt(text),
            _ => Self::Unavailable(text),
        }
    }
}

/// Begins what a batch tells of itself where another came between: it is cast to a number, and told
/// as what is none.
pub(crate) const AGAIN: &str = "again: ";

/// What PostgreSQL calls a key that stands there already, as it is told in an error.
pub(crate) const DUPLICATE: &str = "(23505)";

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// A row that makes no sense.
pub(crate) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(what.into())
}
