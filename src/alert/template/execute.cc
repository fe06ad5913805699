// Expanding a parsed template.
#include <algorithm>

#include "alert/template/functions.h"
#include "alert/template/parser.h"
#include "alert/template/template.h"
#include "alert/template/tree.h"
#include "store/query/string_literal.h"

namespace glassgate::alert {
namespace {

constexpr int kCallDepthMax = 50;
constexpr uint64_t kStepsMax = 1'000'000;

StringMap map_of(const store::Labels& labels) {
    StringMap map;
    for (const store::Label& label : labels) map.emplace(label.name, label.value);
    return map;
}

class Execution {
public:
    Execution(const TemplateTree& tree, const TemplateScene& scene) : tree_(tree), scene_(scene) {}

    Result<std::string> run() {
        const Value root{Value::Root{&scene_}};
        variables_ = {{"$", root},
                      {"$labels", Value{map_of(scene_.labels)}},
                      {"$externalLabels", Value{map_of(scene_.external_labels)}},
                      {"$externalURL", Value{scene_.external_url}},
                      {"$value", Value{scene_.value}}};
        (void)TRY(walk(tree_.root, root));
        return std::move(out_);
    }

private:
    enum class After : uint8_t { go_on, break_, continue_ };

    template <typename Place>
    [[nodiscard]] std::unexpected<Error> mistake(const Place& at, const std::string& what) const {
        return failure("template: " + tree_.name + ":" + std::to_string(at.line) + ":" +
                       std::to_string(at.column) + ": executing " +
                       store::query::quoted(tree_.name) + what);
    }
    [[nodiscard]] std::unexpected<Error> mistake_at(const Operand& at,
                                                    const std::string& what) const {
        return mistake(at, " at <" + at.text + ">: " + what);
    }

    [[nodiscard]] std::unexpected<Error> mistake_in(const Command& command,
                                                    const std::string& what) const {
        return mistake(command.operands.front(), " at <" + command.text + ">: " + what);
    }

    Result<After> walk(const Items& items, const Value& dot) {
        for (const Item& item : items) {
            const After after = TRY(walk_one(item, dot));
            if (after != After::go_on) return after;
        }
        return After::go_on;
    }

    Status put(std::string_view text) {
        if (out_.size() + text.size() > kExpandedBytesMax)
            return failure("template: " + tree_.name + ": expands to more than " +
                           std::to_string(kExpandedBytesMax) + " bytes");
        out_ += text;
        return {};
    }

    Result<After> walk_one(const Item& item, const Value& dot) {
        if (++steps_ > kStepsMax) return failure("template: " + tree_.name + ": takes too long");
        if (const auto* text = std::get_if<std::string>(&item.v)) {
            TRY_STATUS(put(*text));
        } else if (const auto* pipeline = std::get_if<Pipeline>(&item.v)) {
            const Value value = TRY(evaluate(*pipeline, dot));
            if (pipeline->variables.empty()) TRY_STATUS(put(to_text(value)));
        } else if (const auto* branch = std::get_if<std::shared_ptr<const Branch>>(&item.v)) {
            const std::size_t scope = variables_.size();
            Result<After> after = (*branch)->kind == Branch::Kind::range
                                      ? walk_range(**branch, dot)
                                      : walk_branch(**branch, dot);
            variables_.resize(std::min(scope, variables_.size()));
            return after;
        } else if (const auto* call = std::get_if<TemplateCall>(&item.v)) {
            TRY_STATUS(walk_call(*call, dot));
        } else {
            return std::get<Jump>(item.v) == Jump::break_ ? After::break_ : After::continue_;
        }
        return After::go_on;
    }

    Result<After> walk_branch(const Branch& branch, const Value& dot) {
        const Value value = TRY(evaluate(branch.pipeline, dot));
        if (!is_true(value)) return walk(branch.otherwise, dot);
        return walk(branch.then, branch.kind == Branch::Kind::with ? value : dot);
    }

    // The keys and values to go through; nothing: not something to go through.
    static bool elements_of(const Value& over, std::vector<std::pair<Value, Value>>& out) {
        if (const auto* list = over.as<Value::Elements>()) {
            for (std::size_t i = 0; i < (*list)->size(); ++i)
                out.emplace_back(Value{static_cast<int64_t>(i)}, Value{(**list)[i]});
        } else if (const auto* map = over.as<StringMap>()) {
            for (const auto& [key, value] : *map) out.emplace_back(Value{key}, Value{value});
        } else if (const auto* values = over.as<std::shared_ptr<const ValueMap>>()) {
            for (const auto& [key, value] : **values) out.emplace_back(Value{key}, value);
        } else {
            return over.nothing();
        }
        return true;
    }

