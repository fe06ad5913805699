#include "audit/proof.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "audit/derived.h"
#include "audit/line.h"
#include "audit/merkle.h"
#include "audit/segment.h"
#include "base/json_text.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPath = 64;  // of a tree of 2^64 leaves

void append_path(std::string& out, const std::vector<Hash>& path) {
    out += ",\"path\":[";
    for (const Hash& hash : path) {
        if (out.back() != '[') out += ',';
        out += '"';
        append_hex(out, hash);
        out += '"';
    }
    out += ']';
}

std::optional<std::vector<Hash>> read_path(const json& object) {
    const auto path = object.find("path");
    if (path == object.end() || !path->is_array() || path->size() > kMaxPath) return std::nullopt;
    std::vector<Hash> hashes;
    for (const json& item : *path) {
        const auto hash =
            item.is_string() ? parse_hash(item.get_ref<const std::string&>()) : std::nullopt;
        if (!hash) return std::nullopt;
        hashes.push_back(*hash);
    }
    return hashes;
}

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool holds(const Condition& condition, const json& record) {
    const auto found = record.find(condition.key);
    std::string value;
    if (found != record.end())
        value = found->is_string() ? found->get<std::string>()
                                   : found->dump(-1, ' ', false, json::error_handler_t::replace);
    return (found != record.end() && value == condition.value) == condition.equal;
}

bool selects(const Selection& selection, std::string_view line, const LineView& view) {
    if (selection.from_wall_ns && view.wall_ns < *selection.from_wall_ns) return false;
    if (selection.to_wall_ns && view.wall_ns >= *selection.to_wall_ns) return false;
    if (selection.where.empty()) return true;
    const json record = json::parse(line, nullptr, false);
    return record.is_object() && std::all_of(selection.where.begin(), selection.where.end(),
                                             [&](const Condition& c) { return holds(c, record); });
}

// What a checkpoint line proves to hold, or why it does not.
std::string check_line(const std::string& line, const std::vector<PublicKey>& keys,
                       std::optional<Checkpoint>& checkpoint) {
    checkpoint = parse_checkpoint(line);
    if (!checkpoint) return "there is no checkpoint in it";
    switch (check_signature(line, *checkpoint, keys)) {
        case SignatureCheck::good:
            return {};
        case SignatureCheck::unknown_key:
            return "the checkpoint is signed by key " + hex(checkpoint->key) +
                   ", which is not allowed";
        case SignatureCheck::bad:
            break;
    }
    return "the signature of the checkpoint is bad";
}

std::string check_record(const json& object, const Checkpoint& checkpoint) {
    const auto index = object.find("index");
    const std::string line = text_of(object, "record");
    const auto path = read_path(object);
    std::string_view why;
    const auto view = parse_line(line, why);
    if (index == object.end() || !index->is_number_unsigned() || !path)
        return "it has no index or no path";
    if (!view) return "the record: " + std::string(why);
    if (view->seq != index->get<uint64_t>() + 1) return "the index is not that of the record";
    if (!is_included(leaf_hash(line), view->seq - 1, checkpoint.size, *path, checkpoint.root))
        return "record " + std::to_string(view->seq) + " is not in the tree the checkpoint signs";
    return {};
}

std::string check_consistency(const json& object, const std::vector<PublicKey>& keys,
                              ProofReport& report) {
    std::optional<Checkpoint> first, second;
    if (auto wrong = check_line(text_of(object, "first"), keys, first); !wrong.empty())
        return "first: " + wrong;
    if (auto wrong = check_line(text_of(object, "second"), keys, second); !wrong.empty())
        return "second: " + wrong;
    const auto path = read_path(object);
    if (!path) return "it has no path";
    if (first->log != second->log) return "the checkpoints are of two logs";
    if (!is_consistent(first->size, first->root, second->size, second->root, *path))
        return "the second tree does not begin with the first";
    report.checkpoint = std::move(second);
    report.consistency = true;
    return {};
}

std::string check_line_of_proof(std::string_view line, const std::vector<PublicKey>& keys,
                                ProofReport& report) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) return "it is no JSON object";
    if (object.contains("record")) {
        if (!report.checkpoint || report.consistency) return "a record before the checkpoint";
        ++report.records;
        return check_record(object, *report.checkpoint);
    }
    if (report.line != 1) return "it is neither an export nor a consistency proof";
    if (object.value("consistency", json()) == json(1))
        return check_consistency(object, keys, report);
    if (object.value("export", json()) != json(1))
        return "it is neither an export nor a consistency proof";
    return check_line(text_of(object, "checkpoint"), keys, report.checkpoint);
}

}  // namespace

