#include "config/flex/binding.h"

namespace glassgate::config::flex {
namespace {

constexpr int64_t kOrder = 50;

struct Reader {
    const Documents& documents;
    Diagnostics& diagnostics;
};

// Null: no policy that could run, and that is reported.
const PolicyName* find_policy(const Reference& reference, const Reader& reader) {
    const Document* extension =
        reader.documents.find(Kind::extension, reference.space, reference.name);
    const PolicyName* const known = find_policy_name(reference.name);
    // What is built in lives in the namespace default, and is found from every other.
    if (known == nullptr && extension == nullptr)
        extension = reader.documents.find(Kind::extension, kDefaultNamespace, reference.name);
    if (known != nullptr && known->role != PolicyRole::unsupported) return known;
    if (known != nullptr)
        reader.diagnostics.error(reference.at,
                                 "policy " + quote(reference.name) + " is not supported yet",
                                 "see the reference of policies for those that are");
    else if (extension != nullptr)
        reader.diagnostics.error(reference.at,
                                 "policy " + quote(reference.name) +
                                     " is an extension, defined in " + place(extension->at) +
                                     ": custom policies are not supported",
                                 "a policy of the catalogue");
    else
        reader.diagnostics.error(reference.at, "unknown policy " + quote(reference.name),
                                 "the name of a policy, such as rate-limiting-flex",
                                 nearest_policy_name(reference.name));
    return nullptr;
}

const PolicyName* read_policy(Fields& fields, const std::string& space, const Reader& reader,
                              Binding& binding) {
    const Node* const node = fields.require("policyRef");
    if (node == nullptr) return nullptr;
    Fields ref(*node, reader.diagnostics, "policyRef");
    (void)ref.choice("kind", {"Extension"}, 0);
    const std::optional<Reference> reference = read_reference(ref, space);
    if (!reference) return nullptr;
    binding.at = reference->at;
    return find_policy(*reference, reader);
}

bool has_labels(const Document& document, const Labels& labels) {
    return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
        return std::find(document.labels.begin(), document.labels.end(), wanted) !=
               document.labels.end();
    });
}

std::vector<const Document*> select(const Node& node, const std::string& space,
                                    const Reader& reader) {
    std::vector<const Document*> out;
    Fields fields(node, reader.diagnostics, "selector");
    const Kind kind = fields.choice("kind", {"ApiInstance", "Service"}, 0) == 0 ? Kind::api_instance
                                                                                : Kind::service;
    const Labels labels = read_pairs(fields, "labels");
    if (labels.empty()) {
        fields.mistake(node.position, "a selector without labels", "labels: {name: value}");
        return out;
    }
    for (const Document& document : reader.documents.all())
        if (document.kind == kind && document.space == space && has_labels(document, labels))
            out.push_back(&document);
    if (out.empty())
        reader.diagnostics.warning(
            node.position, "the selector matches no " + std::string(to_text(kind)) +
                               " of namespace " + quote(space) + ": the policy applies to nothing");
    return out;
}

// True: the target is what it should be, be it nothing that a selector found.
bool read_target(Fields& fields, const std::string& space, const Reader& reader, Binding& binding) {
    const Node* const node = fields.require("targetRef");
    if (node == nullptr) return false;
    Fields target(*node, reader.diagnostics, "targetRef");
    const std::size_t kind = target.choice("kind", {"ApiInstance", "Service", "Selector"}, 0);
    if (kind == 2) {
        const Node* const selector = target.require("selector");
        const std::string where = read_name(target, "namespace", space);
        if (selector != nullptr) binding.targets = select(*selector, where, reader);
        return selector != nullptr;
    }
    const std::optional<Reference> reference = read_reference(target, space);
    if (!reference) return false;
    const Kind wanted = kind == 0 ? Kind::api_instance : Kind::service;
    const Document* const found = reader.documents.find(wanted, reference->space, reference->name);
    if (found == nullptr) {
        const bool other = reader.documents.find(kind == 0 ? Kind::service : Kind::api_instance,
                                                 reference->space, reference->name) != nullptr;
        reader.diagnostics.error(
            reference->at,
            "no " + std::string(to_text(wanted)) + " " + quote(reference->text()) +
                ": the policy would apply to nothing",
            other ? "kind: " + std::string(kind == 0 ? "Service" : "ApiInstance")
                  : "the name of one in namespace " + quote(reference->space),
            reader.documents.nearest(wanted, reference->name));
        return false;
    }
    binding.targets.push_back(found);
    return true;
}

// A policy that is for Services on an API would do nothing, and the other way round.
bool fits(const Binding& binding, Diagnostics& diagnostics) {
    if (binding.targets.empty()) return true;
    const PolicyRole role = binding.policy->role;
    const bool on_service = binding.targets[0]->kind == Kind::service;
    const bool for_service = role == PolicyRole::service || role == PolicyRole::tls_outbound;
    if (on_service == for_service) return true;
    diagnostics.error(
        binding.at,
        "policy " + quote(binding.policy->name) + " is bound to " +
            (on_service ? "a Service" : "an ApiInstance"),
        for_service ? "targetRef: {kind: Service, ...}" : "targetRef: {kind: ApiInstance, ...}");
    return false;
}

void read_body(Fields& fields, Binding& binding) {
    binding.config = fields.child("config");
    if (binding.config == nullptr || binding.config->kind == Node::Kind::null) {
        auto absent = std::make_shared<Node>();
        absent->position = binding.at;
        binding.absent = std::move(absent);
        binding.config = binding.absent.get();
    }
    binding.rules = fields.child("rules");
    binding.order = fields.integer("order", kOrder, -1'000'000, 1'000'000);
}

void read_binding(const Document& document, const Reader& reader, std::vector<Binding>& out) {
    Binding binding;
    binding.name = document.name;
    binding.space = document.space;
    Fields fields(*document.spec, reader.diagnostics, "spec of a PolicyBinding");
    binding.policy = read_policy(fields, document.space, reader, binding);
    const bool targeted = read_target(fields, document.space, reader, binding);
    read_body(fields, binding);
    if (binding.policy == nullptr || !targeted || !fits(binding, reader.diagnostics)) return;
    out.push_back(std::move(binding));
}

void read_inline(const Document& api, const Reader& reader, std::vector<Binding>& out) {
    const Node* const policies = api.spec->find("policies");
    std::size_t index = 0;
    for (const Node& item : items_of(policies, "policies", reader.diagnostics)) {
        Binding binding;
        binding.name = "policy" + std::to_string(++index);
        binding.space = api.space;
        binding.targets = {&api};
        Fields fields(item, reader.diagnostics, "a policy of an ApiInstance");
        binding.policy = read_policy(fields, api.space, reader, binding);
        read_body(fields, binding);
        if (binding.policy != nullptr && fits(binding, reader.diagnostics))
            out.push_back(std::move(binding));
    }
}

}  // namespace

std::vector<Binding> read_bindings(const Documents& documents, Diagnostics& diagnostics) {
    const Reader reader{documents, diagnostics};
    std::vector<Binding> out;
    for (const Document& document : documents.all())
        if (document.kind == Kind::api_instance) read_inline(document, reader, out);
    for (const Document& document : documents.all())
        if (document.kind == Kind::policy_binding) read_binding(document, reader, out);
    std::stable_sort(out.begin(), out.end(), [](const Binding& a, const Binding& b) {
        if (a.policy->first != b.policy->first) return a.policy->first;
        return a.order < b.order;
    });
    return out;
}

}  // namespace glassgate::config::flex
