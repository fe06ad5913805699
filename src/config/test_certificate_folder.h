// A folder of certificates, keys and what goes with them, made on the spot for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "io/tls/test_certificates.h"

namespace glassgate::config {

class TestCertificateFolder {
public:
    TestCertificateFolder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "glassgate-certs-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
        write("ca.pem", ca_.pem());
        write("ca.crl", ca_.crl_pem({}));
        pair("site", {.subject = {{"CN", "shop.example"}},
                      .names = "DNS:shop.example,DNS:www.shop.example"});
        pair("other", {.subject = {{"CN", "other.example"}}, .names = "DNS:other.example"});
        pair("soon", {.subject = {{"CN", "soon.example"}},
                      .names = "DNS:soon.example",
                      .to_s = 10 * 86400 + 3600});
        pair("expired", {.subject = {{"CN", "expired.example"}},
                         .names = "DNS:expired.example",
                         .to_s = -3600});
        pair("client",
             {.subject = {{"CN", "gateway"}, {"O", "Shop"}}, .names = "URI:spiffe://shop/gateway"});
        write("cut.pem", text("site.pem").substr(0, 200));
        write("tickets.key", std::string(80, 'k'));
        write("short.key", std::string(79, 'k'));
    }
    TestCertificateFolder(const TestCertificateFolder&) = delete;
    TestCertificateFolder& operator=(const TestCertificateFolder&) = delete;
    ~TestCertificateFolder() { std::filesystem::remove_all(path_); }

    // name.pem and name.key, issued by ca.pem; and name.ocsp, which says it is good.
    void pair(const std::string& name, const io::tls::TestIssue& issue) const {
        const io::tls::TestCertificate certificate(issue, &ca_);
        write(name + ".pem", certificate.pem());
        write(name + ".key", certificate.key_pem());
        write(name + ".ocsp", ca_.ocsp_der(certificate));
    }
    void write(const std::string& name, const std::string& bytes) const {
        std::ofstream(std::filesystem::path(path_) / name, std::ios::binary) << bytes;
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ifstream in(std::filesystem::path(path_) / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] const io::tls::TestCertificate& ca() const noexcept { return ca_; }

private:
    std::string path_;
    const io::tls::TestCertificate ca_{{.subject = {{"CN", "Shop CA"}}, .ca = true}};
};

}  // namespace glassgate::config
