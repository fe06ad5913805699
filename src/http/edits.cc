#include "http/edits.h"

#include "base/text.h"
#include "http/chars.h"

namespace glassgate::http {
namespace {

using enum KnownHeader;

constexpr KnownSet kNotEditable =
    set_of(connection, keep_alive, proxy_connection, transfer_encoding, content_length, te, trailer,
           upgrade, http2_settings);

constexpr KnownSet kNotForOneHop = set_of(
    host, content_length, transfer_encoding, content_type, expect, via, forwarded, x_forwarded_for,
    x_forwarded_proto, x_forwarded_host, x_real_ip, x_request_id, traceparent, tracestate, b3,
    x_b3_traceid, x_b3_spanid, x_b3_parentspanid, x_b3_sampled, x_b3_flags, authorization, cookie,
    set_cookie, date, client_id, client_secret, max_forwards);

}  // namespace

Edits::Edits(const std::vector<HeaderEdit>* edits) noexcept : edits_(edits) {
    if (edits == nullptr) return;
    for (const HeaderEdit& edit : *edits) {
        if (edit.name.empty() || !all(edit.name, kToken)) continue;
        const KnownHeader known = known_header(edit.name);
        if (known == other)
            others_ = true;
        else
            known_ |= set_of(known) & ~kNotEditable;
        bytes_ += edit.name.size() + edit.value.size() + 4;
    }
}

bool Edits::replaces_other(std::string_view name) const noexcept {
    for (const HeaderEdit& edit : *edits_)
        if (iequals(edit.name, name)) return true;
    return false;
}

bool Edits::may_write(const HeaderEdit& edit) noexcept {
    if (edit.name.empty() || !all(edit.name, kToken) || !all(edit.value, kValue)) return false;
    return !contains(kNotEditable | set_of(host), known_header(edit.name));
}

std::string_view Edits::last_value(KnownHeader known) const noexcept {
    if (!replaces(known)) return {};
    std::string_view value;
    for (const HeaderEdit& edit : *edits_)
        if (!edit.remove && !edit.name.empty() && known_header(edit.name) == known)
            value = edit.value;
    return value;
}

HopFields::HopFields(const HeaderList& headers) noexcept {
    for (const HeaderField& field : headers) {
        if (field.known != connection) continue;
        (void)for_each_list_element(field.value, [&](std::string_view option) {
            if (iequals(option, "close") || iequals(option, "keep-alive") ||
                iequals(option, "upgrade"))
                return true;
            if (contains(kNotForOneHop, known_header(option))) return true;
            return names_.push_back(option);  // the parser has refused more than fit
        });
    }
}

}  // namespace glassgate::http
