// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What clients for Node and for browsers share.

import { type Client as ConnectClient, Code, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { type GetServerInfoResponse, LossService } from "./gen/lossd/v1/loss_service_pb.js";
import { LossdError } from "./errors.js";
import { fromMessage, type Request, type Result, toMessage } from "./messages.js";
import { type CallOptions, withRetries } from "./retry.js";

export interface ClientOptions {
  /** Milliseconds a call may take unless it says otherwise; Infinity: no limit. Default: 5 minutes. */
  timeoutMs?: number;
  /** Longest message in either direction. Default: the server's own limit, which the first call asks for. */
  maxMessageBytes?: number;
  /** Sent with every call as a bearer token; a function is asked each time, so that it can change. */
  token?: string | (() => string | Promise<string>);
}

const DEFAULT_TIMEOUT_MS = 300_000;
const DEFAULT_MAX_MESSAGE_BYTES = 256 * 2 ** 20;

/** Makes the transport for messages up to so many bytes. */
export type TransportFactory = (maxMessageBytes: number, interceptors: Interceptor[]) => Transport;

function bearer(token: NonNullable<ClientOptions["token"]>): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${(typeof token === "string" ? token : await token()).trim()}`);
    return next(request);
  };
}

/** Calls a server. Calls may be made at the same time. */
export class LossClient {
  /** Longest message in either direction, once it is known. */
  maxMessageBytes: number | undefined;
  readonly #timeoutMs: number;
  readonly #connect: (maxMessageBytes: number) => ConnectClient<typeof LossService>;
  #client: ConnectClient<typeof LossService> | undefined;
  #closed = false;

  constructor(factory: TransportFactory, { timeoutMs = DEFAULT_TIMEOUT_MS, maxMessageBytes, token }: ClientOptions) {
    if (maxMessageBytes !== undefined && !(maxMessageBytes >= 1 && maxMessageBytes <= 0xffffffff)) {
      throw new RangeError(`maxMessageBytes: expected 1 to ${0xffffffff}, got ${maxMessageBytes}`);
    }
    this.#timeoutMs = timeoutMs;
    this.maxMessageBytes = maxMessageBytes;
    this.#connect = (bytes) => createClient(LossService, factory(bytes, token === undefined ? [] : [bearer(token)]));
  }

  /** Computes a loss and its gradients. Rejects with LossdError; throws TypeError for arrays that are no tensors. */
  async compute(request: Request, options: CallOptions = {}): Promise<Result> {
    const message = toMessage(request);
    const { signal, timeoutMs = this.#timeoutMs } = options;
    const answer = await withRetries(async (left) => {
      this.assertOpen(message.requestId);
      const client = await this.connected(left, signal);
      return client.compute(message, calling(left, signal));
    }, { ...options, timeoutMs }, message.requestId);
    return fromMessage(answer);
  }

  /** What the server is and can do. Takes its limit of messages, unless the options gave one. */
  async serverInfo(options: CallOptions = {}): Promise<GetServerInfoResponse> {
    const { signal, timeoutMs = this.#timeoutMs } = options;
    return withRetries(async (left) => {
      this.assertOpen();
      return this.#ask(left, signal);
    }, { ...options, timeoutMs }, "");
  }

  /** Lets every attempt that begins from now on reject with Code.Canceled. */
  protected refuseCalls(): void {
    this.#closed = true;
  }

  protected assertOpen(requestId = ""): void {
    if (this.#closed) throw new LossdError(Code.Canceled, "the client was closed", "client", requestId);
  }

  /** A client that knows its limit of messages; asks for it once, as part of the caller's attempt. */
  protected async connected(timeoutMs?: number, signal?: AbortSignal): Promise<ConnectClient<typeof LossService>> {
    if (this.maxMessageBytes === undefined) await this.#ask(timeoutMs, signal);
    return (this.#client ??= this.#connect(this.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES));
  }

  async #ask(timeoutMs?: number, signal?: AbortSignal): Promise<GetServerInfoResponse> {
    const client = this.#connect(this.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES);
    const info = await client.getServerInfo({}, calling(timeoutMs, signal));
    this.maxMessageBytes ??= Number(info.limits?.maxMessageBytes ?? 0n) || DEFAULT_MAX_MESSAGE_BYTES;
    return info;
  }
}

function calling(timeoutMs: number | undefined, signal: AbortSignal | undefined) {
  return { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) };
}
