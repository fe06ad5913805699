#include "policy/cors.h"

#include <algorithm>

#include "base/text.h"
#include "http/chars.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

// Origins that are allowed the same things.
struct Group {
    bool any_origin = false;
    std::vector<std::string> origins;    // "https://shop.example.com"
    std::vector<std::string> wildcards;  // "https://*.example.com" as "https://" and ".example.com"
    std::vector<std::string> suffixes;
    std::vector<std::string> methods;
    std::vector<std::string> headers;  // "*": any
    std::string methods_text, headers_text, exposed_text, max_age_text;
    bool any_header = false;

    [[nodiscard]] bool has(std::string_view origin) const noexcept {
        if (any_origin) return true;
        for (const std::string& known : origins)
            if (iequals(known, origin)) return true;
        for (std::size_t i = 0; i < wildcards.size(); ++i) {
            const std::string_view scheme = wildcards[i], end = suffixes[i];
            if (origin.size() > scheme.size() + end.size() &&
                iequals(origin.substr(0, scheme.size()), scheme) &&
                iequals(origin.substr(origin.size() - end.size()), end))
                return true;
        }
        return false;
    }
};

struct Settings {
    std::vector<Group> groups;
    bool credentials = false;
};

class Cors final : public Policy {
public:
    explicit Cors(const Settings& settings) : settings_(settings) {}

    Verdict on_request(Request& request) override {
        const http::HeaderList& headers = request.head->headers;
        const std::string_view origin = http::find(headers, "Origin");
        const std::string_view method = http::find(headers, "Access-Control-Request-Method");
        if (request.head->method != Method::options || origin.empty() || method.empty())
            return Pass{};
        request.edit_response_header("Vary",
                                     "Origin, Access-Control-Request-Method, "
                                     "Access-Control-Request-Headers");
        const Group* const group = group_of(origin);
        const std::string_view wanted = http::find(headers, "Access-Control-Request-Headers");
        if (group != nullptr && allows(*group, method, wanted)) {
            allow_origin(request, origin, *group);
            request.edit_response_header("Access-Control-Allow-Methods", group->methods_text);
            // "*" does not stand for Authorization, nor for anything with credentials: the names
            // that were asked for always do.
            if (!wanted.empty())
                request.edit_response_header("Access-Control-Allow-Headers",
                                             group->any_header ? wanted : group->headers_text);
            request.edit_response_header("Access-Control-Max-Age", group->max_age_text);
        }
        // A browser that is not allowed finds no headers, and that is its answer.
        return Reply{204, "preflight", {}, model::Ending::completed, model::Origin::gateway};
    }

    // What the upstream says of origins gives way: there is one place that decides.
    void on_response(Request& request, const Response& response) override {
        if (is_preflight(request)) return;
        for (const std::string_view name :
             {"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
              "Access-Control-Expose-Headers"})
            request.remove_response_header(name);
        vary_by_origin(request, response);
        const std::string_view origin = http::find(request.head->headers, "Origin");
        const Group* const group = origin.empty() ? nullptr : group_of(origin);
        if (group == nullptr) return;
        allow_origin(request, origin, *group);
        if (!group->exposed_text.empty())
            request.edit_response_header("Access-Control-Expose-Headers", group->exposed_text);
    }

private:
    static bool is_preflight(const Request& request) noexcept {
        return request.head->method == Method::options &&
               !http::find(request.head->headers, "Origin").empty() &&
               !http::find(request.head->headers, "Access-Control-Request-Method").empty();
    }
    [[nodiscard]] const Group* group_of(std::string_view origin) const noexcept {
        for (const Group& group : settings_.groups)
            if (group.has(origin)) return &group;
        return nullptr;
    }
    static bool allows(const Group& group, std::string_view method, std::string_view headers) {
        // Methods are case-sensitive, header names are not.
        if (std::find(group.methods.begin(), group.methods.end(), method) == group.methods.end())
            return false;
        if (group.any_header) return http::all(headers, http::kValue);
        return for_each_list_element(headers, [&](std::string_view name) {
            return std::any_of(group.headers.begin(), group.headers.end(),
                               [&](const std::string& known) { return iequals(known, name); });
        });
    }
    void allow_origin(Request& request, std::string_view origin, const Group& group) const {
        const bool anybody = group.any_origin && !settings_.credentials;
        request.edit_response_header("Access-Control-Allow-Origin", anybody ? "*" : origin);
        if (settings_.credentials)
            request.edit_response_header("Access-Control-Allow-Credentials", "true");
    }
    // A cache must not hand one origin what was said to another. What the upstream varies by stays.
    static void vary_by_origin(Request& request, const Response& response) {
        std::string all;
        if (response.head != nullptr)
            for (const http::HeaderField& field : response.head->headers) {
                if (!iequals(field.name, "Vary")) continue;
                if (!for_each_list_element(field.value, [](std::string_view name) {
                        return name != "*" && !iequals(name, "Origin");
                    }))
                    return;
                all.append(all.empty() ? "" : ", ").append(field.value);
            }
        request.edit_response_header("Vary", all + (all.empty() ? "Origin" : ", Origin"));
    }

    const Settings& settings_;  // the plan's, which outlives its instances
};

