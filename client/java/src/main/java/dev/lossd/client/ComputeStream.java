// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import com.google.protobuf.Duration;
import dev.lossd.v1.ComputeOptions;
import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;

/**
 * Requests go out back to back, answers come as they finish and are matched by {@code request_id}. A message's error
 * does not end the stream. Thread-safe.
 */
public final class ComputeStream implements AutoCloseable {
  // Messages without an answer: a server takes 256 of a connection.
  private static final int MAX_OUTSTANDING = 128;

  private final Client client;
  private final ClientCall<ComputeRequest, ComputeResponse> call;
  private final Semaphore room = new Semaphore(MAX_OUTSTANDING);
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final Map<String, CompletableFuture<ComputeResponse>> pending = new HashMap<>(); // Guarded by itself,
  private long nextId; // and so are these.
  private LossdException end; // Why nothing can be sent any more.

  ComputeStream(Client client, ClientCall<ComputeRequest, ComputeResponse> call, Metadata headers) {
    this.client = client;
    this.call = call;
    call.start(new Answers(), headers);
    call.request(1);
  }

  /**
   * Sends {@code request} once there is room for it: at most 128 messages wait for their answers, and a slow server
   * holds senders up. An empty request_id is replaced by a number; one that is under way is refused. Not to be called
   * where an answer's future completes, whose thread would wait for itself.
   */
  public CompletableFuture<ComputeResponse> send(ComputeRequest request) {
    CompletableFuture<ComputeResponse> answer = new CompletableFuture<>();
    takePlace();
    try {
      synchronized (pending) {
        call.sendMessage(register(request, answer));
      }
    } catch (LossdException error) {
      room.release();
      answer.completeExceptionally(error);
    }
    return answer;
  }

  /** Says that nothing more will be sent, and waits for all answers. */
  public void finish() {
    synchronized (pending) {
      if (end == null) {
        end = LossdException.usage("the stream was finished");
        call.halfClose();
      }
    }
    Client.await(ended);
  }

  /** Cancels what is under way. */
  @Override
  public void close() {
    synchronized (pending) {
      if (end == null) {
        end = LossdException.usage("the stream was closed");
      }
    }
    call.cancel("the stream was closed", null);
  }

  private void takePlace() {
    boolean taken = false;
    try {
      room.acquire();
      taken = true;
      awaitReady();
    } catch (InterruptedException interrupted) {
      if (taken) {
        room.release();
      }
      Thread.currentThread().interrupt();
      throw new LossdException(
          Status.Code.CANCELLED, LossdException.Origin.CLIENT, "the thread was interrupted", interrupted);
    }
  }

  private void awaitReady() throws InterruptedException {
    synchronized (pending) {
      while (!call.isReady() && end == null) {
        pending.wait(); // For onReady, or the end.
      }
    }
  }

  /** The message as it goes out. Called with `pending` held. */
  private ComputeRequest register(ComputeRequest request, CompletableFuture<ComputeResponse> answer) {
    if (end != null) {
      throw end;
    }
    ComputeRequest message = complete(request);
    client.checkSize(message);
    if (pending.putIfAbsent(message.getRequestId(), answer) != null) {
      throw LossdException.usage("request_id: expected one that is not under way on this stream, got \""
          + message.getRequestId() + '"');
    }
    return message;
  }

  /** With an id, and the client's timeout where there is no other. */
  private ComputeRequest complete(ComputeRequest request) {
    boolean timed = client.timeout() == null || request.getOptions().hasTimeout();
    if (timed && !request.getRequestId().isEmpty()) {
      return request;
    }
    ComputeRequest.Builder message = request.toBuilder();
    if (request.getRequestId().isEmpty()) {
      do {
        message.setRequestId(Long.toString(++nextId));
      } while (pending.containsKey(message.getRequestId()));
    }
    if (!timed) {
      ComputeOptions.Builder options = message.getOptionsBuilder();
      options.setTimeout(Duration.newBuilder()
          .setSeconds(client.timeout().getSeconds())
          .setNanos(client.timeout().getNano()));
    }
    return message.build();
  }

  private final class Answers extends ClientCall.Listener<ComputeResponse> {
    @Override
    public void onReady() {
      synchronized (pending) {
        pending.notifyAll();
      }
    }

    @Override
    public void onMessage(ComputeResponse answer) {
      CompletableFuture<ComputeResponse> waiting;
      synchronized (pending) {
        waiting = pending.remove(answer.getRequestId());
      }
      call.request(1);
      if (waiting == null) {
        call.cancel("request_id: answers no message: \"" + answer.getRequestId() + '"', null);
        return;
      }
      room.release();
      if (answer.getStatus().getCode() == 0) {
        waiting.complete(answer);
      } else {
        waiting.completeExceptionally(LossdException.of(answer.getStatus()));
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      Status why = status.isOk() ? Status.UNAVAILABLE.withDescription("the stream ended before the answer") : status;
      LossdException error = LossdException.of(why, trailers);
      List<CompletableFuture<ComputeResponse>> lost;
      synchronized (pending) {
        end = end == null ? error : end;
        lost = new ArrayList<>(pending.values());
        pending.clear();
        pending.notifyAll();
      }
      room.release(lost.size());
      lost.forEach(answer -> answer.completeExceptionally(error));
      if (status.isOk()) {
        ended.complete(null);
      } else {
        ended.completeExceptionally(error);
      }
    }
  }
}
