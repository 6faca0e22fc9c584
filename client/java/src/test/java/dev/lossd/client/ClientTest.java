// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.LossSpec;
import dev.lossd.v1.NtXent;
import dev.lossd.v1.SquaredNorm;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The client against a real server. */
class ClientTest {
  private static ComputeRequest norm(int elements) {
    float[] ones = new float[elements];
    Arrays.fill(ones, 1);
    return ComputeRequest.newBuilder()
        .setLoss(LossSpec.newBuilder().setSquaredNorm(SquaredNorm.getDefaultInstance()))
        .addInputs(Tensors.of("x.0", ones, elements))
        .build();
  }

  private static ComputeRequest views(int rows1, int rows2) {
    return ComputeRequest.newBuilder()
        .setLoss(LossSpec.newBuilder().setNtXent(NtXent.getDefaultInstance()))
        .addInputs(Tensors.of("out_1", new float[rows1 * 64], rows1, 64))
        .addInputs(Tensors.of("out_2", new float[rows2 * 64], rows2, 64))
        .build();
  }

  private static LossdException failure(Runnable call) {
    return assertThrows(LossdException.class, call::run);
  }

  private static LossdException failure(CompletableFuture<?> call) {
    return (LossdException) assertThrows(CompletionException.class, call::join).getCause();
  }

  @Test
  void gradientsComeBackBeyondGrpcsOwnLimit() throws Exception {
    try (ServerProcess server = new ServerProcess(); Client client = Client.builder(server.target()).connect()) {
      assertEquals(256 << 20, client.maxMessageBytes());
      ComputeResponse response = client.compute(norm(3_000_000));
      assertEquals(1_500_000.0, response.getObjective());
      float[] gradient = Tensors.floats(Tensors.gradient(response, "x.0").orElseThrow());
      assertEquals(3_000_000, gradient.length);
      assertEquals(1, gradient[2_999_999]);
    }
  }

  @Test
  void bfloat16GradientsAreTheInputsToTheBit() throws Exception {
    try (ServerProcess server = new ServerProcess(); Client client = Client.builder(server.target()).connect()) {
      ComputeRequest request = norm(1).toBuilder()
          .setInputs(0, Tensors.ofBfloat16("x.0", new float[] {1.1f, -2.7f, 1e30f}, 3)).build();
      ComputeResponse response = client.compute(request);
      short[] gradient = Tensors.bits(Tensors.gradient(response, "x.0").orElseThrow());
      assertArrayEquals(Tensors.bits(request.getInputs(0)), gradient);
    }
  }

  @Test
  void theServersRefusalNamesTheField() throws Exception {
    try (ServerProcess server = new ServerProcess(); Client client = Client.builder(server.target()).connect()) {
      LossdException error = failure(() -> client.compute(views(4, 3)));
      assertEquals(Status.Code.INVALID_ARGUMENT, error.code());
      assertEquals(LossdException.Origin.SERVER, error.origin());
      assertEquals("inputs[out_2].shape", error.fieldViolations().get(0).getField());
    }
  }

  @Test
  void limitsComeFromTheServer() throws Exception {
    try (ServerProcess server = new ServerProcess("--max_message_bytes=1000000");
        Client client = Client.builder(server.target()).connect();
        Client wider = Client.builder(server.target()).maxMessageBytes(100 << 20).connect()) {
      LossdException own = failure(() -> client.compute(norm(1_000_000)));
      assertEquals(Status.Code.RESOURCE_EXHAUSTED, own.code());
      assertEquals(LossdException.Origin.CLIENT, own.origin());
      assertTrue(own.getMessage().contains("at most 1000000 bytes"), own.getMessage());
      assertEquals(Status.Code.RESOURCE_EXHAUSTED, failure(() -> wider.compute(norm(1_000_000))).code());
    }
  }

