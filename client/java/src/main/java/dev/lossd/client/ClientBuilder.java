// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import dev.lossd.v1.GetServerInfoResponse;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How a {@link Client} connects and calls. The defaults suit a training loop beside a server of its own. */
public final class ClientBuilder {
  /** What gRPC's 4 MiB are raised to where the server was not asked. */
  static final int DEFAULT_MAX_MESSAGE_BYTES = 256 << 20;

  private static final Pattern HOST_AND_PORT = Pattern.compile("[^/\\s]+:([0-9]+)");

  private final String target;
  private ChannelCredentials credentials = InsecureChannelCredentials.create();
  private Token token = Token.NONE;
  private Duration timeout;
  private Duration connectTimeout = Duration.ofSeconds(10);
  private Duration keepAliveTime = Duration.ofSeconds(30);
  private Duration keepAliveTimeout = Duration.ofSeconds(20);
  private RetryPolicy retry = RetryPolicy.DEFAULT;
  private int maxMessageBytes; // 0: what the server says.

  ClientBuilder(String target) {
    this.target = target;
  }

  /** TLS: {@code TlsChannelCredentials.newBuilder().trustManager(...)}. Default: no encryption. */
  public ClientBuilder credentials(ChannelCredentials credentials) {
    this.credentials = credentials;
    return this;
  }

  /** A bearer token, shown with each call. */
  public ClientBuilder token(String token) {
    return token(() -> token);
  }

  /** Where to get the token of each call from, so that it can rotate. */
  public ClientBuilder token(Supplier<String> source) {
    this.token = new Token(source);
    return this;
  }

  /** Longest time for a call, all attempts together. Default: none. */
  public ClientBuilder timeout(Duration timeout) {
    this.timeout = timeout;
    return this;
  }

  /** How long {@link #connect} waits for a server that serves. Default 10 s. */
  public ClientBuilder connectTimeout(Duration timeout) {
    this.connectTimeout = timeout;
    return this;
  }

  /** A ping after so much silence while calls are under way; below 10 s the server says goodbye. Default 30 s. */
  public ClientBuilder keepAlive(Duration time, Duration timeout) {
    this.keepAliveTime = time;
    this.keepAliveTimeout = timeout;
    return this;
  }

  /** Which failed calls are made again. */
  public ClientBuilder retry(RetryPolicy retry) {
    this.retry = retry;
    return this;
  }

  /** Longest message sent or received. Default: what the server says that it takes. */
  public ClientBuilder maxMessageBytes(int bytes) {
    if (bytes < 1) {
      throw LossdException.usage("maxMessageBytes: expected 1 or more, got " + bytes);
    }
    this.maxMessageBytes = bytes;
    return this;
  }

  /** Connects, waits until the server serves, and takes its limits over. */
  public Client connect() {
    Client client = lazy();
    try {
      GetServerInfoResponse info = client.waitReady(connectTimeout);
      long limit = info.getLimits().getMaxMessageBytes();
      return maxMessageBytes > 0 || limit <= 0
          ? client
          : client.withMaxMessageBytes((int) Math.min(limit, Integer.MAX_VALUE));
    } catch (RuntimeException error) {
      client.close();
      throw error;
    }
  }

  /** As {@link #connect}, but waits for nothing: the first call connects, and messages may have 256 MiB. */
  public Client lazy() {
    if (!target.startsWith("unix:")) {
      checkAddress();
    }
    String uri = target.startsWith("unix:") ? target : "dns:///" + target;
    ManagedChannel channel = Grpc.newChannelBuilder(uri, credentials)
        .disableRetry() // RetriedCall makes calls again, whatever their size.
        .keepAliveTime(keepAliveTime.toNanos(), TimeUnit.NANOSECONDS)
        .keepAliveTimeout(keepAliveTimeout.toNanos(), TimeUnit.NANOSECONDS)
        .build();
    int limit = maxMessageBytes > 0 ? maxMessageBytes : DEFAULT_MAX_MESSAGE_BYTES;
    return new Client(channel, token, timeout, retry, limit);
  }

  private void checkAddress() {
    String refusal = "target: expected host:port or unix:/path, got \"" + target + '"';
    Matcher address = HOST_AND_PORT.matcher(target);
    if (!address.matches()) {
      throw LossdException.usage(refusal);
    }
    String port = address.group(1);
    if (port.length() > 9 || Integer.parseInt(port) < 1 || Integer.parseInt(port) > 65535) {
      throw LossdException.usage(refusal + "; ports are 1 to 65535");
    }
  }
}
