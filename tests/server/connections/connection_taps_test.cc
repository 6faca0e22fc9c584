// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_taps.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/http2/frames.h"
#include "tests/support/tapped_connection.h"
#include "tests/support/test_certificates.h"

// Where the program's initialized data begins and ends; the linker sets these.
extern "C" char __data_start, edata;  // NOLINT(bugprone-reserved-identifier)

namespace lossd::testing {
namespace {

// TLS between two ends in memory, of which the server's begins as gRPC begins it: right after the connection whose
// bytes it is to have was accepted.
class TlsPair {
 public:
  TlsPair() {
    const TestCertificate own = CertificateAuthority("taps").Issue("server");
    const std::unique_ptr<BIO, decltype(&BIO_free)> certificate(
        BIO_new_mem_buf(own.certificate.data(), static_cast<int>(own.certificate.size())), BIO_free);
    const std::unique_ptr<BIO, decltype(&BIO_free)> key(
        BIO_new_mem_buf(own.key.data(), static_cast<int>(own.key.size())), BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x509(
        PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr), X509_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> private_key(
        PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    EXPECT_EQ(SSL_CTX_use_certificate(server_context_.get(), x509.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(server_context_.get(), private_key.get()), 1);
    client_.reset(SSL_new(client_context_.get()));
    server_.reset(SSL_new(server_context_.get()));
    BIO* ends[2] = {};
    EXPECT_EQ(BIO_new_bio_pair(&ends[0], 1 << 20, &ends[1], 1 << 20), 1);
    SSL_set_bio(client_.get(), ends[0], ends[0]);
    SSL_set_bio(server_.get(), ends[1], ends[1]);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
    while (!SSL_is_init_finished(client_.get()) || !SSL_is_init_finished(server_.get())) {
      SSL_do_handshake(client_.get());
      SSL_do_handshake(server_.get());
    }
  }

  // The client sends; what the server reads of it, until `error`.
  std::string Send(absl::string_view bytes, int error = SSL_ERROR_WANT_READ) {
    std::string read, piece(10'000, '\0');
    ERR_clear_error();
    EXPECT_EQ(SSL_write(client_.get(), bytes.data(), static_cast<int>(bytes.size())), static_cast<int>(bytes.size()));
    for (int count = 0; (count = SSL_read(server_.get(), piece.data(), static_cast<int>(piece.size()))) > 0;) {
      read.append(piece, 0, static_cast<size_t>(count));
    }
    EXPECT_EQ(SSL_get_error(server_.get(), -1), error);
    return read;
  }

 private:
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context_{SSL_CTX_new(TLS_client_method()),
                                                                          SSL_CTX_free};
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> server_context_{SSL_CTX_new(TLS_server_method()),
                                                                          SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> client_{nullptr, SSL_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> server_{nullptr, SSL_free};
};

std::string EndlessHeaders() {
  return ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}) +
         ToBytes({kContinuationFrame, 0, 1, std::string(70'000, 'h')});
}

TEST(ConnectionTapsTest, CountsTheBytesOfMessagesByTheAddressThatGrpcKnows) {
  for (const bool ipv6 : {false, true}) {
    TappedConnection connection(ipv6);
    const auto tap = FindTap(connection.peer());
    ASSERT_NE(tap, nullptr) << connection.peer();
    EXPECT_EQ(tap->peer(), connection.peer());
    connection.Send(ConnectionPreface() + HeadersOf(1, {}) + DataOf(1, std::string(100'000, 'x')));
    EXPECT_EQ(tap->arrived(), 100'000);
    EXPECT_FALSE(tap->opaque());
    EXPECT_FALSE(tap->floods());
  }
}

TEST(ConnectionTapsTest, CountsAllOfWhatItCannotRead) {
  TappedConnection connection;
  connection.Send(std::string(5'000, '\x16'));
  const auto tap = FindTap(connection.peer());
  EXPECT_EQ(tap->arrived(), 5'000);
  EXPECT_TRUE(tap->opaque());
}

TEST(ConnectionTapsTest, CountsTheBytesOfMessagesOverTls) {
  TappedConnection connection;
  TlsPair tls;
  const auto tap = FindTap(connection.peer());
  connection.Send(std::string(5'000, '\x16'));
  EXPECT_EQ(tap->arrived(), 0) << "these are still encrypted";
  const std::string sent = ConnectionPreface() + HeadersOf(1, {}) + DataOf(1, std::string(100'000, 'x'));
  EXPECT_EQ(tls.Send(sent), sent);
  EXPECT_EQ(tap->arrived(), 100'000);
  EXPECT_FALSE(tap->opaque());
  EXPECT_FALSE(tap->floods());
}

TEST(ConnectionTapsTest, CutsWhatFloodsOverTls) {
  TappedConnection connection;
  TlsPair tls;
  EXPECT_EQ(tls.Send(ConnectionPreface()), ConnectionPreface());
  EXPECT_EQ(tls.Send(EndlessHeaders().substr(ConnectionPreface().size()), SSL_ERROR_SYSCALL), "")
      << "the frame says how long it is";
  EXPECT_TRUE(FindTap(connection.peer())->floods());
  EXPECT_TRUE(connection.HasEnded());
  EXPECT_EQ(tls.Send("more", SSL_ERROR_SYSCALL), "") << "what it had sent before is read by nobody";
  connection.Send("more");
  EXPECT_EQ(connection.Receive(), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

// The number of a connection that was accepted later is not that of the one whose TLS still reads.
TEST(ConnectionTapsTest, TlsOfAConnectionThatIsGoneCountsForNoOther) {
  auto gone = std::make_unique<TappedConnection>();
  TlsPair tls;
  gone.reset();
  TappedConnection connection;
  EXPECT_EQ(tls.Send(ConnectionPreface() + DataOf(1, "x")).size(), ConnectionPreface().size() + 10);
  EXPECT_EQ(FindTap(connection.peer())->arrived(), 0);
}

TEST(ConnectionTapsTest, TableTakesNoSpaceInTheProgramsFile) { EXPECT_LT(&edata - &__data_start, 8 << 20); }

TEST(ConnectionTapsTest, KnowsNothingOfOthers) { EXPECT_EQ(FindTap("ipv4:127.0.0.1:1"), nullptr); }

TEST(ConnectionTapsTest, WakesOnceWhenSoMuchHasArrived) {
  TappedConnection connection;
  const auto tap = FindTap(connection.peer());
  int woken = 0;
  tap->SetWaker([&] { ++woken; });
  tap->WakeAt(10);
  connection.Send(std::string(9, 'x'));
  EXPECT_EQ(woken, 0);
  connection.Send("x");
  EXPECT_EQ(woken, 1);
  connection.Send("more");
  EXPECT_EQ(woken, 1);
  tap->WakeAt(5);
  connection.Send("x");
  EXPECT_EQ(woken, 2);
}

TEST(ConnectionTapsTest, WakesWhereHeadersDoNotEnd) {
  TappedConnection connection;
  const auto tap = FindTap(connection.peer());
  int woken = 0;
  tap->SetWaker([&] { ++woken; });
  connection.Send(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}));
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(16'000, 'h')});
  for (int i = 0; i < 100; ++i) connection.Send(more);
  EXPECT_TRUE(tap->floods());
  EXPECT_EQ(woken, 1);
}

// A connection over a unix socket.
class UnixConnection {
 public:
  UnixConnection() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0);
    TapConnection(ends_[1]);
  }
  ~UnixConnection() {
    close(ends_[0]);
    close(ends_[1]);
  }
  UnixConnection(const UnixConnection&) = delete;
  UnixConnection& operator=(const UnixConnection&) = delete;

  // As gRPC makes it.
  std::string peer() const {
    sockaddr_un end = {};
    socklen_t length = sizeof(end);
    EXPECT_EQ(getpeername(ends_[1], reinterpret_cast<sockaddr*>(&end), &length), 0);
    return absl::StrCat("unix:", end.sun_path);
  }
  // What is read of it by one recvmsg; -1 with errno.
  ssize_t Send(absl::string_view bytes) {
    EXPECT_EQ(write(ends_[0], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    std::string room(bytes.size(), '\0');
    iovec piece = {room.data(), room.size()};
    msghdr message = {};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return recvmsg(ends_[1], &message, 0);
  }
  bool HasEnded() const {
    char byte = 0;
    return recv(ends_[0], &byte, 1, MSG_DONTWAIT) == 0;
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(ConnectionTapsTest, CutsEachConnectionOverUnixSocketsThatFloods) {
  for (int i = 0; i < 2; ++i) {
    UnixConnection connection;
    EXPECT_EQ(connection.Send(EndlessHeaders()), -1) << "what floods is read by nobody";
    EXPECT_EQ(errno, ECONNRESET);
    EXPECT_TRUE(connection.HasEnded()) << i;
  }
}

// They have no addresses: what one does must not be laid to another's charge.
TEST(ConnectionTapsTest, TellsConnectionsOverUnixSocketsApart) {
  UnixConnection one;
  UnixConnection other;
  EXPECT_NE(one.peer(), other.peer());
  EXPECT_EQ(one.Send("no HTTP/2"), 9);
  ASSERT_NE(FindTap(other.peer()), nullptr) << other.peer();
  EXPECT_TRUE(FindTap(one.peer())->opaque());
  EXPECT_FALSE(FindTap(other.peer())->opaque());
  CutConnections(one.peer());
  EXPECT_TRUE(one.HasEnded());
  EXPECT_FALSE(other.HasEnded());
}

// gRPC asks for the name by which the taps know a connection.
TEST(ConnectionTapsTest, CallsOverUnixSocketsKnowTheirConnections) {
  const TemporaryFolder folder;
  ServerOptions options = TestOptions();
  options.listen = {"unix:" + folder.File("socket")};
  RunningServer server(options);
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  v1::ComputeResponse response;
  grpc::ClientContext context;
  EXPECT_TRUE(
      v1::LossService::NewStub(MakeChannel(options.listen[0]))->Compute(&context, MakeRequest(), &response).ok());
  const std::string log = server.StopAndGetLog();
  std::set<std::string> peers;
  const std::string key = "\"peer\":\"";
  for (size_t at = log.find(key); at != std::string::npos; at = log.find(key, at + 1)) {
    const size_t begin = at + key.size();
    peers.insert(log.substr(begin, log.find('"', begin) - begin));
  }
  EXPECT_EQ(peers.size(), 2) << log;
  for (const std::string& peer : peers) EXPECT_NE(FindTap(peer), nullptr) << peer;
}

TEST(ConnectionTapsTest, CutsWhatNobodyWatches) {
  TappedConnection headers;
  headers.Send(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, "h"}));
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(16'000, 'h')});
  for (int i = 0; i < 66; ++i) headers.Send(more);
  EXPECT_TRUE(headers.HasEnded());
  TappedConnection opaque;
  for (int i = 0; i < 32; ++i) opaque.Send(std::string(1 << 20, '\x16'));
  EXPECT_TRUE(opaque.HasEnded());
}

TEST(ConnectionTapsTest, CutsTheConnectionsOfAPeerAndNoOthers) {
  TappedConnection cut;
  TappedConnection other;
  CutConnections(cut.peer());
  EXPECT_TRUE(cut.HasEnded());
  other.Send("x");
  EXPECT_EQ(FindTap(other.peer())->arrived(), 1);
}

TEST(ConnectionTapsTest, ReadsNoMoreOfTheConnectionsOfAListenerThatStops) {
  TappedConnection stopped;
  TappedConnection other;
  StopReading({stopped.address()});
  errno = 0;
  EXPECT_EQ(stopped.Receive(), -1);
  EXPECT_EQ(errno, EAGAIN);
  other.Send("x");
  EXPECT_EQ(FindTap(other.peer())->arrived(), 1);
}

}  // namespace
}  // namespace lossd::testing
