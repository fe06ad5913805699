// WorkerCells: the fold. One worker's half of the metrics: turns a closed record into additions to
// that worker's own cells. Worker thread only; never waits for a scrape.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "model/exchange.h"
#include "telemetry/metrics/client_table.h"
#include "telemetry/metrics/live_series.h"
#include "telemetry/metrics/native_histogram.h"
#include "telemetry/metrics/plan_layout.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::telemetry {

class WorkerCells final : public MetricsRegistry::Cells {
public:
    // `prepare` makes the series of a plan that a worker meets unprepared.
    using Prepare =
        std::function<std::shared_ptr<PlanLayout>(std::shared_ptr<const model::PlanNames>)>;

    WorkerCells(SeriesIndex& index, ClientTable& clients, unsigned worker, Prepare prepare);

    void plan_applied(std::shared_ptr<const model::PlanNames> names) override;
    void plan_retired(uint64_t generation) override;
    void connection_opened(uint32_t listener) noexcept override;
    void connection_closed(const model::Connection& connection) noexcept override;
    void exchange_opened(uint32_t listener) noexcept override;
    void exchange_closed(const model::Exchange& exchange) noexcept override;
    void upstream_connections_changed(std::string_view upstream, int delta) noexcept override;

    // Sequence of the newest plan this worker has applied; the scraper's question.
    [[nodiscard]] uint64_t newest_applied() const noexcept {
        return newest_applied_.load(std::memory_order_acquire);
    }

private:
    struct CodeCell {
        uint32_t code;
        Cell* cell;
    };
    struct Row {
        Cell* cells = nullptr;
        SeriesGroup* group = nullptr;
        std::vector<CodeCell> codes;          // statuses seen so far; few
        std::vector<CodeCell> grpc_statuses;  // likewise
    };
    using Streams = std::array<Cell*, model::kStreamKindCount>;
    using Untargeted = std::array<Cell*, model::kAttemptResultCount>;

    // A plan's layout as pointers to this worker's cells.
    struct Table {
        std::shared_ptr<PlanLayout> layout;
        const model::PlanNames* names = nullptr;
        bool retired = false;    // kept only because it is the newest
        std::vector<Row*> rows;  // as in the layout; null: not made yet
        std::deque<Row> made;    // only these cost a row's memory
        std::vector<Cell*> verdicts, upstreams, attempts;
        std::vector<LiveSeries::Entry*> listeners;
        std::vector<Streams> streams;        // by route, on demand
        std::vector<Untargeted> untargeted;  // by upstream, on demand
    };

    [[nodiscard]] std::unique_ptr<Table> make_table(std::shared_ptr<PlanLayout> layout);
    void name_listeners(const PlanLayout& layout, Table& table);
    [[nodiscard]] Table& table_of(const model::PlanNames* names) noexcept;
    [[nodiscard]] Cell* cells_of(const SeriesGroup& group) const noexcept;
    [[nodiscard]] Cell* other(Subject subject) noexcept;

    [[nodiscard]] Row& row_of(Table& table, const model::Exchange& e) noexcept;
    Row& add_row(Table& table, std::size_t at, SeriesGroup& group);
    Row& make_row(Table& table, const model::Exchange& e, std::size_t at);
    [[nodiscard]] Cell* code_cell(Row& row, uint32_t status) noexcept;
    [[nodiscard]] Cell* make_code_cell(Row& row, uint32_t status);
    [[nodiscard]] Cell* grpc_cell(Row& row, int grpc_status) noexcept;
    [[nodiscard]] Cell* make_grpc_cell(Row& row, int grpc_status);
    [[nodiscard]] Cell* handshake_cell(LiveSeries::Entry& listener,
                                       std::string_view reason) noexcept;
    [[nodiscard]] Cell* tls_cell(LiveSeries::Entry& listener,
                                 const model::Connection& connection) noexcept;
    [[nodiscard]] Cell* ending_cell(model::Ending ending, model::Origin origin) noexcept;
    [[nodiscard]] Cell* listener_cells(const Table& table, uint32_t listener) noexcept;

    void fold_request(Row& row, const model::Exchange& e) noexcept;
    void fold_client(const model::Exchange& e) noexcept;
    void fold_policies(const Table& table, const model::Exchange& e) noexcept;
    void fold_attempts(Table& table, const model::Exchange& e) noexcept;
    void fold_attempt(Table& table, const model::Exchange& e, const model::Attempt& a) noexcept;
    [[nodiscard]] Cell* attempt_cell(Table& table, const model::Attempt& a) noexcept;
    void fold_stream(Table& table, const model::Exchange& e) noexcept;

    SeriesIndex& index_;
    unsigned worker_;
    Prepare prepare_;
    LiveSeries listeners_, upstreams_;
    std::vector<std::unique_ptr<Table>> tables_;
    Table none_;               // before the first plan, and for records of plans never applied
    Table* current_ = &none_;  // the newest
    Table* last_ = &none_;     // of the last record
    std::array<Row, kMethodCount> no_route_;
    Row other_row_;
    std::array<Cell*, model::kEndingCount * model::kOriginCount> endings_{};
    std::array<Cell*, kGroupedSubjects> others_{};
    ClientCache clients_;
    std::span<const double> exemplar_edges_;
    std::atomic<uint64_t> newest_applied_{0};
};

}  // namespace glassgate::telemetry
