// Filters over records, in the names of the log's fields:
//
//   response.status >= 500 and client.id = mob-4f7a and not request.path ~ "^/health"
//
// docs/guide/flight-recorder.md is the reference. A filter is compiled once; it asks for the facts
// of a row where these are enough, decides each text of a block once, and decodes a record only for
// what is nowhere else.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flight/block.h"
#include "flight/filter/token.h"
#include "flight/record.h"
#include "telemetry/project/line_format.h"

namespace re2 {
class RE2;
}

namespace glassgate::flight {

enum class Compare : uint8_t {
    present,
    equal,
    unequal,
    less,
    most,
    greater,
    least,
    match,
    mismatch
};

// Names beside the log's fields.
enum class Extra : uint8_t { none, event, level, kind, kept, detail, listener };

struct FilterTerm {
    model::Field field = model::Field::request_id;
    Extra extra = Extra::none;
    telemetry::LineElement element;  // field, parameter's name in `name`
    std::string parameter;           // of request.headers. and jwt.
    model::FieldType type = model::FieldType::text;
    Compare compare = Compare::present;
    double number = 0;
    std::vector<std::string> texts;  // more than one: in (...)
    std::vector<double> numbers;
    std::shared_ptr<const re2::RE2> pattern;
};

struct FilterNode {
    enum class Kind : uint8_t { all, any, no, term };
    Kind kind = Kind::term;
    std::vector<FilterNode> parts;
    FilterTerm term;
    std::size_t number = 0;  // of the term, in the filter
};

class Filter {
public:
    [[nodiscard]] static std::expected<Filter, FilterError> parse(std::string_view text);
    [[nodiscard]] const FilterNode& root() const noexcept { return *root_; }
    [[nodiscard]] std::size_t terms() const noexcept { return terms_; }

private:
    std::shared_ptr<const FilterNode> root_;
    std::size_t terms_ = 0;
};

// The error as people read it: the message, the filter, and a caret under the place.
[[nodiscard]] std::string explain(const FilterError& error, std::string_view filter);

// A filter at work; one thread. The filter must outlive it.
class FilterRun {
public:
    explicit FilterRun(const Filter& filter);
    // From now on rows are of this block.
    void begin(Block& block);
    [[nodiscard]] bool matches(const Row& row, std::size_t index);
    [[nodiscard]] bool matches(const Record& record);

private:
    struct Seen;
    enum class Known : int8_t { unknown, no, yes };
    struct Memory {                // of a term
        std::vector<Known> texts;  // by number of the block's table
        const StoredPlan* plan = nullptr;
        uint8_t slot = model::kNoSlot;
    };
    [[nodiscard]] bool test(const FilterNode& node, Seen& seen);
    [[nodiscard]] bool test_term(const FilterNode& node, Seen& seen);
    [[nodiscard]] bool test_row(const FilterNode& node, Seen& seen, bool& known);
    [[nodiscard]] bool test_table_text(const FilterNode& node, Seen& seen, uint16_t number);
    [[nodiscard]] bool test_whole(const FilterNode& node, const Record& record);
    [[nodiscard]] const Record* whole(Seen& seen);

    const Filter& filter_;
    std::vector<Memory> memories_;
    Block* block_ = nullptr;
    Record record_;
    std::string scratch_;
};

}  // namespace glassgate::flight