class CorsPlan final : public PolicyPlan {
public:
    explicit CorsPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<Cors>(settings_);
    }

private:
    const Settings settings_;
};

// ---- settings
// -------------------------------------------------------------------------------------

std::string joined(const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& one : all) text.append(text.empty() ? "" : ", ").append(one);
    return text;
}

// scheme "://" host [":" port], or "null" (files, sandboxed frames).
bool is_origin(std::string_view text) {
    if (text == "null") return true;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0) return false;
    const std::string_view rest = text.substr(scheme + 3);
    return !rest.empty() && rest.find_first_of("/?# \t,*") == std::string_view::npos;
}

void read_origins(Fields& fields, Group& group) {
    for (const std::string& origin : fields.texts("origins")) {
        const std::size_t star = origin.find("://*.");
        if (origin == "*") {
            group.any_origin = true;
        } else if (star != std::string::npos &&
                   is_origin(origin.substr(0, star + 3) + origin.substr(star + 5))) {
            group.wildcards.push_back(origin.substr(0, star + 3));
            group.suffixes.push_back(origin.substr(star + 4));
        } else if (is_origin(origin)) {
            group.origins.push_back(origin);
        } else {
            fields.mistake(fields.child("origins")->position, "origins has " + quote(origin),
                           "https://shop.example.com, https://*.example.com or *");
        }
    }
}

std::vector<std::string> read_tokens(Fields& fields, std::string_view key) {
    std::vector<std::string> names = fields.texts(key);
    for (const std::string& name : names)
        if (name.empty() || !http::all(name, http::kToken))
            fields.mistake(fields.child(key)->position, std::string(key) + " has " + quote(name),
                           "a name");
    return names;
}

Group read_group(Fields& fields) {
    Group group;
    group.any_origin = !fields.has("origins");
    read_origins(fields, group);
    group.methods = {"GET", "HEAD", "POST"};
    if (fields.has("methods")) group.methods = read_tokens(fields, "methods");
    group.headers = read_tokens(fields, "headers");
    group.any_header =
        std::find(group.headers.begin(), group.headers.end(), "*") != group.headers.end();
    group.methods_text = joined(group.methods);
    group.headers_text = joined(group.headers);
    group.exposed_text = joined(read_tokens(fields, "exposedHeaders"));
    group.max_age_text = std::to_string(fields.integer("accessControlMaxAge", 30, 0, 86'400));
    return group;
}

std::vector<Group> read_groups(const Node& node, Fields& fields) {
    for (const std::string_view alone :
         {"origins", "methods", "headers", "exposedHeaders", "accessControlMaxAge"})
        if (const Node* const beside = fields.child(alone))
            fields.mistake(beside->position, std::string(alone) + " beside originGroups",
                           "it within each group");
    std::vector<Group> groups;
    if (node.kind != Node::Kind::list || node.items.empty())
        fields.mistake(node.position, "originGroups is not a list of groups",
                       "a list of maps with origins");
    for (const Node& item : node.items) {
        Fields group(item, fields.diagnostics(), "an origin group of cors");
        (void)group.require("origins");
        groups.push_back(read_group(group));
    }
    return groups;
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy cors");
    Settings settings;
    settings.credentials = fields.boolean("supportCredentials", false);
    Group only = read_group(fields);
    if (const Node* const groups = fields.child("originGroups"))
        settings.groups = read_groups(*groups, fields);
    else
        settings.groups.push_back(std::move(only));
    for (const Group& group : settings.groups)
        if (group.any_origin && settings.credentials)
            fields.mistake(fields.position(),
                           "supportCredentials for any origin would let every page act as its "
                           "visitor",
                           "the origins that may, by name");
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<CorsPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "preflight"};
constexpr FieldDoc kFields[] = {
    {"origins", "list", "*",
     "https://shop.example.com, https://*.example.com (any subdomain, not the domain itself), null "
     "or *."},
    {"methods", "list", "[GET, HEAD, POST]", "What a preflight may ask for."},
    {"headers", "list", "[]", "Request headers a preflight may ask for; *: any."},
    {"exposedHeaders", "list", "[]", "Response headers a page may read."},
    {"accessControlMaxAge", "integer, s", "30",
     "How long a browser may remember a preflight; 0 to 86400."},
    {"supportCredentials", "boolean", "false",
     "Whether pages may send cookies and see the answer; then every origin is named."},
    {"originGroups", "list", "none",
     "Instead of the first five: maps of them, for origins that are allowed different things. The "
     "first group with the origin counts."},
};
constexpr PolicyKind kKind{
    .name = "cors",
    .category = "security",
    .doc =
        "Answers preflights (204) and tells browsers which origins may read responses. Should come "
        "first, since a preflight carries no credentials. The route must take OPTIONS. A request "
        "of an origin that is not allowed goes through without the headers, and the browser keeps "
        "the answer from the page. What the upstream itself says of origins is replaced.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- cors:\n"
        "    origins: [\"https://shop.example.com\", \"https://*.example.org\"]\n"
        "    methods: [GET, POST, DELETE]\n"
        "    headers: [content-type, authorization]",
    .compile = &compile,
};

}  // namespace

const PolicyKind& cors_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
