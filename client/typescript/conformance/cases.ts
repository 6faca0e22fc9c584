// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The cases of tests/conformance/README.md: their inputs, and what is held against their answers.

import { fromBinary } from "@bufbuild/protobuf";
import { Code, ComputeRequestSchema, Dtype, fromBfloat16, fromFloat16, LossdError, type Answered, type Elements, type NdArray, type Request,
  type Result, toBfloat16, toFloat16 } from "../src/shared.js";

export interface Case {
  name: string;
  server: string;
  kind: string;
  client: Settings;
  messages: Message[];
  expect?: { info: { losses: string[]; limits: Record<string, number> } };
}

export interface Settings {
  timeout_ms?: number;
  cancel_after_ms?: number;
  compression?: string;
  max_message_bytes?: number;
  token?: "none" | "wrong";
  calls?: number;
  concurrency?: number;
  restart_after?: number;
}

export interface Message {
  request_binary: string;
  inputs: Input[];
  expect: { objective?: { value: number; tolerance: number }; outputs?: Expected[]; gradients?: Expected[]; nonfinite?: string[]; error?: ExpectedError };
}

interface Input {
  name: string;
  dtype: keyof typeof Dtype;
  shape: number[];
  data?: string;
  fill?: { step: number; modulus: number; offset: number; scale: number };
}

interface Expected {
  name: string;
  dtype: keyof typeof Dtype;
  shape: number[];
  values?: (number | "nan" | "inf" | "-inf")[];
  tolerance?: number;
  equals_input?: string;
}

interface ExpectedError {
  code: string[];
  field?: string;
  quota?: boolean;
  retry_delay?: boolean;
  text?: string[];
  origin?: "server" | "client";
}

export const SETTINGS = new Set(["timeout_ms", "cancel_after_ms", "compression", "max_message_bytes", "token", "calls", "concurrency", "restart_after"]);

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

export function requestOf(message: Message): Request {
  const { requestId, loss, gradients, options } = fromBinary(ComputeRequestSchema, bytesOf(message.request_binary));
  return {
    requestId, loss: loss ?? { case: undefined }, ...(gradients && { gradients }), ...(options && { options }),
    inputs: Object.fromEntries(message.inputs.map((input) => [input.name, arrayOf(input)])),
  };
}

/** An array of the language's own type. */
function arrayOf({ dtype, shape, data, fill }: Input): NdArray {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const values = fill ? Float64Array.from({ length: count }, (_, i) => fill.scale * (((i * fill.step) % fill.modulus) + fill.offset)) : undefined;
  const bytes = data === undefined ? undefined : bytesOf(data).buffer;
  const make: Partial<Record<keyof typeof Dtype, () => Elements>> = {
    FLOAT32: () => (bytes ? new Float32Array(bytes) : new Float32Array(values!)),
    FLOAT64: () => (bytes ? new Float64Array(bytes) : values!),
    FLOAT16: () => (bytes ? new Uint16Array(bytes) : toFloat16(new Float32Array(values!))),
    BFLOAT16: () => (bytes ? new Uint16Array(bytes) : toBfloat16(new Float32Array(values!))),
    INT32: () => (bytes ? new Int32Array(bytes) : new Int32Array(values!)),
    INT64: () => (bytes ? new BigInt64Array(bytes) : BigInt64Array.from(values!, (value) => BigInt(value))),
    UINT8: () => (bytes ? new Uint8Array(bytes) : new Uint8Array(values!)),
  };
  const elements = make[dtype]!();
  return { data: elements, shape, ...(elements instanceof Uint16Array && { dtype: Dtype[dtype] }) };
}

function expect(holds: boolean, wanted: unknown, got: unknown): void {
  if (!holds) throw new Error(`expected ${wanted}, got ${got}`);
}

