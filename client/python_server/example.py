# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The reference's documentation example, by a server of its own: python example.py FOLDER, with the four maps as .npy files."""

import pathlib
import sys

import lossd
import lossd_server
import numpy as np

folder = pathlib.Path(sys.argv[1])
files = {"anchor.0": "a0", "anchor.1": "a1", "positive.0": "b0", "positive.1": "b1"}
maps = {name: np.load(folder / f"{file}.npy") for name, file in files.items()}
loss = lossd.specs.feature_map_contrastive("01, 11", seed=0, torch_skip=240)  # 240 words of torch's stream made the maps.

with lossd_server.Server() as server, lossd.Client(server.target) as client:
    print(client.compute(loss, maps).outputs["losses"].round(4))  # [2.2351 2.1902]
