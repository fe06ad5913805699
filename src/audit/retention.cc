#include "audit/retention.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "audit/checkpoint.h"
#include "audit/instant.h"
#include "audit/line.h"
#include "audit/segment.h"
#include "base/json_text.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

using nlohmann::json;

constexpr std::string_view kPurpose = "glassgate audit deletion 1\n";

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
uint64_t number_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

// What a segment holds, read through once.
struct Contents {
    DeletionItem item;
    std::string log;
    bool sealed = false;
};

Result<Contents> read_contents(const std::string& folder, const SegmentFiles& files) {
    const auto reader = TRY(LineReader::open_segment(folder, files));
    Contents contents;
    contents.item.segment = files.segment;
    Sha256 digest;
    std::string_view line;
    while (true) {
        const LineReader::Got got = reader->next(line);
        if (got == LineReader::Got::end) break;
        std::string_view why = reader->error();
        const auto view = got == LineReader::Got::line ? parse_line(line, why) : std::nullopt;
        if (!view)
            return failure("segment " + std::to_string(files.segment) + ": " + std::string(why));
        digest.add(line);
        digest.add("\n");
        if (contents.item.records++ == 0) {
            const std::size_t at = view->body.find("\"log\":\"");
            if (at != std::string_view::npos) contents.log = view->body.substr(at + 7, 32);
        }
        contents.item.newest_wall_ns = std::max(contents.item.newest_wall_ns, view->wall_ns);
        contents.sealed = view->type == "segment.sealed";
    }
    contents.item.sha256 = hex(digest.finish());
    return contents;
}

std::vector<SegmentFiles> with_records(const Listing& listing) {
    std::vector<SegmentFiles> found;
    std::copy_if(listing.segments.begin(), listing.segments.end(), std::back_inserter(found),
                 [](const SegmentFiles& s) { return s.has_records(); });
    return found;
}

void append_item(std::string& list, const DeletionItem& item) {
    list += R"({"segment":)";
    append_u64(list, item.segment);
    list += R"(,"records":)";
    append_u64(list, item.records);
    list += R"(,"sha256":")" + item.sha256 + R"(","newest":")";
    append_instant(list, item.newest_wall_ns);
    list += "\"}";
}

// What was moved to an archive goes there, too.
Status remove_with_target(const std::string& path) {
    char target[4096];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    if (length > 0) {
        const std::string archived(target, static_cast<std::size_t>(length));
        if (::unlink(archived.c_str()) != 0 && errno != ENOENT)
            return failure_errno("delete " + archived, errno);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return failure_errno("delete " + path, errno);
    return {};
}

Status check_item(const std::string& folder, const SegmentFiles& files, const DeletionItem& item,
                  const std::string& log, uint64_t older_than_wall_ns) {
    const std::string name = "segment " + std::to_string(files.segment);
    if (files.segment != item.segment)
        return failure("the list must name the oldest segments, in order: " + name + " is next");
    const Contents contents = TRY(read_contents(folder, files));
    if (!contents.sealed) return failure(name + " is not sealed");
    if (contents.log != log) return failure("the list is of another log");
    if (contents.item.sha256 != item.sha256 || contents.item.records != item.records)
        return failure(name + " does not hold what the list says");
    if (contents.item.newest_wall_ns >= older_than_wall_ns)
        return failure(name + " is younger than the retention: its newest record is of " +
                       instant(contents.item.newest_wall_ns));
    return {};
}

}  // namespace

Result<std::string> propose_deletion(const std::string& folder, uint64_t up_to,
                                     uint64_t older_than_wall_ns, uint64_t now_wall_ns,
                                     std::string_view reason) {
    std::string items, log;
    for (const SegmentFiles& files : with_records(TRY(list_log(folder)))) {
        if (files.segment > up_to) break;
        const Contents contents = TRY(read_contents(folder, files));
        if (!contents.sealed || contents.item.newest_wall_ns >= older_than_wall_ns) break;
        if (!items.empty()) items += ',';
        append_item(items, contents.item);
        log = contents.log;
    }
    if (items.empty()) return failure("no segment is old enough to be deleted");
    std::string list = R"({"deletion":1,"log":")" + log + R"(","segments":[)" + items +
                       R"(],"time":")" + instant(now_wall_ns) + R"(","reason":)";
    append_json_string(list, reason);
    return list + "}";
}

