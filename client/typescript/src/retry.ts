// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tries calls again as the server wants it, and waits for a server where there is none.

import { Code, ConnectError } from "@connectrpc/connect";
import { fromReason, LossdError } from "./errors.js";

export interface CallOptions {
  /** Milliseconds the call may take, all attempts together; Infinity: no limit. Default: the client's. */
  timeoutMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
}

const MAX_REFUSALS = 5;
const MAX_BACKOFF_MS = 2000;
/** Node's errors of a connection that did not come about or broke; others, such as of certificates, are there to stay. */
const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_HTTP2_|ERR_STREAM_)/;

/** Whether the connection failed, not the server. Losses are pure, so a call that may have been computed can be made again. */
function disconnected(error: LossdError): boolean {
  if (error.origin === "server") return false;
  const connect = error.cause as ConnectError | undefined;
  for (let cause: unknown = connect?.cause; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && CONNECTION.test(String(cause.code))) return true;
    if (cause instanceof TypeError && /fetch|network|load failed/i.test(cause.message)) return true; // Browsers.
  }
  return error.code === Code.Unavailable || error.code === Code.Aborted || /^http\/2 (stream|session|connection)/i.test(error.message);
}

/** What the server said of the next attempt: milliseconds; negative for none; undefined if nothing. */
function pushback(error: LossdError): number | undefined {
  const said = (error.cause as ConnectError | undefined)?.metadata.get("grpc-retry-pushback-ms");
  if (said === null || said === undefined) return error.retryDelayMs;
  return /^\d+$/.test(said) ? Number(said) : -1;
}

/** Whether the server refused in a way that can pass: it is away for a moment, or at a limit for which it names a delay. */
function passing(error: LossdError, delay: number | undefined): boolean {
  if (error.origin !== "server" || (delay !== undefined && delay < 0)) return false;
  return error.code === Code.Unavailable || (error.code === Code.ResourceExhausted && delay !== undefined);
}

/** Milliseconds until the next attempt: the server's delay or the backoff, whichever is longer, and never the same for all callers. */
function waitBefore(delay: number | undefined, backoff: number): number {
  return Math.max((delay ?? 0) * (1 + 0.2 * Math.random()), backoff * (0.8 + 0.4 * Math.random()));
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new ConnectError("the call was cancelled", Code.Canceled));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Runs `attempt` with the milliseconds that are left. UNAVAILABLE from the server, and RESOURCE_EXHAUSTED for which it names
 * a delay, are tried four times more, 100 ms to 2 s apart or longer where it says so; while there is no connection, until the
 * time is over.
 */
export async function withRetries<T>(
  attempt: (timeoutMs: number | undefined) => Promise<T>, { timeoutMs = Infinity, signal }: CallOptions, requestId: string,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let refusals = 0;
  for (let backoff = 100; ; backoff = Math.min(2 * backoff, MAX_BACKOFF_MS)) {
    try {
      const left = Math.max(1, Math.ceil(end - performance.now())); // grpc-timeout knows no fractions.
      return await attempt(left < 2 ** 31 ? left : undefined);
    } catch (reason) {
      const error = fromReason(reason, requestId);
      const delay = pushback(error);
      const refused = passing(error, delay);
      if (signal?.aborted || !(refused || disconnected(error))) throw error;
      if (refused && ++refusals === MAX_REFUSALS) throw error;
      const wait = waitBefore(delay, backoff);
      if (performance.now() + wait >= end) throw error.code === Code.ResourceExhausted ? error : late(error, timeoutMs, requestId);
      await sleep(wait, signal).catch((cancelled: unknown) => {
        throw fromReason(cancelled, requestId);
      });
    }
  }
}

function late(last: LossdError, timeoutMs: number, requestId: string): LossdError {
  return new LossdError(Code.DeadlineExceeded, `no answer within ${timeoutMs} ms; the last attempt: ${last.message}`, "client", requestId, [], last.cause);
}
