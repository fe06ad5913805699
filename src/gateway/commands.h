// The commands behind `glassgate run`, `check`, `query` and `reference`. Each returns the exit
// status: 0 good, 1 the user's input is wrong, 2 the environment failed.
#pragma once

#include <string>
#include <vector>

#include "store/query/cli.h"

namespace glassgate::gateway {

struct CheckOptions {
    bool explain = false;
    std::string request;               // "GET http://host:port/path"; empty: none
    std::vector<std::string> headers;  // of it
};

// Without paths: FLEX_CONFIG and those folders that exist in which Flex Gateway keeps its
// configuration.
int run_command(std::vector<std::string> paths, bool watch, const std::string& state_dir);
int check_command(std::vector<std::string> paths, const CheckOptions& options);
// Over a file, or by asking a running gateway.
struct QueryTarget {
    std::string url = "http://127.0.0.1:9900";
    std::string user;   // name:password
    std::string token;  // at most one of the two
};
int query_command(store::query::CliOptions options, const QueryTarget& target);
// Reads a password from standard input and prints what the configuration holds of it; or makes a
// token and prints both.
int password_command(bool token);
// `cli_help`: the whole help text, for the page `cli`.
int reference_command(const std::string& page, const std::string& cli_help);

}  // namespace glassgate::gateway
