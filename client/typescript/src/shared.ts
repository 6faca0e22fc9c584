// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What both entries export.

export { Code } from "@connectrpc/connect";
export { type Answered, type Elements, fromBfloat16, fromFloat16, type NdArray, toBfloat16, toFloat16 } from "./arrays.js";
export type { ClientOptions } from "./client.js";
export { type FieldViolation, LossdError } from "./errors.js";
export * from "./gen/lossd/v1/loss_service_pb.js";
export * from "./gen/lossd/v1/losses_pb.js";
export { Dtype } from "./gen/lossd/v1/tensor_pb.js";
export type { Loss, Request, Result } from "./messages.js";
export type { CallOptions } from "./retry.js";
export type { ComputeStream } from "./stream.js";
