#include "gateway/console_service.h"

#include <utility>

#include "telemetry/metrics/catalogue.h"

namespace glassgate::gateway {
namespace {

using Numbers = console::Server::Numbers;
using telemetry::MetricType;
using telemetry::Sample;

void add_counters(Numbers& to, const Numbers& from) {
    for (std::size_t i = 0; i < to.requests_by_class.size(); ++i)
        to.requests_by_class[i] += from.requests_by_class[i];
    to.overloaded += from.overloaded;
    to.logins_refused += from.logins_refused;
    to.streams_dropped += from.streams_dropped;
}

}  // namespace

ConsoleService::ConsoleService(telemetry::MetricsRegistry& registry) { export_metrics(registry); }

void ConsoleService::add(std::vector<console::Route> routes) {
    for (console::Route& route : routes) routes_.push_back(std::move(route));
}

Status ConsoleService::apply(const config::ConsoleSettings& settings) {
    problem_.clear();
    if (!settings.enabled) {
        stop();
        return {};
    }
    if (server_ != nullptr) return server_->reconfigure(settings);
    auto started = console::Server::start(settings, routes_);
    if (started) {
        const std::lock_guard lock(mutex_);
        server_ = std::move(*started);
        return {};
    }
    if (settings.required) return std::unexpected(started.error());
    problem_ = started.error().message;
    return {};
}

// Not under the lock: the server waits for handlers, and they may ask for the port.
void ConsoleService::stop() {
    std::unique_ptr<console::Server> gone;
    {
        const std::lock_guard lock(mutex_);
        gone = std::move(server_);
        if (gone != nullptr) add_counters(before_, gone->numbers());
    }
}

uint16_t ConsoleService::port() const {
    const std::lock_guard lock(mutex_);
    return server_ != nullptr ? server_->port() : 0;
}

Numbers ConsoleService::numbers() const {
    const std::lock_guard lock(mutex_);
    Numbers all = server_ != nullptr ? server_->numbers() : Numbers{};
    add_counters(all, before_);
    return all;
}

void ConsoleService::export_metrics(telemetry::MetricsRegistry& registry) {
    const auto help = [](std::string_view name) {
        const telemetry::Family* const family = telemetry::find_family(name);
        return family != nullptr ? std::string(family->help) : std::string();
    };
    const auto number = [&](const char* name, MetricType type, uint64_t Numbers::* member) {
        registry.add_external({name, help(name), type, [this, member](std::vector<Sample>& out) {
                                   out.push_back({{}, static_cast<double>(numbers().*member)});
                               }});
    };
    number("flex_console_overloaded_total", MetricType::counter, &Numbers::overloaded);
    number("flex_console_logins_refused_total", MetricType::counter, &Numbers::logins_refused);
    number("flex_console_streams", MetricType::gauge, &Numbers::streams);
    number("flex_console_streams_dropped_total", MetricType::counter, &Numbers::streams_dropped);
    registry.add_external({"flex_console_requests_total", help("flex_console_requests_total"),
                           MetricType::counter, [this](std::vector<Sample>& out) {
                               const Numbers all = numbers();
                               for (std::size_t i = 2; i < all.requests_by_class.size(); ++i)
                                   out.push_back({{{"code", std::to_string(i) + "xx"}},
                                                  static_cast<double>(all.requests_by_class[i])});
                           }});
}

}  // namespace glassgate::gateway
