#include "alert/notify/format.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "alert/notify/transport.h"

namespace glassgate::alert {
namespace {

using nlohmann::json;

const Links kLinks{"http://gw:9900", "https://wiki/{alertname}"};

Notification example() {
    Notification n;
    n.receiver = "oncall";
    n.group_key = "{}:{alertname=\"HighErrorRate\"}";
    n.group_labels = {{"alertname", "HighErrorRate"}};
    n.external_url = "http://gw:9900";
    n.at_ms = 1'764'234'862'123;
    Notice one;
    one.labels = {{"alertname", "HighErrorRate"}, {"route", "cart"}, {"severity", "critical"}};
    one.annotations = {{"summary", "Error rate 12% <now>"}};
    one.starts_ms = 1'764'234'800'000;
    one.ends_ms = 1'764'235'000'000;
    one.generator_url = "http://gw:9900/graph";
    Notice two = one;
    two.labels = {{"alertname", "HighErrorRate"}, {"route", "home"}, {"severity", "warning"}};
    n.alerts = {{true, one}, {false, two}};
    return n;
}

TEST(Format, FingerprintIsAlertmanagers) {
    // model.LabelSet{"alertname": "Watchdog"}.Fingerprint()
    EXPECT_EQ(fingerprint_text({}), "cbf29ce484222325");
}

TEST(Format, Webhook) {
    EXPECT_EQ(json::parse(webhook_json(example(), {}, kLinks)),
              json::parse(R"({
      "receiver":"oncall","status":"firing","alerts":[
       {"status":"firing","labels":{"alertname":"HighErrorRate","route":"cart","severity":"critical"},
        "annotations":{"summary":"Error rate 12% <now>","runbook_url":"https://wiki/HighErrorRate"},
        "startsAt":"2025-11-27T09:13:20Z","endsAt":"0001-01-01T00:00:00Z",
        "generatorURL":"http://gw:9900/graph","fingerprint":")" +
                          fingerprint_text(example().alerts[0].notice.labels) + R"("},
       {"status":"resolved","labels":{"alertname":"HighErrorRate","route":"home","severity":"warning"},
        "annotations":{"summary":"Error rate 12% <now>","runbook_url":"https://wiki/HighErrorRate"},
        "startsAt":"2025-11-27T09:13:20Z","endsAt":"2025-11-27T09:16:40Z",
        "generatorURL":"http://gw:9900/graph","fingerprint":")" +
                          fingerprint_text(example().alerts[1].notice.labels) + R"("}],
      "groupLabels":{"alertname":"HighErrorRate"},"commonLabels":{"alertname":"HighErrorRate"},
      "commonAnnotations":{"summary":"Error rate 12% <now>"},"externalURL":"http://gw:9900",
      "version":"4","groupKey":"{}:{alertname=\"HighErrorRate\"}","truncatedAlerts":0})"));
    WebhookTarget one;
    one.max_alerts = 1;
    EXPECT_EQ(json::parse(webhook_json(example(), one, kLinks))["truncatedAlerts"], 1);
}

TEST(Format, PagerDutyTriggersAndResolvesUnderOneKey) {
    PagerDutyTarget target;
    target.routing_key = "k";
    const json event = json::parse(pagerduty_json(example(), target, kLinks));
    EXPECT_EQ(event["event_action"], "trigger");
    EXPECT_EQ(event["payload"]["severity"], "critical");
    EXPECT_EQ(event["payload"]["summary"], "[FIRING:1] HighErrorRate: Error rate 12% <now>");
    EXPECT_EQ(event["links"][0]["href"], "https://wiki/HighErrorRate");
    EXPECT_EQ(event["client_url"], "http://gw:9900/alerts?alertname=HighErrorRate");
    Notification over = example();
    for (auto& alert : over.alerts) alert.firing = false;
    const json end = json::parse(pagerduty_json(over, target, kLinks));
    EXPECT_EQ(end["event_action"], "resolve");
    EXPECT_EQ(end["dedup_key"], event["dedup_key"]);
    EXPECT_FALSE(end.contains("payload"));
}

TEST(Format, SlackEscapesAndTeamsLinks) {
    const json slack = json::parse(slack_json(example(), {}, kLinks));
    EXPECT_EQ(slack["attachments"][0]["color"], "danger");
    EXPECT_NE(slack["attachments"][0]["text"].get<std::string>().find("12% &lt;now&gt;"),
              std::string::npos);
    const json teams = json::parse(teams_json(example(), {}, kLinks));
    const json& card = teams["attachments"][0]["content"];
    EXPECT_EQ(card["type"], "AdaptiveCard");
    EXPECT_EQ(card["actions"][0]["url"], "https://wiki/HighErrorRate");
    EXPECT_EQ(card["actions"][1]["title"], "Console");
}

TEST(Format, MailHasNoLineOfSomebodyElse) {
    EmailTarget target;
    target.from = "gw@example.com";
    target.to = {"a@example.com", "b@example.com"};
    Notification n = example();
    n.group_labels = {{"alertname", "Évil\r\nBcc: x@example.com"}};
    const std::string mail = email_text(n, target, kLinks, "host");
    EXPECT_EQ(mail.find("\nBcc:"), std::string::npos);
    EXPECT_NE(mail.find("To: a@example.com, b@example.com\r\n"), std::string::npos);
    EXPECT_NE(mail.find("Subject: =?UTF-8?B?"), std::string::npos);
    EXPECT_NE(mail.find("Date: Thu, 27 Nov 2025 09:14:22 +0000\r\n"), std::string::npos);
    // Every line ends as SMTP wants it, and none is too long.
    for (std::size_t at = 0; at < mail.size();) {
        const std::size_t end = mail.find('\n', at);
        ASSERT_NE(end, std::string::npos);
        EXPECT_EQ(mail[end - 1], '\r');
        EXPECT_LT(end - at, 998u);
        at = end + 1;
    }
}

TEST(Format, SpoolFormReadsBack) {
    const auto back = notification_from_json(to_json(example()));
    ASSERT_TRUE(back);
    EXPECT_EQ(to_json(*back), to_json(example()));
    EXPECT_FALSE(notification_from_json("{}"));
    EXPECT_FALSE(notification_from_json("nonsense"));
}

TEST(Transport, JudgesAnswers) {
    using Kind = Delivery::Kind;
    EXPECT_EQ(judge_http(202, "", "", 0).kind, Kind::sent);
    EXPECT_EQ(judge_http(400, "", "bad key\nmore", 0).kind, Kind::refused);
    EXPECT_EQ(judge_http(400, "", "bad key\nmore", 0).error, "status 400: bad key");
    EXPECT_EQ(judge_http(503, "", "", 0).kind, Kind::retry);
    EXPECT_EQ(judge_http(429, "7", "", 0).retry_after_ms, 7000u);
    EXPECT_EQ(judge_http(429, "Thu, 01 Jan 1970 00:00:09 GMT", "", 4000).retry_after_ms, 5000u);
    EXPECT_EQ(judge_http(429, "999999999", "", 0).retry_after_ms, 3'600'000u);
    EXPECT_EQ(judge_http(429, "soon", "", 0).retry_after_ms, std::nullopt);
}

}  // namespace
}  // namespace glassgate::alert
