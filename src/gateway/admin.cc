#include "gateway/admin.h"

namespace glassgate::gateway {

using http::SimpleRequest;
using http::SimpleResponse;

std::vector<http::SimpleServer::Route> Admin::routes(const telemetry::MetricsSettings& settings) {
    std::vector<http::SimpleServer::Route> routes;
    if (settings.enabled) {
        routes.push_back(
            {Method::get, settings.path, [this](const SimpleRequest& request, SimpleResponse& out) {
                 const auto format =
                     telemetry::negotiate(http::find(request.head.headers, "accept"));
                 out.content_type = telemetry::content_type(format);
                 registry_.expose(format, out.body);
             }});
    }
    routes.push_back({Method::get, "/healthz",
                      [](const SimpleRequest&, SimpleResponse& out) { out.body = "ok\n"; }});
    routes.push_back({Method::get, "/readyz", readiness_handler()});
    return routes;
}

http::SimpleServer::Handler Admin::readiness_handler() {
    return [this](const SimpleRequest&, SimpleResponse& out) {
        const Readiness now = readiness_.load();
        out.status = now == Readiness::ready ? 200 : 503;
        out.body = now == Readiness::ready      ? "ready\n"
                   : now == Readiness::starting ? "starting\n"
                                                : "draining\n";
    };
}

Status Admin::reconfigure_probe(const std::optional<config::ProbeSetting>& probe) {
    if (probe == probe_) return {};
    std::unique_ptr<http::SimpleServer> fresh;
    if (probe) {
        std::vector<http::SimpleServer::Route> routes;
        routes.push_back({Method::get, "/probes/readiness", readiness_handler()});
        routes.push_back({Method::get, "/probes/liveness",
                          [](const SimpleRequest&, SimpleResponse& out) { out.body = "alive\n"; }});
        fresh = TRY(http::SimpleServer::start("0.0.0.0", probe->port, std::move(routes), {}));
    }
    probe_server_ = std::move(fresh);
    probe_ = probe;
    return {};
}

Result<std::unique_ptr<Admin>> Admin::start(const telemetry::MetricsSettings& settings,
                                            telemetry::MetricsRegistry& registry) {
    std::unique_ptr<Admin> admin(new Admin(registry));
    admin->settings_ = settings;
    admin->server_ = TRY(
        http::SimpleServer::start(settings.address, settings.port, admin->routes(settings), {}));
    return admin;
}

Status Admin::reconfigure(const telemetry::MetricsSettings& settings) {
    if (settings == settings_) return {};
    if (settings.address == settings_.address && settings.port == settings_.port)
        server_->set_routes(routes(settings));
    else
        server_ =
            TRY(http::SimpleServer::start(settings.address, settings.port, routes(settings), {}));
    settings_ = settings;
    return {};
}

}  // namespace glassgate::gateway