  @Test
  void deadlinesPass() throws Exception {
    try (ServerProcess server = new ServerProcess("--threads=1");
        Client client = Client.builder(server.target()).timeout(Duration.ofMillis(200)).connect()) {
      LossdException error = failure(() -> client.compute(views(8192, 8192))); // Seconds of work.
      assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
    }
  }

  @Test
  void cancelledCallsLeaveTheServer() throws Exception {
    try (ServerProcess server = new ServerProcess("--max_queue_delay=60s", "--max_concurrent_calls=2");
        Client client = Client.builder(server.target()).connect()) {
      // Three times as many calls as the server takes at a time: each finds room only because those before it left.
      for (int i = 0; i < 6; ++i) {
        CompletableFuture<ComputeResponse> call = client.computeAsync(norm(4));
        client.serverInfo();
        assertTrue(call.cancel(true));
      }
      assertTrue(client.isReady());
    }
  }

  @Test
  void closingEndsWhatIsUnderWay() throws Exception {
    try (ServerProcess server = new ServerProcess("--max_queue_delay=60s")) {
      Client client = Client.builder(server.target()).connect();
      CompletableFuture<ComputeResponse> call = client.computeAsync(norm(4));
      CompletableFuture<ComputeResponse> message = client.openStream().send(norm(4));
      client.close();
      assertEquals(Status.Code.CANCELLED, failure(call).code());
      assertEquals(Status.Code.UNAVAILABLE, failure(message).code());
      for (Executable late : List.<Executable>of(
          () -> client.compute(norm(4)), client::openStream, client::serverInfo, client::isReady,
          () -> client.waitReady(Duration.ofSeconds(9)))) {
        LossdException error = assertThrows(LossdException.class, late);
        assertEquals(Status.Code.CANCELLED, error.code());
        assertEquals("the client was closed", error.getMessage());
      }
    }
  }

  @Test
  void twoThousandCallsAtATimeAreAllAnswered() throws Exception {
    try (ServerProcess server = new ServerProcess(); Client client = Client.builder(server.target()).connect()) {
      List<CompletableFuture<ComputeResponse>> calls = new ArrayList<>(); // The server takes 256 at a time.
      for (int i = 0; i < 2000; ++i) {
        calls.add(client.computeAsync(norm(i % 100 + 1)));
      }
      for (int i = 0; i < calls.size(); ++i) {
        assertEquals(0.5 * (i % 100 + 1), calls.get(i).join().getObjective());
      }
    }
  }

  @Test
  void noTimeoutIsTooLong() throws Exception {
    try (ServerProcess server = new ServerProcess(); Client client = Client.builder(server.target()).connect()) {
      for (Duration timeout : List.of(Duration.ofSeconds(Long.MAX_VALUE), Duration.ofDays(300))) {
        Client patient = client.withTimeout(timeout);
        assertEquals(2.0, patient.compute(norm(4)).getObjective());
        try (ComputeStream stream = patient.openStream()) {
          assertEquals(2.0, stream.send(norm(4)).join().getObjective());
        }
      }
    }
  }

  @Test
  void aStreamsAnswersFindTheirMessagesAndErrorsEndOnlyTheirs() throws Exception {
    try (ServerProcess server = new ServerProcess();
        Client client = Client.builder(server.target()).timeout(Duration.ofMinutes(1)).connect();
        ComputeStream stream = client.openStream()) {
      List<CompletableFuture<ComputeResponse>> answers = new ArrayList<>();
      for (int i = 0; i < 300; ++i) {
        answers.add(stream.send(i % 10 == 3 ? views(4, 3) : norm(i + 1)));
      }
      for (int i = 0; i < answers.size(); ++i) {
        if (i % 10 == 3) {
          assertEquals("inputs[out_2].shape", failure(answers.get(i)).fieldViolations().get(0).getField());
        } else {
          assertEquals(0.5 * (i + 1), answers.get(i).join().getObjective());
        }
      }
      stream.finish();
      assertEquals(Status.Code.INVALID_ARGUMENT, failure(stream.send(norm(1))).code());
    }
  }

