# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The server that README.md has its readers start."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_LOSSD = Path(os.environ.get("LOSSD_BIN_DIR", _ROOT / "build/release/bin")) / "lossd"


def test_the_quick_start_opens_no_port_to_the_network_and_none_of_prometheus():
    flags = re.search(r"^lossd (.*?) &", (_ROOT / "README.md").read_text(), re.MULTILINE)[1].split()
    subprocess.run([_LOSSD, "--validate_config", *flags], check=True)
    addresses = dict(flag.split("=") for flag in flags)
    assert set(addresses) == {"--listen", "--admin_listen", "--http_listen"}
    assert all(address.startswith("127.0.0.1:") for address in addresses.values())
    assert not addresses["--http_listen"].endswith(":9090")
