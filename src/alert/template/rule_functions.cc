// Prometheus' functions (template/template.go of 2.42).
#include <re2/re2.h>
#include <wctype.h>

#include <locale.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "alert/template/functions.h"
#include "store/query/duration.h"
#include "store/query/number_text.h"
#include "store/query/utf8.h"

namespace glassgate::alert {
namespace {

using Arguments = std::span<const Value>;

Result<double> to_float(const Value& value) {
    if (const auto* x = value.as<double>()) return *x;
    if (const auto* n = value.as<int64_t>()) return static_cast<double>(*n);
    if (const auto* text = value.as<std::string>()) {
        const auto number = store::query::parse_float(*text);
        if (!number)
            return failure("strconv.ParseFloat: parsing \"" + *text + "\": invalid syntax");
        return *number;
    }
    return failure("can't convert " + std::string(type_name(value)) + " to float");
}

// %.4g
std::string four_digits(double x) {
    if (std::isnan(x)) return "NaN";
    if (std::isinf(x)) return x > 0 ? "+Inf" : "-Inf";
    char text[40];
    std::snprintf(text, sizeof text, "%.4g", x);
    return text;
}

constexpr std::string_view kLarge[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::string_view kLarge1024[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
constexpr std::string_view kSmall[] = {"m", "u", "n", "p", "f", "a", "z", "y"};

std::string scaled_down(double x, double by, std::span<const std::string_view> prefixes) {
    std::string_view prefix;
    for (const std::string_view p : prefixes) {
        if (std::abs(x) < by) break;
        prefix = p;
        x /= by;
    }
    return four_digits(x).append(prefix);
}

std::string scaled_up(double x) {
    std::string_view prefix;
    for (const std::string_view p : kSmall) {
        if (std::abs(x) >= 1) break;
        prefix = p;
        x *= 1000;
    }
    return four_digits(x).append(prefix);
}

Result<Value> call_humanize(const TemplateScene&, Arguments a) {
    const double x = TRY(to_float(a[0]));
    if (x == 0 || !std::isfinite(x)) return Value{four_digits(x)};
    return Value{std::abs(x) >= 1 ? scaled_down(x, 1000, kLarge) : scaled_up(x)};
}

Result<Value> call_humanize1024(const TemplateScene&, Arguments a) {
    const double x = TRY(to_float(a[0]));
    if (std::abs(x) <= 1 || !std::isfinite(x)) return Value{four_digits(x)};
    return Value{scaled_down(x, 1024, kLarge1024)};
}

Result<Value> call_humanize_duration(const TemplateScene&, Arguments a) {
    double x = TRY(to_float(a[0]));
    if (!std::isfinite(x)) return Value{four_digits(x)};
    if (x == 0) return Value{four_digits(x) + "s"};
    if (std::abs(x) < 1) return Value{scaled_up(x) + "s"};
    const std::string sign = x < 0 ? "-" : "";
    x = std::abs(x);
    // Too large for an integer is the least one, as Go on amd64 has it.
    const int64_t whole = x < 9.2e18 ? static_cast<int64_t>(x) : INT64_MIN;
    const std::string s = std::to_string(whole % 60) + "s";
    const std::string m = std::to_string(whole / 60 % 60) + "m ";
    const std::string h = std::to_string(whole / 3600 % 24) + "h ";
    if (whole / 86400 != 0) return Value{sign + std::to_string(whole / 86400) + "d " + h + m + s};
    if (whole / 3600 != 0) return Value{sign + h + m + s};
    if (whole / 60 != 0) return Value{sign + m + s};
    return Value{sign + four_digits(x) + "s"};
}

Result<Value> call_humanize_percentage(const TemplateScene&, Arguments a) {
    return Value{four_digits(TRY(to_float(a[0])) * 100) + "%"};
}

Result<Instant> to_instant(double seconds) {
    const double ns = seconds * 1e9;
    if (ns > 9223372036854775807.0 || ns < -9223372036854775808.0)
        return failure(
            store::query::general_text(seconds) +
            " cannot be represented as a nanoseconds timestamp since it overflows int64");
    // Truncated to nanoseconds, then to milliseconds.
    const auto whole_ns = ns >= 9223372036854775807.0 ? std::numeric_limits<int64_t>::max()
                                                      : static_cast<int64_t>(ns);
    return Instant{whole_ns / 1'000'000};
}

Result<Value> call_humanize_timestamp(const TemplateScene&, Arguments a) {
    const double x = TRY(to_float(a[0]));
    if (!std::isfinite(x)) return Value{four_digits(x)};
    return Value{instant_text(TRY(to_instant(x)).t_ms)};
}

Result<Value> call_to_time(const TemplateScene&, Arguments a) {
    const double x = TRY(to_float(a[0]));
    if (!std::isfinite(x)) return failure(four_digits(x) + " cannot be a time");
    return Value{TRY(to_instant(x))};
}

Result<Value> call_parse_duration(const TemplateScene&, Arguments a) {
    return Value{
        static_cast<double>(TRY(store::query::parse_duration_ms(*a[0].as<std::string>()))) / 1000};
}

// ---- query results ----

Result<Value> call_query(const TemplateScene& scene, Arguments a) {
    if (!scene.query) return failure("query is not available here");
    auto elements = std::make_shared<std::vector<QueryElement>>();
    for (const store::query::Sample& sample : TRY(scene.query(*a[0].as<std::string>()))) {
        QueryElement element;
        for (const store::Label& label : sample.labels)
            element.labels.emplace(label.name, label.value);
        element.value = sample.value;
        elements->push_back(std::move(element));
    }
    return Value{Value::Elements(std::move(elements))};
}

Result<Value> call_first(const TemplateScene&, Arguments a) {
    const auto& list = **a[0].as<Value::Elements>();
    if (list.empty()) return failure("first() called on vector with no elements");
    return Value{list.front()};
}

std::string label_of(const QueryElement& element, const std::string& name) {
    const auto found = element.labels.find(name);
    return found == element.labels.end() ? std::string() : found->second;
}

Result<Value> call_label(const TemplateScene&, Arguments a) {
    return Value{label_of(*a[1].as<QueryElement>(), *a[0].as<std::string>())};
}
Result<Value> call_value(const TemplateScene&, Arguments a) {
    return Value{a[0].as<QueryElement>()->value};
}
Result<Value> call_strvalue(const TemplateScene&, Arguments a) {
    return Value{label_of(*a[0].as<QueryElement>(), "__value__")};
}

Result<Value> call_sort_by_label(const TemplateScene&, Arguments a) {
    auto sorted = std::make_shared<std::vector<QueryElement>>(**a[1].as<Value::Elements>());
    const std::string& name = *a[0].as<std::string>();
    std::stable_sort(sorted->begin(), sorted->end(),
                     [&](const QueryElement& x, const QueryElement& y) {
                         return label_of(x, name) < label_of(y, name);
                     });
    return Value{Value::Elements(std::move(sorted))};
}

Result<Value> call_args(const TemplateScene&, Arguments a) {
    auto map = std::make_shared<ValueMap>();
    for (std::size_t i = 0; i < a.size(); ++i) map->emplace("arg" + std::to_string(i), a[i]);
    return Value{std::shared_ptr<const ValueMap>(std::move(map))};
}

// ---- text ----

RE2::Options regex_options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    return options;
}

Result<Value> call_match(const TemplateScene&, Arguments a) {
    const RE2 regex(*a[0].as<std::string>(), regex_options());
    if (!regex.ok()) return failure("error parsing regexp: " + regex.error());
    return Value{RE2::PartialMatch(*a[1].as<std::string>(), regex)};
}

// A group by its name or number; empty if there is none.
std::string_view group_of(const RE2& regex, std::string_view name,
                          const std::vector<re2::StringPiece>& groups) {
    std::size_t index = groups.size();
    if (name.find_first_not_of("0123456789") == std::string_view::npos && name.size() < 6) {
        index = static_cast<std::size_t>(std::atoi(std::string(name).c_str()));
    } else {
        const auto& names = regex.NamedCapturingGroups();
        const auto found = names.find(std::string(name));
        if (found != names.end()) index = static_cast<std::size_t>(found->second);
    }
    if (index >= groups.size()) return {};
    return {groups[index].data(), groups[index].size()};
}

// Go's Expand: $1, $name, ${name}, $$.
void expand_groups(const RE2& regex, std::string_view replacement,
                   const std::vector<re2::StringPiece>& groups, std::string& out) {
    while (!replacement.empty()) {
        const std::size_t dollar = replacement.find('$');
        out += replacement.substr(0, dollar);
        if (dollar == std::string_view::npos) return;
        replacement.remove_prefix(dollar + 1);
        if (replacement.starts_with('$')) {
            out += '$';
            replacement.remove_prefix(1);
            continue;
        }
        const bool braced = replacement.starts_with('{');
        std::string_view inside = replacement.substr(braced ? 1 : 0);
        std::size_t length = 0;
        while (length < inside.size() &&
               (std::isalnum(static_cast<unsigned char>(inside[length])) || inside[length] == '_'))
            ++length;
        if (length == 0 || (braced && !inside.substr(length).starts_with('}'))) {
            out += '$';
            continue;
        }
        out += group_of(regex, inside.substr(0, length), groups);
        replacement.remove_prefix(length + (braced ? 2 : 0));
    }
}

Result<Value> call_replace(const TemplateScene&, Arguments a) {
    const RE2 regex(*a[0].as<std::string>(), regex_options());
    if (!regex.ok()) return failure("error parsing regexp: " + regex.error());
    const std::string& replacement = *a[1].as<std::string>();
    const std::string& text = *a[2].as<std::string>();
    std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) +
                                         1);
    std::string out;
    std::size_t copied = 0, from = 0, last_end = 0;
    bool any = false;
    while (from <= text.size() && regex.Match(text, from, text.size(), RE2::UNANCHORED,
                                              groups.data(), static_cast<int>(groups.size()))) {
        const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
        const std::size_t end = begin + groups[0].size();
        out += text.substr(copied, begin - copied);
        // An empty match right behind a match does not count.
        if (!(any && begin == end && begin == last_end))
            expand_groups(regex, replacement, groups, out);
        copied = end;
        last_end = end;
        any = true;
        from = end;
        if (begin == end)
            from += end < text.size()
                        ? store::query::first_rune(std::string_view(text).substr(end)).bytes
                        : 1;
        if (out.size() > kExpandedBytesMax) return failure("the replacement is too long");
    }
    out += copied < text.size() ? text.substr(copied) : "";
    return Value{std::move(out)};
}

locale_t utf8_locale() {
    static const locale_t kLocale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return kLocale;
}

template <typename Change>
std::string each_rune(std::string_view text, Change change) {
    std::string out;
    while (!text.empty()) {
        const store::query::Rune rune = store::query::first_rune(text);
        store::query::append_rune(out,
                                  static_cast<char32_t>(change(static_cast<wint_t>(rune.code))));
        text.remove_prefix(rune.bytes);
    }
    return out;
}

wint_t upper(wint_t c) {
    return utf8_locale() != nullptr ? towupper_l(c, utf8_locale()) : towupper(c);
}
wint_t lower(wint_t c) {
    return utf8_locale() != nullptr ? towlower_l(c, utf8_locale()) : towlower(c);
}
bool is_word(wint_t c) {
    if (c == '_') return true;
    if (c < 0x80) return std::isalnum(static_cast<int>(c)) != 0;
    return utf8_locale() != nullptr ? iswspace_l(c, utf8_locale()) == 0 : true;
}

Result<Value> call_title(const TemplateScene&, Arguments a) {
    bool inside = false;
    return Value{each_rune(*a[0].as<std::string>(), [&inside](wint_t c) {
        const bool begins = !std::exchange(inside, is_word(c));
        return begins ? upper(c) : c;
    })};
}
Result<Value> call_to_upper(const TemplateScene&, Arguments a) {
    return Value{each_rune(*a[0].as<std::string>(), upper)};
}
Result<Value> call_to_lower(const TemplateScene&, Arguments a) {
    return Value{each_rune(*a[0].as<std::string>(), lower)};
}
Result<Value> call_same(const TemplateScene&, Arguments a) { return a[0]; }

// net.SplitHostPort's host, or all of it where there is no port.
std::string_view host_of(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return text;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return text;
        return host.substr(1, host.size() - 2);
    }
    return host.find(':') == std::string_view::npos ? host : text;
}

