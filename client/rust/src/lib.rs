// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! Client of lossd: self-supervised losses and their gradients, computed by a gRPC service.
//!
//! ```no_run
//! use lossd::pb::{NtXent, loss_spec::Loss};
//! use lossd::{Client, ComputeRequest, Options, Tensor};
//!
//! # async fn call(out_1: Vec<f32>, out_2: Vec<f32>) -> Result<(), lossd::Error> {
//! let client = Client::connect("localhost:50051", Options::default()).await?;
//! let request = ComputeRequest::new(
//!     Loss::NtXent(NtXent { temperature: Some(0.1), ..NtXent::default() }),
//!     vec![Tensor::new("out_1", &[256, 128], out_1), Tensor::new("out_2", &[256, 128], out_2)],
//! );
//! let response = client.compute(request).await?;
//! let gradient = response.gradient("out_1").expect("asked for").elements::<f32>()?; // A slice, without a copy.
//! # Ok(())
//! # }
//! ```
//!
//! [`Client`] has limits, retries, deadlines, keepalive, TLS and tokens set as the server wants them ([`Options`]);
//! [`Error`] has the server's codes, fields and limits, and tells its refusals from this client's own.

#![warn(missing_docs)]

mod client;
mod codec;
mod error;
mod options;
mod retry;
mod stream;
mod tensor;

/// The wire's types, as generated from the .proto files, which say what they mean.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod pb {
    tonic::include_proto!("lossd.v1");
}

pub use bytes::Bytes;
pub use client::Client;
pub use error::{Error, FieldViolation, Origin, QuotaViolation};
pub use half::{bf16, f16};
pub use options::{Options, Token};
pub use pb::{ComputeRequest, ComputeResponse, Dtype, GetServerInfoResponse as ServerInfo, Tensor};
pub use retry::Retry;
pub use stream::{Answer, ComputeStream};
pub use tensor::Element;
pub use tonic::Code;
#[cfg(feature = "tls")]
pub use tonic::transport::{Certificate, ClientTlsConfig, Identity};
