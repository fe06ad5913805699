#include "audit/checkpoint.h"

#include <algorithm>

#include "audit/instant.h"
#include "audit/scan.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

constexpr std::string_view kPurpose = "glassgate audit checkpoint 1\n";
constexpr std::string_view kSignatureKey = ",\"signature\":\"";

std::string signed_message(std::string_view line) {
    return std::string(kPurpose) + std::string(line);
}

}  // namespace

bool is_log_id(std::string_view text) noexcept {
    return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::string sign_checkpoint(Checkpoint& c, const SigningKey& key) {
    c.key = key.public_key().id();
    std::string line = "{\"checkpoint\":";
    append_u64(line, c.number);
    line.append(",\"log\":\"").append(c.log).append("\",\"size\":");
    append_u64(line, c.size);
    line += ",\"root\":\"";
    append_hex(line, c.root);
    line += "\",\"hash\":\"";
    append_hex(line, c.hash);
    line += "\",\"segment\":";
    append_u64(line, c.segment);
    line += ",\"time\":\"";
    append_instant(line, c.wall_ns);
    line += "\",\"previous\":\"";
    append_hex(line, c.previous);
    line += "\",\"key\":\"";
    append_hex(line, c.key);
    line += '"';
    c.signature = key.sign(signed_message(line));
    line.append(kSignatureKey).append(c.signature).append("\"}");
    return line;
}

std::optional<Checkpoint> parse_checkpoint(std::string_view line) {
    Checkpoint c;
    std::string_view log, time, signature;
    Scan scan(line);
    scan.literal("{\"checkpoint\":").number(c.number);
    scan.literal(",\"log\":\"").plain(log).literal("\",\"size\":").number(c.size);
    scan.literal(",\"root\":\"").hash(c.root).literal("\",\"hash\":\"").hash(c.hash);
    scan.literal("\",\"segment\":").number(c.segment).literal(",\"time\":\"").plain(time);
    scan.literal("\",\"previous\":\"").hash(c.previous).literal("\",\"key\":\"").hash(c.key);
    scan.literal("\"").literal(kSignatureKey).plain(signature).literal("\"}");
    const auto wall_ns = parse_instant(time);
    if (!scan.at_end() || !wall_ns || !is_log_id(log)) return std::nullopt;
    c.wall_ns = *wall_ns;
    c.log = log;
    c.signature = signature;
    return c;
}

SignatureCheck check_signature(std::string_view line, const Checkpoint& checkpoint,
                               const std::vector<PublicKey>& keys) {
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const PublicKey& k) { return k.id() == checkpoint.key; });
    if (key == keys.end()) return SignatureCheck::unknown_key;
    const std::size_t end = line.rfind(kSignatureKey);
    const bool good = end != std::string_view::npos &&
                      key->verifies(signed_message(line.substr(0, end)), checkpoint.signature);
    return good ? SignatureCheck::good : SignatureCheck::bad;
}

}  // namespace glassgate::audit
