#include "console/server.h"

#include <re2/re2.h>

#include <utility>

#include "base/text.h"
#include "console/event_stream.h"
#include "console/form.h"
#include "console/origin.h"
#include "http/gzip.h"

namespace glassgate::console {
namespace {

constexpr uint32_t kBodyBytesUnknown = 64 * 1024;  // of a path that is not there
constexpr std::size_t kGzipFromBytes = 1024;

std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + '"';
}

std::string_view error_type(uint16_t status) noexcept {
    switch (status) {
        case 401:
            return "unauthorized";
        case 403:
            return "forbidden";
        case 404:
            return "not_found";
        case 405:
            return "bad_data";
        case 503:
            return "unavailable";
        default:
            return "internal";
    }
}

bool is_form(std::string_view content_type) noexcept {
    return iequals(trim_ows(content_type.substr(0, content_type.find(';'))),
                   "application/x-www-form-urlencoded");
}

Request to_request(const http::RequestHead& head, std::string_view peer, std::string body) {
    Request request;
    request.method = head.method == Method::head ? Method::get : head.method;
    request.path = head.path;
    for (const http::HeaderField& field : head.headers)
        request.headers.emplace_back(field.name, field.value);
    if (!body.empty() && is_form(http::find(head.headers, http::KnownHeader::content_type)))
        read_form(body, request.parameters, request.form_problem);
    read_form(head.query, request.parameters, request.form_problem);
    request.body = std::move(body);
    request.peer = peer;
    return request;
}

}  // namespace

Server::Policy::Policy(const config::ConsoleSettings& s) : settings(s), credentials(s.credentials) {
    if (s.cors_origin != ".*")
        cors_origin =
            std::make_shared<const re2::RE2>("^(?:" + s.cors_origin + ")$", re2::RE2::Quiet);
}

Server::Server(Router router, const ServerLimits& limits)
    : router_(std::move(router)),
      limits_(limits),
      pool_(std::make_unique<Pool>(limits.threads, limits.queue_max)) {}

Server::~Server() {
    http_.reset();
    pool_.reset();
}

Result<std::unique_ptr<Server>> Server::start(const config::ConsoleSettings& settings,
                                              std::vector<Route> routes,
                                              const ServerLimits& limits) {
    std::unique_ptr<Server> server(new Server(TRY(Router::create(std::move(routes))), limits));
    TRY_STATUS(server->reconfigure(settings));
    return server;
}

Status Server::reconfigure(const config::ConsoleSettings& settings) {
    const std::shared_ptr<Policy> before = policy();
    if (before != nullptr && before->settings == settings) return {};
    if (const auto problem = config::problem_with_exposure(settings); !problem.empty())
        return failure(std::string(problem));
    auto next = std::make_shared<Policy>(settings);
    const bool elsewhere = before == nullptr || before->settings.address != settings.address ||
                           before->settings.port != settings.port;
    // In force before anybody can come to the new place, who may be a stranger to the old one.
    set_policy(std::move(next));
    if (!elsewhere) return {};
    // One port is not listened on twice, not even on another address.
    if (before != nullptr && before->settings.port == settings.port) http_.reset();
    Status listening = listen(settings);
    if (listening || before == nullptr) return listening;
    set_policy(before);
    if (http_ == nullptr) {
        if (const Status back = listen(before->settings); !back)
            return failure(listening.error().message + "; and going back: " + back.error().message);
    }
    return listening;
}

// Where it listened before goes on if this fails.
Status Server::listen(const config::ConsoleSettings& settings) {
    http_ = TRY(http::SimpleServer::start(settings.address, settings.port, *this,
                                          limits_.connections, "console"));
    port_ = http_->port();
    return {};
}

void Server::set_policy(std::shared_ptr<Policy> policy) {
    const std::lock_guard lock(policy_mutex_);
    policy_ = std::move(policy);
}

std::shared_ptr<Server::Policy> Server::policy() const {
    const std::lock_guard lock(policy_mutex_);
    return policy_;
}

