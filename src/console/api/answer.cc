#include "console/api/answer.h"

#include "store/query/json_text.h"
#include "store/query/string_literal.h"

namespace glassgate::console {

using store::query::append_json_string;
using store::query::ErrorKind;
using store::query::QueryError;

void answer_success(Response& response, std::string_view data, const Warnings& warnings) {
    if (data.empty()) {
        response.status = 204;
        return;
    }
    std::string text = R"({"status":"success","data":)";
    text += data;
    if (!warnings.empty()) text.append(",\"warnings\":").append(json_strings(warnings));
    response.json(text + '}');
}

void answer_error(Response& response, const QueryError& error) {
    std::string text;
    store::query::append_error(text, error);
    response.json(std::move(text), static_cast<uint16_t>(store::query::http_status(error.kind)));
}

void answer_bad_data(Response& response, std::string message) {
    answer_error(response, {ErrorKind::bad_data, std::move(message)});
}

void answer_bad_parameter(Response& response, std::string_view name, const std::string& message) {
    answer_bad_data(response, "invalid parameter " + store::query::quoted(name) + ": " + message);
}

std::string json_strings(const std::vector<std::string>& all) {
    std::string text = "[";
    for (const std::string& one : all) {
        if (text.size() > 1) text += ',';
        append_json_string(text, one);
    }
    return text + ']';
}

void JsonObject::key(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
    return *this;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json;
    return *this;
}

}  // namespace glassgate::console
