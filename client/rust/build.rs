// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! Generates the wire's types and the stub from the .proto files, which `proto` links to.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto/lossd/v1");
    println!("cargo:rerun-if-changed=proto/google/rpc");
    let files = protox::compile(["lossd/v1/loss_service.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".lossd.v1.Tensor.data") // Reference-counted: payloads are neither copied to be sent again nor on arrival.
        .extern_path(".google.rpc", "::tonic_types::pb")
        .codec_path("crate::codec::PresizedCodec")
        .compile_fds(files)?;
    Ok(())
}