uint32_t Server::body_bytes_max(const http::RequestHead& head) {
    const Router::Match match = router_.find(head.method, head.path);
    if (match.route == nullptr) return kBodyBytesUnknown;
    // Whoever does not say who he is will be refused; until then he gets no room.
    const bool stranger = match.route->role != Role::anyone && !policy()->credentials.empty() &&
                          http::find(head.headers, http::KnownHeader::authorization).empty();
    return stranger ? std::min(kBodyBytesUnknown, match.route->body_bytes)
                    : match.route->body_bytes;
}

void Server::dispatch(const http::RequestHead& head, std::string_view peer, std::string body,
                      std::shared_ptr<http::SimpleReply> reply) {
    auto call = std::make_shared<Call>();
    call->reply = std::move(reply);
    call->policy = policy();
    call->host = head.authority;
    call->origin = http::find(head.headers, "origin");
    call->authorization = http::find(head.headers, http::KnownHeader::authorization);
    call->takes_gzip = http::accepts_gzip(head.headers);
    Router::Match match = router_.find(head.method, head.path);
    call->route = match.route;
    call->cors = match.cors;
    call->request = to_request(head, peer, std::move(body));
    call->request.captured = std::move(match.captured);
    call->request.cancelled = &call->reply->gone();
    if (!admit(*call, match)) return;
    const Credentials& credentials = call->policy->credentials;
    if (credentials.empty() || call->route->role == Role::anyone) return submit(call, true);
    if (call->authorization.empty()) return ask_for_credentials(*call);
    const auto user = credentials.recall(call->authorization);
    if (user && !authorise(*call, *user)) return;
    submit(call, user.has_value());
}

bool Server::admit(Call& call, const Router::Match& match) {
    Request& request = call.request;
    const config::ConsoleSettings& settings = call.policy->settings;
    if (settings.credentials.empty() && !is_own_host(call.host, settings)) {
        refuse(call, 403, "this is not the host " + call.host + "; see spec.console.hosts");
        return false;
    }
    if (request.method == Method::options && !match.allow.empty() && match.route == nullptr) {
        Response response;
        response.status = 204;
        response.headers.emplace_back("Allow", match.allow + ", OPTIONS");
        answer(call, std::move(response), nullptr);
        return false;
    }
    if (match.route == nullptr && match.allow.empty()) {
        refuse(call, 404, "no such page: " + request.path);
        return false;
    }
    if (match.route == nullptr) {
        Response response;
        response.text(405, "method not allowed");
        response.headers.emplace_back("Allow", match.allow);
        answer(call, std::move(response), nullptr);
        return false;
    }
    const bool acts = request.method != Method::get && !match.route->cors;
    if (acts && is_cross_site(call.origin, request.header("sec-fetch-site"), call.host)) {
        refuse(call, 403, "a page of another origin may not do this");
        return false;
    }
    return true;
}

bool Server::authorise(Call& call, const Credentials::User& user) {
    call.request.user = user.name;
    call.request.role = user.role;
    if (user.role >= call.route->role) return true;
    refuse(call, 403, user.name + " is not an operator");
    return false;
}

void Server::submit(std::shared_ptr<Call> call, bool authenticated) {
    if (authenticated && call->route->weight == Weight::quick) return run(*call, nullptr);
    const bool heavy = authenticated && call->route->weight == Weight::heavy;
    const bool taken = pool_->submit(
        [this, call, authenticated](Pool::Tools& tools) {
            if (call->reply->gone().load()) return;
            if (authenticated) return run(*call, &tools);
            const auto user = call->policy->credentials.check(call->authorization);
            if (!user) {
                ++logins_refused_;
                return ask_for_credentials(*call);
            }
            if (!authorise(*call, *user)) return;
            // Back to the queue of its weight: here it has only shown who it is.
            call->route->weight == Weight::heavy ? submit(call, true) : run(*call, &tools);
        },
        heavy);
    if (taken) return;
    ++overloaded_;
    Response response;
    response.headers.emplace_back("Retry-After", "1");
    response.json(R"({"status":"error","errorType":"unavailable","error":"too many requests )"
                  R"(wait already"})",
                  503);
    answer(*call, std::move(response), nullptr);
}

