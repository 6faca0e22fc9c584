// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! Why a call failed: the server's code, text and details, or this client's own.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, RpcStatusExt, pb};

/// Who refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The server: code, text and details are its own.
    Server,
    /// This client: its largest message, its deadline, what it was given. No server saw or answered the call.
    Client,
    /// The connection: there is none, or it was lost under the call.
    Connection,
}

/// A failed call. Its text names the field or limit, what was expected and what came.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    origin: Origin,
    message: String,
    details: Box<ErrorDetails>,
    retry_delay: Option<Duration>,
    no_retry: bool,
}

/// A field of the request that must change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Such as `inputs[anchor.1].shape`.
    pub field: String,
    /// Expectation and value.
    pub description: String,
}

/// A limit that was exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaViolation {
    /// The limit: the server's flag, if one sets it.
    pub subject: String,
    /// Limit and value.
    pub description: String,
}

// tonic's own words, and the header of gRPC's retry design.
const TOO_LARGE: &str = "decoded message length too large";
const PUSHBACK: &str = "grpc-retry-pushback-ms";

impl Error {
    /// The gRPC code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Who refused.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What was expected and what came.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields that must change; of INVALID_ARGUMENT.
    pub fn field_violations(&self) -> Vec<FieldViolation> {
        let violations =
            self.details.bad_request().map(|details| details.field_violations.as_slice()).unwrap_or_default();
        let copy = |v: &tonic_types::FieldViolation| FieldViolation {
            field: v.field.clone(),
            description: v.description.clone(),
        };
        violations.iter().map(copy).collect()
    }

    /// The limits that were exceeded; of RESOURCE_EXHAUSTED.
    pub fn quota_violations(&self) -> Vec<QuotaViolation> {
        let violations = self.details.quota_failure().map(|details| details.violations.as_slice()).unwrap_or_default();
        let copy = |v: &tonic_types::QuotaViolation| QuotaViolation {
            subject: v.subject.clone(),
            description: v.description.clone(),
        };
        violations.iter().map(copy).collect()
    }

    /// How long to wait before the same request may succeed, where the server says so.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_delay
    }

    /// Whether the same request may succeed later: UNAVAILABLE, or whatever the server names a delay for.
    pub fn is_retryable(&self) -> bool {
        !self.no_retry && (self.code == Code::Unavailable || self.retry_delay.is_some())
    }

    pub(crate) fn new(code: Code, origin: Origin, message: impl Into<String>) -> Self {
        let details = Box::new(ErrorDetails::new());
        Self { code, origin, message: message.into(), details, retry_delay: None, no_retry: false }
    }

    /// Of what the caller gave this client.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, Origin::Client, message)
    }

    /// Of a message beyond this client's limit.
    pub(crate) fn too_large(message: impl fmt::Display) -> Self {
        Self::new(Code::ResourceExhausted, Origin::Client, format!("max_message_bytes: {message}"))
    }

    /// Of a deadline that this client saw pass.
    pub(crate) fn deadline(timeout: Duration) -> Self {
        Self::new(Code::DeadlineExceeded, Origin::Client, format!("timeout: no answer within {timeout:?}"))
    }

    /// Of a message inside a stream.
    pub(crate) fn from_status_message(status: pb::Status) -> Self {
        let details = status.get_error_details();
        let mut error = Self::new(Code::from(status.code), Origin::Server, status.message);
        error.retry_delay = details.retry_info().and_then(|info| info.retry_delay);
        error.details = Box::new(details);
        error
    }
}

impl From<Status> for Error {
    /// What tonic says, in the codes that every other gRPC library uses.
    fn from(status: Status) -> Self {
        if status.code() == Code::OutOfRange && status.message().contains(TOO_LARGE) {
            return Self::too_large(format_args!("the answer is larger: {}", status.message()));
        }
        if let Some(cause) = status.source() {
            return Self::lost(&status, cause);
        }
        let mut error = match pb::Status::decode(status.details()) {
            Ok(message) if !status.details().is_empty() => Self::from_status_message(message),
            _ => Self::new(status.code(), Origin::Server, status.message()),
        };
        error.code = status.code();
        if let Some(pushback) = status.metadata().get(PUSHBACK).and_then(|value| value.to_str().ok()) {
            match pushback.parse::<u64>() {
                Ok(milliseconds) => error.retry_delay = Some(Duration::from_millis(milliseconds)),
                Err(_) => error.no_retry = true, // Negative: the server wants no retries.
            }
        }
        error
    }
}

impl Error {
    /// Of a status that tonic made of what happened to the connection. A computation has no effects, so that a call whose
    /// connection was lost can be made again: UNAVAILABLE, where tonic says UNKNOWN, INTERNAL or CANCELLED.
    fn lost(status: &Status, cause: &dyn std::error::Error) -> Self {
        let mut text = status.message().to_string();
        let mut next = Some(cause);
        while let Some(error) = next {
            let said = error.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            next = error.source();
        }
        if status.code() == Code::Cancelled && text.contains("Timeout expired") {
            return Self::new(Code::DeadlineExceeded, Origin::Client, "timeout: no answer within it");
        }
        let code = match status.code() {
            Code::Unknown | Code::Internal | Code::Cancelled => Code::Unavailable,
            code => code,
        };
        Self::new(code, Origin::Connection, text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} ({:?}): {}", self.code, self.origin, self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt;

    #[test]
    fn tonics_own_limit_is_resource_exhausted_by_the_client() {
        let error = Error::from(Status::out_of_range(
            "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes",
        ));
        assert_eq!((error.code(), error.origin()), (Code::ResourceExhausted, Origin::Client));
        assert!(error.message().starts_with("max_message_bytes: "));
        assert!(!error.is_retryable());
    }

    #[test]
    fn an_out_of_range_of_the_server_stays_one() {
        let error = Error::from(Status::out_of_range("loss: not finite"));
        assert_eq!((error.code(), error.origin()), (Code::OutOfRange, Origin::Server));
    }

    #[test]
    fn details_name_field_limit_and_delay() {
        let mut details = ErrorDetails::with_bad_request_violation("inputs[z].shape", "expected 4 extents, got 2");
        details.add_quota_failure_violation("--max_inflight_bytes", "2 of 1");
        details.set_retry_info(Some(Duration::from_millis(250)));
        let error = Error::from(Status::with_error_details(Code::ResourceExhausted, "full", details));
        assert_eq!(error.field_violations()[0].field, "inputs[z].shape");
        assert_eq!(error.quota_violations()[0].subject, "--max_inflight_bytes");
        assert_eq!(error.retry_delay(), Some(Duration::from_millis(250)));
        assert!(error.is_retryable());
    }

    #[test]
    fn pushback_wins_and_a_negative_one_forbids() {
        let mut status = Status::unavailable("draining");
        status.metadata_mut().insert(PUSHBACK, "70".parse().unwrap());
        assert_eq!(Error::from(status.clone()).retry_delay(), Some(Duration::from_millis(70)));
        status.metadata_mut().insert(PUSHBACK, "-1".parse().unwrap());
        assert!(!Error::from(status).is_retryable());
    }
}
