#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Writes cases/*.json; files of cases that are gone from here stay, as those written by hand do."""

from __future__ import annotations

import call_cases
import contrastive_cases
import loss_cases
from case_format import CASES, text_of


def main() -> None:
    cases = loss_cases.all_cases() + contrastive_cases.all_cases() + call_cases.all_cases()
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), "expected names that differ"
    CASES.mkdir(exist_ok=True)
    for case in cases:
        (CASES / f"{case['name']}.json").write_text(text_of(case))
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
