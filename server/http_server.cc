// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/http_server.h"

#include <microhttpd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"
#include "server/listen_address.h"

namespace lossd {
namespace {

constexpr size_t kConnectionBytes = 16 << 10;
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

// One listening socket and its thread.
class HttpServer::Daemon {
 public:
  explicit Daemon(MHD_Daemon* daemon) : daemon_(daemon) {}
  ~Daemon() { MHD_stop_daemon(daemon_); }

 private:
  MHD_Daemon* const daemon_;
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
  // Without MHD_USE_ITC a daemon that has all its connections, and so does not look at its socket, hears of its end
  // only when one of them times out.
  MHD_Daemon* daemon = MHD_start_daemon(
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0, nullptr, nullptr, &Handle, &pages_,
      MHD_OPTION_LISTEN_SOCKET, bound->fd, MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned int>(absl::ToInt64Seconds(limits.idle_timeout)), MHD_OPTION_CONNECTION_LIMIT,
      limits.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits.connections_of_host,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes, MHD_OPTION_THREAD_STACK_SIZE, kStackBytes, MHD_OPTION_END);
  if (daemon == nullptr) {
    close(bound->fd);
    return absl::UnavailableError(absl::StrCat("--http_listen: cannot start a thread for ", text));
  }
  daemons_.push_back(std::make_unique<Daemon>(daemon));
  addresses_.push_back(ListenAddressText(address));
  return absl::OkStatus();
}

}  // namespace lossd
