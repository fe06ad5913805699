#include "http/h2/frame_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace glassgate::http::h2 {
namespace {

std::string frame(FrameType type, int32_t id, std::size_t payload = 4) {
    std::string out(3, '\0');
    out[2] = static_cast<char>(payload);
    out += static_cast<char>(type);
    out += '\0';
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(id >> shift);
    return out + std::string(payload, '\3');
}

TEST(FrameScan, SeesDataBehindAReset) {
    FrameScan scan(0);
    scan.look(frame(FrameType::headers, 1) + frame(FrameType::data, 1));
    EXPECT_EQ(scan.take_data_behind_reset(), 0);
    scan.look(frame(FrameType::rst_stream, 1) + frame(FrameType::headers, 3) +
              frame(FrameType::data, 3));
    EXPECT_EQ(scan.take_data_behind_reset(), 0);
    scan.look(frame(FrameType::data, 1));
    EXPECT_EQ(scan.take_data_behind_reset(), 1);
    EXPECT_EQ(scan.take_data_behind_reset(), 0) << "once";
    scan.look(frame(FrameType::headers, 1));
    EXPECT_EQ(scan.take_data_behind_reset(), 1);
    scan.look(frame(FrameType::data, 0));
    EXPECT_EQ(scan.take_data_behind_reset(), 0) << "stream 0 was not reset";
}

TEST(FrameScan, SeesNumbersThatGoBack) {
    FrameScan scan(0);
    for (const int32_t id : {1, 3, 9, 11, 3, 9, 1, 10}) scan.look(frame(FrameType::headers, id));
    EXPECT_FALSE(scan.went_back()) << "those were opened";
    scan.look(frame(FrameType::headers, 5));
    EXPECT_TRUE(scan.went_back());
    FrameScan first(0);
    first.look(frame(FrameType::headers, 5) + frame(FrameType::headers, 1));
    EXPECT_TRUE(first.went_back());
    FrameScan upgraded(0);
    upgraded.upgraded();
    upgraded.look(frame(FrameType::headers, 3) + frame(FrameType::headers, 1));
    EXPECT_FALSE(upgraded.went_back());
}

TEST(FrameScan, InAnyPieces) {
    const std::string bytes = std::string(24, 'P') + frame(FrameType::settings, 0, 0) +
                              frame(FrameType::headers, 5, 100) + frame(FrameType::rst_stream, 5) +
                              frame(FrameType::data, 5, 7) + frame(FrameType::headers, 3);
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameScan scan(24);
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            const std::string copy = bytes.substr(at, piece);
            scan.look(copy);
        }
        EXPECT_EQ(scan.take_data_behind_reset(), 5) << piece;
        EXPECT_TRUE(scan.went_back()) << piece;
    }
}

}  // namespace
}  // namespace glassgate::http::h2
