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

const ADDRESS = /^(https?:\/\/)?(?:\[[^\]]+\]|[^:/[\]\s]+)(?::([0-9]+))?(\/\S*)?$/;

/** The URL of an address. RangeError where it would be another server's than was meant: without a port, or with one that there is not. */
function urlOf(address: string, scheme: string): string {
  const expected = `address: expected "host:port", or an http: or https: URL, got ${JSON.stringify(address)}`;
  const [match, url, port, path] = ADDRESS.exec(address) ?? [];
  if (match === undefined || (url === undefined && (port === undefined || path !== undefined))) throw new RangeError(expected);
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535)) throw new RangeError(`${expected}; ports are 1 to 65535`);
  return url === undefined ? `${scheme}://${address}` : address;
}

/** Calls a server at "host:port", or at an http: or https: URL. */
export class Client extends LossClient {
  readonly #sessions: Http2SessionManager;

  constructor(address: string, options: NodeOptions = {}) {
    const baseUrl = urlOf(address, options.tls ? "https" : "http");
    // A ping after so much silence while calls are under way finds dead peers; below 10 s the server says goodbye.
    const sessions = new Http2SessionManager(baseUrl, { pingIntervalMs: 30_000, pingTimeoutMs: 20_000 }, options.tls ?? {});
    super((bytes, interceptors) => createGrpcTransport({
      baseUrl, sessionManager: sessions, readMaxBytes: bytes, writeMaxBytes: bytes, acceptCompression: [], interceptors, ...options.transport,
    }), options);
    this.#sessions = sessions;
  }

  /** Opens a stream. Its options cover it as a whole; a message has its own timeout in its options. */
  async stream(options: CallOptions = {}): Promise<ComputeStream> {
    this.assertOpen();
    if (this.maxMessageBytes === undefined) await this.serverInfo(options); // Tries again; a stream does not.
    const client = await this.connected();
    return new BidiStream((requests) => client.computeStream(requests, { ...options }));
  }

  /** Closes the connection for good; calls under way and later ones reject with Code.Canceled. */
  close(): void {
    this.refuseCalls();
    this.#sessions.abort();
  }
}
