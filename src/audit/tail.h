// Tail: reads a log's records in order from some seq on, up to where it is known to be on disk, and
// goes on as it grows. The local log is the spool of every destination: nothing is kept in memory
// for one that is away, and what it missed is read from here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "audit/segment.h"
#include "base/result.h"

namespace glassgate::audit {

class Tail {
public:
    // Begins behind record `seq` (0: with the first there is).
    Tail(std::string folder, uint64_t seq) : folder_(std::move(folder)), seq_(seq) {}

    // The next record's line; false: there is none up to `limit`. The line is valid until the next
    // call.
    Result<bool> next(uint64_t limit, std::string_view& line);
    // What is given out next is again the one behind `seq`.
    void go_back_to(uint64_t seq);
    [[nodiscard]] uint64_t seq() const noexcept { return seq_; }  // of the last one given out

private:
    Result<bool> open_at();
    Result<bool> go_on();

    const std::string folder_;
    uint64_t seq_;
    uint64_t segment_ = 0;  // of reader_
    std::unique_ptr<LineReader> reader_;
    bool ended_ = false;  // nothing came from reader_ since it was opened where the last one ended
};

}  // namespace glassgate::audit
