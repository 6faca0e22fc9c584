// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! The reference's documentation example. `cargo run --example documentation -- localhost:50051 ../../tests/golden/fm_doc_example`

use std::path::Path;

use lossd::pb::{FeatureMapContrastive, Sampling, Seed, loss_spec::Loss, sampling::Source};
use lossd::{Client, ComputeRequest, Options, Tensor};

/// The elements of a .npy file of little-endian float32, whose header's length stands in its bytes 8 and 9.
fn read(path: &Path) -> std::io::Result<Vec<f32>> {
    let bytes = std::fs::read(path)?;
    let header = 10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    Ok(bytes[header..].chunks_exact(4).map(|chunk| f32::from_le_bytes(chunk.try_into().expect("four"))).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, target, folder] = arguments.as_slice() else {
        return Err("usage: documentation HOST:PORT FOLDER".into());
    };
    let mut inputs = Vec::new();
    for (name, file) in [("anchor.0", "a0"), ("anchor.1", "a1"), ("positive.0", "b0"), ("positive.1", "b1")] {
        let elements = read(&Path::new(folder).join(file).with_extension("npy"))?;
        inputs.push(Tensor::new(name, &[3, 5, 2, 2], elements));
    }
    let seed = Seed { torch_seed: Some(0), torch_skip: Some(240), ..Default::default() };
    let loss = Loss::FeatureMapContrastive(FeatureMapContrastive {
        comparisons: Some("01, 11".into()),
        sampling: Some(Sampling { source: Some(Source::Seed(seed)) }),
        ..Default::default()
    });

    let client = Client::connect(target, Options::default()).await?;
    let response = client.compute(ComputeRequest::new(loss, inputs)).await?;
    for name in ["losses", "regularizer"] {
        let output = response.output(name).ok_or("no such output")?;
        println!("{name} {:.4?}", output.elements::<f32>()?);
    }
    let gradient = response.gradient("anchor.0").ok_or("no such gradient")?.elements::<f32>()?;
    println!("gradient {:.4}", gradient.iter().map(|value| value.abs()).sum::<f32>());
    Ok(())
}
