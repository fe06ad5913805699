#include "gateway/audit_commands.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "audit/cli.h"

namespace glassgate::gateway {
namespace {

using namespace audit;

const Streams kStreams{std::cout, std::cerr};

void add_folder(CLI::App& app, std::string& folder) {
    app.add_option("folder", folder, "The folder of the log")->required();
}

void add_verify(CLI::App& audit, int& status) {
    auto* verify = audit.add_subcommand(
        "verify", "Check a log, offline. Exit status 1: it is not what was written.");
    static VerifyCommand command;
    add_folder(*verify, command.folder);
    verify->add_option("--key", command.keys,
                       "Public key that may sign (PEM); without it, the one in the folder");
    verify->add_option("--operator", command.operators,
                       "Public keys of those who may order a deletion (PEM)");
    verify->add_option("--witness", command.witness,
                       "A file with checkpoints as a destination received them");
    verify->add_option("--since", command.since,
                       "Begin at the segment of this time: 2026-11-27 or 2026-11-27T09:14:22Z");
    verify->add_flag("--json", command.json, "Print the result as JSON");
    verify->callback([&status] { status = run_verify(command, kStreams); });
}

void add_selection(CLI::App& app, SelectCommand& command) {
    add_folder(app, command.folder);
    app.add_option("--from", command.from, "From this time on: 2026-11-27 or 2026-11-27T09:14:22Z");
    app.add_option("--to", command.to, "Before this time");
    app.add_option("--where", command.where,
                   "Only records with this value, KEY=VALUE or KEY!=VALUE; all of several");
    app.add_option("--request", command.request, "Only records of this request.id");
}

void add_show(CLI::App& audit, int& status) {
    auto* show = audit.add_subcommand("show", "Print records.");
    static SelectCommand command;
    add_selection(*show, command);
    show->add_flag("--json", command.json, "Print the lines as they are");
    show->callback([&status] { status = run_show(command, kStreams); });
}

void add_export(CLI::App& audit, int& status) {
    auto* exporting =
        audit.add_subcommand("export", "Write records with proofs that can be checked alone.");
    static SelectCommand command;
    add_selection(*exporting, command);
    exporting->add_option("--out", command.out, "The file; without it, standard output");
    exporting->callback([&status] { status = run_export(command, kStreams); });
}

void add_proofs(CLI::App& audit, int& status) {
    auto* check = audit.add_subcommand("check", "Check an export or a consistency proof.");
    static std::string file;
    static std::vector<std::string> keys;
    check->add_option("file", file, "The export or proof")->required();
    check->add_option("--key", keys, "Public key that may sign (PEM)")->required();
    check->callback([&status] { status = run_check(file, keys, kStreams); });

    auto* consistency = audit.add_subcommand(
        "consistency", "Prove that one checkpoint's log is the beginning of another's.");
    static std::string folder;
    static uint64_t first = 0, second = 0;
    add_folder(*consistency, folder);
    consistency->add_option("first", first, "Number of the older checkpoint")->required();
    consistency->add_option("second", second, "Number of the newer checkpoint")->required();
    consistency->callback([&status] { status = run_consistency(folder, first, second, kStreams); });
}

void add_key(CLI::App& audit, int& status) {
    auto* key = audit.add_subcommand("key", "Keys that sign: generate, public.");
    key->require_subcommand(1);
    static std::string path;
    auto* generate =
        key->add_subcommand("generate", "Make an Ed25519 key (mode 600); print its public half.");
    generate->add_option("path", path, "The file to write")->required();
    generate->callback([&status] { status = run_key_generate(path, kStreams); });
    auto* pub = key->add_subcommand("public", "Print the public half of a key.");
    pub->add_option("path", path, "The key")->required();
    pub->callback([&status] { status = run_key_public(path, kStreams); });
}

void add_delete(CLI::App& audit, int& status) {
    auto* deletion = audit.add_subcommand(
        "delete", "Delete old segments, by order of two operators: list, sign, execute.");
    deletion->require_subcommand(1);
    static DeleteCommand command;
    const auto add_retention = [](CLI::App& app) {
        app.add_option("--retention-days", command.retention_days,
                       "Nothing younger is deleted; at least 365")
            ->check(CLI::Range(365, 36'500));
    };
    auto* list = deletion->add_subcommand("list", "Print the list of what is old enough.");
    add_folder(*list, command.folder);
    list->add_option("--up-to", command.up_to, "No segment after this number");
    list->add_option("--reason", command.reason, "Why; part of what is signed")->required();
    add_retention(*list);
    list->callback([&status] { status = run_delete_list(command, kStreams); });

    auto* sign = deletion->add_subcommand("sign", "Print an operator's signature over a list.");
    sign->add_option("list", command.list, "The list")->required();
    sign->add_option("--key", command.key, "The operator's key")->required();
    sign->callback([&status] { status = run_delete_sign(command, kStreams); });

    auto* execute = deletion->add_subcommand("execute", "Delete what a signed list names.");
    add_folder(*execute, command.folder);
    execute->add_option("list", command.list, "The list")->required();
    execute->add_option("--signature", command.signatures, "An operator's signature; twice")
        ->required();
    execute->add_option("--operator", command.operators, "Public keys of the operators")
        ->required();
    add_retention(*execute);
    execute->callback([&status] { status = run_delete_execute(command, kStreams); });
}

void add_compress(CLI::App& audit, int& status) {
    auto* compress = audit.add_subcommand("compress", "Compress sealed segments (zstd).");
    static std::string folder, archive;
    add_folder(*compress, folder);
    compress->add_option("--archive", archive, "And move them to this folder");
    compress->callback([&status] { status = run_compress(folder, archive, kStreams); });
}

}  // namespace

void add_audit(CLI::App& app, int& status) {
    auto* audit = app.add_subcommand("audit", "Check, read and keep the audit log.");
    audit->require_subcommand(1);
    add_verify(*audit, status);
    add_show(*audit, status);
    add_export(*audit, status);
    add_proofs(*audit, status);
    add_key(*audit, status);
    add_delete(*audit, status);
    add_compress(*audit, status);
}

}  // namespace glassgate::gateway
