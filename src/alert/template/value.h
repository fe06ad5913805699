// The values a template computes with, and how Go prints them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/query/result.h"
#include "store/series.h"

namespace glassgate::alert {

struct TemplateScene;  // template.h

using StringMap = std::map<std::string, std::string>;

// One element of what `query` gives: .Labels and .Value.
struct QueryElement {
    StringMap labels;
    double value = 0;
};

struct Instant {  // what toTime gives
    store::TimeMs t_ms = 0;
};

struct Value;
// What `args` gives: arg0, arg1, ...
using ValueMap = std::map<std::string, Value>;

struct Value {
    struct Nothing {};  // no value at all
    struct Root {       // the dot a template begins with
        const TemplateScene* scene = nullptr;
    };
    using Elements = std::shared_ptr<const std::vector<QueryElement>>;

    std::variant<Nothing, bool, int64_t, double, std::string, StringMap, QueryElement, Elements,
                 Instant, Root, std::shared_ptr<const ValueMap>>
        v;

    template <typename T>
    [[nodiscard]] const T* as() const noexcept {
        return std::get_if<T>(&v);
    }
    [[nodiscard]] bool nothing() const noexcept { return v.index() == 0; }
};

// %T: "float64", "map[string]string".
[[nodiscard]] std::string_view type_name(const Value& value) noexcept;
// What `if` asks: not zero, not empty.
[[nodiscard]] bool is_true(const Value& value) noexcept;
// %v.
[[nodiscard]] std::string to_text(const Value& value);

// "2006-01-02 15:04:05.999 +0000 UTC", as Go prints a time.
[[nodiscard]] std::string instant_text(store::TimeMs t_ms);

}  // namespace glassgate::alert
