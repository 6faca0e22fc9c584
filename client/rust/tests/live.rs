// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! The client against a real server.

mod support;

use std::sync::Arc;
use std::time::Duration;

use lossd::pb::{NtXent, SquaredNorm, loss_spec::Loss};
use lossd::{Client, Code, ComputeRequest, Options, Origin, Retry, Tensor, Token, bf16};
use support::Server;

fn norm(elements: usize) -> ComputeRequest {
    ComputeRequest::new(
        Loss::SquaredNorm(SquaredNorm {}),
        vec![Tensor::new("x.0", &[elements], vec![1.0f32; elements])],
    )
}

fn unequal() -> ComputeRequest {
    let inputs = vec![Tensor::new("out_1", &[4, 2], vec![1.0f32; 8]), Tensor::new("out_2", &[3, 2], vec![1.0f32; 6])];
    ComputeRequest::new(Loss::NtXent(NtXent::default()), inputs)
}

async fn connect(server: &Server, options: Options) -> Client {
    Client::connect(&server.target, options).await.expect("a server")
}

#[tokio::test]
async fn gradients_come_back_beyond_grpcs_own_limit() {
    let Some(server) = Server::start(&[]) else { return };
    let client = connect(&server, Options::default()).await;
    assert_eq!(client.max_message_bytes(), 256 << 20);
    let response = client.compute(norm(3_000_000)).await.unwrap();
    assert_eq!(response.objective, 1_500_000.0);
    assert!(response.gradient("x.0").unwrap().elements::<f32>().unwrap().iter().all(|&value| value == 1.0));
}

#[tokio::test]
async fn bfloat16_gradients_are_the_inputs_to_the_bit() {
    let Some(server) = Server::start(&[]) else { return };
    let elements: Vec<bf16> = (0..1000).map(|i| bf16::from_f32(i as f32 * 0.37)).collect();
    let inputs = vec![Tensor::new("x.0", &[1000], elements.clone())];
    let request = ComputeRequest::new(Loss::SquaredNorm(SquaredNorm {}), inputs);
    let response = connect(&server, Options::default()).await.compute(request).await.unwrap();
    assert_eq!(response.gradient("x.0").unwrap().elements::<bf16>().unwrap().as_ref(), elements.as_slice());
}

#[tokio::test]
async fn the_servers_refusal_names_the_field() {
    let Some(server) = Server::start(&[]) else { return };
    let error = connect(&server, Options::default()).await.compute(unequal()).await.unwrap_err();
    assert_eq!((error.code(), error.origin()), (Code::InvalidArgument, Origin::Server));
    assert_eq!(error.field_violations()[0].field, "inputs[out_2].shape");
}

