#include "config/compile.h"

#include <sched.h>

#include <thread>

#include "config/draft.h"

namespace glassgate::config {
namespace {

constexpr uint64_t kMaxWorkers = 256;

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

void read_spec(const Node* node, Draft& draft) {
    Fields spec(or_empty(node), draft.diagnostics, "spec");
    draft.names.mode = spec.choice("mode", {"local", "connected"}, 0) == 0 ? "local" : "connected";
    draft.plan.workers = read_workers(spec);
    draft.plan.drain_ms = read_unsigned(spec, "drainMs", draft.plan.drain_ms, 0, kHourMs);
    compile_listeners(spec.child("listeners"), draft);
    compile_upstreams(spec.child("upstreams"), draft);
    compile_routes(spec.child("routes"), draft);
    check_routes(draft);
    compile_telemetry(spec.child("telemetry"), draft);
}

}  // namespace

std::optional<Configuration> compile_gateway(const Node& document, uint64_t generation,
                                             Diagnostics& diagnostics) {
    Draft draft(diagnostics);
    draft.plan.generation = draft.names.generation = generation;
    {
        Fields fields(document, diagnostics, "the document");
        (void)fields.has("apiVersion");
        (void)fields.has("kind");
        read_metadata(fields, draft);
        read_spec(fields.child("spec"), draft);
    }
    if (diagnostics.has_errors()) return std::nullopt;
    if (draft.plan.routes.empty())
        diagnostics.warning(document.position, "no routes: every request is answered 404");
    draft.plan.names = std::make_shared<const model::PlanNames>(std::move(draft.names));
    draft.plan.router = proxy::Router::compile(draft.plan.routes);
    Configuration configuration;
    configuration.files = std::move(draft.files);
    configuration.plan = std::make_shared<const proxy::Plan>(std::move(draft.plan));
    configuration.telemetry = std::move(draft.telemetry);
    configuration.audit = std::move(draft.audit);
    configuration.rate_limits = std::move(draft.rate_limits);
    return configuration;
}

}  // namespace glassgate::config
