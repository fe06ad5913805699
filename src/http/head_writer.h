// Writing a head into a string that is grown once: the writer knows how much it may use.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/message.h"

namespace glassgate::http {

class HeadWriter {
public:
    HeadWriter(char* at, char* end) noexcept : at_(at), end_(end) {}

    HeadWriter& put(std::string_view text) noexcept {
        GW_CHECK(text.size() <= static_cast<std::size_t>(end_ - at_));
        if (!text.empty()) std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
        return *this;
    }
    HeadWriter& number(uint64_t value) noexcept {
        const auto [end, error] = std::to_chars(at_, end_, value);
        GW_CHECK(error == std::errc{});
        at_ = end;
        return *this;
    }
    HeadWriter& field(std::string_view name, std::string_view value) noexcept {
        return put(name).put(": ").put(value).put("\r\n");
    }
    [[nodiscard]] char* at() const noexcept { return at_; }

private:
    char* at_;
    char* end_;
};

// Appends to `out` what `write(HeadWriter&)` writes, at most `bound` bytes.
template <typename Write>
void append_bounded(std::string& out, std::size_t bound, Write&& write) {
    const std::size_t before = out.size();
    out.resize_and_overwrite(before + bound, [&](char* data, std::size_t) {
        HeadWriter writer(data + before, data + before + bound);
        write(writer);
        return static_cast<std::size_t>(writer.at() - data);
    });
}

// Copies fields that stay as they are. Neighbours in the received head that go on one behind the
// other are copied in one piece, which is most of a head.
class FieldCopier {
public:
    explicit FieldCopier(HeadWriter& writer) noexcept : writer_(writer) {}
    ~FieldCopier() { flush(); }
    FieldCopier(const FieldCopier&) = delete;
    FieldCopier& operator=(const FieldCopier&) = delete;

    void copy(const HeaderField& field) noexcept {
        const char* const name_end = field.name.data() + field.name.size();
        const bool canonical =
            field.value.data() == name_end + 2 && name_end[0] == ':' && name_end[1] == ' ';
        if (!canonical) {
            flush();
            writer_.field(field.name, field.value);
            return;
        }
        const bool next =
            end_ != nullptr && field.name.data() == end_ + 2 && end_[0] == '\r' && end_[1] == '\n';
        if (!next) {
            flush();
            begin_ = field.name.data();
        }
        end_ = field.value.data() + field.value.size();
    }
    void flush() noexcept {
        if (end_ == nullptr) return;
        writer_.put({begin_, static_cast<std::size_t>(end_ - begin_)}).put("\r\n");
        begin_ = end_ = nullptr;
    }

private:
    HeadWriter& writer_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
};

}  // namespace glassgate::http
