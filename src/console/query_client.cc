#include "console/query_client.h"

#include <curl/curl.h>

#include <utility>

namespace glassgate::console {
namespace {

constexpr long kConnectTimeoutMs = 5000;
constexpr long kTimeoutMs = 150'000;  // a query's own is two minutes

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) noexcept {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

}  // namespace

QueryClient::QueryClient(std::string url, std::string user, std::string token)
    : url_(url.substr(0, url.find_last_not_of('/') + 1)),
      user_(std::move(user)),
      token_(std::move(token)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy_ = curl_easy_init();
}

QueryClient::~QueryClient() {
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
}

std::string QueryClient::form_of(const store::query::QueryParameters& p) const {
    std::string form;
    const std::pair<const char*, const std::string&> all[] = {
        {"query", p.query}, {"time", p.time}, {"start", p.start},
        {"end", p.end},     {"step", p.step}, {"timeout", p.timeout}};
    for (const auto& [name, value] : all) {
        if (value.empty()) continue;
        char* const escaped = curl_easy_escape(easy_, value.data(), static_cast<int>(value.size()));
        form += (form.empty() ? "" : "&") + std::string(name) + "=" + escaped;
        curl_free(escaped);
    }
    return form;
}

Result<std::string> QueryClient::ask(const store::query::QueryParameters& parameters) {
    if (easy_ == nullptr) return failure("libcurl cannot be initialised");
    const std::string url =
        url_ + "/api/v1/" + (parameters.start.empty() ? "query" : "query_range");
    const std::string form = form_of(parameters);
    const std::string bearer = "Authorization: Bearer " + token_;
    std::string body;
    char why[CURL_ERROR_SIZE] = {};
    curl_slist* headers = curl_slist_append(nullptr, "Accept: application/json");
    if (!token_.empty()) headers = curl_slist_append(headers, bearer.c_str());
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, kTimeoutMs);
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(form.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, form.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    if (!user_.empty()) {
        curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        curl_easy_setopt(easy_, CURLOPT_USERPWD, user_.c_str());
    }
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(easy_);
    curl_slist_free_all(headers);
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, nullptr);
    if (code != CURLE_OK)
        return failure("no answer from " + url_ + ": " +
                       (why[0] != '\0' ? why : curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    if (status == 401) return failure(url_ + " asks for credentials: --user or --token");
    if (!body.starts_with('{'))
        return failure(url_ + " answered " + std::to_string(status) + ", not with the API's JSON");
    return body;
}

}  // namespace glassgate::console
