#include "audit/lane.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "audit/checkpoint.h"
#include "audit/hash.h"
#include "audit/line.h"
#include "base/clock.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

constexpr uint64_t kFirstPauseNs = 200 * kNsPerMs, kLongestPauseNs = 5 * kNsPerSecond;
constexpr uint64_t kIdleNs = kNsPerSecond;
constexpr std::size_t kAtOnce = 256;

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "-";
}

bool tells_failure(std::string_view line) noexcept {
    return line.find("\"event.outcome\":\"failure\"") != std::string_view::npos;
}

}  // namespace

Lane::Lane(std::string url, std::string folder, TlsSettings tls, uint32_t timeout_ms,
           uint64_t first_seq, Told told)
    : url_(std::move(url)),
      folder_(std::move(folder)),
      position_path_(folder_ + "/destinations/" + hex(sha256(url_)).substr(0, 16)),
      tls_(std::move(tls)),
      timeout_ms_(timeout_ms),
      told_(std::move(told)),
      tail_(folder_, 0) {
    read_position(first_seq);
    thread_ = std::thread([this] { run(); });
}

Lane::~Lane() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    write_position();
}

// "SEQ URL": the URL is for people.
void Lane::read_position(uint64_t first_seq) {
    uint64_t seq = first_seq;
    if (const auto text = read_whole(position_path_, 4096)) {
        const std::string_view view = *text;
        seq = parse_u64(view.substr(0, view.find(' '))).value_or(first_seq);
    }
    acknowledged_ = written_position_ = seq;
    tail_.go_back_to(seq);
    told_.acknowledged(seq);
}

// Losing it costs only sending records again.
void Lane::write_position() {
    const uint64_t seq = acknowledged_.load();
    if (seq == written_position_) return;
    if (replace_file(position_path_, std::to_string(seq) + " " + url_ + "\n", 0640))
        written_position_ = seq;
    position_written_ns_ = mono_now_ns();
}

void Lane::grown(uint64_t seq) {
    limit_.store(seq);
    {
        const std::lock_guard lock(mutex_);
        news_ = true;
        idle_ = false;
    }
    changed_.notify_all();
}

void Lane::checkpoint(const std::string& line) {
    {
        const std::lock_guard lock(mutex_);
        checkpoint_ = line;
        news_ = true;
        idle_ = false;
    }
    changed_.notify_all();
}

bool Lane::flush(uint64_t timeout_ns) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [this] { return idle_; });
}

bool Lane::sleep(uint64_t ns) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(ns), [this] { return news_ || stopping_; });
    news_ = false;
    return !stopping_;
}

void Lane::run() {
    uint64_t pause_ns = kFirstPauseNs;
    const Sender sender{host_name(), std::to_string(::getpid())};
    while (true) {
        Result<Target> target = parse_target(url_);
        Status status;
        if (target) {
            auto session = Session::open(*target, tls_, sender, timeout_ms_);
            if (session) {
                told_.reachable(true, {});
                pause_ns = kFirstPauseNs;
                status = serve(**session);
                note_acknowledged(**session);
                if (status) return;  // stopping
            } else {
                status = std::unexpected(session.error());
            }
        } else {
            status = std::unexpected(target.error());
        }
        told_.reachable(false, status.error().message);
        // What was sent and not acknowledged is sent again.
        tail_.go_back_to(acknowledged_.load());
        checkpoint_sent_.clear();
        {
            std::unique_lock lock(mutex_);
            if (changed_.wait_for(lock, std::chrono::nanoseconds(pause_ns),
                                  [this] { return stopping_; }))
                return;
        }
        pause_ns = std::min(2 * pause_ns, kLongestPauseNs);
    }
}

void Lane::note_acknowledged(const Session& session) {
    const uint64_t seq = session.acknowledged();
    if (seq > acknowledged_.load()) {
        sent_records_.fetch_add(seq - acknowledged_.load());
        acknowledged_.store(seq);
        told_.acknowledged(seq);
    }
    if (mono_now_ns() - position_written_ns_ > kNsPerSecond) write_position();
}

Status Lane::send_some(Session& session, bool& any) {
    std::string_view line, why;
    for (std::size_t i = 0; i < kAtOnce; ++i) {
        if (!TRY(tail_.next(limit_.load(), line))) break;
        const auto view = parse_line(line, why);
        if (!view) return failure(std::string(why));
        any = true;
        TRY_STATUS(session.send({line, view->seq, view->wall_ns, tells_failure(line)}));
    }
    return session.flush();
}

// The newest checkpoint, once the records it covers have been sent.
Status Lane::send_checkpoint(Session& session) {
    std::string line;
    {
        const std::lock_guard lock(mutex_);
        line = checkpoint_;
    }
    if (line.empty() || line == checkpoint_sent_) return {};
    const auto checkpoint = parse_checkpoint(line);
    if (!checkpoint || checkpoint->size > tail_.seq()) return {};
    TRY_STATUS(session.send({line, 0, checkpoint->wall_ns, false}));
    TRY_STATUS(session.flush());
    checkpoint_sent_ = line;
    checkpoint_wall_ns_ = checkpoint->wall_ns;
    return {};
}

// Until it is stopping (good) or something goes wrong.
Status Lane::serve(Session& session) {
    while (true) {
        bool any = false;
        TRY_STATUS(send_some(session, any));
        note_acknowledged(session);
        TRY_STATUS(send_checkpoint(session));
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return {};
            idle_ = !any && tail_.seq() >= limit_.load() &&
                    (checkpoint_.empty() || checkpoint_ == checkpoint_sent_);
        }
        if (any) continue;
        changed_.notify_all();
        if (!sleep(kIdleNs)) return {};
        TRY_STATUS(session.idle());
    }
}

}  // namespace glassgate::audit
