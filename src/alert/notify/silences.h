// Silences: alerts that receivers are not told of for a while, as Alertmanager has them. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "alert/notify/database.h"
#include "alert/notify/matcher.h"
#include "base/result.h"

namespace glassgate::alert {

struct Silence {
    std::string id;
    LabelMatchers matchers;
    TimeMs starts_ms = 0, ends_ms = 0, updated_ms = 0;
    std::string created_by, comment;

    enum class State : uint8_t { pending, active, expired };
    [[nodiscard]] State state_at(TimeMs now_ms) const noexcept {
        return now_ms >= ends_ms     ? State::expired
               : now_ms >= starts_ms ? State::active
                                     : State::pending;
    }
};
[[nodiscard]] std::string_view to_text(Silence::State state) noexcept;

inline constexpr std::size_t kSilencesMax = 10'000;
// How long one that has ended is kept.
inline constexpr int64_t kSilenceRetentionMs = 120 * 3'600'000;

class Silences {
public:
    explicit Silences(Database& database);

    // A new one (no id), or a change of one that has not ended: where only its end or comment
    // change it keeps its id, else the old one ends and there is a new one. Error: it makes no
    // sense, in Alertmanager's words.
    [[nodiscard]] Result<std::string> set(Silence silence, TimeMs now_ms);
    // Error: there is none of this id, or it has ended.
    Status expire(const std::string& id, TimeMs now_ms);

    [[nodiscard]] std::vector<Silence> all() const;  // the newest end first
    [[nodiscard]] std::optional<Silence> find(const std::string& id) const;
    // Ids of the active ones that match.
    [[nodiscard]] std::vector<std::string> silencing(const store::Labels& labels,
                                                     TimeMs now_ms) const;
    struct Numbers {
        uint64_t pending = 0, active = 0, expired = 0;
    };
    [[nodiscard]] Numbers numbers(TimeMs now_ms) const;

    // Forgets those that ended long ago.
    void collect(TimeMs now_ms);

private:
    void save(const Silence& silence);

    Database& database_;
    mutable std::mutex mutex_;
    std::map<std::string, Silence> by_id_;
};

}  // namespace glassgate::alert
