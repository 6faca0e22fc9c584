// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.conformance;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.lossd.client.Client;
import dev.lossd.client.ClientBuilder;
import dev.lossd.client.ComputeStream;
import dev.lossd.client.LossdException;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.GetServerInfoResponse;
import dev.lossd.v1.Limits;
import dev.lossd.v1.LossInfo;
import io.grpc.TlsChannelCredentials;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The conformance suite's runner (tests/conformance/README.md): {@code Conformance PLAN}. */
public final class Conformance {
  private static final Gson GSON = new Gson();
  private static final BufferedReader INPUT =
      new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

  /** A case that this runner or client cannot do. */
  private static final class Skipped extends Exception {
    private static final long serialVersionUID = 1;

    Skipped(String why) {
      super(why);
    }
  }

  private final JsonObject json;
  private final JsonObject server;
  private final JsonObject settings;

  private Conformance(JsonObject json, JsonObject plan) {
    this.json = json;
    this.server = plan.getAsJsonObject("servers").getAsJsonObject(json.get("server").getAsString());
    this.settings = json.has("client") ? json.getAsJsonObject("client") : new JsonObject();
  }

  public static void main(String[] arguments) throws Exception {
    JsonObject plan = read(Path.of(arguments[0]));
    List<Path> files;
    try (Stream<Path> found = Files.list(Path.of(plan.get("cases").getAsString()))) {
      files = found.filter(path -> path.toString().endsWith(".json")).sorted().collect(Collectors.toList());
    }
    for (Path file : files) {
      String name = file.getFileName().toString().replaceFirst("\\.json$", "");
      if (!plan.has("only") || plan.getAsJsonArray("only").contains(GSON.toJsonTree(name))) {
        report(name, new Conformance(read(file), plan));
      }
    }
    System.exit(0); // Not waiting for gRPC's threads.
  }

