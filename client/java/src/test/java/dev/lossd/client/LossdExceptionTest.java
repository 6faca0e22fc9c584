// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.time.Duration;
import java.util.Collections;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LossdExceptionTest {
  private static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  @Test
  void detailsNameFieldAndDelay() {
    BadRequest fields = BadRequest.newBuilder()
        .addFieldViolations(BadRequest.FieldViolation.newBuilder().setField("inputs[z].shape"))
        .build();
    RetryInfo retry = RetryInfo.newBuilder()
        .setRetryDelay(com.google.protobuf.Duration.newBuilder().setNanos(250_000_000))
        .build();
    com.google.rpc.Status status = com.google.rpc.Status.newBuilder()
        .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
        .setMessage("full")
        .addDetails(Any.pack(fields))
        .addDetails(Any.pack(retry))
        .build();
    Metadata trailers = StatusProto.toStatusRuntimeException(status).getTrailers();
    LossdException error = LossdException.of(Status.RESOURCE_EXHAUSTED.withDescription("full"), trailers);
    assertEquals(LossdException.Origin.SERVER, error.origin());
    assertEquals("inputs[z].shape", error.fieldViolations().get(0).getField());
    assertEquals(Optional.of(Duration.ofMillis(250)), error.retryDelay());
    assertTrue(error.isRetryable());
  }

  @Test
  void theClientsLimitIsNotTheServersRefusal() {
    Status own = Status.RESOURCE_EXHAUSTED.withDescription("gRPC message exceeds maximum size 8: 9");
    assertEquals(LossdException.Origin.CLIENT, LossdException.of(own, new Metadata()).origin());
    Status refused = Status.RESOURCE_EXHAUSTED.withDescription("too many calls");
    assertEquals(LossdException.Origin.SERVER, LossdException.of(refused, new Metadata()).origin());
  }

  @Test
  void aConnectionLostUnderACallIsUnavailable() {
    Status lost = Status.UNKNOWN.withDescription("channel closed").withCause(new IOException("reset by peer"));
    LossdException error = LossdException.of(lost, new Metadata());
    assertEquals(Status.Code.UNAVAILABLE, error.code());
    assertEquals(LossdException.Origin.CONNECTION, error.origin());
    assertEquals("channel closed: reset by peer", error.getMessage());
    assertTrue(error.isRetryable());
  }

  @Test
  void aNegativePushbackForbidsRetries() {
    Metadata trailers = new Metadata();
    trailers.put(PUSHBACK, "-1");
    assertFalse(LossdException.of(Status.UNAVAILABLE.withDescription("draining"), trailers).isRetryable());
  }

  @Test
  void waitsDoubleAndEnd() {
    RetryPolicy policy = RetryPolicy.DEFAULT;
    LossdException away = LossdException.of(Status.UNAVAILABLE.withDescription("draining"), null);
    long third = policy.waitAfter(away, 2, Duration.ZERO).orElseThrow().toMillis();
    assertTrue(third >= 319 && third <= 481, () -> "0.4 s give or take a fifth, got " + third);
    assertTrue(policy.waitAfter(away, 1000, Duration.ZERO).orElseThrow().toMillis() <= 2400);
    assertTrue(policy.waitAfter(away, 0, Duration.ofSeconds(30)).isEmpty());
    assertTrue(policy.withPatience(Duration.ZERO).waitAfter(away, 0, Duration.ZERO).isEmpty());
    Metadata trailers = new Metadata();
    trailers.put(PUSHBACK, "5000");
    LossdException full = LossdException.of(Status.RESOURCE_EXHAUSTED.withDescription("full"), trailers);
    Set<Long> waits = new HashSet<>();
    for (int i = 0; i < 20; ++i) {
      waits.add(policy.waitAfter(full, 0, Duration.ZERO).orElseThrow().toNanos());
    }
    assertTrue(Collections.min(waits) >= 5e9 && Collections.max(waits) <= 6e9 && waits.size() > 1, waits::toString);
    assertTrue(policy.waitAfter(full, 4, Duration.ZERO).isEmpty());
  }
}
