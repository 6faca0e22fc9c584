// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Typed errors: what the server said, or what this client or the connection had against it.

import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, QuotaFailureSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import type { Status } from "./gen/google/rpc/status_pb.js";

export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A call that failed. */
export class LossdError extends Error {
  override readonly name = "LossdError";
  /** The fields that must change, with Code.InvalidArgument. */
  readonly fieldViolations: FieldViolation[] = [];
  /** The limits that were exceeded, with Code.ResourceExhausted. */
  readonly quotaViolations: string[] = [];
  /** When to try again; absent where that cannot help or nothing was said. */
  retryDelayMs?: number;

  constructor(
    readonly code: Code,
    message: string,
    /** Whether the server refused, or this client: its limits, its deadline, its connection. */
    readonly origin: "server" | "client",
    readonly requestId: string,
    details: readonly { type: string; value: Uint8Array }[] = [],
    cause?: unknown,
  ) {
    super(message, { cause });
    for (const { type, value } of details) this.#read(type, value);
  }

  #read(type: string, value: Uint8Array): void {
    if (type === BadRequestSchema.typeName) {
      for (const { field, description } of fromBinary(BadRequestSchema, value).fieldViolations) this.fieldViolations.push({ field, description });
    } else if (type === QuotaFailureSchema.typeName) {
      for (const { description } of fromBinary(QuotaFailureSchema, value).violations) this.quotaViolations.push(description);
    } else if (type === RetryInfoSchema.typeName) {
      const delay = fromBinary(RetryInfoSchema, value).retryDelay;
      if (delay) this.retryDelayMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
    }
  }
}

/** What Connect says of the limits that it was given here. */
const OWN_LIMITS = /configured (read|write)MaxBytes/;

/** What Envoy says where it reaches no server; no answer of one. */
const NO_SERVER = /^(upstream connect error|no healthy upstream|upstream request timeout)/;

/** What TLS leaves unsaid. */
const HINTS: [RegExp, string][] = [
  [/wrong version number/i, "the server speaks plain text there, without TLS"],
  [/self[- ]signed|unable to (verify|get)|issuer certificate/i, "tls.ca trusts none who signed the server's certificate"],
];

function withHint(text: string): string {
  const hint = HINTS.find(([said]) => said.test(text));
  return hint ? `${text.trim()}; ${hint[1]}` : text;
}

/** The error of a call that ended with `reason`. */
export function fromReason(reason: unknown, requestId: string): LossdError {
  if (reason instanceof LossdError) return reason;
  const error = ConnectError.from(reason);
  const answered = [...error.metadata.keys()].length > 0 && !OWN_LIMITS.test(error.rawMessage) && !NO_SERVER.test(error.rawMessage);
  const details = error.details.flatMap((detail) => ("type" in detail ? [{ type: detail.type, value: detail.value }] : []));
  const message = answered ? error.rawMessage : withHint(error.rawMessage);
  return new LossdError(error.code, message, answered ? "server" : "client", requestId, details, error);
}

/** The error of a message that failed in a stream. */
export function fromStatus(status: Status, requestId: string): LossdError {
  const details = status.details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
  return new LossdError(status.code, status.message, "server", requestId, details);
}
