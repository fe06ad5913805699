// Notifications in the words of those who take them. Pure.
#pragma once

#include <string>

#include "alert/notify/notice.h"
#include "alert/settings.h"

namespace glassgate::alert {

// Where links lead.
struct Links {
    std::string external_url;  // of the console
    std::string runbook_url;  // for alerts that name none themselves; {alertname} stands for itself
};
[[nodiscard]] std::string runbook_of(const Notice& notice, const Links& links);  // empty: none
// The console's view of the alerts of this name and route.
[[nodiscard]] std::string console_link(const store::Labels& labels, const Links& links);

// "[FIRING:2] HighErrorRate (product-catalog critical)", as Alertmanager writes subjects.
[[nodiscard]] std::string subject_of(const Notification& notification);

// Alertmanager's webhook, version 4.
[[nodiscard]] std::string webhook_json(const Notification& notification,
                                       const WebhookTarget& target, const Links& links);
// PagerDuty's Events API v2: one event a group, called off by the same dedup_key.
[[nodiscard]] std::string pagerduty_json(const Notification& notification,
                                         const PagerDutyTarget& target, const Links& links);
// Slack's incoming webhook.
[[nodiscard]] std::string slack_json(const Notification& notification, const SlackTarget& target,
                                     const Links& links);
// An Adaptive Card for a Teams workflow ("Post to a channel when a webhook request is received").
[[nodiscard]] std::string teams_json(const Notification& notification, const TeamsTarget& target,
                                     const Links& links);
// A mail (RFC 5322, MIME), text and HTML. `host`: of the Message-ID.
[[nodiscard]] std::string email_text(const Notification& notification, const EmailTarget& target,
                                     const Links& links, const std::string& host);
// What Alertmanager's POST /api/v2/alerts takes.
[[nodiscard]] std::string alertmanager_json(const std::vector<Notice>& notices);

}  // namespace glassgate::alert
