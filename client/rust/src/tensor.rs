// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays to tensors and back.

use std::borrow::Cow;

use bytemuck::Pod;
use bytes::Bytes;

use crate::error::Error;
use crate::pb::{ComputeRequest, ComputeResponse, Dtype, LossSpec, Tensor, loss_spec};

#[cfg(target_endian = "big")]
compile_error!("lossd's wire is little endian, and so must be the memory that is sent as it stands");

/// A type whose values are elements of a tensor.
pub trait Element: Pod + Send + Sync {
    /// What the wire calls it.
    const DTYPE: Dtype;
}

macro_rules! elements {
    ($($element:ty => $dtype:ident),* $(,)?) => { $(impl Element for $element { const DTYPE: Dtype = Dtype::$dtype; })* };
}
elements! {
    f32 => Float32, f64 => Float64, half::f16 => Float16, half::bf16 => Bfloat16, i32 => Int32, i64 => Int64, u8 => Uint8,
}

/// Elements that bytes::Bytes owns as they are.
struct Owned<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Tensor {
    /// Takes `elements` (row-major) over: none is copied before it is sent. That they are as many as `shape` says, the
    /// server checks.
    pub fn new<T: Element>(name: impl Into<String>, shape: &[usize], elements: Vec<T>) -> Self {
        Self {
            name: name.into(),
            dtype: T::DTYPE.into(),
            shape: shape.iter().map(|&extent| extent as i64).collect(),
            data: Bytes::from_owner(Owned(elements)),
        }
    }

    /// The elements, without a copy where the transport left them aligned for `T`. Fails where `T` is not their type.
    pub fn elements<T: Element>(&self) -> Result<Cow<'_, [T]>, Error> {
        if self.dtype() != T::DTYPE || self.data.len() % size_of::<T>() != 0 {
            return Err(Error::usage(format!(
                "{}: expected elements of {}, got {} in {} bytes",
                self.name,
                T::DTYPE.as_str_name(),
                self.dtype().as_str_name(),
                self.data.len()
            )));
        }
        Ok(match bytemuck::try_cast_slice(&self.data) {
            Ok(elements) => Cow::Borrowed(elements),
            Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(&self.data)),
        })
    }
}

impl ComputeRequest {
    /// A request for `loss` over `inputs`, and all gradients.
    pub fn new(loss: loss_spec::Loss, inputs: Vec<Tensor>) -> Self {
        Self { loss: Some(LossSpec { loss: Some(loss) }), inputs, ..Default::default() }
    }
}

impl ComputeResponse {
    /// The output of this name.
    pub fn output(&self, name: &str) -> Option<&Tensor> {
        self.outputs.iter().find(|tensor| tensor.name == name)
    }

    /// The gradient of the input of this name.
    pub fn gradient(&self, name: &str) -> Option<&Tensor> {
        self.gradients.iter().find(|tensor| tensor.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_sent_from_the_callers_memory() {
        let elements = vec![1.0f32, -2.0, 0.5];
        let address = elements.as_ptr() as usize;
        let tensor = Tensor::new("x.0", &[3], elements);
        assert_eq!(tensor.data.as_ptr() as usize, address);
        assert_eq!(tensor.dtype(), Dtype::Float32);
        assert!(matches!(tensor.elements::<f32>(), Ok(Cow::Borrowed([1.0, -2.0, 0.5]))));
    }

    #[test]
    fn elements_that_lie_askew_are_copied() {
        let mut bytes = vec![0u8];
        bytes.extend([1.0f64, 2.0].iter().flat_map(|value| value.to_le_bytes()));
        let mut tensor = Tensor::new("x.0", &[2], Vec::<f64>::new());
        for offset in [1usize, 1] {
            tensor.data = Bytes::from(bytes.clone()).slice(offset..);
            assert_eq!(tensor.elements::<f64>().unwrap().as_ref(), [1.0, 2.0]);
        }
    }

    #[test]
    fn bfloat16_comes_back_to_the_bit() {
        let elements: Vec<half::bf16> =
            [1.0f32, 3.14, f32::INFINITY].iter().map(|&v| half::bf16::from_f32(v)).collect();
        let tensor = Tensor::new("x.0", &[3], elements.clone());
        assert_eq!(tensor.data.len(), 6);
        assert_eq!(tensor.elements::<half::bf16>().unwrap().as_ref(), elements.as_slice());
    }

    #[test]
    fn elements_of_another_type_are_refused_by_name() {
        let error = Tensor::new("z", &[1], vec![1.0f32]).elements::<f64>().unwrap_err();
        assert_eq!(error.message(), "z: expected elements of DTYPE_FLOAT64, got DTYPE_FLOAT32 in 4 bytes");
    }
}
