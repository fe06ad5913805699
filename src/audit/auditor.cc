#include "audit/auditor.h"

#include <unistd.h>

#include <algorithm>

#include "audit/access.h"
#include "audit/compress.h"
#include "audit/instant.h"
#include "base/clock.h"
#include "base/json_text.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

using model::Event;
using model::EventKind;
using shared::AuditDurability;
using shared::AuditGate;

constexpr uint64_t kRetryNs = 500 * kNsPerMs;
constexpr uint64_t kHousekeepingNs = kNsPerSecond;
constexpr std::size_t kNotesAtOnce = 100;

LogSettings log_settings(const Settings& settings, const AuditorEnv& env) {
    LogSettings out;
    out.folder = settings.folder;
    out.key_path = settings.key;
    out.gateway = env.gateway;
    out.version = env.version;
    out.segment_bytes = settings.segment_bytes;
    out.segment_age_ns = settings.segment_hours * uint64_t{3600} * kNsPerSecond;
    out.checkpoint_records = settings.checkpoint_records;
    out.checkpoint_ns = settings.checkpoint_ms * kNsPerMs;
    out.room_bytes = settings.room_bytes;
    return out;
}

}  // namespace

Auditor::Auditor(Settings settings, AuditorEnv env)
    : settings_(std::move(settings)), env_(std::move(env)), gate_(*env_.gate) {
    group_ns_ = settings_.group_ms * kNsPerMs;
    (void)open_log();
    start_lanes();
    thread_ = std::thread([this] { run(); });
}

Auditor::~Auditor() { stop(0); }

void Auditor::stop(uint64_t flush_ms) {
    if (!thread_.joinable()) return;
    gate_.open(false);
    stopping_ = true;
    gate_.wake_writer();
    thread_.join();
    std::vector<std::unique_ptr<Lane>> lanes;
    {
        const std::lock_guard lock(mutex_);
        lanes = std::move(lanes_);
    }
    const uint64_t deadline_ns = mono_now_ns() + flush_ms * kNsPerMs;
    for (const auto& lane : lanes) {
        const uint64_t now_ns = mono_now_ns();
        (void)lane->flush(deadline_ns > now_ns ? deadline_ns - now_ns : 0);
    }
    if (compressor_.joinable()) compressor_.join();
}

// ---- opening, failing, going on
// ----------------------------------------------------------------

bool Auditor::open_log() {
    auto log = Log::open(log_settings(settings_, env_));
    if (!log) {
        fail(log.error().message);
        return false;
    }
    log_ = std::move(*log);
    (void)make_folder(settings_.folder + "/access", 0770);
    (void)make_folder(settings_.folder + "/destinations", 0750);
    durable_seq_ = log_->durable_seq();
    last_segment_ = log_->segment();
    gate_.set_room(log_->room());
    if (outage_.ns == 0)
        gate_.open(true);
    else
        resume();
    return true;
}

void Auditor::fail(const std::string& reason) {
    gate_.open(false);
    {
        const std::lock_guard lock(mutex_);
        if (outage_.reason == reason) return;
        if (outage_.ns == 0) outage_ = begun_outage(reason);
        outage_.reason = reason;
    }
    Event event(EventKind::audit_unavailable, wall_now_ns());
    event.with("reason", std::string_view(reason).substr(0, 256)).with("folder", settings_.folder);
    env_.event(event);
}

// The outage is over; how long it was is recorded (PCI DSS 10.7.3).
void Auditor::resume() {
    append_resumed(outage_);
    const std::lock_guard lock(mutex_);
    outage_ = {};
    gate_.open(true);
}

Auditor::Outage Auditor::begun_outage(const std::string& reason) const {
    return {mono_now_ns(), wall_now_ns(), gate_.refused(AuditGate::kMaxDestinations), reason};
}

void Auditor::append_resumed(const Outage& outage) {
    std::string body =
        "\"type\":\"audit.resumed\",\"since\":\"" + instant(outage.wall_ns) + "\",\"duration_ms\":";
    append_u64(body, (mono_now_ns() - outage.ns) / kNsPerMs);
    body += ",\"refused\":";
    append_u64(body, gate_.refused(AuditGate::kMaxDestinations) - outage.refused);
    body += ",\"lost\":";
    append_u64(body, gate_.take_lost());
    body += ",\"reason\":";
    append_json_string(body, std::string_view(outage.reason).substr(0, 1024));
    log_->append(body);
    uncommitted_ = wants_sync_ = true;
}

// ---- the thread
// --------------------------------------------------------------------------------

