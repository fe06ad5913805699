#include "gateway/admin.h"

namespace glassgate::gateway {

using http::SimpleRequest;
using http::SimpleResponse;

Result<std::unique_ptr<Admin>> Admin::start(const telemetry::MetricsSettings& settings,
                                            telemetry::MetricsRegistry& registry) {
    std::unique_ptr<Admin> admin(new Admin);
    std::vector<http::SimpleServer::Route> routes;
    if (settings.enabled) {
        routes.push_back({Method::get, settings.path, [&registry](const SimpleRequest& request, SimpleResponse& out) {
                              const auto format = telemetry::negotiate(http::find(request.head.headers, "accept"));
                              out.content_type = telemetry::content_type(format);
                              registry.expose(format, out.body);
                          }});
    }
    routes.push_back({Method::get, "/healthz", [](const SimpleRequest&, SimpleResponse& out) { out.body = "ok\n"; }});
    routes.push_back({Method::get, "/readyz", [self = admin.get()](const SimpleRequest&, SimpleResponse& out) {
                          const Readiness now = self->readiness_.load();
                          out.status = now == Readiness::ready ? 200 : 503;
                          out.body = now == Readiness::ready      ? "ready\n"
                                     : now == Readiness::starting ? "starting\n"
                                                                  : "draining\n";
                      }});
    admin->server_ = TRY(http::SimpleServer::start(settings.address, settings.port, std::move(routes), {}));
    return admin;
}

}  // namespace glassgate::gateway
