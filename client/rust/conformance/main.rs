// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! The conformance suite's runner (tests/conformance/README.md): `conformance PLAN`.

mod case;

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use case::{Check, Message, outcome};
use lossd::{Certificate, Client, ClientTlsConfig, ComputeResponse, Error, Options, Token};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error + Send + Sync>;

static OUTPUT: Mutex<()> = Mutex::new(());

fn write_line(line: &Value) {
    println!("{line}");
    std::io::stdout().flush().expect("stdout takes what is written");
}

/// Asks the suite and waits for its answer.
fn ask(question: &Value) -> Result<Value, Failure> {
    let _guard = OUTPUT.lock().expect("nobody panics with it");
    write_line(question);
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

struct Case {
    json: Value,
    target: String,
    options: Options,
    token: Option<String>,
}

impl Case {
    fn new(json: Value, plan: &Value) -> Result<Self, Failure> {
        let server = &plan["servers"][json["server"].as_str().ok_or("no server")?];
        let target = server["target"].as_str().ok_or("the plan has not this server")?.to_string();
        let client = &json["client"];
        let own = server["token"].as_str().map(str::to_string);
        let token = match client["token"].as_str() {
            Some("none") => None,
            Some(_) => Some("another".to_string()),
            None => own,
        };
        let mut options = Options { token: token.clone().map(Token::from), ..Default::default() };
        options.max_message_bytes = client["max_message_bytes"].as_u64().map(|bytes| bytes as usize);
        if let Some(ca) = server["ca"].as_str() {
            options.tls = Some(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(ca)?)));
        }
        Ok(Self { target, options, token, json })
    }

    fn messages(&self) -> Result<Vec<Message<'_>>, Failure> {
        self.json["messages"].as_array().ok_or("no messages")?.iter().map(Message::new).collect()
    }

    /// A client whose call may take as long as the case says. One that asks nothing first, where the case is about who
    /// cannot ask.
    async fn client(&self) -> Result<Client, Failure> {
        let asks = self.json["messages"][0]["expect"]["error"].is_null() || self.json["kind"] == "rotate";
        let client = match asks {
            true => Client::connect(&self.target, self.options.clone()).await?,
            false => Client::lazy(&self.target, self.options.clone())?,
        };
        let timeout = self.json["client"]["timeout_ms"].as_u64();
        Ok(timeout.map_or(client.clone(), |timeout| client.with_timeout(Duration::from_millis(timeout))))
    }

    async fn compute(&self) -> Result<(), Failure> {
        let message = &self.messages()?[0];
        let call = self.client().await?;
        let Some(after) = self.json["client"]["cancel_after_ms"].as_u64() else {
            return message.check(&call.compute(message.request.clone()).await);
        };
        let task = tokio::spawn({
            let request = message.request.clone();
            async move { call.compute(request).await }
        });
        tokio::time::sleep(Duration::from_millis(after)).await;
        task.abort(); // Drops the call's future: tonic resets its stream.
        match task.await {
            Err(error) if error.is_cancelled() => Ok(()),
            other => Err(format!("expected a cancelled task, got {other:?}").into()),
        }
    }

    async fn stream(&self) -> Result<(), Failure> {
        let messages = self.messages()?;
        let stream = self.client().await?.stream()?;
        let mut answers = Vec::new();
        for message in &messages {
            answers.push(stream.send(message.request.clone()).await?);
        }
        for (message, answer) in messages.iter().zip(answers) {
            let answer = answer.await;
            if let Ok(response) = &answer
                && response.request_id != message.request.request_id
            {
                return Err(format!("expected {:?}, got {:?}", message.request.request_id, response.request_id).into());
            }
            message.check(&answer)?;
        }
        Ok(stream.finish().await?)
    }

    async fn info(&self) -> Result<(), Failure> {
        let client = Client::connect(&self.target, self.options.clone()).await?;
        let info = client.server_info().await?;
        let expected = &self.json["expect"]["info"];
        for name in expected["losses"].as_array().into_iter().flatten() {
            let known = info.losses.iter().any(|loss| Some(loss.name.as_str()) == name.as_str());
            known.then_some(()).ok_or(format!("expected a loss {name}, got none"))?;
        }
        let limits = info.limits.ok_or("no limits")?;
        let got = json!({"max_message_bytes": limits.max_message_bytes, "max_inflight_bytes": limits.max_inflight_bytes,
            "max_concurrent_calls": limits.max_concurrent_calls, "max_request_flops": limits.max_request_flops});
        for (name, value) in expected["limits"].as_object().into_iter().flatten() {
            if got[name].as_f64() != value.as_f64() {
                return Err(format!("limits.{name}: expected {value}, got {}", got[name]).into());
            }
        }
        let taken = client.max_message_bytes() as i64;
        (taken == limits.max_message_bytes).then_some(()).ok_or(format!("the client's limit is {taken}").into())
    }

    async fn restart(&'static self) -> Result<(), Failure> {
        let client = self.client().await?;
        let setting = |name: &str| self.json["client"][name].as_u64().unwrap_or(0) as usize;
        let (calls, restart_after) = (setting("calls"), setting("restart_after"));
        let begun: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
        let answered: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
        let workers: Vec<_> = (0..setting("concurrency").max(1))
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    let message = &self.messages()?[0];
                    while begun.fetch_add(1, Ordering::Relaxed) < calls {
                        message.check(&client.compute(message.request.clone()).await)?;
                        if answered.fetch_add(1, Ordering::Relaxed) + 1 == restart_after {
                            let server = self.json["server"].clone();
                            tokio::task::spawn_blocking(move || ask(&json!({"ask": "restart", "server": server})))
                                .await??;
                        }
                    }
                    Ok::<(), Failure>(())
                })
            })
            .collect();
        for worker in workers {
            worker.await??;
        }
        Ok(())
    }

    async fn rotate(&self) -> Result<(), Failure> {
        let message = &self.messages()?[0];
        let client = self.client().await?;
        let computed = |result: Result<ComputeResponse, Error>| result.map(|_| ()).map_err(Failure::from);
        computed(client.compute(message.request.clone()).await)?;
        let answer = ask(&json!({"ask": "rotate_token", "server": self.json["server"]}))?;
        let old = client.with_token(self.token.clone().unwrap_or_default());
        message.check(&old.compute(message.request.clone()).await)?;
        let fresh = client.with_token(answer["token"].as_str().ok_or("no token")?);
        computed(fresh.compute(message.request.clone()).await)
    }

    async fn run(self) -> Result<Check, Failure> {
        if !self.json["client"]["compression"].is_null() {
            return Ok(Check::Skip("this client compresses nothing".into()));
        }
        if self.messages()?.iter().any(|message| !message.is_whole) {
            return Ok(Check::Skip(
                "the request has fields that the .proto files do not, which this client cannot send".into(),
            ));
        }
        let case: &'static Self = Box::leak(Box::new(self));
        match case.json["kind"].as_str() {
            Some("compute") => case.compute().await,
            Some("stream") => case.stream().await,
            Some("info") => case.info().await,
            Some("restart") => case.restart().await,
            Some("rotate") => case.rotate().await,
            other => return Ok(Check::Skip(format!("kind {other:?}"))),
        }
        .map(|()| Check::Pass)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = read_json(Path::new(&std::env::args().nth(1).ok_or("usage: conformance PLAN")?))?;
    let mut files: Vec<_> = std::fs::read_dir(plan["cases"].as_str().ok_or("no cases")?)?.collect::<Result<_, _>>()?;
    files.sort_by_key(|file| file.file_name());
    for file in files {
        let name = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = plan["only"].as_array().is_none_or(|only| only.iter().any(|entry| entry.as_str() == Some(&name)));
        if !wanted || file.path().extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let start = Instant::now();
        let result = match read_json(&file.path()).and_then(|json| Case::new(json, &plan)) {
            Ok(case) => case.run().await,
            Err(error) => Err(error),
        };
        let (verdict, text) = outcome(result);
        write_line(&json!({"case": name, "verdict": verdict, "text": text, "seconds": start.elapsed().as_secs_f64()}));
    }
    Ok(())
}
