#include "alert/notify/silences.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace glassgate::alert {
namespace {

using Json = nlohmann::json;

// A random UUID (RFC 9562 §5.4).
std::string new_id() {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return {};
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string out;
    char hex[3];
    for (std::size_t i = 0; i < sizeof bytes; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(bytes[i]));
        out += hex;
    }
    return out;
}

std::string json_of(const Silence& s) {
    Json matchers = Json::array();
    for (const LabelMatcher& m : s.matchers)
        matchers.push_back({{"name", m.name()},
                            {"value", m.value()},
                            {"isRegex", m.is_regex()},
                            {"isEqual", m.is_equal()}});
    return Json{{"id", s.id},          {"matchers", matchers},    {"starts", s.starts_ms},
                {"ends", s.ends_ms},   {"updated", s.updated_ms}, {"createdBy", s.created_by},
                {"comment", s.comment}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Silence> silence_from(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        Silence s;
        s.id = json.at("id").get<std::string>();
        s.starts_ms = json.at("starts").get<TimeMs>();
        s.ends_ms = json.at("ends").get<TimeMs>();
        s.updated_ms = json.at("updated").get<TimeMs>();
        s.created_by = json.at("createdBy").get<std::string>();
        s.comment = json.at("comment").get<std::string>();
        for (const Json& m : json.at("matchers")) {
            auto matcher = LabelMatcher::create(
                m.at("name").get<std::string>(), m.at("value").get<std::string>(),
                m.at("isRegex").get<bool>(), m.at("isEqual").get<bool>());
            if (!matcher) return std::nullopt;
            s.matchers.push_back(std::move(*matcher));
        }
        return s;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

Status check(const Silence& s) {
    if (s.matchers.empty()) return failure("invalid silence: at least one matcher required");
    const bool all_empty = std::all_of(s.matchers.begin(), s.matchers.end(),
                                       [](const LabelMatcher& m) { return m.matches(""); });
    if (all_empty)
        return failure("invalid silence: at least one matcher must not match the empty string");
    if (s.ends_ms < s.starts_ms)
        return failure("invalid silence: end time must not be before start time");
    return {};
}

}  // namespace

std::string_view to_text(Silence::State state) noexcept {
    static constexpr std::string_view kNames[] = {"pending", "active", "expired"};
    return kNames[static_cast<std::size_t>(state)];
}

Silences::Silences(Database& database) : database_(database) {
    for (const std::string& text : database.silences())
        if (auto silence = silence_from(text)) by_id_.emplace(silence->id, std::move(*silence));
}

void Silences::save(const Silence& silence) {
    by_id_[silence.id] = silence;
    database_.save_silence(silence.id, json_of(silence));
}

Result<std::string> Silences::set(Silence silence, TimeMs now_ms) {
    const std::lock_guard lock(mutex_);
    silence.updated_ms = now_ms;
    if (!silence.id.empty()) {
        const auto known = by_id_.find(silence.id);
        if (known == by_id_.end()) return failure("silence not found");
        Silence before = known->second;
        const Silence::State state = before.state_at(now_ms);
        const bool in_place =
            state != Silence::State::expired && before.matchers == silence.matchers &&
            (state == Silence::State::active ? before.starts_ms == silence.starts_ms
                                             : silence.starts_ms >= now_ms) &&
            silence.ends_ms >= now_ms;
        if (in_place) {
            TRY_STATUS(check(silence));
            save(silence);
            return silence.id;
        }
        if (state != Silence::State::expired) {
            TRY_STATUS(check(silence));
            before.ends_ms = before.updated_ms = now_ms;
            if (state == Silence::State::pending) before.starts_ms = now_ms;
            save(before);
        }
    }
    if (by_id_.size() >= kSilencesMax)
        return failure("there are " + std::to_string(by_id_.size()) + " silences already");
    silence.starts_ms = std::max(silence.starts_ms, now_ms);
    if (silence.ends_ms < now_ms) return failure("invalid silence: end time can't be in the past");
    TRY_STATUS(check(silence));
    silence.id = new_id();
    if (silence.id.empty()) return failure("no random numbers");
    save(silence);
    return silence.id;
}

Status Silences::expire(const std::string& id, TimeMs now_ms) {
    const std::lock_guard lock(mutex_);
    const auto known = by_id_.find(id);
    if (known == by_id_.end()) return failure("silence not found");
    Silence silence = known->second;
    switch (silence.state_at(now_ms)) {
        case Silence::State::expired:
            return failure("silence " + id + " already expired");
        case Silence::State::pending:
            silence.starts_ms = now_ms;
            [[fallthrough]];
        case Silence::State::active:
            silence.ends_ms = silence.updated_ms = now_ms;
            break;
    }
    save(silence);
    return {};
}

std::vector<Silence> Silences::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Silence> out;
    for (const auto& [id, silence] : by_id_) out.push_back(silence);
    std::stable_sort(out.begin(), out.end(),
                     [](const Silence& a, const Silence& b) { return a.ends_ms > b.ends_ms; });
    return out;
}

std::optional<Silence> Silences::find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto known = by_id_.find(id);
    if (known == by_id_.end()) return std::nullopt;
    return known->second;
}

std::vector<std::string> Silences::silencing(const store::Labels& labels, TimeMs now_ms) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [id, silence] : by_id_)
        if (silence.state_at(now_ms) == Silence::State::active &&
            all_match(silence.matchers, labels))
            out.push_back(id);
    return out;
}

Silences::Numbers Silences::numbers(TimeMs now_ms) const {
    const std::lock_guard lock(mutex_);
    Numbers out;
    for (const auto& [id, silence] : by_id_) switch (silence.state_at(now_ms)) {
            case Silence::State::pending:
                ++out.pending;
                break;
            case Silence::State::active:
                ++out.active;
                break;
            case Silence::State::expired:
                ++out.expired;
                break;
        }
    return out;
}

void Silences::collect(TimeMs now_ms) {
    const std::lock_guard lock(mutex_);
    for (auto i = by_id_.begin(); i != by_id_.end();) {
        if (i->second.ends_ms + kSilenceRetentionMs > now_ms) {
            ++i;
            continue;
        }
        database_.forget_silence(i->first);
        i = by_id_.erase(i);
    }
}

}  // namespace glassgate::alert
