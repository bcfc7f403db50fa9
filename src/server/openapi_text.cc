// The API document without a server: from the same registry, over an empty store in memory.

#include "base/inline_executor.h"
#include "engine/local_store.h"
#include "io/memory_file_system.h"
#include "server/rest/api.h"
#include "server/server.h"

namespace jade::server {

Result<std::string> openapi_text() {
  io::MemoryFileSystem files;
  InlineExecutor executor;
  const engine::StoreEnvironment environment{
      .files = files, .clock = system_clock(), .random = system_random(), .compute = executor, .background = executor};
  JADE_ASSIGN_OR_RETURN(
      const std::unique_ptr<engine::LocalStore> store,
      engine::LocalStore::open(environment, "store", {.disk_reserve_bytes = 0, .decorate_shard = {}}));
  const CursorSigner cursors(store->signing_key());
  Registry registry;
  add_operations(registry, {.router = *store, .cursors = cursors});
  add_document_operations(registry, api_info());
  return openapi_document(registry, api_info());
}

}  // namespace jade::server
