// What a handler of the console's server is given and what it gives back. Plain data: a test can
// make one and call a handler without any server.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/method.h"
#include "config/console_settings.h"

namespace glassgate::console {

class EventStream;  // event_stream.h

using Role = config::ConsoleRole;

// Names and values, in the order they came; names may repeat.
class Parameters {
public:
    void add(std::string name, std::string value) {
        all_.emplace_back(std::move(name), std::move(value));
    }
    // The first of that name; empty if there is none (see has()).
    [[nodiscard]] std::string_view operator[](std::string_view name) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& pairs() const noexcept {
        return all_;
    }

private:
    std::vector<std::pair<std::string, std::string>> all_;
};

struct Request {
    Method method = Method::get;  // HEAD comes as GET
    std::string path;             // as sent
    Parameters captured;          // what the pattern's {name} and * stand for, decoded
    // Of a form in the body, then of the query string; decoded.
    Parameters parameters;
    std::string form_problem;  // the first pair that could not be decoded (and was left out)
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  // whole, as sent
    std::string peer;  // address without port
    std::string user;  // empty: no credentials are configured, or the route asks for none
    Role role = Role::operator_;
    // Set when the client has gone away (or the server stops): whoever works for long looks at it.
    const std::atomic<bool>* cancelled = nullptr;

    // The first of that name, in any case; empty if there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

struct Response {
    uint16_t status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  // gzipped by the server when the client takes it and it pays
    // Instead of the body: the answer is text/event-stream, and goes on.
    std::shared_ptr<EventStream> events;

    void json(std::string text, uint16_t with_status = 200) {
        status = with_status;
        content_type = "application/json";
        body = std::move(text);
    }
    void text(uint16_t with_status, std::string_view words) {
        status = with_status;
        content_type = "text/plain; charset=utf-8";
        body.assign(words).append("\n");
    }
};

using Handler = std::function<void(const Request&, Response&)>;

// Where a handler runs.
enum class Weight : uint8_t {
    quick,  // on the server's own thread: microseconds, takes no lock that is held for long
    light,  // on the pool
    heavy,  // on the pool, which always keeps a thread for those that are not
};

struct Route {
    Method method = Method::get;  // GET answers HEAD too
    // "/api/v1/label/{name}/values": a {name} stands for one segment, decoded. "/assets/*": any
    // rest, also none. Where several fit, the one with the more literal segment on the left wins.
    std::string pattern;
    Role role = Role::viewer;
    Handler handler;
    Weight weight = Weight::light;
    bool cors = false;               // other origins may read it, as Prometheus' API
    uint32_t body_bytes = 1u << 20;  // longer: 413
};

}  // namespace glassgate::console
