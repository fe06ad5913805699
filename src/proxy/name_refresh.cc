#include "proxy/name_refresh.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"

namespace glassgate::proxy {
namespace {

constexpr uint64_t kAnswerNs = 5 * kNsPerSecond;  // a resolver may go through servers and domains
constexpr uint32_t kRetryMs = 1000;               // at most, while a name fails

int compare(const sockaddr_storage& a, const sockaddr_storage& b) noexcept {
    return std::memcmp(&a, &b, sizeof a);
}

Addresses sorted(Addresses addresses) {
    std::sort(addresses.begin(), addresses.end(),
              [](const auto& a, const auto& b) { return compare(a, b) < 0; });
    return addresses;
}

bool same(const Addresses& a, const Addresses& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return compare(x, y) == 0; });
}

}  // namespace

NameRefresh::NameRefresh(io::Loop& loop, Random& random, std::unique_ptr<io::Resolver> resolver,
                         Changed changed, Events events)
    : loop_(loop),
      random_(random),
      changed_(std::move(changed)),
      events_(std::move(events)),
      resolver_(std::move(resolver)) {}

void NameRefresh::follow(const std::map<std::string, uint32_t>& refresh_ms,
                         std::function<void()> answered) {
    for (auto at = names_.begin(); at != names_.end();) {
        const bool wanted = refresh_ms.contains(at->first);
        if (!wanted) no_longer_waits_for(at->first);
        at = wanted ? std::next(at) : names_.erase(at);
    }
    Waiting waiting;
    for (const auto& [host, interval_ms] : refresh_ms) {
        std::unique_ptr<Name>& name = names_[host];
        if (!name) {
            name = std::make_unique<Name>();
            name->owner = this;
            name->host = host;
            name->refresh_ms = interval_ms;
            name->due.set_callback(&on_due, name.get());
            resolve(*name);
        } else if (std::exchange(name->refresh_ms, interval_ms) != interval_ms &&
                   name->due.armed()) {
            schedule(*name);
        }
        if (!name->answered) waiting.hosts.insert(host);
    }
    if (waiting.hosts.empty()) {
        answered();
        return;
    }
    waiting.answered = std::move(answered);
    waiting_.push_back(std::move(waiting));
}

const Addresses& NameRefresh::addresses(const std::string& host) const {
    static const Addresses none;
    const auto at = names_.find(host);
    return at == names_.end() ? none : at->second->good;
}

void NameRefresh::on_due(void* raw) {
    auto* name = static_cast<Name*>(raw);
    name->owner->resolve(*name);
}

void NameRefresh::resolve(Name& name) {
    // By its text, not its address: the name may be given up before the answer.
    resolver_->resolve(name.host, loop_.now_ns() + kAnswerNs,
                       [this, host = name.host](const io::Resolution& r) { on_answer(host, r); });
}

void NameRefresh::on_answer(const std::string& host, const io::Resolution& resolution) {
    const auto at = names_.find(host);
    if (at == names_.end()) return;
    Name& name = *at->second;
    if (resolution.status == io::ResolveStatus::ok)
        take_good(name, sorted(resolution.addresses));
    else
        take_failure(name, resolution);
    name.answered = true;
    schedule(name);
    no_longer_waits_for(host);
}

void NameRefresh::take_good(Name& name, Addresses addresses) {
    const bool first = !name.answered;
    const bool recovered = std::exchange(name.failing, false);
    const bool other = !same(name.good, addresses);
    if (other) {
        name.good = std::move(addresses);
        changed_(name.host, name.good);
    }
    if (first || (!other && !recovered)) return;
    model::Event event(model::EventKind::dns_changed, wall_now_ns());
    event.with("host", name.host).with("addresses", static_cast<int64_t>(name.good.size()));
    events_(event);
}

void NameRefresh::take_failure(Name& name, const io::Resolution& resolution) {
    if (std::exchange(name.failing, true)) return;
    model::Event event(model::EventKind::dns_failed, wall_now_ns());
    event.with("host", name.host)
        .with("reason", resolution.reason)
        .with("addresses_kept", static_cast<int64_t>(name.good.size()));
    events_(event);
}

void NameRefresh::schedule(Name& name) {
    const uint32_t interval_ms =
        name.failing ? std::min(name.refresh_ms, kRetryMs) : name.refresh_ms;
    const double spread = 0.9 + 0.2 * random_.unit();  // names of one plan must not march in step
    const auto wait_ns =
        static_cast<uint64_t>(static_cast<double>(interval_ms * kNsPerMs) * spread);
    loop_.timers().arm(name.due, loop_.now_ns() + wait_ns);
}

void NameRefresh::no_longer_waits_for(const std::string& host) {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        at->hosts.erase(host);
        if (!at->hosts.empty()) {
            ++at;
            continue;
        }
        at->answered();
        at = waiting_.erase(at);
    }
}

}  // namespace glassgate::proxy
