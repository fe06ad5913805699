#include "audit/cli.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "audit/access.h"
#include "audit/compress.h"
#include "audit/instant.h"
#include "audit/line.h"
#include "audit/proof.h"
#include "audit/retention.h"
#include "audit/segment.h"
#include "audit/verifier.h"
#include "base/clock.h"
#include "base/json_text.h"

namespace glassgate::audit {
namespace {

constexpr int kGood = 0, kWrong = 1, kEnvironment = 2;
constexpr std::size_t kMaxWitnessBytes = std::size_t{1} << 32;
constexpr std::size_t kMaxListBytes = std::size_t{1} << 30;
constexpr uint64_t kNsPerDay = 86'400 * kNsPerSecond;

int say(const Streams& streams, int status, const std::string& message) {
    streams.err << "glassgate: " << message << "\n";
    return status;
}

// Reads without a trace are said to be that.
void note_read(const std::string& folder, std::string_view command, std::string_view detail,
               const Streams& streams) {
    if (Status noted = leave_note(folder, command, detail); !noted)
        streams.err << "note: this read will not be in the log: " << noted.error().message << "\n";
}

Result<std::vector<PublicKey>> load_keys(const std::vector<std::string>& files) {
    std::vector<PublicKey> keys;
    for (const std::string& file : files)
        for (PublicKey& key : TRY(load_public_keys(file))) keys.push_back(std::move(key));
    return keys;
}

bool read_time(const std::string& text, std::optional<uint64_t>& out, const Streams& streams) {
    if (text.empty()) return true;
    out = parse_loose_instant(text);
    if (out) return true;
    say(streams, kWrong, "'" + text + "' is no time such as 2026-11-27 or 2026-11-27T09:14:22Z");
    return false;
}

void print_good(const VerifyReport& report, const Streams& streams) {
    std::ostream& out = streams.out;
    out << "good: records " << report.first_seq << " to " << report.last_seq << " in "
        << report.segments << (report.segments == 1 ? " segment, " : " segments, ")
        << report.checkpoints << " checkpoints\n";
    if (report.first_wall_ns && report.last_wall_ns)
        out << "from " << instant(*report.first_wall_ns) << " to " << instant(*report.last_wall_ns)
            << "\n";
    out << "log " << report.log
        << (report.stopped ? ", closed in order\n" : ", open or ended by a crash\n");
    if (report.deleted_segments != 0)
        out << report.deleted_segments
            << " older segments were deleted by order of two operators\n";
    if (report.unsigned_since)
        out << "note: the last " << report.last_seq - report.signed_size << " records, from "
            << instant(*report.unsigned_since)
            << " on, are chained but not covered by a checkpoint yet\n";
    if (report.witnessed != 0) out << "witness: " << report.witnessed << " checkpoints agree\n";
    for (const std::string& note : report.notes) out << "note: " << note << "\n";
}

void print_json(const VerifyReport& report, const Streams& streams) {
    nlohmann::ordered_json json;
    json["good"] = !report.fault.has_value();
    if (report.fault)
        json["fault"] = {{"file", report.fault->file},
                         {"seq", report.fault->seq},
                         {"offset", report.fault->offset},
                         {"what", report.fault->what}};
    json["log"] = report.log;
    json["first"] = report.first_seq;
    json["last"] = report.last_seq;
    json["signed"] = report.signed_size;
    json["segments"] = report.segments;
    json["deleted_segments"] = report.deleted_segments;
    json["checkpoints"] = report.checkpoints;
    json["bytes"] = report.bytes;
    json["witnessed"] = report.witnessed;
    json["stopped"] = report.stopped;
    json["notes"] = report.notes;
    streams.out << json.dump() << "\n";
}

// "2026-... #17 request.closed request.id=... response.status=201"
void print_record(std::string_view line, uint64_t seq, const Streams& streams) {
    const auto record = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!record.is_object()) return;
    streams.out << record.value("time", "") << " #" << seq << " " << record.value("type", "");
    for (const auto& [key, value] : record.items()) {
        if (key == "seq" || key == "time" || key == "type" || key == "hash") continue;
        streams.out << " " << key << "="
                    << (value.is_string() ? value.get<std::string>() : value.dump());
    }
    streams.out << "\n";
}

bool read_selection(const SelectCommand& command, Selection& selection, const Streams& streams) {
    if (!read_time(command.from, selection.from_wall_ns, streams)) return false;
    if (!read_time(command.to, selection.to_wall_ns, streams)) return false;
    for (const std::string& text : command.where) {
        const auto condition = parse_condition(text);
        if (!condition) {
            say(streams, kWrong, "'" + text + "' is no condition such as client.id=shop");
            return false;
        }
        selection.where.push_back(*condition);
    }
    if (!command.request.empty()) selection.where.push_back({"request.id", command.request, true});
    return true;
}

std::string detail_of(const SelectCommand& command) {
    std::string detail;
    const auto add = [&](std::string_view name, const std::string& value) {
        if (value.empty()) return;
        detail += detail.empty() ? "" : " ";
        detail += name;
        detail += value;
    };
    add("from ", command.from);
    add("to ", command.to);
    add("request ", command.request);
    for (const std::string& where : command.where) add("where ", where);
    return detail;
}

}  // namespace

