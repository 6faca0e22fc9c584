// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! Pipelined calls on one stream.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Extensions};

use crate::client::Client;
use crate::error::{Error, Origin};
use crate::pb::{ComputeRequest, ComputeResponse};

// Messages without an answer: a server takes 256 of a connection.
const MAX_OUTSTANDING: usize = 128;
// Messages that wait for the transport.
const MAX_QUEUED: usize = 4;

/// Requests go out back to back, answers come as they finish and are matched by `request_id`. A message's error does not end
/// the stream. Dropping it cancels what is under way.
pub struct ComputeStream {
    client: Client,
    outgoing: mpsc::Sender<ComputeRequest>,
    room: Arc<Semaphore>,
    pending: Arc<Mutex<Pending>>,
    reader: Reader,
}

/// The answer to a message of a stream, still to come.
#[derive(Debug)]
pub struct Answer(oneshot::Receiver<Result<ComputeResponse, Error>>);

impl Future for Answer {
    type Output = Result<ComputeResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(
            received.unwrap_or_else(|_| Err(Error::new(Code::Cancelled, Origin::Client, "the stream was dropped"))),
        )
    }
}

/// Messages on their way, by id.
#[derive(Default)]
struct Pending {
    answers: HashMap<String, (oneshot::Sender<Result<ComputeResponse, Error>>, OwnedSemaphorePermit)>,
    next_id: u64,
    end: Option<Error>, // Why nothing can be sent any more.
}

/// The task that reads answers; it ends with the stream.
struct Reader(JoinHandle<Result<(), Error>>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ComputeStream {
    pub(crate) fn open(client: Client, metadata: MetadataMap) -> Self {
        let (outgoing, queue) = mpsc::channel(MAX_QUEUED);
        let pending = Arc::new(Mutex::new(Pending::default()));
        let mut stub = client.stub();
        let shared = pending.clone();
        let reader = tokio::spawn(async move {
            let messages = tonic::Request::from_parts(metadata, Extensions::default(), ReceiverStream::new(queue));
            let read = async {
                let mut answers = stub.compute_stream(messages).await?.into_inner();
                while let Some(answer) = answers.message().await? {
                    lock(&shared).deliver(answer)?;
                }
                Ok(())
            };
            let result = read.await;
            lock(&shared).end_with(&result);
            result
        });
        Self { client, outgoing, room: Arc::new(Semaphore::new(MAX_OUTSTANDING)), pending, reader: Reader(reader) }
    }

    /// Sends `request`, once there is room for it, and returns its answer, which need not be awaited in order. An empty
    /// `request_id` is replaced by a number; one that is under way is refused. The client's timeout holds for each message.
    pub async fn send(&self, mut request: ComputeRequest) -> Result<Answer, Error> {
        if let Some(timeout) = self.client.timeout() {
            let options = request.options.get_or_insert_default();
            options.timeout = options.timeout.or(prost_types::Duration::try_from(timeout).ok());
        }
        let room = self.room.clone().acquire_owned().await.map_err(|_| self.end())?;
        let place = self.outgoing.reserve().await.map_err(|_| self.end())?;
        let answer = lock(&self.pending).register(&mut request, room)?;
        if let Err(error) = self.client.check_size(&request) {
            lock(&self.pending).answers.remove(&request.request_id);
            return Err(error);
        }
        place.send(request);
        Ok(Answer(answer))
    }

    /// Says that nothing more will be sent, waits for all answers, and says how the stream ended.
    pub async fn finish(self) -> Result<(), Error> {
        let Self { outgoing, mut reader, .. } = self;
        drop(outgoing);
        (&mut reader.0).await.unwrap_or_else(|error| Err(Error::new(Code::Internal, Origin::Client, error.to_string())))
    }

    fn end(&self) -> Error {
        let ended = || Error::new(Code::Unavailable, Origin::Connection, "the stream has ended");
        lock(&self.pending).end.clone().unwrap_or_else(ended)
    }
}

impl Pending {
    /// A place for the answer to `request`, which gets an id if it has none.
    fn register(
        &mut self,
        request: &mut ComputeRequest,
        room: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Result<ComputeResponse, Error>>, Error> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        while request.request_id.is_empty() {
            self.next_id += 1;
            let id = self.next_id.to_string();
            if !self.answers.contains_key(&id) {
                request.request_id = id;
            }
        }
        if self.answers.contains_key(&request.request_id) {
            let id = &request.request_id;
            return Err(Error::usage(format!(
                "request_id: expected one that is not under way on this stream, got {id:?}"
            )));
        }
        let (sender, receiver) = oneshot::channel();
        self.answers.insert(request.request_id.clone(), (sender, room));
        Ok(receiver)
    }

    fn deliver(&mut self, mut answer: ComputeResponse) -> Result<(), Error> {
        let Some((sender, _)) = self.answers.remove(&answer.request_id) else {
            let id = answer.request_id;
            return Err(Error::new(Code::Internal, Origin::Server, format!("request_id: answers no message: {id:?}")));
        };
        let failed = answer.status.take().filter(|status| status.code != 0);
        let _ = sender.send(failed.map_or(Ok(answer), |status| Err(Error::from_status_message(status)))); // Unwanted, perhaps.
        Ok(())
    }

    fn end_with(&mut self, result: &Result<(), Error>) {
        let ended = Error::new(Code::Unavailable, Origin::Connection, "the stream ended before the answer");
        let error = result.as_ref().err().cloned().unwrap_or(ended);
        for (_, (sender, _)) in self.answers.drain() {
            let _ = sender.send(Err(error.clone()));
        }
        self.end = Some(error);
    }
}

/// What panicked with the lock held left nothing half done.
fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}