    Result<After> walk_range(const Branch& branch, const Value& dot) {
        const Pipeline& pipeline = branch.pipeline;
        const Value over = TRY(evaluate_commands(pipeline, dot));
        std::vector<std::pair<Value, Value>> elements;
        if (!elements_of(over, elements))
            return mistake(
                pipeline, " at <" + pipeline.text + ">: range can't iterate over " + to_text(over));
        if (elements.empty()) return walk(branch.otherwise, dot);
        const std::size_t scope = variables_.size();
        for (const auto& [key, element] : elements) {
            variables_.resize(scope);
            // One variable is the element; of two the first is the key.
            for (std::size_t i = 0; i < pipeline.variables.size(); ++i) {
                const bool is_key = pipeline.variables.size() == 2 && i == 0;
                const Value& value = is_key ? key : element;
                if (pipeline.assigns)
                    TRY_STATUS(assign(pipeline, pipeline.variables[i], value));
                else
                    variables_.emplace_back(pipeline.variables[i], value);
            }
            const After after = TRY(walk(branch.then, element));
            if (after == After::break_) break;
        }
        return After::go_on;
    }

    Status walk_call(const TemplateCall& call, const Value& dot) {
        const auto found = tree_.defined.find(call.name);
        if (found == tree_.defined.end())
            return mistake(call, " at <{{template " + store::query::quoted(call.name) +
                                     "}}>: template " + store::query::quoted(call.name) +
                                     " not defined");
        if (++calls_ > kCallDepthMax) return mistake(call, ": exceeded maximum template depth");
        Value argument;
        if (call.argument != nullptr) argument = TRY(evaluate(*call.argument, dot));
        auto outer = std::exchange(variables_, {{"$", argument}});
        (void)TRY(walk(found->second, argument));
        variables_ = std::move(outer);
        --calls_;
        return {};
    }

    Status assign(const Pipeline& at, const std::string& name, const Value& value) {
        const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                        [&](const auto& v) { return v.first == name; });
        if (found == variables_.rend())
            return mistake(at, " at <" + at.text + ">: undefined variable: " + name);
        found->second = value;
        return {};
    }

    Result<Value> evaluate(const Pipeline& pipeline, const Value& dot) {
        Value value = TRY(evaluate_commands(pipeline, dot));
        for (const std::string& name : pipeline.variables) {
            if (pipeline.assigns)
                TRY_STATUS(assign(pipeline, name, value));
            else
                variables_.emplace_back(name, value);
        }
        return value;
    }

    Result<Value> evaluate_commands(const Pipeline& pipeline, const Value& dot) {
        if (++steps_ > kStepsMax) return failure("template: " + tree_.name + ": takes too long");
        Value value;
        for (std::size_t i = 0; i < pipeline.commands.size(); ++i)
            value = TRY(evaluate_command(pipeline.commands[i], dot, i > 0 ? &value : nullptr));
        return value;
    }

    Result<Value> evaluate_command(const Command& command, const Value& dot, const Value* piped) {
        const Operand& first = command.operands.front();
        if (const auto* name = std::get_if<Operand::FunctionName>(&first.head)) {
            Value value = TRY(call(*name->function, command, dot, piped));
            return fields_of(first, std::move(value));
        }
        if (command.operands.size() > 1 || piped != nullptr) {
            if (!first.fields.empty())
                return mistake_at(first,
                                  first.fields.back() + " is not a method but has arguments");
            return mistake_at(first, "can't give argument to non-function " + first.text);
        }
        if (std::holds_alternative<Operand::Nil>(first.head))
            return mistake_at(first, "nil is not a command");
        return evaluate_operand(first, dot);
    }

    Result<Value> evaluate_operand(const Operand& operand, const Value& dot) {
        Value value;
        if (std::holds_alternative<Operand::Dot>(operand.head)) {
            value = dot;
        } else if (const auto* constant = std::get_if<Operand::Constant>(&operand.head)) {
            value = constant->value;
        } else if (const auto* variable = std::get_if<Operand::Variable>(&operand.head)) {
            const auto found =
                std::find_if(variables_.rbegin(), variables_.rend(),
                             [&](const auto& v) { return v.first == variable->name; });
            if (found == variables_.rend())
                return mistake_at(operand, "undefined variable: " + variable->name);
            value = found->second;
        } else if (const auto* inner =
                       std::get_if<std::shared_ptr<const Pipeline>>(&operand.head)) {
            value = TRY(evaluate(**inner, dot));
        } else if (const auto* name = std::get_if<Operand::FunctionName>(&operand.head)) {
            Command alone;
            alone.operands.push_back(operand);
            alone.operands.front().fields.clear();
            value = TRY(call(*name->function, alone, dot, nullptr));
        }
        return fields_of(operand, std::move(value));
    }

    Result<Value> fields_of(const Operand& operand, Value value) {
        for (const std::string& name : operand.fields) {
            Value next = TRY(field(operand, value, name));
            value = std::move(next);
        }
        return value;
    }

