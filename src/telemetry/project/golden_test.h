// For tests: compares text with a file under tests/golden/. UPDATE_GOLDEN=1 writes it instead.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace glassgate::telemetry::testing {

inline void expect_golden(const std::string& name, const std::string& actual) {
    const std::string path = std::string(GLASSGATE_SOURCE_DIR) + "/tests/golden/" + name;
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary) << actual;
        return;
    }
    std::ifstream in(path, std::ios::binary);
    ASSERT_TRUE(in) << path;
    EXPECT_EQ(actual, (std::string{std::istreambuf_iterator<char>(in), {}})) << path;
}

}  // namespace glassgate::telemetry::testing