void Auditor::run() {
    while (!stopping_) one_round();
    if (!log_ || (outage_.ns != 0 && !commit())) return;
    append_entries();
    if (!commit()) return;
    if (log_->close()) {
        durable_seq_ = log_->durable_seq();
        tell_lanes();
    }
    log_.reset();
}

void Auditor::wait_for_work() {
    uint64_t patience_ns = kHousekeepingNs;
    if (const uint64_t due_ns = log_->checkpoint_due_ns(); due_ns != 0) {
        const uint64_t now_ns = mono_now_ns();
        patience_ns = std::min(patience_ns, due_ns > now_ns ? due_ns - now_ns : 1);
    }
    gate_.await_entries(false, patience_ns);
    // Others that come now share the commit.
    gate_.await_entries(true, group_ns_.load());
}

void Auditor::one_round() {
    if (!log_) {
        gate_.await_entries(false, kRetryNs);
        (void)open_log();
        return;
    }
    if (uncommitted_ && outage_.ns != 0) {  // the last commit failed
        std::this_thread::sleep_for(std::chrono::nanoseconds(kRetryNs));
        if (!commit()) return;
        resume();
        (void)commit();
        return;
    }
    wait_for_work();
    append_entries();
    if (mono_now_ns() - housekept_ns_ >= kHousekeepingNs) housekeeping();
    // What nobody waits for is on the disk within a second all the same.
    const bool old =
        log_->durable_seq() != log_->last_seq() && mono_now_ns() - synced_ns_ > kHousekeepingNs;
    wants_sync_ = wants_sync_ || old;
    (void)commit();
}

void Auditor::append_entries() {
    gate_.take(entries_);
    for (const AuditGate::Entry& entry : entries_) {
        log_->append(entry.body);
        wants_sync_ = wants_sync_ || entry.durability != AuditDurability::async;
    }
    std::vector<std::string> administrative;
    {
        const std::lock_guard lock(mutex_);
        administrative.swap(administrative_);
    }
    for (const std::string& body : administrative) log_->append(body);
    wants_sync_ = wants_sync_ || !administrative.empty();
    uncommitted_ = uncommitted_ || !entries_.empty() || !administrative.empty();
}

// False: it failed, and what was appended waits for the next try.
bool Auditor::commit() {
    const uint64_t before = log_->durable_seq();
    gate_.commit_began(mono_now_ns());
    const Status status = log_->commit(wants_sync_);
    gate_.commit_began(0);
    if (!status) {
        uncommitted_ = true;
        fail(status.error().message);
        return false;
    }
    if (log_->durable_seq() == log_->last_seq()) synced_ns_ = mono_now_ns();
    uncommitted_ = wants_sync_ = false;
    records_ += log_->durable_seq() - before;
    settle();
    return true;
}

// Everything taken is in the file (and on the disk, if somebody waits for it).
void Auditor::settle() {
    gate_.set_room(log_->room());
    uint64_t given_back = 0;
    std::size_t last_of_worker[256] = {};
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        given_back += entries_[i].reserved;
        last_of_worker[entries_[i].worker % 256] = i + 1;
    }
    for (const std::size_t next : last_of_worker)
        if (next != 0)
            gate_.durable(entries_[next - 1].worker, entries_[next - 1].ticket,
                          log_->written_seq());
    entries_.clear();
    gate_.give_back(given_back);
    for (const std::string& path : note_paths_) (void)::unlink(path.c_str());
    note_paths_.clear();
    durable_seq_ = log_->durable_seq();
    checkpoint_wall_ns_ = log_->last_checkpoint_wall_ns();
    gate_.wake_workers();
    tell_lanes();
}

void Auditor::housekeeping() {
    housekept_ns_ = mono_now_ns();
    take_access_notes();
    if (const uint64_t lost = gate_.take_lost(); lost != 0) {
        log_->append("\"type\":\"audit.lost\",\"lost\":" + std::to_string(lost) + ",\"since\":\"" +
                     instant(wall_now_ns() - kHousekeepingNs) + "\"");
        uncommitted_ = wants_sync_ = true;
    }
    if (log_->segment() != last_segment_) {
        last_segment_ = log_->segment();
        if (settings_.compress) compress_in_background();
    }
    watch_room();
}

