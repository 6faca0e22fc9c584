// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The client for browsers: gRPC-Web, through a proxy such as the Envoy of deploy/browser.

import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { type ClientOptions, LossClient } from "./client.js";
import { type ComputeStream, ParallelCalls } from "./stream.js";

export * from "./shared.js";

/** Fetches, and fails beyond so many bytes in either direction. */
function limitedFetch(bytes: number): typeof fetch {
  const check = (length: number, limit: string) => {
    if (length > bytes) throw new ConnectError(`message size ${length} is larger than configured ${limit} ${bytes}`, Code.ResourceExhausted);
  };
  return async (input, init) => {
    if (init?.body instanceof Uint8Array) check(init.body.byteLength, "writeMaxBytes");
    const response = await fetch(input, init);
    let length = 0;
    const counted = response.body?.pipeThrough(new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        length += chunk.byteLength;
        check(length, "readMaxBytes");
        controller.enqueue(chunk);
      },
    }));
    return new Response(counted ?? null, response);
  };
}

/** Calls a server through the proxy at a URL; by default, the page's own origin. */
export class Client extends LossClient {
  constructor(url: string = globalThis.location.origin, options: ClientOptions = {}) {
    super((bytes, interceptors) => createGrpcWebTransport({ baseUrl: url, fetch: limitedFetch(bytes), interceptors }), options);
  }

  /** As on Node; browsers have no such streams, so the calls go side by side. */
  async stream(options: { signal?: AbortSignal } = {}): Promise<ComputeStream> {
    return new ParallelCalls((request) => this.compute(request, options));
  }
}