  @Test
  void aRequestIdUnderWayIsRefusedAndAClosedStreamCancels() throws Exception {
    try (ServerProcess server = new ServerProcess("--max_queue_delay=60s");
        Client client = Client.builder(server.target()).connect()) {
      ComputeStream stream = client.openStream();
      ComputeRequest named = norm(4).toBuilder().setRequestId("same").build();
      CompletableFuture<ComputeResponse> answer = stream.send(named);
      assertEquals(Status.Code.INVALID_ARGUMENT, failure(stream.send(named)).code());
      stream.close();
      assertEquals(Status.Code.CANCELLED, failure(answer).code());
      assertEquals(LossdException.Origin.CLIENT, failure(stream.send(norm(1))).origin());
    }
  }

  @Test
  void noCallIsLostWhenTheServerRestarts() throws Exception {
    try (ServerProcess server = new ServerProcess(); Client client = Client.builder(server.target()).connect()) {
      ExecutorService callers = Executors.newFixedThreadPool(4);
      List<Future<?>> done = new ArrayList<>();
      for (int caller = 0; caller < 4; ++caller) {
        done.add(callers.submit(() -> {
          for (int i = 0; i < 150; ++i) {
            client.compute(norm(100_000)); // 400 KB: more than gRPC keeps for retries by default.
          }
        }));
      }
      for (int i = 0; i < 3; ++i) {
        server.restart();
      }
      for (Future<?> caller : done) {
        caller.get();
      }
      callers.shutdown();
    }
  }

  @Test
  void aBrokenStreamSaysSoToThoseThatFollow() throws Exception {
    try (ServerProcess server = new ServerProcess();
        Client client = Client.builder(server.target()).connect();
        ComputeStream stream = client.openStream()) {
      stream.send(norm(4)).join();
      server.stop();
      assertEquals(Status.Code.UNAVAILABLE, failure(stream.send(norm(4))).code());
    }
  }

  @Test
  void nobodyIsWaitedForLongerThanTold() {
    RetryPolicy hasty = RetryPolicy.DEFAULT.withPatience(Duration.ofMillis(300));
    try (Client client = Client.builder("127.0.0.1:1").retry(hasty).lazy()) {
      LossdException error = failure(() -> client.compute(norm(4)));
      assertEquals(Status.Code.UNAVAILABLE, error.code());
      assertEquals(LossdException.Origin.CONNECTION, error.origin());
      assertFalse(client.isReady());
    }
    for (String target : List.of("", "localhost", "http://localhost:1", ":1", "localhost:99999", "localhost:0")) {
      LossdException error = failure(() -> Client.builder(target).lazy());
      assertTrue(error.getMessage().startsWith("target: expected host:port or unix:/path, got "), error.getMessage());
      assertEquals(target.matches(".*[90]$"), error.getMessage().endsWith("; ports are 1 to 65535"), target);
    }
  }

  @Test
  void unixSocketsWork(@TempDir Path folder) throws Exception {
    String path = "unix:" + folder.resolve("s");
    try (ServerProcess server = new ServerProcess("--listen=" + path); Client client = Client.builder(path).connect()) {
      assertEquals(2.0, client.compute(norm(4)).getObjective());
    }
  }

  @Test
  void tokensAreShownAndAreNotRepeated(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("token"), "first\n");
    try (ServerProcess server = new ServerProcess("--auth_token_file=" + file);
        Client client = Client.builder(server.target()).token(() -> read(file)).connect()) {
      client.compute(norm(4));
      LossdException wrong = failure(() -> client.withToken("another").compute(norm(4)));
      assertEquals(Status.Code.UNAUTHENTICATED, wrong.code());
      assertEquals(LossdException.Origin.SERVER, wrong.origin());
      LossdException words = failure(() -> client.withToken("two words").compute(norm(4)));
      assertEquals(Status.Code.INVALID_ARGUMENT, words.code());
      assertFalse(words.getMessage().contains("two"), words.getMessage());
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    }
  }
}
