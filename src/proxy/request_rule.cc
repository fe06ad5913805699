#include "proxy/request_rule.h"

#include <algorithm>

#include "base/text.h"

namespace glassgate::proxy {
namespace {

bool takes_host(const PathPattern& pattern, std::string_view authority) noexcept {
    if (pattern.takes_everything() || pattern.matches(authority)) return true;
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos)
        return false;
    return pattern.matches(authority.substr(0, colon));
}

bool takes_header(const std::string& name, const PathPattern& value,
                  const http::HeaderList& headers) noexcept {
    return std::any_of(headers.begin(), headers.end(), [&](const http::HeaderField& field) {
        return iequals(field.name, name) && value.matches(field.value);
    });
}

}  // namespace

void RequestRule::compile_methods() {
    if (methods.takes_everything()) return;
    method_set = 0;
    for (std::size_t i = 0; i + 1 < kMethodCount; ++i) {
        const auto method = static_cast<Method>(i);
        if (methods.matches(to_text(method))) method_set |= method_bit(method);
    }
}

bool RequestRule::takes(const http::RequestHead& head) const noexcept {
    const bool known = head.method != Method::other;
    if (known ? (method_set & method_bit(head.method)) == 0 : !methods.matches(head.method_text))
        return false;
    if (!takes_host(host, head.authority)) return false;
    return std::all_of(headers.begin(), headers.end(), [&](const auto& wanted) {
        return takes_header(wanted.first, wanted.second, head.headers);
    });
}

std::string_view below_base(std::string_view path, std::string_view base) noexcept {
    path.remove_prefix(std::min(base.size(), path.size()));
    return path.empty() ? std::string_view("/") : path;
}

bool any_takes(const std::vector<RequestRule>& rules, std::string_view path,
               const http::RequestHead& head) noexcept {
    return std::any_of(rules.begin(), rules.end(), [&](const RequestRule& rule) {
        return rule.path.matches(path) && rule.takes(head);
    });
}

void append_destination(std::string& out, std::string_view prefix, std::string_view path,
                        const Captures& captures) {
    const std::size_t begin = out.size();
    out += prefix;
    const auto add = [&](std::string_view part) {
        const bool slash = out.size() > begin && out.back() == '/';
        if (slash && part.starts_with('/')) part.remove_prefix(1);
        out += part;
    };
    if (captures.count == 0) add(path);
    for (std::size_t i = 0; i < captures.count; ++i) {
        if (i == 0)
            add(captures.texts[i]);
        else
            out += captures.texts[i];
    }
    if (out.size() == begin || out[begin] != '/') out.insert(begin, 1, '/');
}

}  // namespace glassgate::proxy