std::optional<Condition> parse_condition(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    const bool unequal = text[equals - 1] == '!';
    const std::string_view key = text.substr(0, unequal ? equals - 1 : equals);
    if (key.empty()) return std::nullopt;
    return Condition{std::string(key), std::string(text.substr(equals + 1)), !unequal};
}

Status select_records(const std::string& folder, const Selection& selection,
                      const std::function<Status(std::string_view, uint64_t)>& use) {
    for (const SegmentFiles& files : TRY(list_log(folder)).segments) {
        if (!files.has_records()) continue;
        const auto reader = TRY(LineReader::open_segment(folder, files));
        std::string_view line, why;
        LineReader::Got got;
        while ((got = reader->next(line)) == LineReader::Got::line) {
            const auto view = parse_line(line, why);
            if (!view)
                return failure(SegmentPaths(folder, files.segment).records + " at byte " +
                               std::to_string(reader->offset()) + ": " + std::string(why));
            if (selects(selection, line, *view)) TRY_STATUS(use(line, view->seq));
        }
        if (got == LineReader::Got::failed) return failure(reader->error());
    }
    return {};
}

Result<std::string> find_checkpoint(const std::string& folder, std::optional<uint64_t> number) {
    const Listing listing = TRY(list_log(folder));
    for (auto it = listing.segments.rbegin(); it != listing.segments.rend(); ++it) {
        if (!it->checkpoints) continue;
        const auto reader =
            TRY(LineReader::open_plain(SegmentPaths(folder, it->segment).checkpoints));
        std::string_view line;
        std::string found;
        while (reader->next(line) == LineReader::Got::line) {
            const auto checkpoint = parse_checkpoint(line);
            if (checkpoint && (!number || checkpoint->number == *number)) found = line;
        }
        if (!found.empty()) return found;
    }
    return failure(number ? "there is no checkpoint " + std::to_string(*number)
                          : std::string("there is no checkpoint yet"));
}

Result<Exported> export_records(const std::string& folder, const Selection& selection,
                                const std::function<Status(std::string_view)>& out) {
    const std::string signed_line = TRY(find_checkpoint(folder, std::nullopt));
    const Checkpoint checkpoint = parse_checkpoint(signed_line).value();
    const NodeSource nodes = TRY(open_nodes(folder));
    std::string text = R"({"export":1,"log":")" + checkpoint.log + R"(","checkpoint":)";
    append_json_string(text, signed_line);
    TRY_STATUS(out(text + "}\n"));
    Exported exported;
    TRY_STATUS(select_records(folder, selection, [&](std::string_view line, uint64_t seq) {
        if (seq > checkpoint.size) {
            ++exported.unsigned_records;
            return Status();
        }
        const auto path = inclusion_path(seq - 1, checkpoint.size, nodes);
        if (!path) return Status(failure("the tree files of " + folder + " are incomplete"));
        ++exported.records;
        text = "{\"index\":";
        append_u64(text, seq - 1);
        append_path(text, *path);
        text += ",\"record\":";
        append_json_string(text, line);
        return out(text + "}\n");
    }));
    return exported;
}

Result<std::string> prove_consistency(const std::string& folder, uint64_t first, uint64_t second) {
    const std::string first_line = TRY(find_checkpoint(folder, first));
    const std::string second_line = TRY(find_checkpoint(folder, second));
    const NodeSource nodes = TRY(open_nodes(folder));
    const auto path = consistency_path(parse_checkpoint(first_line).value().size,
                                       parse_checkpoint(second_line).value().size, nodes);
    if (!path) return failure("the first checkpoint must not be newer than the second");
    std::string text = "{\"consistency\":1,\"first\":";
    append_json_string(text, first_line);
    text += ",\"second\":";
    append_json_string(text, second_line);
    append_path(text, *path);
    return text + "}\n";
}

ProofReport check_proof(std::string_view text, const std::vector<PublicKey>& keys) {
    ProofReport report;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        ++report.line;
        report.wrong = check_line_of_proof(line, keys, report);
        if (!report.wrong.empty()) return report;
    }
    if (report.line == 0) report.wrong = "there is nothing in it";
    return report;
}

}  // namespace glassgate::audit
