#include "gateway/flight_routes.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/text.h"
#include "flight/api.h"
#include "flight/render.h"

namespace glassgate::gateway {
namespace {

using console::EventStream;
using console::Request;
using console::Response;
using flight::View;

constexpr uint64_t kOverlapNs = 2 * kNsPerSecond;

void give(flight::Answer answer, Response& response) {
    response.status = answer.status;
    response.content_type = std::move(answer.content_type);
    response.body = std::move(answer.body);
}

View view_of(const Request& request) {
    return request.parameters["format"] == "text" ? View::text : View::json;
}

// False: answered already.
bool read_question(const Request& request, flight::Question& question, Response& response) {
    const console::Parameters& p = request.parameters;
    question.where = p["where"];
    question.from = p["from"];
    question.to = p["to"];
    question.last = p["last"];
    question.view = view_of(request);
    question.oldest_first = p["order"] == "oldest";
    const auto number = [&](std::string_view name, auto& into) {
        if (!p.has(name)) return true;
        const auto value = parse_u64(p[name]);
        if (value)
            into = *value;
        else
            give(flight::problem(400, std::string(name) + " is no number"), response);
        return value.has_value();
    };
    return number("limit", question.limit) && number("before", question.before);
}

bool is_off(const std::shared_ptr<flight::FlightRecorder>& recorder, Response& response) {
    if (recorder == nullptr)
        give(flight::problem(404,
                             "the flight recorder is switched off "
                             "(spec.telemetry.flightRecorder.enabled)"),
             response);
    return recorder == nullptr;
}

// One client of /api/tail: what happened before, then what happens.
class Tail {
public:
    Tail(std::shared_ptr<EventStream> stream, View view)
        : stream_(std::move(stream)), view_(view) {}

    // The feed's thread.
    bool live(const std::vector<const flight::Record*>& records, uint64_t dropped) {
        const std::lock_guard lock(mutex_);
        for (const flight::Record* const record : records) {
            if (record->row.kind == flight::RecordKind::exchange &&
                shown_.contains(record->exchange.span_id.bytes))
                continue;
            std::string text = event_of(*record);
            if (ready_)
                stream_->send_text(text);
            else
                waiting_.push_back(std::move(text));
        }
        if (dropped != 0) stream_->send("dropped", "{\"records\":" + std::to_string(dropped) + "}");
        return stream_->open();
    }
    // What is known already; then the rest flows. Oldest first.
    void begin(const std::vector<flight::Record>& history, uint64_t since_ns) {
        const std::lock_guard lock(mutex_);
        for (const flight::Record& record : history) {
            stream_->send_text(event_of(record));
            if (record.row.at_ns + kOverlapNs >= since_ns)
                shown_.insert(record.exchange.span_id.bytes);
        }
        for (const std::string& text : waiting_) stream_->send_text(text);
        waiting_.clear();
        ready_ = true;
    }

private:
    [[nodiscard]] std::string event_of(const flight::Record& record) const {
        std::string data;
        if (view_ == View::text)
            flight::append_short_line(record, data);
        else
            flight::append_json(record, data);
        if (data.ends_with('\n')) data.pop_back();
        return console::event_text(
            record.row.kind == flight::RecordKind::exchange ? "exchange" : "event", data);
    }
    const std::shared_ptr<EventStream> stream_;
    const View view_;
    std::mutex mutex_;
    bool ready_ = false;
    std::vector<std::string> waiting_;
    std::set<std::array<uint8_t, 8>> shown_;
};

void tail(const FlightSlot& slot, const Request& request, Response& response) {
    const auto recorder = slot.recorder();
    flight::Question question;
    if (is_off(recorder, response) || !read_question(request, question, response)) return;
    std::optional<flight::Filter> filter;
    if (!question.where.empty()) {
        auto parsed = flight::Filter::parse(question.where);
        if (!parsed) return give(flight::problem(parsed.error(), question.where), response);
        filter = *std::move(parsed);
    }
    flight::Scan scan;
    scan.filter = filter ? &*filter : nullptr;
    scan.limit = std::min(question.limit, flight::kQuestionLimitMax);
    const uint64_t now_ns = wall_now_ns();
    if (!question.last.empty()) {
        const auto last = flight::read_duration_ns(question.last);
        if (!last) return give(flight::problem(400, "last is no duration such as 10m"), response);
        scan.from_ns = now_ns - std::min(now_ns, *last);
    }
    auto stream = std::make_shared<EventStream>();
    auto state = std::make_shared<Tail>(stream, question.view);
    recorder->live().watch(filter, [state](const auto& records, uint64_t dropped) {
        return state->live(records, dropped);
    });
    std::vector<flight::Record> history;
    if (!question.last.empty()) {
        // What was closed before the watch began is in the ring when it has been flushed.
        std::this_thread::sleep_for(std::chrono::milliseconds(recorder->settled_ms()));
        history = std::move(recorder->ring().scan(scan).records);
        flight::order_by_time(history, true);
    }
    stream->send("ready", "{}");
    state->begin(history, now_ns);
    response.events = std::move(stream);
}

}  // namespace

OverviewStream::OverviewStream(Overview& overview) : overview_(overview) {
    thread_ = std::thread([this] { run(); });
}

OverviewStream::~OverviewStream() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void OverviewStream::add(std::shared_ptr<EventStream> stream) {
    stream->send("overview", overview_json(overview_.snapshot()));
    feed_.add(std::move(stream));
    changed_.notify_all();
}

void OverviewStream::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (feed_.empty())
            changed_.wait_for(lock, std::chrono::milliseconds(500));
        else
            changed_.wait_for(lock, std::chrono::seconds(1));
        if (stopping_) return;
        if (feed_.empty()) continue;
        lock.unlock();
        feed_.send("overview", overview_json(overview_.snapshot()));
        lock.lock();
    }
}

std::vector<console::Route> flight_routes(const FlightSlot& slot, Overview& overview,
                                          OverviewStream& stream) {
    std::vector<console::Route> routes;
    const auto add = [&](std::string pattern, console::Weight weight, console::Handler handler) {
        console::Route route;
        route.pattern = std::move(pattern);
        route.weight = weight;
        route.handler = std::move(handler);
        routes.push_back(std::move(route));
    };
    add("/api/exchanges", console::Weight::heavy,
        [&slot](const Request& request, Response& response) {
            const auto recorder = slot.recorder();
            flight::Question question;
            if (is_off(recorder, response) || !read_question(request, question, response)) return;
            give(flight::list(recorder->ring(), question, wall_now_ns()), response);
        });
    add("/api/exchanges/{id}", console::Weight::light,
        [&slot](const Request& request, Response& response) {
            const auto recorder = slot.recorder();
            if (is_off(recorder, response)) return;
            const auto width = parse_u64(request.parameters["width"]);
            give(flight::show(
                     recorder->ring(), request.captured["id"], view_of(request),
                     static_cast<unsigned>(std::clamp<uint64_t>(width.value_or(100), 60, 300))),
                 response);
        });
    add("/api/tail", console::Weight::light,
        [&slot](const Request& request, Response& response) { tail(slot, request, response); });
    add("/api/overview", console::Weight::light, [&overview](const Request&, Response& response) {
        response.json(overview_json(overview.snapshot()));
    });
    add("/api/overview/stream", console::Weight::light,
        [&stream](const Request&, Response& response) {
            auto events = std::make_shared<EventStream>();
            stream.add(events);
            response.events = std::move(events);
        });
    return routes;
}

}  // namespace glassgate::gateway