Result<Value> call_strip_port(const TemplateScene&, Arguments a) {
    return Value{std::string(host_of(*a[0].as<std::string>()))};
}

bool is_address(std::string_view host) {
    return host.find(':') != std::string_view::npos ||
           (host.find_first_not_of("0123456789.") == std::string_view::npos && !host.empty());
}

Result<Value> call_strip_domain(const TemplateScene&, Arguments a) {
    const std::string& text = *a[0].as<std::string>();
    const std::string_view host = host_of(text);
    const bool has_port = host.size() != text.size();
    if (is_address(host)) return Value{text};
    std::string out(host.substr(0, host.find('.')));
    if (has_port) out += text.substr(text.rfind(':'));
    return Value{std::move(out)};
}

std::string query_escaped(const TemplateScene& scene, const Value& text) {
    const Function* const escape = find_function("urlquery");
    const Result<Value> out = escape->call(scene, {&text, 1});
    return out ? to_text(*out) : std::string();
}

Result<Value> call_graph_link(const TemplateScene& scene, Arguments a) {
    return Value{"/graph?g0.expr=" + query_escaped(scene, a[0]) + "&g0.tab=0"};
}
Result<Value> call_table_link(const TemplateScene& scene, Arguments a) {
    return Value{"/graph?g0.expr=" + query_escaped(scene, a[0]) + "&g0.tab=1"};
}

