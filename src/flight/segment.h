// Segment: one file of the ring, as it is read and (the last one) appended to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "flight/block.h"
#include "flight/frame.h"
#include "store/segment/disk.h"

namespace glassgate::flight {

// A file that is written at its end only and read anywhere; one writing thread. A write that fails
// is taken back, so that what was there before stays whole. An anonymous one has no name: it is
// gone with its process, however that ends.
class AppendFile {
public:
    [[nodiscard]] static Result<AppendFile> create(store::Disk& disk, std::string path,
                                                   bool anonymous = false);
    [[nodiscard]] static Result<AppendFile> open(store::Disk& disk, std::string path,
                                                 bool read_only);
    [[nodiscard]] Status append(std::string_view bytes);
    [[nodiscard]] Status cut(uint64_t size);
    // As many as there are, at most `count`.
    [[nodiscard]] Status read(uint64_t offset, std::size_t count, std::string& out) const;
    [[nodiscard]] uint64_t size() const noexcept { return size_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    store::Disk* disk_ = nullptr;
    std::string path_;
    store::FileHandle file_;
    uint64_t size_ = 0;
};

struct BlockRef {
    uint64_t offset = 0;  // of its body
    uint32_t bytes = 0;
    uint32_t crc = 0;
    BlockHead head;
};

class Segment {
public:
    [[nodiscard]] static Result<std::unique_ptr<Segment>> create(store::Disk& disk,
                                                                 const std::string& directory,
                                                                 uint64_t number, uint64_t wall_ns,
                                                                 bool anonymous = false);
    // Reads heads only, and the body of the last block. What a crash has torn off at the end is cut
    // off (unless `read_only`); `damage` says what was found. Fails when its head is not sound.
    [[nodiscard]] static Result<std::unique_ptr<Segment>> open(store::Disk& disk, std::string path,
                                                               bool read_only, Damage& damage);

    [[nodiscard]] uint64_t number() const noexcept { return head_.number; }
    [[nodiscard]] uint64_t size() const noexcept { return file_.size(); }
    [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
    [[nodiscard]] uint64_t records() const noexcept { return records_; }

    // Any thread that sees no append meanwhile (Ring's mutex), except read_body: any thread.
    [[nodiscard]] const std::vector<std::shared_ptr<const BlockRef>>& blocks() const noexcept {
        return blocks_;
    }
    [[nodiscard]] const std::unordered_map<uint64_t, std::shared_ptr<const std::string>>& plans()
        const noexcept {
        return plans_;
    }
    // The body; false if it is damaged.
    [[nodiscard]] bool read_body(const BlockRef& block, std::string& out) const;

    [[nodiscard]] Status append_plan(uint64_t key, std::shared_ptr<const std::string> bytes);
    // `frame` is that of `head`.
    [[nodiscard]] Status write(std::string_view frame) { return file_.append(frame); }
    void add(BlockHead head, std::string_view frame);

private:
    void take(const FrameHead& frame, uint64_t offset, std::string_view head,
              std::string_view body);
    [[nodiscard]] Damage read_heads(bool read_only);
    void forget_torn_body(Damage& damage, uint64_t& end);

    FileHead head_;
    AppendFile file_;
    uint64_t records_ = 0;
    std::vector<std::shared_ptr<const BlockRef>> blocks_;
    std::unordered_map<uint64_t, std::shared_ptr<const std::string>> plans_;
};

}  // namespace glassgate::flight