int run_verify(const VerifyCommand& command, const Streams& streams) {
    VerifyOptions options;
    const bool own_keys = command.keys.empty();
    auto keys = load_keys(own_keys ? std::vector{command.folder + "/audit.pub"} : command.keys);
    if (!keys) return say(streams, own_keys ? kEnvironment : kWrong, keys.error().message);
    options.keys = std::move(*keys);
    auto operators = load_keys(command.operators);
    if (!operators) return say(streams, kWrong, operators.error().message);
    options.operators = std::move(*operators);
    for (const std::string& file : command.witness) {
        const auto text = read_whole(file, kMaxWitnessBytes);
        if (!text) return say(streams, kEnvironment, text.error().message);
        for (WitnessedCheckpoint& w : read_witness(*text)) options.witness.push_back(std::move(w));
        if (options.witness.empty())
            return say(streams, kWrong, "there are no checkpoints in " + file);
    }
    if (!read_time(command.since, options.since_wall_ns, streams)) return kWrong;
    note_read(command.folder, "verify", command.since.empty() ? "" : "since " + command.since,
              streams);
    const auto report = verify_log(command.folder, options);
    if (!report) return say(streams, kEnvironment, report.error().message);
    if (own_keys)
        streams.err << "note: the key was taken from the log's own folder: that shows that the log "
                       "is consistent, not whose it is (give --key)\n";
    if (command.json) print_json(*report, streams);
    if (report->fault) {
        if (!command.json) streams.out << "BAD: " << to_text(*report->fault) << "\n";
        return kWrong;
    }
    if (!command.json) print_good(*report, streams);
    return kGood;
}

int run_show(const SelectCommand& command, const Streams& streams) {
    Selection selection;
    if (!read_selection(command, selection, streams)) return kWrong;
    note_read(command.folder, "show", detail_of(command), streams);
    const Status done =
        select_records(command.folder, selection, [&](std::string_view line, uint64_t seq) {
            if (command.json)
                streams.out << line << "\n";
            else
                print_record(line, seq, streams);
            return Status();
        });
    return done ? kGood : say(streams, kEnvironment, done.error().message);
}

int run_export(const SelectCommand& command, const Streams& streams) {
    Selection selection;
    if (!read_selection(command, selection, streams)) return kWrong;
    note_read(command.folder, "export", detail_of(command), streams);
    std::ofstream file;
    if (!command.out.empty()) {
        file.open(command.out, std::ios::trunc | std::ios::binary);
        if (!file) return say(streams, kEnvironment, "cannot write " + command.out);
    }
    std::ostream& out = command.out.empty() ? streams.out : file;
    const auto exported = export_records(command.folder, selection, [&](std::string_view text) {
        return out << text ? Status() : Status(failure("cannot write the export"));
    });
    if (!exported) return say(streams, kEnvironment, exported.error().message);
    out.flush();
    if (!out) return say(streams, kEnvironment, "cannot write the export");
    streams.err << exported->records << " records exported";
    if (exported->unsigned_records != 0)
        streams.err << "; " << exported->unsigned_records
                    << " more are not covered by a checkpoint yet and were left out";
    streams.err << "\n";
    return kGood;
}

int run_consistency(const std::string& folder, uint64_t first, uint64_t second,
                    const Streams& streams) {
    const auto proof = prove_consistency(folder, first, second);
    if (!proof) return say(streams, kWrong, proof.error().message);
    streams.out << *proof;
    return kGood;
}