    Result<Value> field(const Operand& at, const Value& value, const std::string& name) {
        if (value.as<Value::Root>() != nullptr) {
            if (name == "Labels") return Value{map_of(scene_.labels)};
            if (name == "ExternalLabels") return Value{map_of(scene_.external_labels)};
            if (name == "ExternalURL") return Value{scene_.external_url};
            if (name == "Value") return Value{scene_.value};
        } else if (const auto* map = value.as<StringMap>()) {
            const auto found = map->find(name);
            return Value{found == map->end() ? std::string() : found->second};
        } else if (const auto* element = value.as<QueryElement>()) {
            if (name == "Labels") return Value{element->labels};
            if (name == "Value") return Value{element->value};
        } else if (const auto* values = value.as<std::shared_ptr<const ValueMap>>()) {
            const auto found = (*values)->find(name);
            return found == (*values)->end() ? Value{} : found->second;
        } else if (value.nothing()) {
            return mistake_at(at, "nil data; no entry for key " + store::query::quoted(name));
        }
        return mistake_at(
            at, "can't evaluate field " + name + " in type " + std::string(type_name(value)));
    }

    Result<Value> call(const Function& function, const Command& command, const Value& dot,
                       const Value* piped) {
        if (function.name == "and" || function.name == "or")
            return choose(function.name == "or", command, dot, piped);
        std::vector<Value> arguments;
        for (std::size_t i = 1; i < command.operands.size(); ++i) {
            const Operand& operand = command.operands[i];
            if (std::holds_alternative<Operand::Nil>(operand.head)) {
                arguments.emplace_back();
                continue;
            }
            arguments.push_back(TRY(evaluate_operand(operand, dot)));
        }
        if (piped != nullptr) arguments.push_back(*piped);
        TRY_STATUS(check_arguments(function, command, arguments));
        Result<Value> value = function.call(scene_, arguments);
        if (!value)
            return mistake_in(command, "error calling " + std::string(function.name) + ": " +
                                           value.error().message);
        return value;
    }

    // and, or: the first argument that decides.
    Result<Value> choose(bool wanted, const Command& command, const Value& dot,
                         const Value* piped) {
        const std::size_t count = command.operands.size() - 1 + (piped != nullptr ? 1 : 0);
        if (count == 0)
            return mistake_at(command.operands.front(), "wrong number of args for " +
                                                            command.operands.front().text +
                                                            ": want at least 1 got 0");
        Value value;
        for (std::size_t i = 1; i < command.operands.size(); ++i) {
            value = TRY(evaluate_operand(command.operands[i], dot));
            if (is_true(value) == wanted) return value;
        }
        return piped != nullptr ? *piped : value;
    }

    Status check_arguments(const Function& function, const Command& command,
                           const std::vector<Value>& arguments) {
        const std::size_t got = arguments.size();
        if (function.variadic ? got < function.least() : got != function.takes.size())
            return mistake_in(command, "wrong number of args for " + std::string(function.name) +
                                           ": want " + (function.variadic ? "at least " : "") +
                                           std::to_string(function.least()) + " got " +
                                           std::to_string(got));
        for (std::size_t i = 0; i < got; ++i) {
            const Takes takes = function.takes[std::min(i, function.takes.size() - 1)];
            if (fits(takes, arguments[i])) continue;
            const std::string wrong = "wrong type for value; expected " + wanted(takes) + "; got " +
                                      std::string(type_name(arguments[i]));
            if (i + 1 >= command.operands.size()) return mistake_in(command, wrong);  // piped
            const Operand& operand = command.operands[i + 1];
            const bool constant = std::holds_alternative<Operand::Constant>(operand.head);
            return mistake_at(operand, constant
                                           ? "expected " + wanted(takes) + "; found " + operand.text
                                           : wrong);
        }
        return {};
    }

    static bool fits(Takes takes, const Value& value) {
        switch (takes) {
            case Takes::any:
                return true;
            case Takes::text:
                return value.as<std::string>() != nullptr;
            case Takes::integer:
                return value.as<int64_t>() != nullptr;
            case Takes::elements:
                return value.as<Value::Elements>() != nullptr;
            case Takes::element:
                return value.as<QueryElement>() != nullptr;
        }
        return false;
    }
    static std::string wanted(Takes takes) {
        static constexpr std::string_view kNames[] = {"interface {}", "string", "int",
                                                      "template.queryResult", "*template.sample"};
        return std::string(kNames[static_cast<std::size_t>(takes)]);
    }

    const TemplateTree& tree_;
    const TemplateScene& scene_;
    std::vector<std::pair<std::string, Value>> variables_;
    std::string out_;
    int calls_ = 0;
    uint64_t steps_ = 0;
};

}  // namespace

Result<Template> Template::parse(std::string name, std::string_view text) {
    Template parsed;
    parsed.tree_ = TRY(parse_template(std::move(name), text));
    return parsed;
}

Result<std::string> Template::expand(const TemplateScene& scene) const {
    return Execution(*tree_, scene).run();
}

}  // namespace glassgate::alert
