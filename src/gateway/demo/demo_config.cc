#include "gateway/demo/demo_config.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace glassgate::gateway::demo {
namespace {

constexpr std::string_view kTemplate =
    R"(# The demo's gateway. While it runs, an edit of this file is applied within a moment.
apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {name: retailco-gateway}
spec:
  drainMs: @DRAIN@
  listeners:
    - name: public
      address: "http://127.0.0.1:@PORT@"
      timeouts: {idleMs: 300000}

  upstreams:
    - {name: product-service, targets: [{url: "http://127.0.0.1:@PRODUCT@"}], timeoutMs: @TIMEOUT@, maxConnections: 4096}
    - {name: cart, targets: [{url: "http://127.0.0.1:@CART@"}], timeoutMs: @TIMEOUT@}
    - {name: checkout, targets: [{url: "http://127.0.0.1:@CHECKOUT@"}], timeoutMs: @TIMEOUT@}

  routes:
    - id: product-catalog
      path: ["/api/products"]
      methods: [GET]
      upstream: product-service
      policies:
        - client-id: {sources: [{header: client_id}], nameHeader: user-agent}
        - rate-limit: {key: client.id, limit: @LIMIT@}   # the hotfix halves it
        - circuit-breaker: {consecutiveFailures: 5, openMs: @OPEN@}
    - id: product-details
      path: ["/api/products/:id"]
      methods: [GET]
      upstream: product-service
      policies:
        - client-id: {sources: [{header: client_id}], nameHeader: user-agent}
        - circuit-breaker: {consecutiveFailures: 5, openMs: @OPEN@}
    - id: cart
      path: ["/api/cart"]
      methods: [POST]
      upstream: cart
      policies: [{client-id: {sources: [{header: client_id}]}}]
    - id: checkout
      path: ["/api/checkout"]
      methods: [POST]
      upstream: checkout
      policies: [{client-id: {sources: [{header: client_id}]}}]
    - id: health
      path: ["/health"]
      methods: [GET]
      upstream: product-service

  console: {address: "127.0.0.1", port: @CONSOLE@}

  telemetry:
    clients: {limit: 6000}
    metrics: {enabled: true, address: "127.0.0.1", port: @METRICS@, path: /metrics}
    logging:
      format: json
      level: info
      fields: [request.id, request.path, request.method, response.status, response.duration_ms, client.id, client.name]
      outputs: [{type: file, path: "@LOG@"@ROTATE@}]
      queueBytes: 33554432
)";

void put(std::string& text, std::string_view mark, const std::string& value) {
    for (std::size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + value.size()))
        text.replace(at, mark.size(), value);
}

// 100/min, or so many in what is the story's minute.
std::string limit_text(const Scenario& scenario, unsigned requests) {
    if (scenario.minute_ms == 60'000) return std::to_string(requests) + "/min";
    return "{requests: " + std::to_string(requests) +
           ", periodMs: " + std::to_string(scenario.minute_ms) + "}";
}

}  // namespace

std::string demo_yaml(const Scenario& scenario, const DemoPorts& ports, const std::string& log_path,
                      bool endless) {
    std::string yaml(kTemplate);
    put(yaml, "@PORT@", std::to_string(ports.traffic));
    put(yaml, "@METRICS@", std::to_string(ports.metrics));
    put(yaml, "@CONSOLE@", std::to_string(ports.console));
    put(yaml, "@PRODUCT@", std::to_string(ports.services[0]));
    put(yaml, "@CART@", std::to_string(ports.services[1]));
    put(yaml, "@CHECKOUT@", std::to_string(ports.services[2]));
    put(yaml, "@TIMEOUT@", std::to_string(scenario.upstream_timeout_ms));
    put(yaml, "@LIMIT@", limit_text(scenario, 100));
    put(yaml, "@OPEN@", std::to_string(scenario.breaker_open_ms));
    put(yaml, "@DRAIN@", std::to_string(scenario.upstream_timeout_ms + 1000));
    put(yaml, "@LOG@", log_path);
    put(yaml, "@ROTATE@", endless ? ", rotate: {maxBytes: 104857600, keep: 1}" : "");
    return yaml;
}

Result<std::string> with_hotfix(const Scenario& scenario, std::string yaml) {
    const std::string before = "limit: " + limit_text(scenario, 100) + "}";
    const std::size_t at = yaml.find(before);
    if (at == std::string::npos)
        return failure("hotfix: the configuration has no \"" + before + "\"");
    yaml.replace(at, before.size(), "limit: " + limit_text(scenario, 50) + "}");
    return yaml;
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return failure_errno("read " + path, errno);
    return std::move(text).str();
}

Status write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) return failure_errno("write " + path, errno);
    return {};
}

Status replace_file(const std::string& path, const std::string& text) {
    const std::string beside = path + ".new";
    TRY_STATUS(write_file(beside, text));
    if (std::rename(beside.c_str(), path.c_str()) != 0)
        return failure_errno("rename " + beside, errno);
    return {};
}

Result<Workplace> Workplace::make(const std::string& keep) {
    std::error_code error;
    if (!keep.empty()) {
        std::filesystem::create_directories(keep, error);
        if (error) return failure("create " + keep + ": " + error.message());
        const std::string whole = std::filesystem::absolute(keep, error).string();
        return Workplace(whole, true);
    }
    const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
    std::string name =
        (error ? std::string("/tmp") : temporary.string()) + "/glassgate-demo-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) return failure_errno("create " + name, errno);
    return Workplace(std::move(name), false);
}

Workplace::~Workplace() {
    if (path_.empty() || kept_) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

uint16_t free_or_any(uint16_t wanted) {
    // Without SO_REUSEPORT: a port on which another gateway listens is not free, though both could.
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free =
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(fd, 1) == 0;
    ::close(fd);
    return free ? wanted : 0;
}

Result<LogLines> count_log_lines(const std::string& path) {
    std::ifstream in(path);
    if (!in) return failure_errno("read " + path, errno);
    LogLines lines;
    for (std::string line; std::getline(in, line);)
        ++(line.find("\"event\":") == std::string::npos ? lines.requests : lines.events);
    return lines;
}

}  // namespace glassgate::gateway::demo
