// Notice: an alert as receivers see it; Notification: what is told of a group of them. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alert/rules/rule_state.h"
#include "base/result.h"

namespace glassgate::alert {

struct Notice {
    store::Labels labels;
    Pairs annotations;
    TimeMs starts_ms = 0;
    TimeMs ends_ms = 0;  // from then on it is over
    TimeMs updated_ms = 0;
    std::string generator_url;

    [[nodiscard]] bool resolved_at(TimeMs now_ms) const noexcept { return ends_ms <= now_ms; }
};

// As Alertmanager computes it (FNV-1a over sorted names and values): 16 hexadecimal digits.
[[nodiscard]] uint64_t fingerprint(const store::Labels& labels) noexcept;
[[nodiscard]] std::string fingerprint_text(const store::Labels& labels);

struct Notification {
    std::string receiver;
    std::string group_key;  // as Alertmanager writes it: {}/{severity="critical"}:{alertname="A"}
    store::Labels group_labels;
    struct Alert {
        bool firing = true;
        Notice notice;
    };
    std::vector<Alert> alerts;  // firing ones first
    std::string external_url;
    TimeMs at_ms = 0;
    uint64_t truncated = 0;

    [[nodiscard]] bool firing() const noexcept;  // any of them
    [[nodiscard]] std::size_t count(bool are_firing) const noexcept;
    [[nodiscard]] store::Labels common_labels() const;
    [[nodiscard]] Pairs common_annotations() const;
};

// RFC 3339, as Go writes a time in UTC: 2026-11-27T09:14:22.123Z, zeros at the end left out.
[[nodiscard]] std::string rfc3339(TimeMs t_ms);
// Seconds, optional fraction, Z or an offset.
[[nodiscard]] Result<TimeMs> parse_rfc3339(std::string_view text);

// The spool's form.
[[nodiscard]] std::string to_json(const Notification& notification);
[[nodiscard]] Result<Notification> notification_from_json(std::string_view text);

}  // namespace glassgate::alert
