// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! A case's messages, and what their answers must hold.

use base64::{Engine, engine::general_purpose::STANDARD};
use lossd::{ComputeRequest, ComputeResponse, Dtype, Element, Error, Origin, Tensor, bf16, f16};
use prost::Message as _;
use serde_json::Value;

use crate::Failure;

/// What came of a case that did not fail.
pub enum Check {
    Pass,
    Skip(String),
}

/// Verdict and text of a case's line.
pub fn outcome(result: Result<Check, Failure>) -> (&'static str, String) {
    match result {
        Ok(Check::Pass) => ("pass", String::new()),
        Ok(Check::Skip(why)) => ("skip", why),
        Err(error) => ("fail", error.to_string()),
    }
}

/// A message of a case: the request, and what is expected of its answer.
pub struct Message<'a> {
    pub request: ComputeRequest,
    /// Whether the request is all that the case says: prost keeps no fields that it does not know.
    pub is_whole: bool,
    expect: &'a Value,
}

fn ensure(condition: bool, text: impl FnOnce() -> String) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(text().into()) }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn shape(json: &Value) -> Vec<usize> {
    array(&json["shape"]).iter().map(|extent| extent.as_u64().unwrap_or(0) as usize).collect()
}

/// A tensor of the input's elements, of which `narrow` makes those that are filled in by rule.
fn tensor<T: Element>(json: &Value, narrow: impl Fn(f64) -> T) -> Result<Tensor, Failure> {
    let shape = shape(json);
    let elements = match json["data"].as_str() {
        Some(data) => bytemuck::pod_collect_to_vec(&STANDARD.decode(data)?),
        None => {
            let rule = |name: &str| json["fill"][name].as_f64().unwrap_or(0.0);
            let (step, modulus) = (rule("step") as usize, rule("modulus") as usize);
            let element = |i: usize| narrow(rule("scale") * (((i * step) % modulus) as f64 + rule("offset")));
            (0..shape.iter().product()).map(element).collect()
        }
    };
    Ok(Tensor::new(json["name"].as_str().unwrap_or_default(), &shape, elements))
}

fn input(json: &Value) -> Result<Tensor, Failure> {
    match json["dtype"].as_str().unwrap_or_default() {
        "FLOAT32" => tensor(json, |value| value as f32),
        "FLOAT64" => tensor(json, |value| value),
        "FLOAT16" => tensor(json, f16::from_f64),
        "BFLOAT16" => tensor(json, bf16::from_f64),
        "INT32" => tensor(json, |value| value as i32),
        "INT64" => tensor(json, |value| value as i64),
        "UINT8" => tensor(json, |value| value as u8),
        other => Err(format!("dtype {other:?}").into()),
    }
}

/// All elements, as float64.
fn values(tensor: &Tensor) -> Result<Vec<f64>, Error> {
    fn widened<T: Element>(tensor: &Tensor, widen: impl Fn(T) -> f64) -> Result<Vec<f64>, Error> {
        Ok(tensor.elements::<T>()?.iter().map(|&element| widen(element)).collect())
    }
    match tensor.dtype() {
        Dtype::Float64 => widened(tensor, |v: f64| v),
        Dtype::Float16 => widened(tensor, f16::to_f64),
        Dtype::Bfloat16 => widened(tensor, bf16::to_f64),
        Dtype::Int32 => widened(tensor, |v: i32| v.into()),
        Dtype::Int64 => widened(tensor, |v: i64| v as f64),
        Dtype::Uint8 => widened(tensor, |v: u8| v.into()),
        _ => widened(tensor, |v: f32| v.into()),
    }
}

fn is_near(got: f64, expected: &Value, tolerance: f64) -> bool {
    match expected.as_str() {
        Some("nan") => got.is_nan(),
        Some("inf") => got == f64::INFINITY,
        Some("-inf") => got == f64::NEG_INFINITY,
        _ => expected.as_f64().is_some_and(|expected| (got - expected).abs() <= tolerance),
    }
}

impl<'a> Message<'a> {
    pub fn new(json: &'a Value) -> Result<Self, Failure> {
        let binary = STANDARD.decode(json["request_binary"].as_str().ok_or("no request_binary")?)?;
        let mut request = ComputeRequest::decode(binary.as_slice())?;
        let is_whole = request.encoded_len() == binary.len();
        request.inputs = array(&json["inputs"]).iter().map(input).collect::<Result<_, _>>()?;
        Ok(Self { request, is_whole, expect: &json["expect"] })
    }

