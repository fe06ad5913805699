#include "console/router.h"

#include <algorithm>

#include "console/form.h"

namespace glassgate::console {
namespace {

constexpr std::string_view kAnySegment = "{}";

// "/a/b" -> a, b; "/" -> one empty segment.
std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> segments;
    path.remove_prefix(1);
    while (true) {
        const std::size_t slash = path.find('/');
        segments.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return segments;
        path.remove_prefix(slash + 1);
    }
}

}  // namespace

Result<Router::Pattern> Router::parse(const std::string& text) {
    Pattern pattern;
    if (!text.starts_with('/')) return failure("the pattern " + text + " does not begin with /");
    std::vector<std::string_view> segments = split(text);
    if (segments.back() == "*") {
        pattern.any_rest = true;
        segments.pop_back();
    }
    for (const std::string_view segment : segments) {
        if (segment.find_first_of("{}*") == std::string_view::npos) {
            pattern.segments.emplace_back(segment);
        } else if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}') {
            pattern.segments.emplace_back(kAnySegment);
            pattern.names.emplace_back(segment.substr(1, segment.size() - 2));
        } else {
            return failure("the pattern " + text + " has a bad segment");
        }
    }
    return pattern;
}

Result<Router> Router::create(std::vector<Route> routes) {
    Router router;
    auto& patterns = router.patterns_;
    for (Route& route : routes) {
        Pattern pattern = TRY(parse(route.pattern));
        auto same = std::find_if(patterns.begin(), patterns.end(), [&](const Pattern& p) {
            return p.segments == pattern.segments && p.any_rest == pattern.any_rest;
        });
        if (same == patterns.end()) same = patterns.insert(patterns.end(), std::move(pattern));
        for (const Route& other : same->routes)
            if (other.method == route.method || other.pattern != route.pattern)
                return failure("the routes " + other.pattern + " and " + route.pattern +
                               " are for the same requests");
        same->routes.push_back(std::move(route));
    }
    // Segment by segment a literal goes before a parameter, and that before any rest.
    std::stable_sort(patterns.begin(), patterns.end(), [](const Pattern& a, const Pattern& b) {
        const std::size_t both = std::min(a.segments.size(), b.segments.size());
        for (std::size_t i = 0; i < both; ++i) {
            const bool any_a = a.segments[i] == kAnySegment, any_b = b.segments[i] == kAnySegment;
            if (any_a != any_b) return any_b;
        }
        if (a.any_rest != b.any_rest) return b.any_rest;
        return a.segments.size() > b.segments.size();
    });
    return router;
}

bool Router::fits(const Pattern& pattern, const std::vector<std::string_view>& segments,
                  Parameters& captured) {
    const std::size_t wanted = pattern.segments.size();
    if (pattern.any_rest ? segments.size() <= wanted : segments.size() != wanted) return false;
    std::size_t parameter = 0;
    for (std::size_t i = 0; i < wanted; ++i) {
        if (pattern.segments[i] != kAnySegment) {
            if (pattern.segments[i] != segments[i]) return false;
            continue;
        }
        auto value = decode_percent(segments[i], false);
        if (!value || value->empty()) return false;
        captured.add(pattern.names[parameter++], *std::move(value));
    }
    if (pattern.any_rest) {
        const char* const begin = segments[wanted].data();
        const char* const end = segments.back().data() + segments.back().size();
        auto rest = decode_percent({begin, static_cast<std::size_t>(end - begin)}, false);
        if (!rest) return false;
        captured.add("*", *std::move(rest));
    }
    return true;
}

Router::Match Router::find(Method method, std::string_view path) const {
    Match match;
    if (!path.starts_with('/')) return match;
    if (method == Method::head) method = Method::get;
    const std::vector<std::string_view> segments = split(path);
    for (const Pattern& pattern : patterns_) {
        Parameters captured;
        if (!fits(pattern, segments, captured)) continue;
        for (const Route& route : pattern.routes) {
            if (route.method == method) match.route = &route;
            match.cors |= route.cors;
            if (!match.allow.empty()) match.allow += ", ";
            match.allow += to_text(route.method);
            if (route.method == Method::get) match.allow += ", HEAD";
        }
        if (match.route != nullptr) match.captured = std::move(captured);
        break;
    }
    return match;
}

}  // namespace glassgate::console
