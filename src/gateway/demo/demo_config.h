// The gateway's configuration in the demo: a file in a directory of its own, which the hotfix
// edits.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "gateway/demo/scenario.h"
#include "gateway/demo/upstreams.h"

namespace glassgate::gateway::demo {

struct DemoPorts {
    uint16_t traffic = 0, metrics = 0, console = 0;  // 0: any
    std::array<uint16_t, kServiceCount> services{};
};

// gateway.yaml with a limit of 100 a minute; the log goes to `log_path`.
// `endless`: the log is rotated, since it would grow without bound.
[[nodiscard]] std::string demo_yaml(const Scenario& scenario, const DemoPorts& ports,
                                    const std::string& log_path, bool endless);

// The text with the limit lowered to 50; fails when it is not 100.
[[nodiscard]] Result<std::string> with_hotfix(const Scenario& scenario, std::string yaml);

[[nodiscard]] Result<std::string> read_file(const std::string& path);
[[nodiscard]] Status write_file(const std::string& path, const std::string& text);
// Writes beside it and renames over it, so that no reader sees half a file.
[[nodiscard]] Status replace_file(const std::string& path, const std::string& text);

// A directory that is removed with all it holds, unless it is to be kept.
class Workplace {
public:
    // `keep`: an existing or new directory that stays; empty: a temporary one.
    static Result<Workplace> make(const std::string& keep);
    Workplace(Workplace&& other) noexcept
        : path_(std::exchange(other.path_, {})), kept_(other.kept_) {}
    Workplace& operator=(Workplace&&) = delete;
    ~Workplace();
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string config_path() const { return path_ + "/gateway.yaml"; }
    [[nodiscard]] std::string log_path() const { return path_ + "/access.log"; }

private:
    Workplace(std::string path, bool kept) : path_(std::move(path)), kept_(kept) {}
    std::string path_;
    bool kept_;
};

// `wanted` if nobody listens there on the loopback interface, else 0.
[[nodiscard]] uint16_t free_or_any(uint16_t wanted);

// Lines of the log that are requests and lines that are events.
struct LogLines {
    uint64_t requests = 0, events = 0;
};
[[nodiscard]] Result<LogLines> count_log_lines(const std::string& path);

}  // namespace glassgate::gateway::demo
