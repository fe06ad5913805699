// What tests and benchmarks of the flight recorder play with: a plan, traffic as a gateway sees it,
// and folders of their own.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "flight/codec.h"
#include "flight/plan_shelf.h"
#include "flight/ring.h"
#include "flight/select.h"
#include "telemetry/project/json_line.h"

namespace glassgate::flight::scene {

inline constexpr uint64_t kStartNs = 1'795'770'863'000'000'000;

class Folder {
public:
    Folder() {
        char name[] = "/tmp/glassgate-flight-test-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string ring() const { return path_ + "/flight"; }

private:
    std::string path_;
};

// One exchange with its texts.
struct Made {
    model::Exchange x;
    std::string text;
    model::TextRef keep(std::string_view s) {
        const model::TextRef ref{static_cast<uint32_t>(text.size()),
                                 static_cast<uint32_t>(s.size())};
        text += s;
        x.text = text.data();
        x.text_size = static_cast<uint32_t>(text.size());
        return ref;
    }
};

class Scene {
public:
    Scene() {
        names.generation = 7;
        names.gateway = "retailco-gateway";
        names.mode = "connected";
        names.listeners = {{"public"}};
        names.routes = {{"product-catalog",
                         "shop",
                         {"/api/products", "/api/products/:id"},
                         kAllMethods,
                         {0, 1},
                         0},
                        {"checkout", "shop", {"/api/checkout"}, kAllMethods, {0}, 1}};
        names.policies = {{"client-id", "security", {"pass", "missing"}},
                          {"rate-limit", "traffic", {"pass", "exceeded"}}};
        names.upstreams = {{"product-service", {"product-service:3000", "spare.local:3001"}},
                           {"checkout", {"checkout:3000"}}};
        for (const model::FieldDescription& d : model::field_catalogue())
            add(d.name.ends_with('.') ? std::string() : std::string(d.name));
        for (const char* const name :
             {"request.headers.x-tenant", "request.headers.authorization", "jwt.sub"})
            add(name);
        line = telemetry::compile_line_format(logging);
    }

