#include "store/segment/segment_set.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

namespace glassgate::store {
namespace {

auto key(const Segment& s) { return std::tuple(s.head().step_ms, s.head().from_ms); }

std::vector<std::string> files_in(const std::string& directory) {
    std::vector<std::string> paths;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error))
        if (entry.is_regular_file(error)) paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

void SegmentSet::load(const std::string& directory, uint64_t hash_seed,
                      const std::function<void(const std::string& what)>& damaged) {
    std::vector<SegmentPtr> sound;
    for (const std::string& path : files_in(directory)) {
        if (path.ends_with(".tmp")) ::unlink(path.c_str());
        if (!path.ends_with(".segment")) continue;
        auto segment = Segment::open(path, hash_seed);
        Status status;
        if (!segment)
            status = failure(segment.error().message);
        else if (auto index = (*segment)->index(); !index)
            status = failure(index.error().message);
        if (!status) {
            damaged(status.error().message);
            quarantine(directory, path);
            continue;
        }
        (*segment)->forget_index();
        sound.push_back(std::move(*segment));
    }
    std::sort(sound.begin(), sound.end(), [](const SegmentPtr& a, const SegmentPtr& b) {
        return std::tuple(key(*a), a->head().sequence) < std::tuple(key(*b), b->head().sequence);
    });
    const std::lock_guard lock(mutex_);
    segments_.clear();
    for (SegmentPtr& segment : sound) {
        sequence_ = std::max(sequence_, segment->head().sequence);
        if (!segments_.empty() && key(*segments_.back()) == key(*segment)) {
            ::unlink(segments_.back()->path().c_str());
            segments_.back() = std::move(segment);
        } else {
            segments_.push_back(std::move(segment));
        }
    }
}

std::vector<SegmentPtr>::iterator SegmentSet::place(int64_t step_ms, TimeMs span_from_ms) {
    return std::lower_bound(
        segments_.begin(), segments_.end(), std::tuple(step_ms, span_from_ms),
        [](const SegmentPtr& s, const auto& wanted) { return key(*s) < wanted; });
}

std::vector<SegmentPtr> SegmentSet::select(int64_t step_ms, TimeMs from_ms, TimeMs to_ms) const {
    const std::lock_guard lock(mutex_);
    std::vector<SegmentPtr> found;
    for (const SegmentPtr& s : segments_)
        if (s->head().step_ms == step_ms && s->last_ms() >= from_ms && s->first_ms() <= to_ms)
            found.push_back(s);
    return found;
}

std::vector<SegmentPtr> SegmentSet::all() const {
    const std::lock_guard lock(mutex_);
    return segments_;
}

SegmentPtr SegmentSet::find(int64_t step_ms, TimeMs span_from_ms) const {
    const std::lock_guard lock(mutex_);
    for (const SegmentPtr& s : segments_)
        if (key(*s) == std::tuple(step_ms, span_from_ms)) return s;
    return nullptr;
}

void SegmentSet::put(SegmentPtr segment) {
    const std::lock_guard lock(mutex_);
    const auto at = place(segment->head().step_ms, segment->head().from_ms);
    if (at == segments_.end() || key(**at) != key(*segment)) {
        segments_.insert(at, std::move(segment));
        return;
    }
    ::unlink((*at)->path().c_str());
    *at = std::move(segment);
}

void SegmentSet::forget(const SegmentPtr& segment) { std::erase(segments_, segment); }

void SegmentSet::remove(const SegmentPtr& segment) {
    const std::lock_guard lock(mutex_);
    forget(segment);
    ::unlink(segment->path().c_str());
}

void SegmentSet::move_aside(const SegmentPtr& segment, const std::string& directory) {
    const std::lock_guard lock(mutex_);
    forget(segment);
    quarantine(directory, segment->path());
}

std::size_t SegmentSet::size() const {
    const std::lock_guard lock(mutex_);
    return segments_.size();
}

uint64_t SegmentSet::bytes() const {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (const SegmentPtr& s : segments_) bytes += s->bytes();
    return bytes;
}

uint64_t SegmentSet::next_sequence() {
    const std::lock_guard lock(mutex_);
    return ++sequence_;
}

std::size_t SegmentSet::index_bytes() const {
    std::size_t bytes = 0;
    for (const SegmentPtr& s : all()) bytes += s->index_bytes();
    return bytes;
}

void SegmentSet::trim_indices(std::size_t most_bytes) {
    std::vector<SegmentPtr> segments = all();
    std::sort(segments.begin(), segments.end(),
              [](const SegmentPtr& a, const SegmentPtr& b) { return a->used_ns() > b->used_ns(); });
    std::size_t kept = 0;
    for (const SegmentPtr& s : segments) {
        kept += s->index_bytes();
        if (kept > most_bytes) s->forget_index();
    }
}

}  // namespace glassgate::store
