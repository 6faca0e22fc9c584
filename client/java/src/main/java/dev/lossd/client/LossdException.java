// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A failed call. Its message names the field or limit, what was expected and what came. */
public final class LossdException extends RuntimeException {
  /** Who refused. */
  public enum Origin {
    /** The server: code, message and details are its own. */
    SERVER,
    /** This client: its largest message, its deadline, what it was given. */
    CLIENT,
    /** The connection: there is none, or it was lost under the call. */
    CONNECTION
  }

  private static final long serialVersionUID = 1;
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
  private static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  private final Status.Code code;
  private final Origin origin;
  private final transient List<BadRequest.FieldViolation> fieldViolations = new ArrayList<>();
  private final transient List<QuotaFailure.Violation> quotaViolations = new ArrayList<>();
  private Duration retryDelay;
  private boolean retryForbidden;

  LossdException(Status.Code code, Origin origin, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
    this.origin = origin;
  }

  /** Of what the caller gave this client. */
  static LossdException usage(String message) {
    return new LossdException(Status.Code.INVALID_ARGUMENT, Origin.CLIENT, message, null);
  }

  /** Of a message beyond this client's limit. */
  static LossdException tooLarge(String message) {
    return new LossdException(Status.Code.RESOURCE_EXHAUSTED, Origin.CLIENT, "maxMessageBytes: " + message, null);
  }

  /** Of a call's end. Trailers may be null. */
  static LossdException of(Status status, Metadata trailers) {
    byte[] details = trailers == null ? null : trailers.get(DETAILS);
    LossdException error = details == null ? withoutDetails(status) : withDetails(status, details);
    String pushback = trailers == null ? null : trailers.get(PUSHBACK);
    if (pushback != null) {
      error.pushBack(pushback);
    }
    return error;
  }

  /** Of a message inside a stream. */
  static LossdException of(com.google.rpc.Status status) {
    Status.Code code = Status.fromCodeValue(status.getCode()).getCode();
    LossdException error = new LossdException(code, Origin.SERVER, status.getMessage(), null);
    status.getDetailsList().forEach(error::add);
    return error;
  }

  private static LossdException withDetails(Status status, byte[] details) {
    try {
      return of(com.google.rpc.Status.parseFrom(details));
    } catch (InvalidProtocolBufferException unreadable) {
      return new LossdException(status.getCode(), Origin.SERVER, status.getDescription(), unreadable);
    }
  }

  /** The server attaches details to all of its refusals, but for a few that gRPC makes in its name. */
  private static LossdException withoutDetails(Status status) {
    String text = status.getDescription() == null ? String.valueOf(status.getCause()) : status.getDescription();
    Throwable cause = status.getCause();
    switch (status.getCode()) {
      case RESOURCE_EXHAUSTED:
        return text.contains("gRPC message exceeds maximum size")
            ? tooLarge("the answer is larger: " + text)
            : new LossdException(status.getCode(), Origin.SERVER, text, cause);
      case DEADLINE_EXCEEDED:
        return new LossdException(status.getCode(), Origin.CLIENT, "timeout: " + text, cause);
      case CANCELLED:
        return new LossdException(status.getCode(), Origin.CLIENT, text, cause);
      case UNKNOWN: // "channel closed": what grpc-java says of a connection lost under a call.
      case INTERNAL:
      case UNAVAILABLE: // A computation has no effects, so that it can be made again in all three.
        boolean saysMore = cause != null && !text.contains(String.valueOf(cause.getMessage()));
        String why = saysMore ? text + ": " + cause.getMessage() : text;
        return new LossdException(Status.Code.UNAVAILABLE, Origin.CONNECTION, why, cause);
      default:
        return new LossdException(status.getCode(), Origin.SERVER, text, cause);
    }
  }

  private void add(Any detail) {
    try {
      if (detail.is(BadRequest.class)) {
        fieldViolations.addAll(detail.unpack(BadRequest.class).getFieldViolationsList());
      } else if (detail.is(QuotaFailure.class)) {
        quotaViolations.addAll(detail.unpack(QuotaFailure.class).getViolationsList());
      } else if (detail.is(RetryInfo.class)) {
        com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
        retryDelay = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
      }
    } catch (InvalidProtocolBufferException | ArithmeticException unreadable) {
      addSuppressed(unreadable); // The code and the text still say what there is to say.
    }
  }

  private void pushBack(String milliseconds) {
    try {
      retryDelay = Duration.ofMillis(Long.parseUnsignedLong(milliseconds) & Integer.MAX_VALUE);
    } catch (NumberFormatException negative) {
      retryForbidden = true; // The server wants no retries.
    }
  }

  /** The gRPC code. */
  public Status.Code code() {
    return code;
  }

  /** Who refused. */
  public Origin origin() {
    return origin;
  }

  /** The fields that must change, such as {@code inputs[anchor.1].shape}; of INVALID_ARGUMENT. */
  public List<BadRequest.FieldViolation> fieldViolations() {
    return List.copyOf(fieldViolations);
  }

  /** The limits that were exceeded; of RESOURCE_EXHAUSTED. */
  public List<QuotaFailure.Violation> quotaViolations() {
    return List.copyOf(quotaViolations);
  }

  /** How long to wait before the same request may succeed, where the server says so. */
  public Optional<Duration> retryDelay() {
    return Optional.ofNullable(retryDelay);
  }

  /** Whether the same request may succeed later: UNAVAILABLE, or whatever the server names a delay for. */
  public boolean isRetryable() {
    return !retryForbidden && (code == Status.Code.UNAVAILABLE || retryDelay != null);
  }

  @Override
  public String toString() {
    return "LossdException: " + code + " (" + origin + "): " + getMessage();
  }
}