    // The i-th of a traffic mix: in a hundred 90 good, 5 limited, 3 upstream timeouts, 1 without a
    // route, 1 slow.
    [[nodiscard]] Made make(uint64_t i) {
        Made m;
        model::Exchange& x = m.x;
        x.names = &names;
        x.trace_id = random.trace_id();
        x.span_id = random.span_id();
        x.method = i % 7 == 0 ? Method::post : Method::get;
        x.protocol = model::Protocol::http11;
        x.route = i % 7 == 0 ? 1 : 0;
        x.pattern = x.route == 0 && i % 3 == 0 ? 1 : 0;
        x.path = m.keep(x.route == 1     ? "/api/checkout"
                        : x.pattern == 1 ? "/api/products/" + std::to_string(i % 997)
                                         : "/api/products");
        x.query = m.keep(i % 4 == 0 ? "page=2&token=s3cr3t" : "");
        x.host = m.keep("shop.example:8080");
        x.user_agent = m.keep(i % 2 == 0 ? "mobile-app/3.2 (Android 15)" : "curl/7.88.1");
        x.remote_address = m.keep("192.0.2." + std::to_string(i % 250));
        x.remote_port = static_cast<uint16_t>(1024 + i % 60000);
        x.client_id = m.keep(i % 5 == 0 ? "mob-4f7a" : "web-" + std::to_string(i % 40));
        x.captures[0] = m.keep("tenant-" + std::to_string(i % 11));
        x.captures[1] = m.keep("Bearer abcdefghijklmnop");
        x.opened_wall_ns = kStartNs + i * kStepNs;
        x.opened_ns = 5'000'000'000 + i * kStepNs;
        x.head_received_ns = x.opened_ns + 50'000;
        x.policies.push_back({0, 0, model::PolicyVerdict::pass, 1800});
        const uint64_t share = i % 100;
        if (share < 5)
            limited(x);
        else if (share < 8)
            timed_out(m);
        else if (share == 8)
            unrouted(x);
        else
            good(m, share == 9 ? 1'200'000'000 : 3'000'000 + random.below(4'000'000));
        x.text = m.text.data();
        return m;
    }
    [[nodiscard]] std::string entry(const model::Exchange& x,
                                    const Selection& selection = {1, 500'000'000}) {
        std::string out;
        const auto kept = select(x, selection);
        if (!kept) return out;
        model::Exchange copy;
        redact_into(x, line, copy, text_, scratch_);
        encode_entry(copy, *kept, shelf.key_of(names, line), out);
        return out;
    }
    [[nodiscard]] std::string entry(uint64_t i) {
        const Made m = make(i);
        model::Exchange x = m.x;
        x.text = m.text.data();
        return entry(x);
    }
    [[nodiscard]] std::string log_line(const model::Exchange& x) {
        std::string out;
        telemetry::append_json_line(x, line, scratch_, out);
        return out;
    }
    [[nodiscard]] Ring::PlanBytes plan_bytes() {
        return [this](uint64_t key) { return shelf.bytes(key); };
    }

    static constexpr uint64_t kStepNs = 600'000;  // a million in ten minutes
    model::PlanNames names;
    telemetry::LoggingSettings logging;
    telemetry::LineFormat line;
    PlanShelf shelf;
    Random random{42};

private:
    void add(const std::string& name) {
        if (name.empty()) return;
        logging.fields.push_back(*names.captured.add(name));
        logging.field_names.push_back(name);
    }
    static void limited(model::Exchange& x) {
        x.policies.push_back({1, 1, model::PolicyVerdict::reply, 900});
        x.ending = model::Ending::rate_limited;
        x.origin = model::Origin::client;
        x.status = 429;
        x.quota_limit = 100, x.quota_current = 847, x.quota_period_s = 60;
        x.response_bytes = 120;
        x.response_head_ns = x.opened_ns + 90'000;
        x.closed_ns = x.opened_ns + 100'000;
    }
    void attempt(Made& m, uint64_t took_ns, model::AttemptResult result, uint16_t status) {
        model::Exchange& x = m.x;
        model::Attempt a;
        a.upstream = x.route;
        a.target = 0;
        a.span_id = random.span_id();
        a.address = m.keep("10.0.0.7:3000");
        a.start_ns = a.connected_ns = x.opened_ns + 100'000;
        a.first_byte_ns = status != 0 ? a.start_ns + took_ns : 0;
        a.end_ns = a.start_ns + took_ns + 20'000;
        a.status = status;
        a.result = result;
        a.reused = true;
        x.attempts.push_back(a);
        x.attempt_count = 1;
        x.request_sent_ns = a.start_ns + 10'000;
        x.closed_ns = a.end_ns + 30'000;
        x.response_head_ns = x.closed_ns - 20'000;
    }
    void timed_out(Made& m) {
        m.x.policies.push_back({1, 0, model::PolicyVerdict::pass, 900});
        attempt(m, 5'000'000'000, model::AttemptResult::timeout, 0);
        m.x.ending = model::Ending::upstream_timeout;
        m.x.origin = model::Origin::upstream;
        m.x.status = 504;
        m.x.response_bytes = 93;
        m.x.detail = m.keep("no response head within 5000 ms");
    }
    static void unrouted(model::Exchange& x) {
        x.route = model::kNone;
        x.policies.clear();
        x.ending = model::Ending::no_route;
        x.origin = model::Origin::client;
        x.status = 404;
        x.closed_ns = x.opened_ns + 60'000;
    }
    void good(Made& m, uint64_t took_ns) {
        m.x.policies.push_back({1, 0, model::PolicyVerdict::pass, 900});
        attempt(m, took_ns, model::AttemptResult::response, 200);
        m.x.ending = model::Ending::completed;
        m.x.origin = model::Origin::upstream;
        m.x.status = 200;
        m.x.response_bytes = 512 + m.x.trace_id.bytes[0];
    }

    std::string text_, scratch_;
};

inline std::shared_ptr<Ring> open_ring(const std::string& directory,
                                       const RingLimits& limits = {}) {
    auto ring = Ring::open(directory, limits);
    if (!ring) {
        std::fprintf(stderr, "%s\n", ring.error().message.c_str());
        return nullptr;
    }
    return *std::move(ring);
}

}  // namespace glassgate::flight::scene