  private static void report(String name, Conformance test) {
    long start = System.nanoTime();
    String verdict = "pass";
    String text = "";
    try {
      test.run();
    } catch (Skipped why) {
      verdict = "skip";
      text = why.getMessage();
    } catch (Exception | AssertionError failure) {
      verdict = "fail";
      text = String.valueOf(failure);
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    System.out.println(GSON.toJson(Map.of("case", name, "verdict", verdict, "text", text, "seconds", seconds)));
  }

  private static JsonObject read(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  /** Asks the suite and waits for its answer. */
  private JsonObject ask(String what) throws IOException {
    synchronized (INPUT) {
      System.out.println(GSON.toJson(Map.of("ask", what, "server", json.get("server").getAsString())));
      return JsonParser.parseString(INPUT.readLine()).getAsJsonObject();
    }
  }

  private int setting(String name) {
    return settings.get(name).getAsInt();
  }

  private ClientBuilder builder() throws IOException {
    ClientBuilder builder = Client.builder(server.get("target").getAsString());
    String wanted = settings.has("token") ? settings.get("token").getAsString() : "own";
    if (wanted.equals("wrong")) {
      builder.token("another");
    } else if (wanted.equals("own") && server.has("token")) {
      builder.token(server.get("token").getAsString());
    }
    if (server.has("ca")) {
      builder.credentials(
          TlsChannelCredentials.newBuilder().trustManager(new File(server.get("ca").getAsString())).build());
    }
    if (settings.has("timeout_ms")) {
      builder.timeout(Duration.ofMillis(setting("timeout_ms")));
    }
    if (settings.has("max_message_bytes")) {
      builder.maxMessageBytes(setting("max_message_bytes"));
    }
    return builder;
  }

  /** One that asks nothing first, where the case is about who cannot ask. */
  private Client client() throws IOException {
    JsonObject expect = json.getAsJsonArray("messages").get(0).getAsJsonObject().getAsJsonObject("expect");
    boolean asks = !expect.has("error") || json.get("kind").getAsString().equals("rotate");
    return asks ? builder().connect() : builder().lazy();
  }

  private List<ConformanceMessage> messages() throws IOException {
    List<ConformanceMessage> messages = new ArrayList<>();
    for (JsonElement message : json.getAsJsonArray("messages")) {
      messages.add(new ConformanceMessage(message.getAsJsonObject()));
    }
    return messages;
  }

  private void run() throws Exception {
    if (settings.has("compression")) {
      throw new Skipped("this client compresses nothing");
    }
    switch (json.get("kind").getAsString()) {
      case "compute" -> compute();
      case "stream" -> stream();
      case "info" -> info();
      case "restart" -> restart();
      case "rotate" -> rotate();
      default -> throw new Skipped("kind " + json.get("kind"));
    }
  }

  private static void check(ConformanceMessage message, CompletableFuture<ComputeResponse> answer) {
    try {
      message.check(answer.join());
    } catch (CompletionException error) {
      message.check((LossdException) error.getCause());
    } catch (CancellationException cancelled) {
      message.check(cancelled);
    }
  }

  private void compute() throws Exception {
    ConformanceMessage message = messages().get(0);
    try (Client client = client()) {
      CompletableFuture<ComputeResponse> answer = client.computeAsync(message.request());
      if (settings.has("cancel_after_ms")) {
        TimeUnit.MILLISECONDS.sleep(setting("cancel_after_ms"));
        answer.cancel(true);
      }
      check(message, answer);
    }
  }

  private void stream() throws Exception {
    List<ConformanceMessage> messages = messages();
    try (Client client = client(); ComputeStream stream = client.openStream()) {
      List<CompletableFuture<ComputeResponse>> answers = new ArrayList<>();
      for (ConformanceMessage message : messages) {
        answers.add(stream.send(message.request()));
      }
      for (int i = 0; i < answers.size(); ++i) {
        check(messages.get(i), answers.get(i));
      }
      stream.finish();
    }
  }

  private void info() throws Exception {
    JsonObject expected = json.getAsJsonObject("expect").getAsJsonObject("info");
    try (Client client = builder().connect()) {
      GetServerInfoResponse info = client.serverInfo();
      List<String> losses = info.getLossesList().stream().map(LossInfo::getName).collect(Collectors.toList());
      for (JsonElement name : expected.getAsJsonArray("losses")) {
        ConformanceMessage.ensure(losses.contains(name.getAsString()), () -> "expected " + name + " in " + losses);
      }
      for (Map.Entry<String, JsonElement> limit : expected.getAsJsonObject("limits").entrySet()) {
        Object got = info.getLimits().getField(Limits.getDescriptor().findFieldByName(limit.getKey()));
        ConformanceMessage.ensure(((Number) got).doubleValue() == limit.getValue().getAsDouble(),
            () -> limit.getKey() + ": expected " + limit.getValue() + ", got " + got);
      }
      ConformanceMessage.ensure(client.maxMessageBytes() == info.getLimits().getMaxMessageBytes(),
          () -> "the client's limit is " + client.maxMessageBytes());
    }
  }

  private void restart() throws Exception {
    ConformanceMessage message = messages().get(0);
    AtomicInteger begun = new AtomicInteger();
    AtomicInteger answered = new AtomicInteger();
    ExecutorService workers = Executors.newFixedThreadPool(setting("concurrency"));
    try (Client client = client()) {
      List<Future<Void>> done = new ArrayList<>();
      for (int worker = 0; worker < setting("concurrency"); ++worker) {
        done.add(workers.submit(() -> {
          while (begun.getAndIncrement() < setting("calls")) {
            message.check(client.compute(message.request()));
            if (answered.incrementAndGet() == setting("restart_after")) {
              ask("restart");
            }
          }
          return null;
        }));
      }
      for (Future<Void> worker : done) {
        worker.get();
      }
    } finally {
      workers.shutdownNow();
    }
  }

  private void rotate() throws Exception {
    ConformanceMessage message = messages().get(0);
    try (Client client = client()) {
      client.compute(message.request());
      String token = ask("rotate_token").get("token").getAsString();
      check(message, client.computeAsync(message.request()));
      client.withToken(token).compute(message.request());
    }
  }
}
