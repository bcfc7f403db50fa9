// Any bytes as a configuration file: refused with a message, or a configuration whose values read back the same.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "io/memory_file_system.h"
#include "server/config/config_loader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  jade::io::MemoryFileSystem files;
  const auto file = files.open("jade.yml", jade::io::OpenMode::kCreate);
  JADE_CHECK(file.ok() && (*file)->write_at(0, std::as_bytes(std::span(data, size))).ok(), "memory takes a file");
  const auto loaded = jade::server::load_config({.file = "jade.yml", .environment = {}, .flags = {}}, files);
  if (!loaded.ok()) {
    JADE_CHECK(!loaded.error().message().empty(), "a refusal says why");
    return 0;
  }
  for (const jade::server::EffectiveValue& value : loaded->values) {
    jade::server::Config again;
    JADE_CHECK(value.setting->set(again, value.text).ok(), "what is shown can be set");
  }
  return 0;
}
