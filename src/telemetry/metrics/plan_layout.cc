#include "telemetry/metrics/plan_layout.h"

#include "model/exchange.h"

namespace glassgate::telemetry {
namespace {

class Builder {
public:
    Builder(SeriesIndex& index, PlanLayout& layout) : index_(index), layout_(layout) {}

    // The few and general series first: should the budget not last, they must not be what falls to
    // the overflow.
    void build() {
        for (const model::ListenerName& listener : names().listeners) add_listener(listener);
        for (const model::UpstreamName& upstream : names().upstreams) add_upstream(upstream);
        for (const model::RouteName& route : names().routes) {
            RouteLayout r;
            const std::string_view labels[] = {route.id};
            r.anchor = name(Subject::route, labels, nullptr);
            add_policies(route, r);
            layout_.routes.push_back(r);
        }
        for (std::size_t i = 0; i < names().routes.size(); ++i)
            add_patterns(names().routes[i], layout_.routes[i]);
    }

private:
    [[nodiscard]] const model::PlanNames& names() const { return *layout_.names; }

    SeriesGroup* name(Subject subject, Labels labels, SeriesGroup* parent) {
        SeriesGroup& group = index_.obtain(subject, labels, parent, Claim::named);
        layout_.named.push_back(&group);
        return &group;
    }

    void add_listener(const model::ListenerName& listener) {
        const std::string_view labels[] = {listener.name};
        SeriesGroup* group = name(Subject::listener, labels, nullptr);
        layout_.listeners.push_back(group);
        for (std::size_t e = 0; e < model::kConnectionEndingCount; ++e) {
            const std::string_view ending[] = {listener.name,
                                               to_text(static_cast<model::ConnectionEnding>(e))};
            layout_.connection_endings.push_back(
                &index_.obtain(Subject::connection_ending, ending, group, Claim::on_demand));
        }
    }

    void add_upstream(const model::UpstreamName& upstream) {
        UpstreamLayout u;
        const std::string_view labels[] = {upstream.name};
        u.group = name(Subject::upstream, labels, nullptr);
        u.first_attempt = static_cast<uint32_t>(layout_.attempts.size());
        u.targets = static_cast<uint32_t>(upstream.targets.size());
        for (const std::string& target : upstream.targets) {
            for (std::size_t r = 0; r < model::kAttemptResultCount; ++r) {
                const std::string_view attempt[] = {upstream.name, target,
                                                    to_text(static_cast<model::AttemptResult>(r))};
                layout_.attempts.push_back(name(Subject::attempt, attempt, nullptr));
            }
        }
        layout_.upstreams.push_back(u);
    }

    void add_policies(const model::RouteName& route, RouteLayout& r) {
        r.first_step = static_cast<uint32_t>(layout_.steps.size());
        for (const uint32_t policy : route.policies) {
            if (policy >= names().policies.size()) continue;
            const model::PolicyName& p = names().policies[policy];
            layout_.steps.push_back({policy, static_cast<uint32_t>(layout_.verdicts.size()),
                                     static_cast<uint32_t>(p.reasons.size())});
            for (const std::string& reason : p.reasons) {
                const std::string_view labels[] = {route.id, p.kind, reason};
                layout_.verdicts.push_back(name(Subject::verdict, labels, nullptr));
            }
        }
        r.steps = static_cast<uint32_t>(layout_.steps.size()) - r.first_step;
    }

    void add_patterns(const model::RouteName& route, RouteLayout& r) {
        r.first_row = static_cast<uint32_t>(layout_.rows.size());
        r.patterns = static_cast<uint32_t>(route.patterns.size());
        const MethodSet methods = precreated_methods(route.methods);
        for (const std::string& pattern : route.patterns) {
            const std::string_view anchor_labels[] = {route.id, pattern};
            SeriesGroup* anchor = name(Subject::pattern, anchor_labels, nullptr);
            layout_.pattern_anchors.push_back(anchor);
            for (std::size_t m = 0; m < kMethodCount; ++m) {
                const auto method = static_cast<Method>(m);
                SeriesGroup* row = nullptr;
                if ((methods & method_bit(method)) != 0) {
                    const std::string_view labels[] = {route.id, to_text(method), pattern};
                    row = name(Subject::request, labels, anchor);
                }
                layout_.rows.push_back(row);
            }
        }
    }

    SeriesIndex& index_;
    PlanLayout& layout_;
};

}  // namespace

MethodSet precreated_methods(MethodSet methods) noexcept {
    if (methods != kAllMethods) return methods;
    const unsigned on_demand = method_bit(Method::connect) | unsigned{method_bit(Method::trace)};
    return static_cast<MethodSet>(kAllMethods & ~on_demand);
}

std::shared_ptr<PlanLayout> build_layout(SeriesIndex& index,
                                         std::shared_ptr<const model::PlanNames> names,
                                         uint64_t sequence) {
    auto layout = std::make_shared<PlanLayout>();
    layout->sequence = sequence;
    layout->names = std::move(names);
    Builder(index, *layout).build();
    return layout;
}

}  // namespace glassgate::telemetry
