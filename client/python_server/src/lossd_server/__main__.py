# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`lossd-server [FLAG..]`, or `python -m lossd_server`: runs the server in this process's place."""

from __future__ import annotations

import os
import sys

from lossd_server import BINARY, environment


def main() -> None:
    os.execve(BINARY, ["lossd", *sys.argv[1:]], environment())


if __name__ == "__main__":
    main()
