// What audit records say, as JSON keys: pure functions of the facts. Everything a client has sent
// is masked (card numbers), redacted (tokens, the values of a query) and cut to a length, so that a
// record has a bound.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "model/connection.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::shared {

// Who asks, as policies found out.
struct AuditIdentity {
    struct Claim {
        std::string_view name, value;
    };
    std::string_view client_id, client_name;
    std::span<const Claim> claims;  // of a verified token: "jwt.<name>"
};

// "type":"NAME"
void begin_audit_record(std::string& out, std::string_view type);
// ,"key":"value": free text, masked, redacted and cut to `max_bytes`.
void append_audit_text(std::string& out, std::string_view key, std::string_view value,
                       std::size_t max_bytes);
void append_audit_number(std::string& out, std::string_view key, uint64_t value);

// Request, origin, route and identity. `brief`: without what is good to know but not needed
// (PCI DSS 10.2.2 asks for the rest); then at most kBriefBytes.
void append_audit_request(std::string& out, const model::Exchange& exchange,
                          const AuditIdentity& who, bool brief);
// What came of it: ,"event.outcome":"failure","response.status":403,...
void append_audit_outcome(std::string& out, const model::Exchange& exchange, bool brief);

inline constexpr std::size_t kAuditBriefBytes = 7 * 1024;    // a whole brief record
inline constexpr std::size_t kAuditOutcomeBytes = 3 * 1024;  // what append_audit_outcome may add

// "type":"connection.refused",... and "type":"auth.failed",...
[[nodiscard]] std::string audit_connection(const model::Connection& connection);
[[nodiscard]] std::string audit_auth_failure(const model::Exchange& exchange);

}  // namespace glassgate::shared
