# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""feature_map_contrastive for Triton's Python back end, as eager_server.py computes it."""

import eager_maps
import torch
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, _args):
        torch.set_num_threads(1)

    def execute(self, requests):
        return [self.compute(request) for request in requests]

    @staticmethod
    def compute(request):
        sides = []
        for name in ("anchor_0", "positive_0"):
            values = pb_utils.get_input_tensor_by_name(request, name).as_numpy().copy()
            sides.append(torch.from_numpy(values).requires_grad_())
        total = eager_maps.bidirectional_loss(*sides)
        total.backward()
        outputs = [pb_utils.Tensor("objective", total.detach().reshape(1).numpy())]
        for name, leaf in zip(("anchor_0_gradient", "positive_0_gradient"), sides):
            outputs.append(pb_utils.Tensor(name, leaf.grad.numpy()))
        return pb_utils.InferenceResponse(outputs)