    pub fn check(&self, answer: &Result<ComputeResponse, Error>) -> Result<(), Failure> {
        match (answer, self.expect["error"].is_null()) {
            (Ok(response), true) => self.check_response(response),
            (Err(error), false) => check_error(error, &self.expect["error"]),
            (Ok(_), false) => Err(format!("expected {}, got an answer", self.expect["error"]).into()),
            (Err(error), true) => Err(error.to_string().into()),
        }
    }

    fn check_response(&self, response: &ComputeResponse) -> Result<(), Failure> {
        if let Some(objective) = self.expect.get("objective") {
            let tolerance = objective["tolerance"].as_f64().unwrap_or(0.0);
            let near = is_near(response.objective, &objective["value"], tolerance);
            ensure(near, || format!("objective: expected {objective}, got {}", response.objective))?;
        }
        self.check_tensors("outputs", &response.outputs)?;
        self.check_tensors("gradients", &response.gradients)?;
        if let Some(expected) = self.expect.get("nonfinite") {
            let mut names: Vec<_> = array(expected).iter().filter_map(Value::as_str).collect();
            let mut got: Vec<_> = response.nonfinite.iter().map(String::as_str).collect();
            names.sort_unstable();
            got.sort_unstable();
            got.dedup(); // A gradient has its input's name.
            ensure(names == got, || format!("nonfinite: expected {names:?}, got {got:?}"))?;
        }
        Ok(())
    }

    fn check_tensors(&self, member: &str, got: &[Tensor]) -> Result<(), Failure> {
        let Some(expected) = self.expect.get(member).map(array) else { return Ok(()) };
        ensure(expected.len() == got.len(), || format!("{member}: expected {}, got {}", expected.len(), got.len()))?;
        expected.iter().zip(got).try_for_each(|(expected, got)| {
            self.check_tensor(expected, got).map_err(|error| format!("{member}[{}]: {error}", got.name).into())
        })
    }

    fn check_tensor(&self, expected: &Value, got: &Tensor) -> Result<(), Failure> {
        let dtype = got.dtype().as_str_name();
        let same = expected["name"] == got.name.as_str()
            && format!("DTYPE_{}", expected["dtype"].as_str().unwrap_or_default()) == dtype
            && shape(expected).iter().map(|&extent| extent as i64).eq(got.shape.iter().copied());
        ensure(same, || {
            let (name, wanted, shape) = (&expected["name"], &expected["dtype"], &expected["shape"]);
            format!("expected {name} {wanted} {shape}, got {} {dtype} {:?}", got.name, got.shape)
        })?;
        if let Some(name) = expected["equals_input"].as_str() {
            let equal = self.request.inputs.iter().any(|input| input.name == name && input.data == got.data);
            ensure(equal, || format!("expected the bytes of {name}, got others"))?;
        }
        let Some(wanted) = expected.get("values").map(array) else { return Ok(()) };
        let tolerance = expected["tolerance"].as_f64().unwrap_or(0.0);
        let elements = values(got)?;
        ensure(wanted.len() == elements.len(), || {
            format!("expected {} elements, got {}", wanted.len(), elements.len())
        })?;
        for (i, (wanted, &got)) in wanted.iter().zip(&elements).enumerate() {
            ensure(is_near(got, wanted, tolerance), || {
                format!("[{i}]: expected {wanted} within {tolerance}, got {got}")
            })?;
        }
        Ok(())
    }
}

fn check_error(error: &Error, expected: &Value) -> Result<(), Failure> {
    let code = format!("{:?}", error.code()).to_uppercase(); // InvalidArgument: INVALIDARGUMENT.
    let known = array(&expected["code"]).iter().any(|name| name.as_str().unwrap_or_default().replace('_', "") == code);
    ensure(known, || format!("expected {}, got {error}", expected["code"]))?;
    let fields = error.field_violations();
    if let Some(field) = expected["field"].as_str() {
        ensure(fields.iter().any(|violation| violation.field == field), || {
            format!("expected field {field}, got {fields:?}")
        })?;
    }
    if let Some(quota) = expected["quota"].as_bool() {
        ensure(error.quota_violations().is_empty() != quota, || format!("expected quota {quota}, got {error}"))?;
    }
    if let Some(delay) = expected["retry_delay"].as_bool() {
        ensure(error.retry_delay().is_some() == delay, || {
            format!("expected a delay {delay}, got {:?}", error.retry_delay())
        })?;
    }
    for text in array(&expected["text"]).iter().filter_map(Value::as_str) {
        let holds = error.message().to_lowercase().contains(&text.to_lowercase());
        ensure(holds, || format!("expected {text:?} in {:?}", error.message()))?;
    }
    let origin = if error.origin() == Origin::Server { "server" } else { "client" };
    ensure(expected["origin"].as_str().is_none_or(|expected| expected == origin), || {
        format!("expected origin {}, got {origin}: {error}", expected["origin"])
    })
}