int run_check(const std::string& file, const std::vector<std::string>& key_files,
              const Streams& streams) {
    const auto keys = load_keys(key_files);
    if (!keys) return say(streams, kWrong, keys.error().message);
    const auto text = read_whole(file, kMaxWitnessBytes);
    if (!text) return say(streams, kEnvironment, text.error().message);
    const ProofReport report = check_proof(*text, *keys);
    if (!report.wrong.empty()) {
        streams.out << "BAD: line " << report.line << ": " << report.wrong << "\n";
        return kWrong;
    }
    const Checkpoint& checkpoint = *report.checkpoint;
    if (report.consistency)
        streams.out << "good: the log grew from the first checkpoint to checkpoint "
                    << checkpoint.number << " of " << checkpoint.size << " records\n";
    else
        streams.out << "good: " << report.records << " records are in log " << checkpoint.log
                    << " as signed by checkpoint " << checkpoint.number << " of "
                    << instant(checkpoint.wall_ns) << "\n";
    return kGood;
}

int run_key_generate(const std::string& path, const Streams& streams) {
    const auto key = SigningKey::generate(path);
    if (!key) return say(streams, kEnvironment, key.error().message);
    streams.out << key->public_key().pem();
    return kGood;
}

int run_key_public(const std::string& path, const Streams& streams) {
    const auto key = SigningKey::load(path);
    if (!key) return say(streams, kWrong, key.error().message);
    streams.out << key->public_key().pem();
    return kGood;
}

// ---- deletion
// ----------------------------------------------------------------------------------

int run_delete_list(const DeleteCommand& command, const Streams& streams) {
    const uint64_t now_ns = wall_now_ns();
    const auto list =
        propose_deletion(command.folder, command.up_to, now_ns - command.retention_days * kNsPerDay,
                         now_ns, command.reason);
    if (!list) return say(streams, kWrong, list.error().message);
    streams.out << *list;
    return kGood;
}

int run_delete_sign(const DeleteCommand& command, const Streams& streams) {
    const auto list = read_whole(command.list, kMaxListBytes);
    if (!list) return say(streams, kEnvironment, list.error().message);
    DeletionOrder order;
    if (!parse_list(*list, order)) return say(streams, kWrong, command.list + " is no list");
    const auto key = SigningKey::load(command.key);
    if (!key) return say(streams, kWrong, key.error().message);
    const DeletionSignature signature = sign_deletion(*list, *key);
    streams.out << R"({"key":")" << signature.key << R"(","signature":")" << signature.signature
                << "\"}\n";
    return kGood;
}

int run_delete_execute(const DeleteCommand& command, const Streams& streams) {
    const auto list = read_whole(command.list, kMaxListBytes);
    if (!list) return say(streams, kEnvironment, list.error().message);
    DeletionOrder order;
    if (!parse_list(*list, order)) return say(streams, kWrong, command.list + " is no list");
    for (const std::string& file : command.signatures) {
        const auto text = read_whole(file, kMaxListBytes);
        if (!text) return say(streams, kEnvironment, text.error().message);
        const auto json = nlohmann::json::parse(*text, nullptr, false);
        if (!json.is_object() || !json.contains("key") || !json["key"].is_string() ||
            !json.contains("signature") || !json["signature"].is_string())
            return say(streams, kWrong, file + " is no signature of a list");
        order.signatures.push_back({json["key"], json["signature"]});
    }
    const auto operators = load_keys(command.operators);
    if (!operators) return say(streams, kWrong, operators.error().message);
    const uint64_t limit = wall_now_ns() - command.retention_days * kNsPerDay;
    const Status done = execute_deletion(command.folder, order, *operators, limit);
    if (!done) return say(streams, kWrong, done.error().message);
    note_read(command.folder, "delete",
              "segments " + std::to_string(order.items.front().segment) + " to " +
                  std::to_string(order.items.back().segment),
              streams);
    streams.out << "deleted: " << order.items.size() << " segments\n";
    return kGood;
}

int run_compress(const std::string& folder, const std::string& archive, const Streams& streams) {
    const auto done = archive.empty() ? compress_sealed(folder) : archive_sealed(folder, archive);
    if (!done) return say(streams, kEnvironment, done.error().message);
    streams.out << *done << (archive.empty() ? " segments compressed\n" : " segments archived\n");
    return kGood;
}

}  // namespace glassgate::audit
