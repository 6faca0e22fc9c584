// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Pipelined calls on one stream.

import { Code, ConnectError } from "@connectrpc/connect";
import { fromReason, fromStatus, LossdError } from "./errors.js";
import type { ComputeRequest, ComputeResponse } from "./gen/lossd/v1/loss_service_pb.js";
import { fromMessage, type Request, type Result, toMessage } from "./messages.js";

/** Many calls under way at a time, answered as they finish; one that fails ends nothing but itself. */
export interface ComputeStream {
  /** Sends a request, and resolves with its answer. Without a requestId it gets one that no other has. */
  compute(request: Request): Promise<Result>;
  /** Resolves when the transport has taken all messages: to keep a fast sender from filling memory. */
  drained(): Promise<void>;
  /** Sends no more; resolves when all is answered. Rejects if the stream ended otherwise. */
  close(): Promise<void>;
}

type Waiting = { resolve(result: Result): void; reject(error: LossdError): void };
type Open = (requests: AsyncIterable<ComputeRequest>) => AsyncIterable<ComputeResponse>;

/** Over a bidirectional stream. */
export class BidiStream implements ComputeStream {
  readonly #waiting = new Map<string, Waiting>();
  readonly #queue: ComputeRequest[] = [];
  readonly #ended: Promise<void>;
  #wake: () => void = () => {};
  #taken: () => void = () => {};
  #closing = false;
  #failure: LossdError | undefined;
  #last = 0;

  constructor(open: Open) {
    this.#ended = this.#receive(open);
    this.#ended.catch(() => {}); // Reported by close, and to whoever waits for an answer.
  }

  async compute(request: Request): Promise<Result> {
    const message = toMessage(request);
    message.requestId ||= `#${++this.#last}`;
    const id = message.requestId;
    if (this.#failure || this.#closing) throw this.#left(id);
    if (this.#waiting.has(id)) {
      throw new LossdError(Code.InvalidArgument, `request_id: expected one that no outstanding message has, got "${id}"`, "client", id);
    }
    const answer = new Promise<Result>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#queue.push(message);
    this.#wake();
    return answer;
  }

  async drained(): Promise<void> {
    while (this.#queue.length > 0 && !this.#failure) await new Promise<void>((resolve) => (this.#taken = resolve));
  }

  close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    return this.#ended;
  }

  async *#requests(): AsyncGenerator<ComputeRequest> {
    for (;;) {
      const next = this.#queue.shift();
      if (this.#queue.length === 0) this.#taken();
      if (next) yield next;
      else if (this.#closing) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #receive(open: Open): Promise<void> {
    try {
      for await (const answer of open(this.#requests())) this.#finish(answer);
      if (!this.#closing) this.#failure = new LossdError(Code.Unavailable, "the server ended the stream", "server", "");
    } catch (reason) {
      this.#failure = fromReason(reason, "");
    }
    for (const [id, { reject }] of this.#waiting) reject(this.#left(id));
    this.#waiting.clear();
    this.#taken();
    if (this.#failure) throw this.#failure;
  }

  #finish(answer: ComputeResponse): void {
    const waiting = this.#waiting.get(answer.requestId);
    this.#waiting.delete(answer.requestId);
    if (answer.status && answer.status.code !== 0) waiting?.reject(fromStatus(answer.status, answer.requestId));
    else waiting?.resolve(fromMessage(answer));
  }

  /** What becomes of a message that the stream's end leaves without an answer. */
  #left(id: string): LossdError {
    const { code, message, origin, cause } = this.#failure ?? { code: Code.Unavailable, message: "the stream has ended", origin: "client" as const, cause: undefined };
    return new LossdError(code, message, origin, id, [], cause);
  }
}

/** Where there are no such streams, as in browsers: calls side by side. */
export class ParallelCalls implements ComputeStream {
  readonly #waiting = new Map<string, Promise<unknown>>();
  #closing = false;
  #last = 0;

  constructor(readonly call: (request: Request) => Promise<Result>) {}

  async compute(request: Request): Promise<Result> {
    const id = request.requestId || `#${++this.#last}`;
    if (this.#closing) throw new ConnectError("the stream has ended", Code.Unavailable);
    if (this.#waiting.has(id)) {
      throw new LossdError(Code.InvalidArgument, `request_id: expected one that no outstanding message has, got "${id}"`, "client", id);
    }
    const answer = this.call({ ...request, requestId: id }).finally(() => this.#waiting.delete(id));
    this.#waiting.set(id, answer);
    return answer;
  }

  async drained(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.#waiting.values());
  }
}
