// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import com.google.protobuf.UnsafeByteOperations;
import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.GetServerInfoRequest;
import dev.lossd.v1.GetServerInfoResponse;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import java.io.IOException;
import java.io.InputStream;

/** The calls of lossd.v1.LossService: what a generated stub would say, so that nobody needs the generator of stubs. */
final class Methods {
  static final MethodDescriptor<ComputeRequest, ComputeResponse> COMPUTE =
      method("Compute", MethodType.UNARY, ComputeRequest.getDefaultInstance(), ComputeResponse.getDefaultInstance());
  static final MethodDescriptor<ComputeRequest, ComputeResponse> COMPUTE_STREAM =
      method("ComputeStream", MethodType.BIDI_STREAMING, ComputeRequest.getDefaultInstance(),
          ComputeResponse.getDefaultInstance());
  static final MethodDescriptor<GetServerInfoRequest, GetServerInfoResponse> GET_SERVER_INFO =
      method("GetServerInfo", MethodType.UNARY, GetServerInfoRequest.getDefaultInstance(),
          GetServerInfoResponse.getDefaultInstance());

  private Methods() {}

  @SuppressWarnings("unchecked") // A message's parser makes messages of its class.
  private static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
      String name, MethodType type, Q request, R response) {
    return MethodDescriptor.newBuilder(ProtoUtils.marshaller(request),
            new OneCopy<>(ProtoUtils.marshaller(response), (Parser<R>) response.getParserForType()))
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName("lossd.v1.LossService", name))
        .build();
  }

  /** Parses over one array, in which payloads stay, where the library's own marshaller copies them again. */
  private record OneCopy<T>(MethodDescriptor.Marshaller<T> writer, Parser<T> parser)
      implements MethodDescriptor.Marshaller<T> {
    @Override
    public InputStream stream(T message) {
      return writer.stream(message);
    }

    @Override
    public T parse(InputStream stream) {
      try {
        byte[] bytes = stream instanceof KnownLength ? stream.readNBytes(stream.available()) : stream.readAllBytes();
        CodedInputStream input = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
        input.enableAliasing(true);
        T message = parser.parseFrom(input);
        input.checkLastTagWas(0);
        return message;
      } catch (IOException error) {
        throw Status.INTERNAL.withDescription("the answer cannot be read").withCause(error).asRuntimeException();
      }
    }
  }
}
