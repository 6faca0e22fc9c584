// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.GetServerInfoRequest;
import dev.lossd.v1.GetServerInfoResponse;
import io.grpc.CallOptions;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * A connection to a lossd server, which comes back by itself. Thread-safe.
 *
 * <pre>{@code
 * try (Client client = Client.builder("localhost:50051").connect()) {
 *   ComputeRequest request = ComputeRequest.newBuilder()
 *       .setLoss(LossSpec.newBuilder().setNtXent(NtXent.newBuilder().setTemperature(0.1)))
 *       .addInputs(Tensors.of("out_1", out1, 256, 128))
 *       .addInputs(Tensors.of("out_2", out2, 256, 128))
 *       .build();
 *   ComputeResponse response = client.compute(request);
 *   float[] gradient = Tensors.floats(Tensors.gradient(response, "out_1").orElseThrow());
 * }
 * }</pre>
 *
 * What fails throws {@link LossdException}, or completes a future with it.
 */
public final class Client implements AutoCloseable {
  // Longer is as good as never.
  private static final Duration LONGEST_TIMEOUT = Duration.ofDays(365);
  private static final Duration PROBE = Duration.ofSeconds(1);

  private final ManagedChannel channel;
  private final CallOptions options; // With the limits of messages.
  private final Token token;
  private final Duration timeout; // Null: none.
  private final RetryPolicy retry;
  private final int maxMessageBytes;

  Client(ManagedChannel channel, Token token, Duration timeout, RetryPolicy retry, int maxMessageBytes) {
    this.channel = channel;
    this.token = token;
    this.options = CallOptions.DEFAULT
        .withMaxInboundMessageSize(maxMessageBytes)
        .withMaxOutboundMessageSize(maxMessageBytes);
    this.timeout = timeout;
    this.retry = retry;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** Settings of a client of {@code target}, {@code host:port} or {@code unix:/path}. */
  public static ClientBuilder builder(String target) {
    return new ClientBuilder(target);
  }

  /** The same connection, with another limit of a call's time, all attempts together. */
  public Client withTimeout(Duration timeout) {
    return new Client(channel, token, timeout, retry, maxMessageBytes);
  }

  /** The same connection, with another token. */
  public Client withToken(String token) {
    return new Client(channel, new Token(() -> token), timeout, retry, maxMessageBytes);
  }

  Client withMaxMessageBytes(int bytes) {
    return new Client(channel, token, timeout, retry, bytes);
  }

  /** Longest message sent or received. */
  public int maxMessageBytes() {
    return maxMessageBytes;
  }

  /** Computes a loss and its gradients, and waits for them; a thread that is interrupted cancels the call. */
  public ComputeResponse compute(ComputeRequest request) {
    return await(computeAsync(request));
  }

  /** Computes a loss and its gradients. Cancelling the future cancels the call. */
  public CompletableFuture<ComputeResponse> computeAsync(ComputeRequest request) {
    try {
      checkSize(request);
    } catch (LossdException error) {
      return CompletableFuture.failedFuture(error);
    }
    return RetriedCall.start(channel, Methods.COMPUTE, request, within(timeout), token, retry);
  }

  /** Opens a stream of pipelined calls; this client's timeout holds for each of its messages. */
  public ComputeStream openStream() {
    checkOpen();
    return new ComputeStream(this, channel.newCall(Methods.COMPUTE_STREAM, options), token.headers());
  }

  /** What the server is and can do. */
  public GetServerInfoResponse serverInfo() {
    return info(timeout, retry);
  }

  /** Waits until the server serves, at most {@code timeout}, and says what it is. */
  public GetServerInfoResponse waitReady(Duration timeout) {
    return info(timeout, retry.withPatience(timeout));
  }

  /** Whether the server answers now. */
  public boolean isReady() {
    checkOpen();
    try {
      info(PROBE, retry.withPatience(Duration.ZERO));
      return true;
    } catch (LossdException error) {
      return false;
    }
  }

  /** Cancels what is under way and later calls, and closes the connection: of all clients made of this one. */
  @Override
  public void close() {
    channel.shutdownNow();
  }

  private void checkOpen() {
    if (channel.isShutdown()) {
      throw cancelled("the client was closed", null);
    }
  }

  Duration timeout() {
    return timeout != null && timeout.compareTo(LONGEST_TIMEOUT) < 0 ? timeout : null;
  }

  void checkSize(ComputeRequest request) {
    long bytes = request.getInputsList().stream().mapToLong(tensor -> tensor.getData().size()).sum();
    if (bytes <= maxMessageBytes) { // Else the message's own sum could be beyond an int.
      bytes = request.getSerializedSize();
    }
    if (bytes > maxMessageBytes) {
      throw LossdException.tooLarge("expected a request of at most " + maxMessageBytes + " bytes, got " + bytes);
    }
  }

  private GetServerInfoResponse info(Duration timeout, RetryPolicy retry) {
    return await(RetriedCall.start(channel, Methods.GET_SERVER_INFO, GetServerInfoRequest.getDefaultInstance(),
        within(timeout), token, retry));
  }

  private CallOptions within(Duration timeout) {
    return timeout == null || timeout.compareTo(LONGEST_TIMEOUT) >= 0
        ? options
        : options.withDeadline(Deadline.after(timeout.toNanos(), TimeUnit.NANOSECONDS));
  }

  static <R> R await(CompletableFuture<R> call) {
    try {
      return call.get();
    } catch (InterruptedException interrupted) {
      call.cancel(true);
      Thread.currentThread().interrupt();
      throw cancelled("the thread was interrupted", interrupted);
    } catch (CancellationException cancelled) {
      throw cancelled("cancelled by the caller", cancelled);
    } catch (ExecutionException error) {
      if (error.getCause() instanceof LossdException failure) {
        failure.addSuppressed(new Throwable("called from")); // Its own trace is that of gRPC's thread.
        throw failure;
      }
      throw new IllegalStateException(error.getCause()); // What a source of tokens threw.
    }
  }

  static LossdException cancelled(String text, Exception cause) {
    return new LossdException(Status.Code.CANCELLED, LossdException.Origin.CLIENT, text, cause);
  }
}
