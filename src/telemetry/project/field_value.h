// One field of one exchange, redacted, as text or number: what the log lines are made of.
#pragma once

#include <string>
#include <string_view>

#include "model/exchange.h"
#include "telemetry/project/line_format.h"

namespace glassgate::telemetry {

struct FieldValue {
    enum class Kind : uint8_t {
        absent,    // the record has no such fact: no such header, no upstream asked, no TLS
        text,      // not escaped, perhaps not UTF-8
        number,    // digits, perhaps with a decimal point
        outcomes,  // policy.outcomes: read exchange.policies
    };
    Kind kind = Kind::absent;
    std::string_view text;
};

// Valid until `scratch` changes or the record goes.
[[nodiscard]] FieldValue field_value(const model::Exchange& exchange, const LineElement& element,
                                     bool redact_query, std::string& scratch);

[[nodiscard]] std::string_view pattern_of(const model::Exchange& exchange) noexcept;  // or empty
[[nodiscard]] std::string_view target_of(const model::Exchange& exchange,
                                         const model::Attempt& attempt) noexcept;  // or empty
// request.id: the trace id or what the trusted peer sent.
[[nodiscard]] std::string_view request_id_of(const model::Exchange& exchange, std::string& scratch);

}  // namespace glassgate::telemetry
