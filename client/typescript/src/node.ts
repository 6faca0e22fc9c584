// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The client for Node: gRPC over HTTP/2.

import { createGrpcTransport, Http2SessionManager, type GrpcTransportOptions } from "@connectrpc/connect-node";
import { type ClientOptions, LossClient } from "./client.js";
import type { CallOptions } from "./retry.js";
import { BidiStream, type ComputeStream } from "./stream.js";

export * from "./shared.js";

export interface NodeOptions extends ClientOptions {
  /** PEM texts: roots to trust (absent: the system's), and the client's own certificate and key. */
  tls?: { ca?: string; cert?: string; key?: string };
  /** Further options of Connect's transport. */
  transport?: Partial<GrpcTransportOptions>;
}

/** Calls a server at "host:port", or at an http: or https: URL. */
export class Client extends LossClient {
  readonly #sessions: Http2SessionManager;

  constructor(address: string, options: NodeOptions = {}) {
    const baseUrl = address.includes("://") ? address : `${options.tls ? "https" : "http"}://${address}`;
    // A ping after so much silence while calls are under way finds dead peers; below 10 s the server says goodbye.
    const sessions = new Http2SessionManager(baseUrl, { pingIntervalMs: 30_000, pingTimeoutMs: 20_000 }, options.tls ?? {});
    super((bytes, interceptors) => createGrpcTransport({
      baseUrl, sessionManager: sessions, readMaxBytes: bytes, writeMaxBytes: bytes, acceptCompression: [], interceptors, ...options.transport,
    }), options);
    this.#sessions = sessions;
  }

  /** Opens a stream. Its options cover it as a whole; a message has its own timeout in its options. */
  async stream(options: CallOptions = {}): Promise<ComputeStream> {
    if (this.maxMessageBytes === undefined) await this.serverInfo(options); // Tries again; a stream does not.
    const client = await this.connected();
    return new BidiStream((requests) => client.computeStream(requests, { ...options }));
  }

  /** Closes the connection; calls under way fail, and a later one connects anew. */
  close(): void {
    this.#sessions.abort();
  }
}
