// The whole API over a store in memory, without sockets: what the tests of the operations share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/inline_executor.h"
#include "base/log_capture.h"
#include "base/thread_pool.h"
#include "engine/local_store.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "server/auth/authenticator.h"
#include "server/dispatcher.h"
#include "server/registry/registry.h"
#include "server/rest/api.h"

namespace jade::server {

/// A server without its listener. Every answer is held against the document: its status and codes must be listed there,
/// its body must have the described schema. One thread only.
class TestApi {
 public:
  TestApi();
  ~TestApi();

  /// Replays the store; until then requests for data get NOT_READY.
  void load();

  /// The answer to one request. `body` is JSON unless `type` says otherwise; "" is no body.
  Response ask(Method method, std::string target, std::string body = "", std::string type = "application/json");
  Response get(std::string target) { return ask(Method::kGet, std::move(target)); }
  Response post(std::string target, std::string body) { return ask(Method::kPost, std::move(target), std::move(body)); }
  Response put(std::string target, std::string body) { return ask(Method::kPut, std::move(target), std::move(body)); }
  Response remove(std::string target) { return ask(Method::kDelete, std::move(target)); }

  /// The body of an answer that must have `status`.
  std::string expect(int status, const Response& response);

  io::MemoryFileSystem disk;
  io::FaultyFileSystem files{disk};
  Registry registry;
  LogCapture log;
  /// False where a test has broken the store.
  bool closes_cleanly = true;

 private:
  InlineExecutor compute_;
  std::unique_ptr<ThreadPool> background_;
  std::unique_ptr<engine::LocalStore> store_;
  std::unique_ptr<CursorSigner> cursors_;
  LocalAccess access_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

/// The value of a field, by path ("error.code", "results.0.id"), as JSON text without quotes; "" where it is not.
std::string field_of(std::string_view json, std::string_view path);
/// "VECTOR_NOT_FOUND" of an error's body.
std::string code_of(const Response& response);

}  // namespace jade::server
