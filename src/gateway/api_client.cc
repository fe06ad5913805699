#include "gateway/api_client.h"

#include <curl/curl.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace glassgate::gateway {

struct ApiClient::Transfer {
    CURL* easy = nullptr;
    Reply reply;
    const OnEvent* on_event = nullptr;
    const std::function<bool()>* on_wait = nullptr;
    std::string line, event, data;
    bool has_data = false, enough = false;

    // One line of an event stream, without its end.
    bool take_line(std::string_view text) {
        if (text.empty()) {
            const bool go_on = !has_data || (*on_event)(event, data);
            event.clear(), data.clear();
            has_data = false;
            return go_on;
        }
        const std::size_t colon = text.find(':');
        const std::string_view name = text.substr(0, colon);
        std::string_view value = colon == std::string_view::npos ? "" : text.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (name == "event") event = value;
        if (name == "data") {
            if (std::exchange(has_data, true)) data += '\n';
            data += value;
        }
        return true;
    }
    bool take(std::string_view bytes) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (on_event == nullptr || status != 200) {
            reply.body += bytes;
            return true;
        }
        for (const char c : bytes) {
            if (c == '\r') continue;
            if (c != '\n') {
                line += c;
                continue;
            }
            if (!take_line(line)) {
                enough = true;
                return false;
            }
            line.clear();
        }
        return true;
    }
    static std::size_t on_bytes(char* data, std::size_t size, std::size_t count, void* self) {
        const std::size_t bytes = size * count;
        return static_cast<Transfer*>(self)->take({data, bytes}) ? bytes : 0;
    }
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        auto* const transfer = static_cast<Transfer*>(self);
        if (transfer->on_wait == nullptr || (*transfer->on_wait)()) return 0;
        transfer->enough = true;
        return 1;
    }
};

Result<ApiClient::Reply> ApiClient::perform(const std::string& path, const Parameters& parameters,
                                            Transfer& transfer) {
    const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
    if (easy == nullptr) return failure("libcurl cannot be initialised");
    transfer.easy = easy.get();
    std::string url = target_.url;
    while (url.ends_with('/')) url.pop_back();
    url += path;
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        char* const escaped =
            curl_easy_escape(easy.get(), value.data(), static_cast<int>(value.size()));
        url += separator + name + "=" + (escaped == nullptr ? "" : escaped);
        curl_free(escaped);
        separator = '&';
    }
    char problem[CURL_ERROR_SIZE] = {};
    curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    if (transfer.on_event == nullptr) curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, 30'000L);
    curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, &transfer);
    if (!target_.user.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy.get(), CURLOPT_USERPWD, target_.user.c_str());
    } else if (!target_.token.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(easy.get(), CURLOPT_XOAUTH2_BEARER, target_.token.c_str());
    }
    const CURLcode code = curl_easy_perform(easy.get());
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &transfer.reply.status);
    if (code == CURLE_OK || transfer.enough) return std::move(transfer.reply);
    return failure("no gateway answers at " + target_.url + ": " +
                   (problem[0] != '\0' ? problem : curl_easy_strerror(code)));
}

Result<ApiClient::Reply> ApiClient::get(const std::string& path, const Parameters& parameters) {
    Transfer transfer;
    return perform(path, parameters, transfer);
}

Result<ApiClient::Reply> ApiClient::stream(const std::string& path, const Parameters& parameters,
                                           const OnEvent& on_event,
                                           const std::function<bool()>& on_wait) {
    Transfer transfer;
    transfer.on_event = &on_event;
    transfer.on_wait = &on_wait;
    return perform(path, parameters, transfer);
}

std::string error_text(const ApiClient::Reply& reply) {
    const nlohmann::json body = nlohmann::json::parse(reply.body, nullptr, false);
    if (body.is_object() && body.contains("error") && body["error"].is_string())
        return body["error"].get<std::string>();
    if (reply.status == 401) return "the gateway asks for credentials: --user or --token";
    if (reply.status == 404)
        return "the gateway does not know this address: is that its console (port 9900)?";
    std::string text = "the gateway answered " + std::to_string(reply.status) + " " + reply.body;
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace glassgate::gateway
