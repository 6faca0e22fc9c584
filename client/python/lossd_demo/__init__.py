# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstration: trains a small encoder on real images with the loss computed by a lossd server."""
