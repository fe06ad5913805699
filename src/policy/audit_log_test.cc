#include "policy/audit_log.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"
#include "shared/audit_gate.h"

namespace glassgate::policy {
namespace {

using shared::AuditGate;

struct Bank {
    explicit Bank(const Node& settings = map({}), uint64_t room = 1'000'000) {
        names.gateway = "bank";
        names.routes.push_back(
            {"payments-api", "payments", {"/v1/payments/*"}, kAllMethods, {}, 0});
        gate.set_room(room);
        gate.open(true);
        worker.env.audit = &gate;
        compiled = compile("audit-log", settings);
        EXPECT_EQ(compiled.mistakes, "");
        policy = compiled.plan->instantiate(worker.env);
    }
    void prepare(Call& call) {
        call.exchange.names = &names;
        call.exchange.route = 0;
        text = std::string(call.head.path) + "192.0.2.7";
        call.exchange.text = text.data();
        call.exchange.path = {0, static_cast<uint32_t>(call.head.path.size())};
        call.exchange.remote_address = {static_cast<uint32_t>(call.head.path.size()), 9};
    }
    std::vector<std::string> take() {
        std::vector<AuditGate::Entry> entries;
        gate.take(entries);
        std::vector<std::string> bodies;
        for (const auto& entry : entries) {
            bodies.push_back(entry.body);
            gate.durable(0, entry.ticket, entry.ticket);
            gate.give_back(entry.reserved);
        }
        return bodies;
    }
    model::PlanNames names;
    AuditGate gate{1};
    FakeWorker worker;
    Compiled compiled;
    std::unique_ptr<Policy> policy;
    std::string text;
};

TEST(AuditLog, OpenedBeforeForwardingAndClosedAtTheEnd) {
    Bank bank;
    Call call("GET /v1/payments/4111111111111111 HTTP/1.1\r\nHost: bank\r\n\r\n");
    bank.prepare(call);
    EXPECT_EQ(ask(*bank.policy, call), "pass");
    call.request.client_id = "shop-7";
    call.request.set_claim("sub", "alice");
    EXPECT_EQ(verdict_text(bank.policy->before_forward(call.request)), "pass");
    EXPECT_FALSE(bank.policy->may_answer(call.request, 200));
    const auto opened = bank.take();
    ASSERT_EQ(opened.size(), 1u);
    EXPECT_TRUE(bank.policy->may_answer(call.request, 200));
    EXPECT_NE(opened[0].find("\"type\":\"request.opened\""), std::string::npos);
    EXPECT_NE(opened[0].find("\"request.path\":\"/v1/payments/************1111\""),
              std::string::npos);
    EXPECT_NE(opened[0].find("\"client.id\":\"shop-7\""), std::string::npos);
    EXPECT_NE(opened[0].find("\"jwt.sub\":\"alice\""), std::string::npos);
    call.exchange.status = 200;
    call.exchange.ending = model::Ending::completed;
    bank.policy->on_finished(call.request, call.exchange);
    const auto closed = bank.take();
    ASSERT_EQ(closed.size(), 1u);
    EXPECT_NE(closed[0].find("\"type\":\"request.closed\""), std::string::npos);
    EXPECT_NE(closed[0].find("\"event.outcome\":\"success\""), std::string::npos);
    // Everything reserved has been given back.
    EXPECT_EQ(bank.gate.reserve(1'000'000, 0), AuditGate::Admission::granted);
}

TEST(AuditLog, WithoutRoomItRefuses) {
    Bank bank(map({}), 100);
    Call call;
    bank.prepare(call);
    EXPECT_EQ(ask(*bank.policy, call), "503 audit_unavailable: Service Unavailable");
    EXPECT_TRUE(bank.policy->may_answer(call.request, 503));
    bank.policy->on_finished(call.request, call.exchange);
    EXPECT_TRUE(bank.take().empty());
    EXPECT_EQ(bank.gate.refused(AuditGate::kMaxDestinations), 1u);
}

TEST(AuditLog, OrServesIfToldSo) {
    Bank bank(map({{"onUnavailable", scalar("serve")}}), 100);
    Call call;
    bank.prepare(call);
    EXPECT_EQ(ask(*bank.policy, call), "pass");
    EXPECT_EQ(verdict_text(bank.policy->before_forward(call.request)), "pass");
    EXPECT_TRUE(bank.policy->may_answer(call.request, 200));
}

TEST(AuditLog, ARefusedRequestIsRecordedBeforeItsAnswer) {
    Bank bank;
    Call call;
    bank.prepare(call);
    EXPECT_EQ(ask(*bank.policy, call), "pass");
    call.exchange.ending = model::Ending::auth_failed;
    EXPECT_FALSE(bank.policy->may_answer(call.request, 401));
    const auto bodies = bank.take();
    ASSERT_EQ(bodies.size(), 1u);
    EXPECT_NE(bodies[0].find("\"type\":\"request.refused\""), std::string::npos);
    EXPECT_NE(bodies[0].find("\"response.status\":401"), std::string::npos);
    EXPECT_TRUE(bank.policy->may_answer(call.request, 401));
    bank.policy->on_finished(call.request, call.exchange);
    EXPECT_TRUE(bank.take().empty());
}

TEST(AuditLog, TheLongestRequestFitsItsReservation) {
    Bank bank;
    Call call("GET /" + std::string(6000, '"') + " HTTP/1.1\r\nHost: bank\r\n\r\n");
    bank.prepare(call);
    const std::string nasty(4000, '\x01');
    EXPECT_EQ(ask(*bank.policy, call), "pass");
    call.request.client_id = nasty;
    call.request.client_name = nasty;
    call.request.set_claim("sub", nasty);
    call.request.set_claim("org_id", nasty);
    EXPECT_EQ(verdict_text(bank.policy->before_forward(call.request)), "pass");
    bank.policy->on_finished(call.request, call.exchange);
    for (const std::string& body : bank.take()) EXPECT_LT(body.size(), 16'000u);
}

TEST(AuditLog, Mistakes) {
    const auto body = compile("audit-log", map({{"includeRequestBody", scalar("true")}})).mistakes;
    EXPECT_NE(body.find("PCI DSS requirement 3"), std::string::npos);
    EXPECT_NE(body.find("requirement 10"), std::string::npos);
    for (const std::string url : {"audit-relay:514", "http://x", "syslog://", "syslog://h:0",
                                  "relp://h:1/x", "syslog+tls://user@h"})
        EXPECT_NE(audit_destination_mistake(url), "") << url;
    for (const std::string url :
         {"syslog://audit-relay:514", "relp://[::1]:2514", "relp+tls://h", "syslog+tcp://10.0.0.1"})
        EXPECT_EQ(audit_destination_mistake(url), "") << url;
    const auto require = compile("audit-log", map({{"require", scalar("2")}})).mistakes;
    EXPECT_NE(require.find("require is '2'"), std::string::npos);
}

}  // namespace
}  // namespace glassgate::policy