DeletionSignature sign_deletion(std::string_view list, const SigningKey& key) {
    return {hex(key.public_key().id()), key.sign(std::string(kPurpose) + std::string(list))};
}

std::string order_text(const DeletionOrder& order) {
    std::string text = "{\"list\":";
    append_json_string(text, order.list);
    text += ",\"signatures\":[";
    for (const DeletionSignature& s : order.signatures)
        text += std::string(text.back() == '[' ? "" : ",") + R"({"key":")" + s.key +
                R"(","signature":")" + s.signature + "\"}";
    return text + "]}\n";
}

bool parse_list(std::string_view list, DeletionOrder& order) {
    const json root = json::parse(list, nullptr, false);
    if (!root.is_object() || number_of(root, "deletion") != 1) return false;
    order.list = list;
    order.log = text_of(root, "log");
    const auto segments = root.find("segments");
    if (segments == root.end() || !segments->is_array() || !is_log_id(order.log)) return false;
    for (const json& segment : *segments) {
        if (!segment.is_object()) return false;
        const auto newest = parse_instant(text_of(segment, "newest"));
        const DeletionItem item{number_of(segment, "segment"), number_of(segment, "records"),
                                text_of(segment, "sha256"), newest.value_or(0)};
        if (item.segment == 0 || !newest || !parse_hash(item.sha256)) return false;
        order.items.push_back(item);
    }
    return !order.items.empty();
}

std::optional<DeletionOrder> parse_order(std::string_view text) {
    const json root = json::parse(text, nullptr, false);
    if (!root.is_object()) return std::nullopt;
    DeletionOrder order;
    if (!parse_list(text_of(root, "list"), order)) return std::nullopt;
    const auto signatures = root.find("signatures");
    if (signatures == root.end() || !signatures->is_array()) return std::nullopt;
    for (const json& s : *signatures)
        if (s.is_object()) order.signatures.push_back({text_of(s, "key"), text_of(s, "signature")});
    return order;
}

bool is_authorised(const DeletionOrder& order, const std::vector<PublicKey>& operators) {
    std::set<std::string> agreed;
    const std::string message = std::string(kPurpose) + order.list;
    for (const DeletionSignature& s : order.signatures)
        for (const PublicKey& key : operators)
            if (hex(key.id()) == s.key && key.verifies(message, s.signature)) agreed.insert(s.key);
    return agreed.size() >= 2;
}

Status execute_deletion(const std::string& folder, const DeletionOrder& order,
                        const std::vector<PublicKey>& operators, uint64_t older_than_wall_ns) {
    if (!is_authorised(order, operators))
        return failure("the list needs the good signatures of two different operators");
    const std::vector<SegmentFiles> present = with_records(TRY(list_log(folder)));
    if (order.items.size() >= present.size())
        return failure("the newest segment cannot be deleted");
    for (std::size_t i = 0; i < order.items.size(); ++i)
        TRY_STATUS(check_item(folder, present[i], order.items[i], order.log, older_than_wall_ns));
    char name[40];
    std::snprintf(name, sizeof name, "/deletion-%08llu.json",
                  static_cast<unsigned long long>(order.items.front().segment));
    TRY_STATUS(write_new_file(folder + name, order_text(order), 0440));
    for (const DeletionItem& item : order.items) {
        const SegmentPaths paths(folder, item.segment);
        for (const std::string& path : {paths.records, paths.compressed, paths.index})
            TRY_STATUS(remove_with_target(path));
    }
    return sync_folder(folder);
}

}  // namespace glassgate::audit
