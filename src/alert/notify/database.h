// Database: what alerting keeps on disk, in one SQLite file: silences, what became of alerts, what
// receivers were told, what is still to be told them, and the state of alerts for the next start.
//
// Any thread; one statement at a time. Writes are durable when they return (write-ahead log,
// synced), so that what was acknowledged survives a kill. A failing disk is counted; what cannot be
// written is lost for the next start, and only for that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "alert/rules/rule_state.h"
#include "base/result.h"

struct sqlite3;

namespace glassgate::alert {

struct SavedAlert {
    std::string group, rule;
    ActiveAlert alert;
};

struct HistoryRow {
    int64_t id = 0;
    TimeMs at_ms = 0;
    std::string group, rule;
    std::string fingerprint, labels_json, annotations_json;
    std::string before, after;
    double value = 0;
};

// What became of one notification to one integration.
struct DeliveryRow {
    int64_t id = 0;
    TimeMs at_ms = 0;
    std::string integration, group_key, status;  // status: firing, resolved
    std::string outcome;                         // sent, dropped
    uint64_t alerts = 0, attempts = 0;
    std::string error;
};

struct SpoolRow {
    int64_t id = 0;
    TimeMs created_ms = 0;
    uint64_t attempts = 0;
    std::string body;
};

// Of a group and an integration: what was told last.
struct ToldRow {
    std::string group_key, integration;
    std::set<uint64_t> firing, resolved;  // fingerprints
    TimeMs at_ms = 0;
};

class Database {
public:
    // `path` empty: in memory. Error: it cannot be opened, or belongs to a newer version. A file
    // that is damaged is moved aside (.damaged) and begun anew; `damaged()` says so.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Several writes that take effect together, with one sync.
    void together(const std::function<void()>& writes);

    // ---- the state of alerts ----
    void save_alert(const SavedAlert& alert);
    void forget_alert(const std::string& group, const std::string& rule,
                      const store::Labels& labels);
    [[nodiscard]] std::vector<SavedAlert> saved_alerts();
    // When the process was last known to evaluate.
    void save_alive(TimeMs at_ms);
    [[nodiscard]] std::optional<TimeMs> last_alive();

    // ---- silences, as JSON by their id ----
    void save_silence(const std::string& id, const std::string& json);
    void forget_silence(const std::string& id);
    [[nodiscard]] std::vector<std::string> silences();

    // ---- logs; the oldest rows beyond the bound go ----
    void add_history(const HistoryRow& row, uint64_t rows_max);
    // Newest first; `before_id` 0: from the newest on.
    [[nodiscard]] std::vector<HistoryRow> history(const std::string& rule, int64_t before_id,
                                                  uint64_t limit);
    void add_delivery(const DeliveryRow& row, uint64_t rows_max);
    [[nodiscard]] std::vector<DeliveryRow> deliveries(const std::string& integration,
                                                      int64_t before_id, uint64_t limit);

    // ---- what was told ----
    void save_told(const ToldRow& row);
    void forget_told_before(TimeMs at_ms);
    [[nodiscard]] std::vector<ToldRow> told();

    // ---- the spool, first in first out by integration ----
    // False: not written.
    bool spool(const std::string& integration, TimeMs created_ms, const std::string& body);
    [[nodiscard]] std::optional<SpoolRow> spool_front(const std::string& integration);
    void spool_attempted(int64_t id, uint64_t attempts);
    void spool_remove(int64_t id);
    struct SpoolSize {
        uint64_t rows = 0, bytes = 0;
    };
    [[nodiscard]] std::map<std::string, SpoolSize> spool_sizes();

    [[nodiscard]] uint64_t failures() const noexcept;
    [[nodiscard]] bool damaged() const noexcept { return damaged_; }

private:
    class Statement;
    explicit Database(sqlite3* handle) : handle_(handle) {}
    [[nodiscard]] Status prepare_tables();
    [[nodiscard]] Status execute(const char* sql);
    void failed();

    sqlite3* handle_;
    mutable std::recursive_mutex mutex_;  // together() runs writes under it
    uint64_t failures_ = 0;
    std::string last_error_;
    bool damaged_ = false;
};

}  // namespace glassgate::alert
