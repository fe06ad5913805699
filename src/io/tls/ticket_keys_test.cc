#include "io/tls/ticket_keys.h"

#include <gtest/gtest.h>

#include "io/tls/test_certificates.h"

namespace glassgate::io::tls {
namespace {

using std::chrono::hours;

struct Name {
    explicit Name(const TicketKey& key) { std::copy(key.name.begin(), key.name.end(), bytes); }
    unsigned char bytes[16];
};

std::string key_bytes(char fill) { return std::string(TicketKeys::kKeyBytes, fill); }

std::string base64(const std::string& bytes) {
    std::string text(bytes.size() * 2, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

TEST(TicketKeys, RotateByTimeAndKeepSome) {
    const auto keys = TicketKeys::make(hours(1), 3);
    EXPECT_EQ(keys->lifetime(), hours(2));
    const Name first(keys->newest());
    uint64_t next = keys->rotate(1000);
    EXPECT_EQ(next, 1000u + 3'600'000'000'000u);
    EXPECT_TRUE(keys->find(first.bytes)->newest) << "not yet";
    next = keys->rotate(next);
    ASSERT_TRUE(keys->find(first.bytes).has_value());
    EXPECT_FALSE(keys->find(first.bytes)->newest);
    next = keys->rotate(next);
    EXPECT_TRUE(keys->find(first.bytes).has_value()) << "a ticket lives for its whole lifetime";
    (void)keys->rotate(next);
    EXPECT_FALSE(keys->find(first.bytes).has_value());
}

TEST(TicketKeys, OfAFileAreThoseOfTheFile) {
    for (const std::string& content :
         {key_bytes('a') + key_bytes('b'),
          base64(key_bytes('a')) + "\n" + base64(key_bytes('b')) + "\r\n"}) {
        const TestFile file(content);
        const auto keys = TicketKeys::from_file(file.path());
        ASSERT_TRUE(keys.has_value()) << keys.error().message;
        EXPECT_EQ((*keys)->newest().name[0], 'a');
        EXPECT_EQ((*keys)->newest().cipher_key[31], 'a');
        const Name b(TicketKey{
            {'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b'},
            {},
            {}});
        ASSERT_TRUE((*keys)->find(b.bytes).has_value());
        EXPECT_FALSE((*keys)->find(b.bytes)->newest);
        EXPECT_EQ((*keys)->rotate(1), 0u) << "nothing to rotate";
    }
}

TEST(TicketKeys, AreReadAnewOrStay) {
    const TestFile file(key_bytes('a'));
    const auto keys = *TicketKeys::from_file(file.path());
    file.write(key_bytes('b') + key_bytes('a'));
    EXPECT_TRUE(keys->reload().has_value());
    EXPECT_EQ(keys->newest().name[0], 'b');
    file.write("too short");
    EXPECT_FALSE(keys->reload().has_value());
    EXPECT_EQ(keys->newest().name[0], 'b');
}

TEST(TicketKeys, RefuseFilesThatAreNone) {
    for (const std::string& content :
         {std::string(), std::string("x"), key_bytes('a') + "x", base64(std::string(48, 'a')),
          base64(key_bytes('a')) + "\nnonsense\n", std::string(17 * 80, 'a')}) {
        const TestFile file(content);
        EXPECT_FALSE(TicketKeys::from_file(file.path()).has_value()) << content.size();
    }
    EXPECT_EQ(TicketKeys::from_file("/nowhere/keys").error().message,
              "cannot read file /nowhere/keys: No such file or directory");
}

}  // namespace
}  // namespace glassgate::io::tls
