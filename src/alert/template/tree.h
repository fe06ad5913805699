// A parsed template.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "alert/template/value.h"

namespace glassgate::alert {

struct Function;  // functions.h
struct Pipeline;

// An argument: what it begins with, then fields of it.
struct Operand {
    struct Dot {};
    struct Nil {};
    struct Constant {
        Value value;
    };
    struct Variable {
        std::string name;  // with the dollar sign
    };
    struct FunctionName {
        const Function* function = nullptr;
    };
    std::variant<Dot, Nil, Constant, Variable, FunctionName, std::shared_ptr<const Pipeline>> head;
    std::vector<std::string> fields;
    std::string text;  // as written, for messages
    uint32_t line = 0, column = 0;
};

struct Command {
    std::vector<Operand> operands;  // the first may be a function
    std::string text;
};

struct Pipeline {
    std::vector<std::string> variables;  // declared or assigned; at most 2, in range
    bool assigns = false;                // = instead of :=
    std::vector<Command> commands;
    std::string text;
    uint32_t line = 0, column = 0;
};

struct Item;
using Items = std::vector<Item>;

struct Branch {
    enum class Kind : uint8_t { if_, range, with };
    Kind kind = Kind::if_;
    Pipeline pipeline;
    std::vector<Item> then, otherwise;
};
struct TemplateCall {
    std::string name;
    std::shared_ptr<const Pipeline> argument;  // null: no value
    uint32_t line = 0, column = 0;
};
enum class Jump : uint8_t { break_, continue_ };

struct Item {
    std::variant<std::string, Pipeline, std::shared_ptr<const Branch>, TemplateCall, Jump> v;
};

struct TemplateTree {
    std::string name;
    Items root;
    std::map<std::string, Items, std::less<>> defined;
};

}  // namespace glassgate::alert