#[tokio::test]
async fn limits_come_from_the_server_and_are_told_from_its_refusals() {
    let Some(server) = Server::start(&["--max_message_bytes=1000000"]) else { return };
    let client = connect(&server, Options::default()).await;
    let error = client.compute(norm(1_000_000)).await.unwrap_err();
    assert_eq!((error.code(), error.origin()), (Code::ResourceExhausted, Origin::Client));
    assert!(error.message().contains("1000000"), "{error}");
    let wider = connect(&server, Options { max_message_bytes: Some(100 << 20), ..Default::default() }).await;
    let error = wider.compute(norm(1_000_000)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    let narrow = connect(&server, Options { max_message_bytes: Some(100_000), ..Default::default() }).await;
    let mut request = norm(20_000);
    request.inputs.push(Tensor::new("x.1", &[20_000], vec![1u8; 20_000])); // 100 KB are less than 80 KB and names.
    let error = narrow.compute(request).await.unwrap_err();
    assert_eq!((error.code(), error.origin()), (Code::ResourceExhausted, Origin::Client), "{error}");
}

#[tokio::test]
async fn deadlines_pass() {
    let Some(server) = Server::start(&["--threads=1"]) else { return };
    let client = connect(&server, Options::default()).await.with_timeout(Duration::from_millis(100));
    let view = |name| Tensor::new(name, &[8192, 64], vec![0.5f32; 8192 * 64]); // Seconds of work.
    let request = ComputeRequest::new(Loss::NtXent(NtXent::default()), vec![view("out_1"), view("out_2")]);
    assert_eq!(client.compute(request).await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn dropped_calls_leave_the_server() {
    let Some(server) = Server::start(&["--max_queue_delay=60s", "--max_concurrent_calls=2"]) else { return };
    let client = connect(&server, Options::default()).await;
    // Twice as many calls as the server takes at a time: each finds room only because those before it left.
    for _ in 0..4 {
        let dropped = tokio::time::timeout(Duration::from_millis(100), client.compute(norm(4)));
        assert!(dropped.await.is_err());
    }
    assert!(client.server_info().await.is_ok());
}

#[tokio::test]
async fn two_thousand_calls_at_a_time_are_all_answered() {
    let Some(server) = Server::start(&[]) else { return };
    let client = connect(&server, Options::default()).await; // The server takes 256 of a connection at a time.
    let call = |i: usize| {
        let client = client.clone();
        tokio::spawn(async move { client.compute(norm(i % 100 + 1)).await })
    };
    let calls: Vec<_> = (0..2000).map(call).collect();
    for (i, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap().objective, 0.5 * (i % 100 + 1) as f64);
    }
}

#[tokio::test]
async fn no_timeout_is_too_long() {
    let Some(server) = Server::start(&[]) else { return };
    let client = connect(&server, Options::default()).await;
    for timeout in [Duration::MAX, Duration::from_secs(10_000_000_000)] {
        assert!(client.with_timeout(timeout).compute(norm(4)).await.is_ok());
        let stream = client.with_timeout(timeout).stream().unwrap();
        assert!(stream.send(norm(4)).await.unwrap().await.is_ok());
        stream.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_streams_answers_find_their_messages_and_errors_end_only_theirs() {
    let Some(server) = Server::start(&[]) else { return };
    let stream = connect(&server, Options::default()).await.stream().unwrap();
    let mut answers = Vec::new();
    for i in 0..300 {
        let request = if i % 10 == 3 { unequal() } else { norm(i + 1) };
        answers.push(stream.send(request).await.unwrap());
    }
    for (i, answer) in answers.into_iter().enumerate() {
        match answer.await {
            Ok(response) => assert_eq!(response.objective, 0.5 * (i + 1) as f64),
            Err(error) => assert!(i % 10 == 3 && error.field_violations()[0].field == "inputs[out_2].shape", "{error}"),
        }
    }
    stream.finish().await.unwrap();
}

#[tokio::test]
async fn a_request_id_under_way_is_refused_and_a_dropped_stream_cancels() {
    let Some(server) = Server::start(&["--max_queue_delay=60s"]) else { return };
    let stream = Client::lazy(&server.target, Options::default()).unwrap().stream().unwrap();
    let named = || ComputeRequest { request_id: "same".into(), ..norm(4) };
    let answer = stream.send(named()).await.unwrap();
    let error = stream.send(named()).await.unwrap_err();
    assert_eq!((error.code(), error.origin()), (Code::InvalidArgument, Origin::Client));
    drop(stream);
    assert_eq!(answer.await.unwrap_err().code(), Code::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_when_the_server_restarts() {
    let Some(mut server) = Server::start(&[]) else { return };
    let client = Arc::new(connect(&server, Options::default()).await);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..150 {
                    client.compute(norm(100_000)).await?; // 400 KB: more than other libraries keep for retries by default.
                }
                Ok::<(), lossd::Error>(())
            })
        })
        .collect();
    let _server = tokio::task::spawn_blocking(move || {
        for _ in 0..3 {
            server.restart();
        }
        server
    })
    .await
    .unwrap();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_broken_stream_says_so_to_each_message_and_to_those_that_follow() {
    let Some(mut server) = Server::start(&["--max_queue_delay=60s"]) else { return };
    let stream = Client::lazy(&server.target, Options::default()).unwrap().stream().unwrap();
    let answer = stream.send(norm(4)).await.unwrap();
    tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    let _ = answer.await; // Computed by the draining server, or lost.
    let error = match stream.send(norm(4)).await {
        Ok(answer) => answer.await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_told() {
    let retry = Retry { patience: Duration::from_millis(300), ..Default::default() };
    let client = Client::lazy("127.0.0.1:1", Options { retry, ..Default::default() }).unwrap();
    let error = client.compute(norm(4)).await.unwrap_err();
    assert_eq!((error.code(), error.origin()), (Code::Unavailable, Origin::Connection));
    assert!(!client.is_ready().await);
    let options = Options { connect_timeout: Duration::from_millis(200), ..Default::default() };
    assert!(Client::connect("127.0.0.1:1", options).await.is_err());
}

#[tokio::test]
async fn tokens_are_shown_and_rotate() {
    let file = std::env::temp_dir().join(format!("lossd-rust-token-{}", std::process::id()));
    std::fs::write(&file, "first\n").unwrap();
    let flag = format!("--auth_token_file={}", file.display());
    let Some(server) = Server::start(&[&flag]) else { return };
    let source = file.clone();
    let token = Token::from_fn(move || std::fs::read_to_string(&source).unwrap_or_default());
    let client = connect(&server, Options { token: Some(token), ..Default::default() }).await;
    client.compute(norm(4)).await.unwrap();
    let error = client.with_token("another").compute(norm(4)).await.unwrap_err();
    assert_eq!((error.code(), error.origin()), (Code::Unauthenticated, Origin::Server));
    std::fs::remove_file(&file).unwrap();
}
