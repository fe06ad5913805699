#include "flight/stored_plan.h"

#include "flight/format.h"
#include "store/codec/bits.h"

namespace glassgate::flight {
namespace {

using store::ByteReader;
using store::put_text;
using store::put_varint;

constexpr uint64_t kMaxItems = 1u << 20;  // of one list; the bytes bound them anyway

template <typename T, typename Put>
void put_list(std::string& out, const std::vector<T>& list, Put&& put) {
    put_varint(out, list.size());
    for (const T& item : list) put(item);
}

void put_texts(std::string& out, const std::vector<std::string>& texts) {
    put_list(out, texts, [&](const std::string& text) { put_text(out, text); });
}

// Each item takes a byte at least, so a list is never longer than what is left.
template <typename Read>
void read_list(ByteReader& in, Read&& read) {
    const uint64_t count = in.varint_up_to(std::min<uint64_t>(kMaxItems, in.left()));
    for (uint64_t i = 0; i < count && in.ok(); ++i) read();
}

std::vector<std::string> read_texts(ByteReader& in) {
    std::vector<std::string> texts;
    read_list(in, [&] { texts.emplace_back(in.text()); });
    return texts;
}

void read_routes(ByteReader& in, model::PlanNames& names) {
    read_list(in, [&] {
        model::RouteName route;
        route.id = in.text();
        route.api = in.text();
        route.patterns = read_texts(in);
        route.upstream = static_cast<uint32_t>(in.varint_up_to(UINT32_MAX));
        names.routes.push_back(std::move(route));
    });
}

void read_line(ByteReader& in, StoredPlan& plan) {
    telemetry::LoggingSettings logging;
    logging.redact_query = in.u8() != 0;
    logging.format = in.u8() != 0 ? telemetry::LogFormat::text : telemetry::LogFormat::json;
    for (const std::string& name : read_texts(in)) {
        auto field = plan.names.captured.add(name);
        if (!field) continue;  // of a version that has more fields
        logging.fields.push_back(std::move(*field));
        logging.field_names.push_back(name);
    }
    plan.line = telemetry::compile_line_format(logging);
}

}  // namespace

std::string encode_plan(const model::PlanNames& names, const telemetry::LineFormat& line) {
    std::string out;
    put_varint(out, names.generation);
    put_text(out, names.gateway);
    put_text(out, names.mode);
    put_list(out, names.listeners, [&](const auto& listener) { put_text(out, listener.name); });
    put_list(out, names.routes, [&](const model::RouteName& route) {
        put_text(out, route.id);
        put_text(out, route.api);
        put_texts(out, route.patterns);
        put_varint(out, route.upstream);
    });
    put_list(out, names.policies, [&](const model::PolicyName& policy) {
        put_text(out, policy.kind);
        put_texts(out, policy.reasons);
    });
    put_list(out, names.upstreams, [&](const model::UpstreamName& upstream) {
        put_text(out, upstream.name);
        put_texts(out, upstream.targets);
    });
    // Slots first: the names of the line find theirs again.
    put_list(out, names.captured.slots(), [&](const model::FieldRef& slot) {
        put_text(out, std::string(describe(slot.field).name) + slot.parameter);
    });
    store::put_u8(out, line.redact_query ? 1 : 0);
    store::put_u8(out, line.format == telemetry::LogFormat::text ? 1 : 0);
    put_list(out, line.elements, [&](const auto& element) { put_text(out, element.name); });
    return out;
}

uint64_t plan_key(std::string_view bytes) noexcept { return fnv1a(bytes); }

Result<std::shared_ptr<const StoredPlan>> decode_plan(std::string_view bytes) {
    auto plan = std::make_shared<StoredPlan>();
    plan->key = plan_key(bytes);
    model::PlanNames& names = plan->names;
    ByteReader in(bytes);
    names.generation = in.varint();
    names.gateway = in.text();
    names.mode = in.text();
    for (std::string& name : read_texts(in)) names.listeners.push_back({std::move(name)});
    read_routes(in, names);
    read_list(in, [&] {
        model::PolicyName policy;
        policy.kind = in.text();
        policy.reasons = read_texts(in);
        names.policies.push_back(std::move(policy));
    });
    read_list(in, [&] {
        model::UpstreamName upstream;
        upstream.name = in.text();
        upstream.targets = read_texts(in);
        names.upstreams.push_back(std::move(upstream));
    });
    for (const std::string& name : read_texts(in)) (void)names.captured.add(name);
    read_line(in, *plan);
    if (!in.ok()) return failure("a plan is damaged");
    return plan;
}

const std::shared_ptr<const StoredPlan>& unknown_plan() {
    static const auto plan = std::make_shared<const StoredPlan>();
    return plan;
}

}  // namespace glassgate::flight
