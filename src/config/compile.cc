#include "config/compile.h"

#include <sched.h>

#include <thread>

#include "config/draft.h"
#include "config/flex/site.h"

namespace glassgate::config {
namespace {

constexpr uint64_t kMaxWorkers = 256;
constexpr std::string_view kUnnamed = "glassgate";  // a gateway no document names

// The processors this process may use: a container's share, not the machine's all.
unsigned processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
    return std::max(1u, std::thread::hardware_concurrency());
}

unsigned read_workers(Fields& spec) {
    const Node* const node = spec.child("workers");
    const unsigned automatic = static_cast<unsigned>(std::min<uint64_t>(processors(), kMaxWorkers));
    if (node == nullptr || (node->kind == Node::Kind::scalar && node->scalar == "auto"))
        return automatic;
    if (node->kind == Node::Kind::scalar && node->scalar.find_first_of("0123456789") != 0) {
        spec.diagnostics().error(node->position, "workers is " + quote(node->scalar),
                                 "an integer from 1 to " + std::to_string(kMaxWorkers) + " or auto",
                                 std::string(nearest_name(node->scalar, {"auto"})));
        return automatic;
    }
    return read_unsigned<unsigned>(spec, "workers", automatic, 1, kMaxWorkers);
}

void read_metadata(Fields& document, Draft& draft) {
    const Node* const node = document.require("metadata");
    if (node == nullptr) return;
    Fields metadata(*node, draft.diagnostics, "metadata");
    if (metadata.require("name") != nullptr) draft.names.gateway = read_name(metadata, "name", {});
}

// `site`: what the documents of Flex Gateway's kinds add. A listener they make serves them alone;
// without a Gateway document, there are no others.
void read_spec(const Node* node, bool is_gateway, const Environment& environment, flex::Site& site,
               Draft& draft) {
    Fields spec(or_empty(node), draft.diagnostics, "spec");
    draft.names.mode = spec.choice("mode", {"local", "connected"}, 0) == 0 ? "local" : "connected";
    draft.plan.workers = read_workers(spec);
    draft.plan.drain_ms = read_unsigned(spec, "drainMs", draft.plan.drain_ms, 0, kHourMs);
    // A Gateway document that only says where telemetry goes opens no port beside those of APIs.
    const bool serves = spec.has("listeners") || spec.has("routes") || !site.has_apis();
    if (is_gateway && serves) compile_listeners(spec.child("listeners"), draft);
    site.add_listeners(draft);
    compile_upstreams(spec.child("upstreams"), draft);
    site.add_upstreams(draft);
    site.add_routes(draft);
    compile_routes(spec.child("routes"), draft);
    check_routes(draft);
    const Node telemetry = site.telemetry(spec.child("telemetry"), draft);
    compile_telemetry(&telemetry, draft);
    site.finish(environment, draft);
    compile_console(spec.child("console"), draft);
}

void read_documents(const InputDocuments& documents, const Environment& environment, Draft& draft) {
    const std::unique_ptr<flex::Site> site = flex::Site::read(documents.flex, environment, draft);
    Fields fields(documents.gateway ? *documents.gateway : kNoNode, draft.diagnostics,
                  "the document");
    (void)fields.has("apiVersion");
    (void)fields.has("kind");
    if (documents.gateway)
        read_metadata(fields, draft);
    else
        draft.names.gateway = kUnnamed;
    read_spec(fields.child("spec"), documents.gateway.has_value(), environment, *site, draft);
}

}  // namespace

std::optional<Configuration> compile(const InputDocuments& documents, uint64_t generation,
                                     const Environment& environment, NamedFiles& files,
                                     Diagnostics& diagnostics) {
    Draft draft(diagnostics, files);
    draft.plan.generation = draft.names.generation = generation;
    read_documents(documents, environment, draft);
    if (diagnostics.has_errors()) return std::nullopt;
    if (draft.plan.routes.empty())
        diagnostics.warning(
            documents.gateway ? documents.gateway->position : documents.flex.front().position,
            "no routes: every request is answered 404");
    draft.names.routes.shrink_to_fit();
    draft.plan.routes.shrink_to_fit();
    draft.plan.names = std::make_shared<const model::PlanNames>(std::move(draft.names));
    draft.plan.router = proxy::Router::compile(draft.plan.routes);
    draft.plan.apis = proxy::ApiTable::compile(draft.plan.routes);
    Configuration configuration;
    configuration.plan = std::make_shared<const proxy::Plan>(std::move(draft.plan));
    configuration.probe = draft.probe;
    configuration.telemetry = std::move(draft.telemetry);
    configuration.flight = std::move(draft.flight);
    configuration.alerting = std::move(draft.alerting);
    configuration.store = std::move(draft.store);
    configuration.console = std::move(draft.console);
    configuration.rate_limits = std::move(draft.rate_limits);
    configuration.certificates = std::move(draft.certificates);
    configuration.ticket_keys = std::move(draft.ticket_keys);
    configuration.tls_words = std::move(draft.tls_words);
    return configuration;
}

}  // namespace glassgate::config
