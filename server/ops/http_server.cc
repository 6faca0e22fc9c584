// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/http_server.h"

#include <microhttpd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/scheduling/clock.h"
#include "core/status/status_macros.h"
#include "server/ops/http_connections.h"
#include "server/process/periodic_thread.h"
#include "server/settings/listen_address.h"

namespace lossd {
namespace {

constexpr size_t kConnectionBytes = 16 << 10;
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(500);
// The default of some C libraries is too small for the thread-local storage of what this process links.
constexpr size_t kStackBytes = 1 << 20;

MHD_Result Respond(MHD_Connection* connection, const HttpPage& page) {
  MHD_Response* response = MHD_create_response_from_buffer(
      page.body.size(), const_cast<char*>(page.body.data()),  // NOLINT: copied, not written to.
      MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.content_type.c_str());
  if (page.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result result = MHD_queue_response(connection, static_cast<unsigned int>(page.status), response);
  MHD_destroy_response(response);
  return result;
}

MHD_Result Handle(void* pages, MHD_Connection* connection, const char* path, const char* method, const char*,
                  const char*, size_t*, void**) {
  const absl::string_view verb = method;
  if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
    return Respond(connection, {MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "expected GET or HEAD\n"});
  }
  return Respond(connection, (*static_cast<HttpServer::Pages*>(pages))(path));
}

}  // namespace

HttpLimits HttpLimitsWithin(unsigned int connections, size_t addresses) {
  HttpLimits limits;
  const auto share = connections / static_cast<unsigned int>(std::max<size_t>(addresses, 1));
  limits.connections = std::clamp(share, 2U, limits.connections);
  limits.connections_of_host = std::max(2U, limits.connections / 4);
  return limits;
}

// One listening socket and its thread.
class HttpServer::Daemon {
 public:
  explicit Daemon(const HttpLimits& limits) : connections_(KeptOf(limits), limits.request_timeout) {}
  ~Daemon() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  // Takes `socket` over if it succeeds.
  bool Start(int socket, Pages& pages, const HttpLimits& limits) {
    // Without MHD_USE_ITC a daemon that has all its connections, and so does not look at its socket, hears of its end
    // only when one of them times out.
    daemon_ = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0, nullptr, nullptr,
                               &Handle, &pages, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_TIMEOUT,
                               static_cast<unsigned int>(absl::ToInt64Seconds(limits.idle_timeout)),
                               MHD_OPTION_CONNECTION_LIMIT, limits.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                               limits.connections_of_host, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes,
                               MHD_OPTION_THREAD_STACK_SIZE, kStackBytes, MHD_OPTION_NOTIFY_CONNECTION, &OnConnection,
                               &connections_, MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, &connections_, MHD_OPTION_END);
    return daemon_ != nullptr;
  }

 private:
  // The rest is for newcomers, who are let in before another one leaves.
  static size_t KeptOf(const HttpLimits& limits) {
    return limits.connections - std::max(1U, std::min(limits.connections - 1, limits.connections / 4));
  }

  static void OnConnection(void* self, MHD_Connection* connection, void**, MHD_ConnectionNotificationCode code) {
    auto& connections = *static_cast<HttpConnections*>(self);
    if (code != MHD_CONNECTION_NOTIFY_STARTED) return connections.OnClosed(connection);
    const auto* const socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (socket != nullptr) connections.OnStarted(connection, socket->connect_fd, RealClock().TimeNow());
  }

  static void OnCompleted(void* self, MHD_Connection* connection, void**, MHD_RequestTerminationCode) {
    static_cast<HttpConnections*>(self)->OnAnswered(connection, RealClock().TimeNow());
  }

  HttpConnections connections_;
  MHD_Daemon* daemon_ = nullptr;
  PeriodicThread watch_{"lossd-http", kBetweenLooks, [this] { connections_.CutOverdue(RealClock().TimeNow()); }};
};

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::vector<std::string>& addresses, Pages pages,
                                                              const HttpLimits& limits) {
  std::unique_ptr<HttpServer> server(new HttpServer());
  server->pages_ = std::move(pages);
  for (const std::string& address : addresses) LOSSD_RETURN_IF_ERROR(server->Add(address, limits));
  return server;
}

absl::Status HttpServer::Add(const std::string& text, const HttpLimits& limits) {
  LOSSD_ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(text));
  const auto bound = BindTcp(address);
  if (!bound.ok()) {
    return absl::UnavailableError(absl::StrCat("--http_listen: cannot bind ", text, ": ", bound.status().message()));
  }
  address.port = bound->port;
  auto daemon = std::make_unique<Daemon>(limits);
  if (!daemon->Start(bound->fd, pages_, limits)) {
    close(bound->fd);
    return absl::UnavailableError(absl::StrCat("--http_listen: cannot start a thread for ", text));
  }
  daemons_.push_back(std::move(daemon));
  addresses_.push_back(ListenAddressText(address));
  return absl::OkStatus();
}

}  // namespace lossd