// A disk that fills up closes the gate request by request; people should know before, and the log
// says afterwards how long it was.
void Auditor::watch_room() {
    if (!log_->room_problem().empty() && log_->room() < settings_.room_bytes / 2) {
        if (shortage_.ns != 0) return;
        shortage_ = begun_outage(log_->room_problem());
        Event event(EventKind::audit_unavailable, wall_now_ns());
        event.with("reason", std::string_view(shortage_.reason).substr(0, 256));
        event.with("room_bytes", static_cast<int64_t>(log_->room()));
        env_.event(event);
    } else if (shortage_.ns != 0 && log_->room_problem().empty()) {
        append_resumed(shortage_);
        shortage_ = {};
    }
}

void Auditor::take_access_notes() {
    for (Note& note : take_notes(settings_.folder, kNotesAtOnce)) {
        log_->append(note.body);
        note_paths_.push_back(std::move(note.path));
        uncommitted_ = wants_sync_ = true;
    }
}

void Auditor::compress_in_background() {
    if (compressing_.exchange(true)) return;
    if (compressor_.joinable()) compressor_.join();
    compressor_ = std::thread([this] {
        if (const auto done = compress_sealed(settings_.folder); !done) {
            Event event(EventKind::log_write_failed, wall_now_ns());
            event.with("reason", std::string_view(done.error().message).substr(0, 256));
            env_.event(event);
        }
        compressing_ = false;
    });
}

void Auditor::administrative(std::string body) {
    {
        const std::lock_guard lock(mutex_);
        administrative_.push_back(std::move(body));
    }
    gate_.wake_writer();
}

// ---- destinations
// ------------------------------------------------------------------------------

void Auditor::tell_lanes() {
    const std::lock_guard lock(mutex_);
    const bool fresh = log_->last_checkpoint_line() != last_checkpoint_;
    if (fresh) last_checkpoint_ = log_->last_checkpoint_line();
    for (const auto& lane : lanes_) {
        lane->grown(durable_seq_);
        if (fresh) lane->checkpoint(last_checkpoint_);
    }
}

void Auditor::start_lanes() {
    const std::lock_guard lock(mutex_);
    for (const std::string& url : settings_.destinations) {
        const bool known = std::any_of(lanes_.begin(), lanes_.end(),
                                       [&](const auto& lane) { return lane->url() == url; });
        if (known) continue;
        const uint32_t index = gate_.destination(url);
        if (index == AuditGate::kMaxDestinations) continue;
        Lane::Told told;
        told.acknowledged = [this, index](uint64_t seq) { gate_.acknowledged(index, seq); };
        told.reachable = [this, index, url](bool is_reachable, const std::string& why) {
            gate_.set_reachable(index, is_reachable);
            if (is_reachable) return;
            Event event(EventKind::audit_unavailable, wall_now_ns());
            event.with("destination", url).with("reason", std::string_view(why).substr(0, 256));
            env_.event(event);
        };
        lanes_.push_back(std::make_unique<Lane>(url, settings_.folder, settings_.tls,
                                                settings_.send_timeout_ms, 0, std::move(told)));
        lanes_.back()->grown(durable_seq_);
        if (!last_checkpoint_.empty()) lanes_.back()->checkpoint(last_checkpoint_);
    }
}

Status Auditor::check(const Settings& next) const {
    if (next.folder != settings_.folder || next.key != settings_.key)
        return failure("the audit log's directory and key change only at a restart");
    return {};
}

void Auditor::reconfigure(const Settings& next) {
    std::vector<std::unique_ptr<Lane>> gone;
    {
        const std::lock_guard lock(mutex_);
        settings_.destinations = next.destinations;
        for (auto& lane : lanes_) {
            const auto& urls = next.destinations;
            if (std::find(urls.begin(), urls.end(), lane->url()) == urls.end())
                gone.push_back(std::move(lane));
        }
        std::erase(lanes_, nullptr);
    }
    group_ns_ = next.group_ms * kNsPerMs;
    gone.clear();
    start_lanes();
}

std::vector<Auditor::DestinationState> Auditor::states() const {
    std::vector<DestinationState> found;
    found.push_back(
        {"local", records_, gate_.refused(AuditGate::kMaxDestinations), checkpoint_wall_ns_, 0});
    const std::lock_guard lock(mutex_);
    for (const auto& lane : lanes_) {
        const uint64_t durable = durable_seq_, there = lane->acknowledged();
        found.push_back({lane->url(), lane->sent_records(),
                         gate_.refused(gate_.destination(lane->url())), lane->checkpoint_wall_ns(),
                         durable > there ? durable - there : 0});
    }
    return found;
}

std::string Auditor::problem() const {
    const std::lock_guard lock(mutex_);
    return outage_.reason;
}

}  // namespace glassgate::audit
