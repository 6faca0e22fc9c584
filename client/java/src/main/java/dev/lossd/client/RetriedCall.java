// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A unary call with all its attempts. {@link #cancel} ends the attempt under way. */
final class RetriedCall<Q, R> extends CompletableFuture<R> {
  private final ManagedChannel channel;
  private final MethodDescriptor<Q, R> method;
  private final Q request;
  private final CallOptions options;
  private final Token token;
  private final RetryPolicy retry;
  private int attempts;
  private long firstFailure; // System.nanoTime.
  private volatile ClientCall<Q, R> call;

  /** Starts it. {@code options} has the deadline of all attempts together. */
  static <Q, R> RetriedCall<Q, R> start(
      ManagedChannel channel, MethodDescriptor<Q, R> method, Q request, CallOptions options, Token token,
      RetryPolicy retry) {
    RetriedCall<Q, R> started = new RetriedCall<>(channel, method, request, options, token, retry);
    started.attempt();
    return started;
  }

  private RetriedCall(
      ManagedChannel channel, MethodDescriptor<Q, R> method, Q request, CallOptions options, Token token,
      RetryPolicy retry) {
    this.channel = channel;
    this.method = method;
    this.request = request;
    this.options = options;
    this.token = token;
    this.retry = retry;
  }

  @Override
  public boolean cancel(boolean mayInterrupt) {
    boolean cancelled = super.cancel(mayInterrupt);
    ClientCall<Q, R> underWay = call;
    if (cancelled && underWay != null) {
      underWay.cancel("cancelled by the caller", null);
    }
    return cancelled;
  }

  private void attempt() {
    if (isDone()) {
      return;
    }
    Metadata headers;
    try {
      headers = token.headers();
    } catch (RuntimeException error) {
      completeExceptionally(error);
      return;
    }
    ClientCall<Q, R> next = channel.newCall(method, options);
    call = next;
    next.start(new Answer(), headers);
    next.request(2); // As for every unary call: one that came twice would be seen.
    next.sendMessage(request);
    next.halfClose();
    if (isCancelled()) {
      next.cancel("cancelled by the caller", null); // Between the look at isDone and the start.
    }
  }

  private void failed(LossdException error) {
    if (channel.isShutdown()) {
      completeExceptionally(Client.cancelled("the client was closed", error));
      return;
    }
    firstFailure = attempts == 0 ? System.nanoTime() : firstFailure;
    Duration elapsed = Duration.ofNanos(System.nanoTime() - firstFailure);
    Optional<Duration> wait = retry.waitAfter(error, attempts++, elapsed).filter(this::endsInTime);
    if (wait.isEmpty()) {
      completeExceptionally(error);
      return;
    }
    delayedExecutor(wait.get().toNanos(), TimeUnit.NANOSECONDS).execute(() -> {
      channel.resetConnectBackoff(); // Which otherwise grows to minutes while a server is away.
      attempt();
    });
  }

  private boolean endsInTime(Duration wait) {
    return options.getDeadline() == null
        || options.getDeadline().timeRemaining(TimeUnit.NANOSECONDS) > wait.toNanos();
  }

  private final class Answer extends ClientCall.Listener<R> {
    private R response;

    @Override
    public void onMessage(R message) {
      response = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (status.isOk() && response != null) {
        complete(response);
      } else {
        Status end = status.isOk() ? Status.INTERNAL.withDescription("the call ended without an answer") : status;
        failed(LossdException.of(end, trailers));
      }
    }
  }
}
