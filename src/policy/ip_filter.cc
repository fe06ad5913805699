#include "policy/ip_filter.h"

#include "base/text.h"
#include "policy/address_trie.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

struct Settings {
    AddressTrie networks;
    bool admits = true;         // those inside; else it keeps them out
    uint32_t trusted_hops = 0;  // 0: the address the listener settled on
};

// The address that the outermost of `hops` trusted proxies wrote: counted from the end of
// X-Forwarded-For, where every one of them has appended the peer it saw. Nothing when there are
// fewer entries.
std::string_view forwarded_by(const http::HeaderList& headers, uint32_t hops) noexcept {
    uint32_t left = hops;
    for (std::size_t i = headers.size(); i-- > 0;) {
        if (headers[i].known != http::KnownHeader::x_forwarded_for) continue;
        std::string_view rest = headers[i].value;
        while (!rest.empty()) {
            const std::size_t comma = rest.rfind(',');
            const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
            const std::string_view element = trim_ows(rest.substr(begin));
            if (--left == 0) return element;
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
        }
    }
    return {};
}

class IpFilter final : public Policy {
public:
    explicit IpFilter(const Settings& settings) : settings_(settings) {}

    Verdict on_request(Request& request) override {
        const std::string_view address =
            settings_.trusted_hops == 0
                ? request.client_address
                : forwarded_by(request.head->headers, settings_.trusted_hops);
        switch (settings_.networks.find(address)) {
            case AddressTrie::Answer::no_address:  // whoever cannot be told is not let in
                return Reply{403, "address_unknown", "Forbidden"};
            case AddressTrie::Answer::inside:
                if (settings_.admits) return Pass{};
                return Reply{403, "address_blocked", "Forbidden"};
            case AddressTrie::Answer::outside:
                break;
        }
        if (!settings_.admits) return Pass{};
        return Reply{403, "address_not_allowed", "Forbidden"};
    }

private:
    const Settings& settings_;  // the plan's, which outlives its instances
};

class IpFilterPlan final : public PolicyPlan {
public:
    explicit IpFilterPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<IpFilter>(settings_);
    }
    std::string summary() const override {
        return std::to_string(settings_.networks.size()) + " networks";
    }

private:
    const Settings settings_;
};

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context, bool admits) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics,
                  admits ? "policy ip-allowlist" : "policy ip-blocklist");
    Settings settings;
    settings.admits = admits;
    const Node* const ips = fields.require("ips");
    for (const std::string& network : fields.texts("ips"))
        if (!settings.networks.add(network))
            fields.mistake(ips->position, "ips has " + quote(network),
                           "an address, a network such as 10.0.0.0/8, or the beginning of an IPv4 "
                           "address");
    if (ips != nullptr && ips->kind == Node::Kind::list && ips->items.empty())
        fields.mistake(ips->position, "ips is empty", "at least one address or network");
    settings.trusted_hops = static_cast<uint32_t>(fields.integer("trustedHops", 0, 0, 32));
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<IpFilterPlan>(std::move(settings));
}
std::unique_ptr<PolicyPlan> compile_allowlist(const Node& node, CompileContext& context) {
    return compile(node, context, true);
}
std::unique_ptr<PolicyPlan> compile_blocklist(const Node& node, CompileContext& context) {
    return compile(node, context, false);
}

constexpr std::string_view kAllowReasons[] = {"pass", "address_not_allowed", "address_unknown"};
constexpr std::string_view kBlockReasons[] = {"pass", "address_blocked", "address_unknown"};
constexpr FieldDoc kFields[] = {
    {"ips", "list", "required",
     "Addresses and networks, IPv4 and IPv6: 192.0.2.1, 10.0.0.0/8, 2001:db8::/32; 10.1 is "
     "10.1.0.0/16."},
    {"trustedHops", "integer", "0",
     "So many proxies stand in front, each of which appends to X-Forwarded-For: the address the "
     "outermost of them saw is looked at. 0: the client's address as the listener's trust settings "
     "have it. A request with fewer entries is refused."},
};
constexpr PolicyKind kAllow{
    .name = "ip-allowlist",
    .category = "security",
    .doc = "Lets in only clients with these addresses; anybody else gets 403.",
    .reasons = kAllowReasons,
    .fields = kFields,
    .example = "- ip-allowlist: {ips: [10.0.0.0/8, \"2001:db8::/32\"]}",
    .compile = &compile_allowlist,
};
constexpr PolicyKind kBlock{
    .name = "ip-blocklist",
    .category = "security",
    .doc = "Keeps out clients with these addresses: 403.",
    .reasons = kBlockReasons,
    .fields = kFields,
    .example = "- ip-blocklist: {ips: [198.51.100.0/24], trustedHops: 1}",
    .compile = &compile_blocklist,
};

}  // namespace

const PolicyKind& ip_allowlist_kind() noexcept { return kAllow; }
const PolicyKind& ip_blocklist_kind() noexcept { return kBlock; }

}  // namespace glassgate::policy