export function checkResult(message: Message, request: Request, result: Result): void {
  const { objective, outputs, gradients, nonfinite, error } = message.expect;
  if (error) throw new Error(`expected ${error.code}, got an answer`);
  expect(result.requestId === request.requestId, request.requestId, result.requestId);
  if (objective) expect(close(result.objective, objective.value, objective.tolerance), `an objective of ${objective.value}`, result.objective);
  if (nonfinite) expect(`${[...new Set(result.nonfinite)].sort()}` === `${[...nonfinite].sort()}`, `nonfinite ${nonfinite}`, result.nonfinite);
  if (outputs) checkArrays(outputs, result.outputs, request);
  if (gradients) checkArrays(gradients, result.gradients, request);
}

function checkArrays(wanted: Expected[], got: Record<string, Answered>, request: Request): void {
  expect(`${Object.keys(got)}` === `${wanted.map(({ name }) => name)}`, `${wanted.map(({ name }) => name)}`, Object.keys(got));
  for (const tensor of wanted) {
    const array = got[tensor.name]!;
    expect(Dtype[array.dtype] === tensor.dtype && `${array.shape}` === `${tensor.shape}`, `${tensor.name} ${tensor.dtype} [${tensor.shape}]`,
      `${Dtype[array.dtype]} [${array.shape}]`);
    if (tensor.equals_input !== undefined) {
      expect(sameBytes(array.data, request.inputs[tensor.equals_input]!.data), `${tensor.name} to be its input, to the bit`, "other bytes");
    }
    const values = tensor.values && doubles(array);
    expect(!values || values.length === tensor.values!.length, `${tensor.values?.length} values`, values?.length);
    tensor.values?.forEach((value, i) => {
      const number = value === "nan" ? NaN : value === "inf" ? Infinity : value === "-inf" ? -Infinity : value;
      expect(close(values![i]!, number, tensor.tolerance ?? 0), `${tensor.name}[${i}] of ${value} +- ${tensor.tolerance}`, values![i]);
    });
  }
}

function sameBytes(a: Elements, b: Elements): boolean {
  const [left, right] = [a, b].map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)) as [Uint8Array, Uint8Array];
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

function doubles({ dtype, data }: Answered): number[] {
  if (dtype === Dtype.FLOAT16) return [...fromFloat16(data as Uint16Array)];
  if (dtype === Dtype.BFLOAT16) return [...fromBfloat16(data as Uint16Array)];
  return Array.from(data as Float64Array, Number);
}

function close(got: number, wanted: number, tolerance: number): boolean {
  return Object.is(got, wanted) || got === wanted || Math.abs(got - wanted) <= tolerance;
}

/** gRPC's own spelling of a code. */
function codeName(code: Code): string {
  return code === Code.Canceled ? "CANCELLED" : Code[code].replace(/(?<!^)[A-Z]/g, "_$&").toUpperCase();
}

export function checkError(wanted: ExpectedError | undefined, got: unknown): void {
  if (!wanted || !(got instanceof LossdError)) throw got;
  const problems: string[] = [];
  const want = (holds: boolean, what: string) => holds || problems.push(what);
  want(wanted.code.includes(codeName(got.code)), `code ${wanted.code}`);
  want(wanted.field === undefined || got.fieldViolations.some(({ field }) => field === wanted.field), `a violation of ${wanted.field}`);
  want(wanted.quota === undefined || wanted.quota === got.quotaViolations.length > 0, "quota violations");
  want(wanted.retry_delay === undefined || wanted.retry_delay === (got.retryDelayMs ?? 0) > 0, "a retry delay");
  for (const text of wanted.text ?? []) want(got.message.toLowerCase().includes(text.toLowerCase()), `the text "${text}"`);
  want(wanted.origin === undefined || wanted.origin === got.origin, `the origin ${wanted.origin}`);
  if (problems.length > 0) {
    throw new Error(`expected ${problems.join(", ")}; got ${codeName(got.code)} of the ${got.origin}: ${got.message} ${JSON.stringify(got.fieldViolations)}`);
  }
}
