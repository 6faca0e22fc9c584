// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A lossd process of the tests' own. Tests that want one are skipped, and say so, without LOSSD_BIN_DIR. */
final class ServerProcess implements AutoCloseable {
  private final Path folder;
  private final List<String> command = new ArrayList<>();
  private final String target;
  private Process process;

  ServerProcess(String... flags) throws IOException, InterruptedException {
    String bin = System.getenv("LOSSD_BIN_DIR");
    Path binary = Path.of(bin == null ? "" : bin, "lossd");
    Assumptions.assumeTrue(Files.isExecutable(binary), "SKIPPED: no lossd in LOSSD_BIN_DIR (" + binary + ")");
    folder = Files.createTempDirectory("lossd-java");
    try (ServerSocket probe = new ServerSocket(0)) {
      target = "127.0.0.1:" + probe.getLocalPort();
    }
    command.addAll(List.of(binary.toString(), "--listen=" + target, "--admin_listen=", "--http_listen=",
        "--port_file=" + ports()));
    command.addAll(List.of(flags));
    start();
  }

  String target() {
    return target;
  }

  /** SIGTERM, and another on the same port once it has ended. */
  void restart() throws IOException, InterruptedException {
    stop();
    start();
  }

  void stop() throws InterruptedException {
    process.destroy();
    process.waitFor();
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.deleteIfExists(ports());
    Files.delete(folder);
  }

  private Path ports() {
    return folder.resolve("ports.json");
  }

  private void start() throws IOException, InterruptedException {
    Files.deleteIfExists(ports());
    process = new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!Files.exists(ports())) { // Renamed into place once calls can be served.
      if (!process.isAlive() || System.nanoTime() > end) {
        throw new IOException("lossd does not serve: " + command);
      }
      Thread.sleep(10);
    }
  }
}