Result<Value> call_external_url(const TemplateScene& scene, Arguments) {
    return Value{scene.external_url};
}
Result<Value> call_path_prefix(const TemplateScene& scene, Arguments) {
    const std::string& url = scene.external_url;
    const std::size_t host = url.find("://");
    const std::size_t path = url.find('/', host == std::string::npos ? 0 : host + 3);
    if (path == std::string::npos) return Value{std::string()};
    return Value{url.substr(path, url.find_first_of("?#", path) - path)};
}

}  // namespace

std::span<const Function> rule_functions() {
    using enum Takes;
    static const std::vector<Function> kTable = {
        {"query", {text}, false, call_query},
        {"first", {elements}, false, call_first},
        {"label", {text, element}, false, call_label},
        {"value", {element}, false, call_value},
        {"strvalue", {element}, false, call_strvalue},
        {"args", {any}, true, call_args},
        {"reReplaceAll", {text, text, text}, false, call_replace},
        {"safeHtml", {text}, false, call_same},
        {"match", {text, text}, false, call_match},
        {"title", {text}, false, call_title},
        {"toUpper", {text}, false, call_to_upper},
        {"toLower", {text}, false, call_to_lower},
        {"graphLink", {text}, false, call_graph_link},
        {"tableLink", {text}, false, call_table_link},
        {"sortByLabel", {text, elements}, false, call_sort_by_label},
        {"stripPort", {text}, false, call_strip_port},
        {"stripDomain", {text}, false, call_strip_domain},
        {"humanize", {any}, false, call_humanize},
        {"humanize1024", {any}, false, call_humanize1024},
        {"humanizeDuration", {any}, false, call_humanize_duration},
        {"humanizePercentage", {any}, false, call_humanize_percentage},
        {"humanizeTimestamp", {any}, false, call_humanize_timestamp},
        {"toTime", {any}, false, call_to_time},
        {"parseDuration", {text}, false, call_parse_duration},
        {"externalURL", {}, false, call_external_url},
        {"pathPrefix", {}, false, call_path_prefix},
    };
    return kTable;
}

}  // namespace glassgate::alert
