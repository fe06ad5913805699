// Parts of the API's JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "alert/rules/rule_file.h"
#include "store/labels.h"

namespace glassgate::alert {

using OrderedJson = nlohmann::ordered_json;

// Ill-formed bytes replaced.
[[nodiscard]] inline std::string dump(const OrderedJson& json) {
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}
[[nodiscard]] inline OrderedJson to_object(const store::Labels& labels) {
    OrderedJson out = OrderedJson::object();
    for (const store::Label& label : labels) out[label.name] = label.value;
    return out;
}
[[nodiscard]] inline OrderedJson to_object(const Pairs& pairs) {
    OrderedJson out = OrderedJson::object();
    for (const auto& [name, value] : pairs) out[name] = value;
    return out;
}

}  // namespace glassgate::alert
