// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! How a client connects and calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;

use crate::error::Error;
use crate::retry::Retry;

/// What gRPC's 4 MiB are raised to where the server was not asked.
pub const DEFAULT_MAX_MESSAGE_BYTES: usize = 256 << 20;

/// Settings of a client. The defaults suit a training loop beside a server of its own.
#[derive(Clone, Debug)]
pub struct Options {
    /// Longest message sent or received. None: what the server says that it takes.
    pub max_message_bytes: Option<usize>,
    /// Longest time for a call, all attempts together; of a stream, for each message at the server. None: no limit.
    pub timeout: Option<Duration>,
    /// Which failed calls are made again, and when.
    pub retry: Retry,
    /// How long `Client::connect` waits for a server that serves.
    pub connect_timeout: Duration,
    /// A ping after so much silence while calls are under way, and how long its answer may take. Below 10 s the server
    /// says goodbye.
    pub keepalive_interval: Duration,
    /// How long a ping's answer may take.
    pub keepalive_timeout: Duration,
    /// Roots, certificate and key. None: no encryption.
    #[cfg(feature = "tls")]
    pub tls: Option<tonic::transport::ClientTlsConfig>,
    /// Shown with each call.
    pub token: Option<Token>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_message_bytes: None,
            timeout: None,
            retry: Retry::default(),
            connect_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            #[cfg(feature = "tls")]
            tls: None,
            token: None,
        }
    }
}

impl Options {
    /// The endpoint of `target`: `host:port` or `unix:/path`.
    pub(crate) fn endpoint(&self, target: &str) -> Result<Endpoint, Error> {
        let refuse = |text: &dyn fmt::Display| {
            Error::usage(format!("target: expected host:port or unix:/path, got {target:?}: {text}"))
        };
        let uri = match target.strip_prefix("unix:") {
            Some(path) => format!("unix://{}", path.strip_prefix("//").unwrap_or(path)),
            None if target.contains("://") => {
                return Err(refuse(&"no scheme stands before it, Options::tls is for TLS"));
            }
            None if !has_port(target) => return Err(refuse(&"a port, 1 to 65535, is missing")),
            #[cfg(feature = "tls")]
            None if self.tls.is_some() => format!("https://{target}"),
            None => format!("http://{target}"),
        };
        let endpoint = Endpoint::from_shared(uri).map_err(|error| refuse(&error))?;
        let endpoint = endpoint
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout)
            .initial_connection_window_size(16 << 20)
            .initial_stream_window_size(8 << 20);
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone().filter(|_| !target.starts_with("unix:")) {
            return endpoint.tls_config(tls).map_err(|error| Error::usage(format!("tls: {error:?}")));
        }
        Ok(endpoint)
    }
}

fn has_port(target: &str) -> bool {
    target
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A bearer token, or where to get it from: asked for each attempt, so that one that rotates needs no new client.
#[derive(Clone)]
pub struct Token(Arc<dyn Fn() -> String + Send + Sync>);

impl Token {
    /// Asks `source` for the token of each attempt; it must not block for long.
    pub fn from_fn(source: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The header's value. An error does not repeat the token.
    pub(crate) fn header(&self) -> Result<MetadataValue<Ascii>, Error> {
        let token = (self.0)();
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::usage("token: expected visible ASCII characters, got none or others"));
        }
        format!("Bearer {token}").parse().map_err(|_| Error::usage("token: no header's value"))
    }
}

impl<T: Into<String>> From<T> for Token {
    fn from(token: T) -> Self {
        let token = token.into();
        Self::from_fn(move || token.clone())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_hosts_with_ports_or_unix_paths() {
        let options = Options::default();
        for target in ["localhost:1", "127.0.0.1:50051", "[::1]:50051", "unix:/tmp/s", "unix:///tmp/s"] {
            assert!(options.endpoint(target).is_ok(), "{target}");
        }
        for target in ["", "localhost", ":1", "http://localhost:1", "localhost:port", "localhost:99999", "localhost:0"]
        {
            let error = options.endpoint(target).unwrap_err();
            assert!(error.message().starts_with("target: expected host:port or unix:/path, got "), "{target}: {error}");
        }
    }

    #[test]
    fn a_token_that_is_no_header_is_not_repeated() {
        let error = Token::from("two words").header().unwrap_err();
        assert!(!error.message().contains("two"), "{error}");
        assert_eq!(Token::from("abc\n").header().unwrap(), "Bearer abc");
    }
}
