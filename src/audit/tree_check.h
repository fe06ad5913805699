// TreeCheck: the nodes of one .tree file, compared as the records give them.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "audit/files.h"
#include "audit/hash.h"
#include "base/result.h"

namespace glassgate::audit {

class TreeCheck {
public:
    static Result<TreeCheck> open(const std::string& path) {
        TreeCheck check;
        check.file_ = TRY(File::open(path, O_RDONLY));
        return check;
    }
    // False: this node stands differently in the file.
    bool is_next(const Hash& node) {
        if (at_ == filled_ && !ended_) refill();
        if (at_ + sizeof node > filled_) {
            short_ = true;
            return true;
        }
        const bool same = std::equal(node.begin(), node.end(),
                                     buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
        at_ += sizeof node;
        return same;
    }
    [[nodiscard]] bool is_short() const noexcept { return short_; }
    bool has_more() {
        if (at_ == filled_ && !ended_) refill();
        return at_ < filled_;
    }

private:
    void refill() {
        buffer_.resize(std::size_t{1} << 16);
        at_ = filled_ = 0;
        while (filled_ < buffer_.size()) {
            const ssize_t got =
                ::read(file_.fd(), buffer_.data() + filled_, buffer_.size() - filled_);
            if (got <= 0) {
                ended_ = true;
                break;
            }
            filled_ += static_cast<std::size_t>(got);
        }
    }
    File file_;
    std::vector<uint8_t> buffer_;
    std::size_t at_ = 0, filled_ = 0;
    bool ended_ = false, short_ = false;
};

}  // namespace glassgate::audit
