// What the policies that look at credentials, addresses and bodies cost a request.
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "http/base64.h"
#include "policy/chain_bench.h"
#include "policy/json_scanner.h"
#include "policy/jwt/sign_test.h"

namespace glassgate::policy {
namespace {

Node list(std::vector<Node> items) {
    Node node;
    node.kind = Node::Kind::list;
    node.items = std::move(items);
    return node;
}

std::string head_with(const std::string& line) {
    return "GET /api/products/42 HTTP/1.1\r\nHost: shop\r\nUser-Agent: mobile-app v3.2\r\n"
           "Accept: */*\r\n" +
           line + "\r\n\r\n";
}

constexpr std::string_view kClaims =
    R"({"iss":"https://idp.example.com/","aud":"orders","exp":32503680000,"sub":"u-1234567","org_id":"acme","azp":"mobile","scope":"read write"})";

std::string bearer(const std::string& token) { return head_with("Authorization: Bearer " + token); }

// ---- jwt-validation

void jwt_known_token(benchmark::State& state) {
    Bench bench(bearer(jwt::token_of(kClaims)));
    bench.add("jwt-validation",
              settings({{"keys", list({settings({{"secret", scalar(std::string(jwt::kSecret))}})})},
                        {"issuer", scalar("https://idp.example.com/")},
                        {"clientId", scalar("azp")}}));
    bench.run(state);
}
void jwt_hs256(benchmark::State& state) {
    Bench bench(bearer(jwt::token_of(kClaims)));
    bench.add("jwt-validation",
              settings({{"keys", list({settings({{"secret", scalar(std::string(jwt::kSecret))}})})},
                        {"cachedTokens", scalar("0")}}));
    bench.run(state);
}

std::string public_pem(EVP_PKEY* key) {
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
}

std::string signed_by(EVP_PKEY* key, const EVP_MD* md, const std::string& algorithm,
                      std::size_t half) {
    const std::string input =
        jwt::base64url("{\"alg\":\"" + algorithm + "\"}") + "." + jwt::base64url(kClaims);
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, md, nullptr, key);
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(input.data()), input.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    if (half != 0) {  // from DER to r and s
        const auto* p = reinterpret_cast<const unsigned char*>(signature.data());
        ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(size));
        signature.assign(half * 2, '\0');
        auto* const out = reinterpret_cast<unsigned char*>(signature.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, static_cast<int>(half));
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, static_cast<int>(half));
        ECDSA_SIG_free(pair);
    }
    return input + "." + jwt::base64url(signature);
}

void verify_each(benchmark::State& state, EVP_PKEY* key, const EVP_MD* md,
                 const std::string& algorithm, std::size_t half) {
    Bench bench(bearer(signed_by(key, md, algorithm, half)));
    bench.add("jwt-validation",
              settings({{"keys", list({settings({{"pem", scalar(public_pem(key))}})})},
                        {"cachedTokens", scalar("0")}}));
    bench.run(state);
    EVP_PKEY_free(key);
}
void jwt_rs256(benchmark::State& state) {
    verify_each(state, EVP_RSA_gen(2048), EVP_sha256(), "RS256", 0);
}
void jwt_es256(benchmark::State& state) {
    verify_each(state, EVP_EC_gen("P-256"), EVP_sha256(), "ES256", 32);
}
void jwt_eddsa(benchmark::State& state) {
    verify_each(state, EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), nullptr, "EdDSA", 0);
}
BENCHMARK(jwt_known_token);
BENCHMARK(jwt_hs256);
BENCHMARK(jwt_rs256);
BENCHMARK(jwt_es256);
BENCHMARK(jwt_eddsa);

// ---- the others

void api_key(benchmark::State& state) {
    Bench bench(head_with("X-API-Key: 0123456789abcdef0123"));
    bench.add("api-key",
              settings({{"keys", list({settings({{"client", scalar("mobile")},
                                                 {"key", scalar("0123456789abcdef0123")}})})}}));
    bench.run(state);
}
void basic_auth_of_the_configuration(benchmark::State& state) {
    Bench bench(head_with("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    bench.add("basic-auth",
              settings({{"username", scalar("Aladdin")}, {"password", scalar("open sesame")}}));
    bench.run(state);
}
void ip_blocklist_of_10000(benchmark::State& state) {
    Bench bench(head_with("X: y"));
    std::vector<Node> ips;
    for (int i = 0; i < 10'000; ++i)
        ips.push_back(
            scalar("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24"));
    bench.add("ip-blocklist", settings({{"ips", list(std::move(ips))}}));
    bench.run(state);
}
void cors_simple_request(benchmark::State& state) {
    Bench bench(head_with("Origin: https://shop.example"));
    bench.add("cors", settings({{"origins", scalar("https://shop.example")}}));
    bench.run(state);
}
void header_injection_and_removal(benchmark::State& state) {
    Bench bench(head_with("X-Debug: 1"));
    bench.add("header-injection", settings({{"request", settings({{"X-Zone", scalar("edge")}})}}));
    bench.add("header-removal", settings({{"request", list({scalar("X-Debug")})}}));
    bench.run(state);
}
void rate_limit_of_three_windows(benchmark::State& state) {
    Bench bench(head_with("client_id: mob-4f7a"));
    bench.add("client-id", Node{});
    bench.add("rate-limit", settings({{"limits", list({scalar("60000000/s"), scalar("60000000/min"),
                                                       scalar("60000000/hour")})}}));
    bench.run(state);
}
BENCHMARK(api_key);
BENCHMARK(basic_auth_of_the_configuration);
BENCHMARK(ip_blocklist_of_10000);
BENCHMARK(cors_simple_request);
BENCHMARK(header_injection_and_removal);
BENCHMARK(rate_limit_of_three_windows);

void json_body_of_10_kib(benchmark::State& state) {
    std::string text = "[";
    while (text.size() < 10'240)
        text += R"({"id":12345,"name":"a product","tags":["x","y"],"price":12.5,"ok":true},)";
    text.back() = ']';
    const JsonLimits limits{32, 100, 100, 1000, 1000};
    for (auto _ : state) {
        JsonScanner scanner(limits);
        (void)scanner.feed(text);
        benchmark::DoNotOptimize(scanner.finish());
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(json_body_of_10_kib);

}  // namespace
}  // namespace glassgate::policy
