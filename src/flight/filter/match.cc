#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/clock.h"
#include "flight/filter/filter.h"
#include "telemetry/project/field_value.h"

namespace glassgate::flight {
namespace {

using model::Field;

// What an absent fact answers: it equals nothing, so it is unlike everything.
bool absent_matches(const FilterTerm& term) noexcept {
    return term.compare == Compare::unequal || term.compare == Compare::mismatch;
}

bool test_text(const FilterTerm& term, std::string_view text) {
    const auto is = [text](const std::string& wanted) { return text == wanted; };
    switch (term.compare) {
        case Compare::present:
            return true;
        case Compare::equal:
            return std::any_of(term.texts.begin(), term.texts.end(), is);
        case Compare::unequal:
            return std::none_of(term.texts.begin(), term.texts.end(), is);
        case Compare::match:
            return re2::RE2::PartialMatch({text.data(), text.size()}, *term.pattern);
        case Compare::mismatch:
            return !re2::RE2::PartialMatch({text.data(), text.size()}, *term.pattern);
        case Compare::less:
            return text < term.texts.front();
        case Compare::most:
            return text <= term.texts.front();
        case Compare::greater:
            return text > term.texts.front();
        case Compare::least:
            return text >= term.texts.front();
    }
    return false;
}

bool test_optional(const FilterTerm& term, std::string_view text) {
    return text.empty() ? absent_matches(term) : test_text(term, text);
}

bool test_number(const FilterTerm& term, double number) {
    const auto is = [number](double wanted) { return number == wanted; };
    switch (term.compare) {
        case Compare::present:
            return true;
        case Compare::equal:
            return std::any_of(term.numbers.begin(), term.numbers.end(), is);
        case Compare::unequal:
            return std::none_of(term.numbers.begin(), term.numbers.end(), is);
        case Compare::less:
            return number < term.numbers.front();
        case Compare::most:
            return number <= term.numbers.front();
        case Compare::greater:
            return number > term.numbers.front();
        case Compare::least:
            return number >= term.numbers.front();
        default:
            return false;
    }
}

// As the log writes it: microseconds.
double milliseconds(uint64_t ns) noexcept { return static_cast<double>((ns + 500) / 1000) / 1000; }

bool test_outcomes(const FilterTerm& term, const model::Exchange& x) {
    if (x.policies.empty()) return absent_matches(term);
    const bool negated = absent_matches(term);
    for (const model::PolicyStep& step : x.policies) {
        if (step.policy >= x.names->policies.size()) continue;
        const model::PolicyName& policy = x.names->policies[step.policy];
        const std::string reason =
            step.reason < policy.reasons.size() ? policy.reasons[step.reason] : std::string();
        const bool hit = test_text(term, policy.kind) && test_text(term, reason) &&
                         test_text(term, policy.kind + ":" + reason);
        const bool any = test_text(term, policy.kind) || test_text(term, reason) ||
                         test_text(term, policy.kind + ":" + reason);
        // "is" asks for one that is, "is not" for none that is.
        if (!negated && any) return true;
        if (negated && !hit) return false;
    }
    return negated;
}

// The attribute of an event that says what a field says of an exchange.
std::string_view attribute_of(Field field) noexcept {
    switch (field) {
        case Field::request_id:
            return "request_id";
        case Field::request_path:
            return "path";
        case Field::request_remote_address:
            return "client_address";
        case Field::client_id:
            return "client_id";
        case Field::route_id:
            return "route";
        case Field::upstream_name:
            return "upstream";
        case Field::response_duration_ms:
            return "duration_ms";
        case Field::gateway_name:
            return "gateway";
        default:
            return {};
    }
}

bool test_event(const FilterTerm& term, const model::Event& event) {
    const std::string_view key = attribute_of(term.field);
    for (const model::EventAttribute& attribute : event.attributes) {
        if (key.empty() || attribute.key != key) continue;
        if (!attribute.is_number)
            return term.numbers.empty() && test_text(term, event.str(attribute));
        return term.texts.empty() && test_number(term, static_cast<double>(attribute.number));
    }
    return absent_matches(term);
}

bool test_connection(const FilterTerm& term, const model::Connection& c) {
    if (term.field == Field::request_remote_address) {
        const std::string_view peer = c.peer;
        return test_optional(term, peer.substr(0, peer.rfind(':')));
    }
    if (term.field == Field::response_ending) return test_text(term, to_text(c.ending));
    return absent_matches(term);
}

std::string_view listener_of(const Record& record) noexcept {
    if (record.row.kind == RecordKind::connection) return record.connection.listener_name;
    const auto& listeners = record.plan->names.listeners;
    return record.row.kind == RecordKind::exchange && record.row.listener < listeners.size()
               ? std::string_view(listeners[record.row.listener].name)
               : std::string_view();
}

std::string_view detail_of(const Record& record) noexcept {
    if (record.row.kind == RecordKind::connection) return record.connection.detail;
    return record.row.kind == RecordKind::exchange ? record.exchange.str(record.exchange.detail)
                                                   : std::string_view();
}

model::Level level_of(const Row& row) noexcept {
    if (row.kind == RecordKind::event) return static_cast<model::Level>(row.level);
    if (row.kind == RecordKind::connection) return model::Level::warn;
    if (row.kept == Kept::error) return model::Level::error;
    return row.status >= 400 ? model::Level::warn : model::Level::info;
}

}  // namespace

struct FilterRun::Seen {
    const Row& row;
    std::size_t index;
    const Record* record;  // when it is decoded already
    bool broken = false;
};

FilterRun::FilterRun(const Filter& filter) : filter_(filter), memories_(filter.terms()) {}

void FilterRun::begin(Block& block) {
    block_ = &block;
    for (Memory& memory : memories_) memory.texts.clear();
}

bool FilterRun::matches(const Row& row, std::size_t index) {
    Seen seen{row, index, nullptr};
    return test(filter_.root(), seen) && !seen.broken;
}

bool FilterRun::matches(const Record& record) {
    Seen seen{record.row, 0, &record};
    return test(filter_.root(), seen);
}

bool FilterRun::test(const FilterNode& node, Seen& seen) {
    const auto holds = [&](const FilterNode& part) { return test(part, seen); };
    switch (node.kind) {
        case FilterNode::Kind::all:
            return std::all_of(node.parts.begin(), node.parts.end(), holds);
        case FilterNode::Kind::any:
            return std::any_of(node.parts.begin(), node.parts.end(), holds);
        case FilterNode::Kind::no:
            return !test(node.parts.front(), seen);
        case FilterNode::Kind::term:
            return test_term(node, seen);
    }
    return false;
}

bool FilterRun::test_term(const FilterNode& node, Seen& seen) {
    bool known = true;
    const bool answer = test_row(node, seen, known);
    if (known) return answer;
    const Record* const record = whole(seen);
    if (record == nullptr) {
        seen.broken = true;
        return false;
    }
    return test_whole(node, *record);
}

const Record* FilterRun::whole(Seen& seen) {
    if (seen.record == nullptr && block_ != nullptr && block_->record(seen.index, record_))
        seen.record = &record_;
    return seen.record;
}

bool FilterRun::test_table_text(const FilterNode& node, Seen& seen, uint16_t number) {
    if (!block_->texts()) {
        seen.broken = true;
        return false;
    }
    std::vector<Known>& texts = memories_[node.number].texts;
    if (texts.empty()) texts.resize(block_->text_count(), Known::unknown);
    if (number >= texts.size()) return absent_matches(node.term);
    if (texts[number] == Known::unknown)
        texts[number] = test_optional(node.term, block_->text(number)) ? Known::yes : Known::no;
    return texts[number] == Known::yes;
}

// What the row answers; `known` unset: it does not.
bool FilterRun::test_row(const FilterNode& node, Seen& seen, bool& known) {
    const FilterTerm& term = node.term;
    const Row& row = seen.row;
    const bool event = row.kind == RecordKind::event;
    switch (term.extra) {
        case Extra::none:
            break;
        case Extra::event:
            return event ? test_text(term, to_text(static_cast<model::EventKind>(row.event)))
                         : absent_matches(term);
        case Extra::level:
            return test_text(term, to_text(level_of(row)));
        case Extra::kind:
            return test_text(term, to_text(row.kind));
        case Extra::kept:
            return test_text(term, to_text(row.kept));
        default:
            known = false;
            return false;
    }
    if (row.kind != RecordKind::exchange) {
        known = false;
        return false;
    }
    const bool table = seen.record == nullptr && block_ != nullptr;
    switch (term.field) {
        case Field::response_status:
            return row.status == 0 ? absent_matches(term) : test_number(term, row.status);
        case Field::response_bytes:
            return test_number(term, static_cast<double>(row.response_bytes));
        case Field::response_duration_ms:
            return test_number(term, milliseconds(row.lifetime_ns));
        case Field::response_ending:
            return test_text(term, to_text(static_cast<model::Ending>(row.ending)));
        case Field::response_origin:
            return test_text(term, to_text(static_cast<model::Origin>(row.origin)));
        case Field::upstream_attempts:
            return test_number(term, row.attempts);
        case Field::request_path:
            if (table) return test_table_text(node, seen, row.path);
            break;
        case Field::client_id:
            if (table) return test_table_text(node, seen, row.client_id);
            break;
        case Field::request_remote_address:
            if (table) return test_table_text(node, seen, row.remote_address);
            break;
        case Field::request_host:
            if (table) return test_table_text(node, seen, row.host);
            break;
        case Field::route_id:
            if (table) {
                const auto& routes = block_->plan(row)->names.routes;
                return test_text(term, row.route < routes.size()
                                           ? std::string_view(routes[row.route].id)
                                           : "none");
            }
            break;
        default:
            break;
    }
    known = false;
    return false;
}

bool FilterRun::test_whole(const FilterNode& node, const Record& record) {
    const FilterTerm& term = node.term;
    if (term.extra == Extra::detail) return test_optional(term, detail_of(record));
    if (term.extra == Extra::listener) return test_optional(term, listener_of(record));
    if (term.field == Field::request_timestamp) {
        scratch_.clear();
        append_iso8601_ms(scratch_, record.row.at_ns - record.row.lifetime_ns);
        return test_text(term, scratch_);
    }
    if (record.row.kind == RecordKind::event) return test_event(term, record.event);
    if (record.row.kind == RecordKind::connection) return test_connection(term, record.connection);
    if (term.field == Field::policy_outcomes) return test_outcomes(term, record.exchange);

    telemetry::LineElement element = term.element;
    if (!term.parameter.empty()) {
        Memory& memory = memories_[node.number];
        if (memory.plan != record.plan.get()) {
            memory.plan = record.plan.get();
            memory.slot = model::kNoSlot;
            for (const model::FieldRef& slot : record.plan->names.captured.slots())
                if (slot.field == term.field && slot.parameter == term.parameter)
                    memory.slot = slot.slot;
        }
        element.slot = memory.slot;
        if (memory.slot == model::kNoSlot) return absent_matches(term);
    }
    const telemetry::FieldValue value =
        telemetry::field_value(record.exchange, element, record.plan->line.redact_query, scratch_);
    if (value.kind == telemetry::FieldValue::Kind::absent) return absent_matches(term);
    if (value.kind == telemetry::FieldValue::Kind::text) return test_text(term, value.text);
    double number = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    return test_number(term, number);
}

}  // namespace glassgate::flight
