// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Stands for the headers that the tests' build compiles once; see cmake/targets.cmake.

int main() { return 0; }
