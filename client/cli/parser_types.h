// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Names the command-line parser's types without defining them: CLI11 is header-only and costs ten seconds a file to
// compile, which only the sources that declare flags should pay.

#ifndef LOSSD_CLIENT_CLI_PARSER_TYPES_H_
#define LOSSD_CLIENT_CLI_PARSER_TYPES_H_

namespace CLI {
class App;
class Option;
}  // namespace CLI

#endif  // LOSSD_CLIENT_CLI_PARSER_TYPES_H_
