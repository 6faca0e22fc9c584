# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of the wire format, lossd.v1; its modules are made from the .proto files by the build."""
