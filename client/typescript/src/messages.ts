// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Requests and results: arrays by name instead of tensors.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Answered, fromTensor, type NdArray, toTensor } from "./arrays.js";
import type { LossSpec, LossSpecSchema } from "./gen/lossd/v1/losses_pb.js";
import {
  type ComputeOptionsSchema, type ComputeRequest, ComputeRequestSchema, type ComputeResponse, type GradientOptionsSchema, type Timing,
} from "./gen/lossd/v1/loss_service_pb.js";

/** `{case: "ntXent", value: {temperature: 0.1}}`: a loss's name and configuration, as losses.proto documents them. */
export type Loss = NonNullable<MessageInitShape<typeof LossSpecSchema>["loss"]>;

/** One loss over one group of arrays. */
export interface Request {
  readonly loss: Loss | LossSpec;
  /** Arrays by name: the names are given with each loss. They are read while the call is under way. */
  readonly inputs: Readonly<Record<string, NdArray>>;
  readonly gradients?: MessageInitShape<typeof GradientOptionsSchema>;
  readonly options?: MessageInitShape<typeof ComputeOptionsSchema>;
  readonly requestId?: string;
}

/** The loss and its gradients. */
export interface Result {
  readonly requestId: string;
  /** The scalar whose gradient this is. */
  readonly objective: number;
  readonly outputs: Record<string, Answered>;
  readonly gradients: Record<string, Answered>;
  /** Names of inputs, outputs and gradients that hold a NaN or an infinity. */
  readonly nonfinite: readonly string[];
  readonly timing?: Timing;
}

export function toMessage({ loss, inputs, gradients, options, requestId = "" }: Request): ComputeRequest {
  return create(ComputeRequestSchema, {
    requestId,
    loss: "$typeName" in loss ? loss : { loss },
    ...(gradients && { gradients }),
    ...(options && { options }),
    inputs: Object.entries(inputs).map(([name, array]) => toTensor(name, array)),
  });
}

export function fromMessage({ requestId, objective, outputs, gradients, nonfinite, timing }: ComputeResponse): Result {
  const named = (tensors: typeof outputs) => Object.fromEntries(tensors.map((tensor) => [tensor.name, fromTensor(tensor)]));
  return { requestId, objective, outputs: named(outputs), gradients: named(gradients), nonfinite, ...(timing && { timing }) };
}
