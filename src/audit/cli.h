// `glassgate audit ...` without the parsing of its arguments. Each returns the exit status: 0 good,
// 1 the input is wrong (a log that does not verify, too), 2 the environment failed.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace glassgate::audit {

struct Streams {
    std::ostream& out;
    std::ostream& err;
};

struct VerifyCommand {
    std::string folder;
    std::vector<std::string> keys, operators, witness;  // files
    std::string since;
    bool json = false;
};
int run_verify(const VerifyCommand& command, const Streams& streams);

struct SelectCommand {
    std::string folder, from, to, out;
    std::vector<std::string> where;
    std::string request;  // request.id
    bool json = false;
};
int run_show(const SelectCommand& command, const Streams& streams);
int run_export(const SelectCommand& command, const Streams& streams);

int run_consistency(const std::string& folder, uint64_t first, uint64_t second,
                    const Streams& streams);
int run_check(const std::string& file, const std::vector<std::string>& keys,
              const Streams& streams);

int run_key_generate(const std::string& path, const Streams& streams);
int run_key_public(const std::string& path, const Streams& streams);

struct DeleteCommand {
    std::string folder, list, key, reason;
    std::vector<std::string> signatures, operators;
    uint64_t up_to = ~uint64_t{0};
    uint32_t retention_days = 7 * 365 + 2;
};
int run_delete_list(const DeleteCommand& command, const Streams& streams);
int run_delete_sign(const DeleteCommand& command, const Streams& streams);
int run_delete_execute(const DeleteCommand& command, const Streams& streams);

int run_compress(const std::string& folder, const std::string& archive, const Streams& streams);

}  // namespace glassgate::audit
