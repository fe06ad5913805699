// For tests of the audit log: a folder that goes away, a writer in it, and what a verifier says.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "audit/log.h"
#include "audit/segment.h"
#include "audit/verifier.h"

namespace glassgate::audit {

inline std::string body(int i) {
    return R"("type":"request.opened","request.id":"5f0c8a0d3c5e4b3a8d1e2f3a4b5c6d7e","n":)" +
           std::to_string(i) + R"(,"request.path":"/v1/payments/)" + std::to_string(i) + "\"";
}

inline std::string problem(const VerifyReport& report) {
    return report.fault ? to_text(*report.fault) : std::string();
}

class Scene {
public:
    Scene() {
        std::string pattern = std::filesystem::temp_directory_path() / "glassgate-audit-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        settings.folder = root_ + "/log";
        settings.key_path = root_ + "/key.pem";
        settings.gateway = "bank";
        settings.version = "test";
        settings.room_bytes = 1 << 20;
    }
    ~Scene() { std::filesystem::remove_all(root_); }
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    [[nodiscard]] const std::string& folder() const { return settings.folder; }
    [[nodiscard]] const std::string& root() const { return root_; }
    [[nodiscard]] std::unique_ptr<Log> open() const {
        auto log = Log::open(settings);
        EXPECT_TRUE(log) << (log ? "" : log.error().message);
        return log ? std::move(*log) : nullptr;
    }
    [[nodiscard]] VerifyOptions options() const {
        VerifyOptions options;
        options.keys = load_public_keys(folder() + "/audit.pub").value();
        return options;
    }
    [[nodiscard]] VerifyReport verify() const { return verify(options()); }
    [[nodiscard]] VerifyReport verify(const VerifyOptions& options) const {
        auto report = verify_log(folder(), options);
        EXPECT_TRUE(report) << (report ? "" : report.error().message);
        return report ? *report : VerifyReport{};
    }
    // Lines of all segments that contain `text`.
    [[nodiscard]] std::size_t count(const std::string& text) const {
        std::size_t found = 0;
        const Listing listing = list_log(folder()).value();
        for (const SegmentFiles& files : listing.segments) {
            const auto reader = LineReader::open_segment(folder(), files).value();
            std::string_view line;
            while (reader->next(line) == LineReader::Got::line)
                found += line.find(text) != std::string_view::npos ? 1 : 0;
        }
        return found;
    }

    LogSettings settings;

private:
    std::string root_;
};

}  // namespace glassgate::audit
