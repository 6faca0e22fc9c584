// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! What this client costs its process beside a plain tonic stub with generated messages, in one run:
//! `cargo bench --bench cost -- HOST:PORT`. Processor time of this process alone, calls of both in turn. Prints JSON, as
//! tests/conformance/README.md says.

use lossd::pb::{SquaredNorm, loss_spec::Loss};
use lossd::{Client, ComputeRequest, Options, Tensor};
use tonic::transport::{Channel, Endpoint};

const ROUNDS: usize = 4;
// Both ways of a call of 2^20 elements.
const MEGABYTES: f64 = 2.0 * 4.0 * (1 << 20) as f64 / 1e6;

/// As prost generates messages by default: payloads are `Vec<u8>`.
#[derive(Clone, PartialEq, prost::Message)]
struct PlainTensor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    dtype: i32,
    #[prost(int64, repeated, tag = "3")]
    shape: Vec<i64>,
    #[prost(bytes = "vec", tag = "15")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PlainRequest {
    #[prost(bytes = "vec", tag = "2")]
    loss: Vec<u8>,
    #[prost(message, repeated, tag = "15")]
    inputs: Vec<PlainTensor>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PlainResponse {
    #[prost(message, repeated, tag = "15")]
    gradients: Vec<PlainTensor>,
}

async fn plain(channel: &Channel, elements: &[f32]) -> f32 {
    let mut stub = tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(256 << 20);
    stub.ready().await.expect("a connection");
    let data = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
    let input = PlainTensor { name: "x.0".into(), dtype: 1, shape: vec![elements.len() as i64], data };
    let request = PlainRequest { loss: vec![0x22, 0], inputs: vec![input] }; // squared_norm {}
    let path = "/lossd.v1.LossService/Compute".parse().expect("a path");
    let codec = tonic_prost::ProstCodec::<PlainRequest, PlainResponse>::default();
    let response = stub.unary(tonic::Request::new(request), path, codec).await.expect("an answer").into_inner();
    let chunks = response.gradients[0].data.chunks_exact(4);
    let gradient: Vec<f32> = chunks.map(|chunk| f32::from_le_bytes(chunk.try_into().expect("four"))).collect();
    gradient[gradient.len() - 1]
}

async fn ours(client: &Client, elements: &[f32]) -> f32 {
    let input = Tensor::new("x.0", &[elements.len()], elements.to_vec()); // A trainer hands its own vector over.
    let request = ComputeRequest::new(Loss::SquaredNorm(SquaredNorm {}), vec![input]);
    let response = client.compute(request).await.expect("an answer");
    let gradient = response.gradients[0].elements::<f32>().expect("floats");
    gradient[gradient.len() - 1]
}

/// Processor time of this process so far, in microseconds, to the kernel's tick.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
    ticks * 1e4
}

#[tokio::main]
async fn main() {
    let Some(target) = std::env::args().nth(1).filter(|argument| argument.contains(':')) else {
        eprintln!("SKIPPED: no HOST:PORT given");
        return;
    };
    let channel = Endpoint::from_shared(format!("http://{target}")).expect("a target").connect_lazy();
    let client = Client::connect(&target, Options::default()).await.expect("a server");
    let [stub_call, call] = cost(&channel, &client, 4, 2000).await;
    let [stub_mb, mb] = cost(&channel, &client, 1 << 20, 100).await.map(|cost| cost / MEGABYTES);
    print!("{{\"call_us\": {call:.1}, \"stub_call_us\": {stub_call:.1}, ");
    println!("\"mb_us\": {mb:.1}, \"stub_mb_us\": {stub_mb:.1}}}");
}

/// Microseconds that a call takes of the plain stub, and of ours.
async fn cost(channel: &Channel, client: &Client, elements: usize, calls: usize) -> [f64; 2] {
    let input = vec![1.0f32; elements];
    let mut spent = [0.0; 2];
    for _ in 0..ROUNDS {
        for (side, spent) in spent.iter_mut().enumerate() {
            let start = processor_time();
            for _ in 0..calls {
                let last = if side == 0 { plain(channel, &input).await } else { ours(client, &input).await };
                assert_eq!(last, 1.0);
            }
            *spent += processor_time() - start;
        }
    }
    spent.map(|total| total / (ROUNDS * calls) as f64)
}
