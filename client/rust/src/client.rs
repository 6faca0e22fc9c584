// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! A connection to a server.

use std::future::Future;
use std::time::Duration;

use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;

use crate::error::Error;
use crate::options::{DEFAULT_MAX_MESSAGE_BYTES, Options, Token};
use crate::pb::loss_service_client::LossServiceClient;
use crate::pb::{ComputeRequest, ComputeResponse, GetServerInfoRequest, GetServerInfoResponse};
use crate::stream::ComputeStream;

// Longer is as good as never: grpc-timeout has room for eight digits.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(99_999_999);

/// A connection to a server, which comes back by itself. Clones share it, and are cheap. To be used within a tokio runtime.
#[derive(Clone, Debug)]
pub struct Client {
    stub: LossServiceClient<Channel>,
    max_message_bytes: usize,
    options: Options,
}

impl Client {
    /// Connects to `target` (`host:port` or `unix:/path`), waits until it serves, at most `options.connect_timeout`, and
    /// takes its limits over.
    pub async fn connect(target: &str, options: Options) -> Result<Self, Error> {
        let mut client = Self::lazy(target, options)?;
        let info = client.wait_ready(client.options.connect_timeout).await?;
        if client.options.max_message_bytes.is_none()
            && let Some(limits) = info.limits.filter(|limits| limits.max_message_bytes > 0)
        {
            client.set_limit(limits.max_message_bytes as usize);
        }
        Ok(client)
    }

    /// As `connect`, but waits for nothing: the first call connects, and messages may have `options.max_message_bytes`, or
    /// 256 MiB. To be called within a tokio runtime.
    pub fn lazy(target: &str, options: Options) -> Result<Self, Error> {
        let stub = LossServiceClient::new(options.endpoint(target)?.connect_lazy());
        let limit = options.max_message_bytes.unwrap_or(DEFAULT_MAX_MESSAGE_BYTES);
        let mut client = Self { stub, max_message_bytes: limit, options };
        client.set_limit(limit);
        Ok(client)
    }

    /// The same connection, with another limit of a call's time.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let options = Options { timeout: Some(timeout), ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// The same connection, with another token.
    pub fn with_token(&self, token: impl Into<Token>) -> Self {
        let options = Options { token: Some(token.into()), ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// Longest message sent or received.
    pub fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Computes a loss and its gradients. Dropping the future cancels the call.
    pub async fn compute(&self, request: ComputeRequest) -> Result<ComputeResponse, Error> {
        self.check_size(&request)?;
        self.call(self.options.timeout, |mut stub, left| {
            let request = self.tonic_request(request.clone(), left); // Shares the payloads.
            async move { Ok(stub.compute(request?).await?.into_inner()) }
        })
        .await
    }

    /// Opens a stream of pipelined calls.
    pub fn stream(&self) -> Result<ComputeStream, Error> {
        Ok(ComputeStream::open(self.clone(), self.token_only()?))
    }

    /// What the server is and can do.
    pub async fn server_info(&self) -> Result<GetServerInfoResponse, Error> {
        self.info_within(self.options.timeout).await
    }

    /// Waits until the server serves, at most `timeout`, and says what it is.
    pub async fn wait_ready(&self, timeout: Duration) -> Result<GetServerInfoResponse, Error> {
        let mut patient = self.clone();
        patient.options.retry.patience = timeout;
        patient.info_within(Some(timeout)).await
    }

    /// Whether the server answers now.
    pub async fn is_ready(&self) -> bool {
        let mut hasty = self.clone();
        hasty.options.retry.patience = Duration::ZERO;
        hasty.info_within(Some(Duration::from_secs(1))).await.is_ok()
    }

    async fn info_within(&self, timeout: Option<Duration>) -> Result<GetServerInfoResponse, Error> {
        self.call(timeout, |mut stub, left| {
            let request = self.tonic_request(GetServerInfoRequest {}, left);
            async move { Ok(stub.get_server_info(request?).await?.into_inner()) }
        })
        .await
    }

    /// Makes `attempt` until it succeeds, fails for good, or time or patience is up.
    async fn call<T, F>(
        &self,
        timeout: Option<Duration>,
        attempt: impl Fn(LossServiceClient<Channel>, Option<Duration>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let start = Instant::now();
        let timeout = timeout.filter(|&timeout| timeout <= LONGEST_TIMEOUT);
        let attempts = async {
            let mut failed = None; // When the first attempt did.
            for number in 0.. {
                let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
                let error = match attempt(self.stub.clone(), left).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                match self.options.retry.wait(&error, number, failed.get_or_insert_with(Instant::now).elapsed()) {
                    Some(wait) if left.is_none_or(|left| wait < left) => sleep(wait).await,
                    _ => return Err(error),
                }
            }
            unreachable!("attempts go on until one decides")
        };
        let Some(limit) = timeout else { return attempts.await };
        timeout_at(start + limit, attempts).await.unwrap_or_else(|_| Err(Error::deadline(limit)))
    }

    pub(crate) fn stub(&self) -> LossServiceClient<Channel> {
        self.stub.clone()
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.options.timeout.filter(|&timeout| timeout <= LONGEST_TIMEOUT)
    }

    pub(crate) fn check_size(&self, request: &ComputeRequest) -> Result<(), Error> {
        let bytes = request.encoded_len();
        if bytes <= self.max_message_bytes {
            return Ok(());
        }
        Err(Error::too_large(format_args!(
            "expected a request of at most {} bytes, got {bytes}",
            self.max_message_bytes
        )))
    }

    fn set_limit(&mut self, bytes: usize) {
        self.max_message_bytes = bytes;
        self.stub = self.stub.clone().max_decoding_message_size(bytes).max_encoding_message_size(bytes);
    }

    /// The token's header, alone.
    fn token_only(&self) -> Result<tonic::metadata::MetadataMap, Error> {
        Ok(self.tonic_request((), None)?.metadata().clone())
    }

    fn tonic_request<T>(&self, message: T, timeout: Option<Duration>) -> Result<tonic::Request<T>, Error> {
        let mut request = tonic::Request::new(message);
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        if let Some(token) = &self.options.token {
            request.metadata_mut().insert("authorization", token.header()?);
        }
        Ok(request)
    }
}