void Server::run(Call& call, Pool::Tools* tools) {
    Response response;
    call.route->handler(std::as_const(call.request), response);
    if (response.events != nullptr) return answer_stream(call, std::move(response));
    answer(call, std::move(response), tools);
}

void Server::answer(Call& call, Response response, Pool::Tools* tools) {
    add_cors(call, response);
    http::SimpleResponse out;
    out.status = response.status;
    out.content_type = std::move(response.content_type);
    out.headers = std::move(response.headers);
    out.body = std::move(response.body);
    // Here rather than on the thread that everybody waits for. (What is small it does itself.)
    const bool may_gzip = tools != nullptr && out.body.size() > kGzipFromBytes &&
                          http::is_compressible(out.content_type);
    if (may_gzip && call.takes_gzip) {
        std::string packed;
        if (tools->gzip.compress(out.body, packed)) {
            out.body = std::move(packed);
            out.headers.emplace_back("Content-Encoding", "gzip");
            out.headers.emplace_back("Vary", "Accept-Encoding");
        }
    }
    ++by_class_[std::min<std::size_t>(out.status / 100, by_class_.size() - 1)];
    call.reply->complete(std::move(out));
}

void Server::answer_stream(Call& call, Response response) {
    if (streams_.fetch_add(1) >= limits_.streams_max) {
        --streams_;
        ++overloaded_;
        response.events->end();
        return refuse(call, 503, "too many streams are open");
    }
    add_cors(call, response);
    http::SimpleResponse head;
    head.content_type = "text/event-stream";
    head.headers = std::move(response.headers);
    head.headers.emplace_back("Cache-Control", "no-store");
    head.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold events back
    ++by_class_[2];
    call.reply->stream(std::move(head), limits_.stream, [this](http::StreamEnd end) {
        --streams_;
        if (end == http::StreamEnd::too_slow) ++streams_dropped_;
    });
    response.events->bind(call.reply);
}

void Server::refuse(Call& call, uint16_t status, std::string_view words) {
    Response response;
    if (call.request.path.starts_with("/api/"))
        response.json("{\"status\":\"error\",\"errorType\":\"" + std::string(error_type(status)) +
                          "\",\"error\":" + json_quoted(words) + "}",
                      status);
    else
        response.text(status, words);
    answer(call, std::move(response), nullptr);
}

void Server::ask_for_credentials(Call& call) {
    Response response;
    response.json(R"({"status":"error","errorType":"unauthorized","error":"log in"})", 401);
    response.headers.emplace_back("WWW-Authenticate",
                                  "Basic realm=\"glassgate\", charset=\"UTF-8\"");
    answer(call, std::move(response), nullptr);
}

// As Prometheus' httputil.SetCORS.
void Server::add_cors(const Call& call, Response& response) const {
    if (!call.cors || call.origin.empty()) return;
    auto& headers = response.headers;
    headers.emplace_back("Access-Control-Allow-Headers",
                         "Accept, Authorization, Content-Type, Origin");
    headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    headers.emplace_back("Access-Control-Expose-Headers", "Date");
    headers.emplace_back("Vary", "Origin");
    const auto& pattern = call.policy->cors_origin;
    if (pattern == nullptr)
        headers.emplace_back("Access-Control-Allow-Origin", "*");
    else if (re2::RE2::FullMatch(call.origin, *pattern))
        headers.emplace_back("Access-Control-Allow-Origin", call.origin);
}

Server::Numbers Server::numbers() const noexcept {
    Numbers numbers;
    for (std::size_t i = 0; i < by_class_.size(); ++i)
        numbers.requests_by_class[i] = by_class_[i].load();
    numbers.overloaded = overloaded_.load();
    numbers.logins_refused = logins_refused_.load();
    numbers.streams = streams_.load();
    numbers.streams_dropped = streams_dropped_.load();
    return numbers;
}

}  // namespace glassgate::console
