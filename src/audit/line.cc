#include "audit/line.h"

#include "audit/instant.h"
#include "audit/scan.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

constexpr std::string_view kHashKey = ",\"hash\":\"", kEnd = "\"}";
constexpr std::size_t kTailBytes = kHashKey.size() + kHashHexBytes + kEnd.size();

}  // namespace

Hash append_line(std::string& out, uint64_t seq, uint64_t wall_ns, std::string_view body,
                 const Hash& previous) {
    const std::size_t begin = out.size();
    out += "{\"seq\":";
    append_u64(out, seq);
    out += ",\"time\":\"";
    append_instant(out, wall_ns);
    out += "\",";
    out += body;
    const Hash hash = record_hash(previous, std::string_view(out).substr(begin));
    out += kHashKey;
    append_hex(out, hash);
    out += kEnd;
    out += '\n';
    return hash;
}

std::optional<LineView> parse_line(std::string_view line, std::string_view& why) {
    LineView view;
    const auto fail = [&](std::string_view reason) {
        why = reason;
        return std::nullopt;
    };
    if (line.size() > kMaxLineBytes) return fail("the line is longer than 65536 bytes");
    if (line.size() < kTailBytes) return fail("the line is too short to be a record");
    const std::string_view tail = line.substr(line.size() - kTailBytes);
    if (!Scan(tail).literal(kHashKey).hash(view.hash).literal(kEnd).at_end())
        return fail("the line does not end with its hash");
    view.hashed = line.substr(0, line.size() - kTailBytes);
    Scan head(view.hashed);
    if (!head.literal("{\"seq\":").number(view.seq).good())
        return fail("the line does not begin with its seq");
    if (!head.literal(",\"time\":\"").plain(view.time).literal("\",").good())
        return fail("the time does not stand where it must");
    const auto wall_ns = parse_instant(view.time);
    if (!wall_ns) return fail("the time is none");
    view.wall_ns = *wall_ns;
    view.body = head.rest();
    if (!head.literal("\"type\":\"").plain(view.type).literal("\"").good() || view.type.empty())
        return fail("the type does not stand where it must");
    if (!head.rest().empty() && head.rest().front() != ',')
        return fail("the type does not stand where it must");
    return view;
}

}  // namespace glassgate::audit
