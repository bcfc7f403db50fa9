#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "server/config/config_loader.h"
#include "server/config/config_schema.h"
#include "server/config/listen_address.h"

namespace jade::server {
namespace {

using testing::HasSubstr;

struct ConfigTest : testing::Test {
  void write(const std::string& path, const std::string& text) {
    const auto file = files.open(path, io::OpenMode::kCreate);
    ASSERT_TRUE(file.ok()) << file.error().message();
    ASSERT_TRUE((*file)->truncate(0).ok());
    ASSERT_TRUE((*file)->write_at(0, std::as_bytes(std::span(text))).ok());
  }
  Result<LoadedConfig> load(const std::string& yaml) {
    write("jade.yml", yaml);
    sources.file = "jade.yml";
    return load_config(sources, files);
  }
  std::string failure(const std::string& yaml) {
    const Result<LoadedConfig> loaded = load(yaml);
    return loaded.ok() ? "loaded" : loaded.error().message();
  }
  static EffectiveValue value_of(const LoadedConfig& loaded, std::string_view key) {
    for (const EffectiveValue& value : loaded.values) {
      if (value.setting->key == key) return value;
    }
    return {};
  }

  io::MemoryFileSystem files;
  ConfigSources sources;
};

TEST_F(ConfigTest, HasDefaults) {
  const Result<LoadedConfig> loaded = load_config({}, files);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->config, Config());
  EXPECT_EQ(loaded->values.size(), settings().size());
  for (const EffectiveValue& value : loaded->values) EXPECT_EQ(value.source, "default");
}

TEST_F(ConfigTest, TheExampleIsEveryDefault) {
  const Result<LoadedConfig> loaded = load(example_config());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->config, Config());
  for (const EffectiveValue& value : loaded->values) EXPECT_THAT(value.source, HasSubstr("jade.yml:"));
}

TEST_F(ConfigTest, FlagsGoBeforeTheEnvironmentBeforeTheFile) {
  sources.environment = {
      {"JADE_LOG_LEVEL", "warn"}, {"JADE_THREADS_COMPUTE", "2"}, {"HOME", "/"}, {"JADE_TEST_X", "1"}};
  sources.flags = {{"log.level", "error", "--log-level"}};
  const Result<LoadedConfig> loaded =
      load("log:\n  level: debug\nthreads:\n  compute: 3\n  network: 4\nmemoryBudget: 1GiB\n");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->config.log_level, "error");
  EXPECT_EQ(loaded->config.compute_threads, 2U);
  EXPECT_EQ(loaded->config.network_threads, 4U);
  EXPECT_EQ(loaded->config.memory_budget, 1U << 30);
  EXPECT_EQ(value_of(*loaded, "log.level").source, "--log-level");
  EXPECT_EQ(value_of(*loaded, "threads.compute").source, "JADE_THREADS_COMPUTE");
  EXPECT_EQ(value_of(*loaded, "threads.network").source, "jade.yml:5");
  EXPECT_EQ(value_of(*loaded, "memory_budget").text, "1GiB");
}

TEST_F(ConfigTest, TakesTheSpellingOfTheApi) {
  const Result<LoadedConfig> loaded = load("memoryBudget: 2GiB\nlimits:\n  bodyBytesMax: 2MiB\n");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->config.memory_budget, 2U << 30);
  EXPECT_EQ(loaded->config.body_bytes_max, 2U << 20);
  EXPECT_THAT(failure("memoryBudget: 2GiB\nmemory_budget: 1GiB\n"),
              HasSubstr("jade.yml:2: 'memory_budget' is given twice"));
}

TEST_F(ConfigTest, ExpandsVariablesAndFiles) {
  sources.environment = {{"PORT", "81"}};
  write("address", "127.0.0.1\n");
  const Result<LoadedConfig> loaded = load("listen: \"${file:address}:${PORT}\"\ndataDirectory: a${PORT}b\n");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->config.listen, "127.0.0.1:81");
  EXPECT_EQ(loaded->config.data_directory, "a81b");
  EXPECT_TRUE(value_of(*loaded, "listen").secret);
  EXPECT_FALSE(value_of(*loaded, "data_directory").secret);
}

TEST_F(ConfigTest, DoesNotQuoteWhatASecretFileHolds) {
  write("secret", "hunter2");
  const std::string said = failure("listen: ${file:secret}\n");
  EXPECT_THAT(said, HasSubstr("jade.yml:1: listen: the value is not allowed"));
  EXPECT_THAT(said, testing::Not(HasSubstr("hunter2")));
}

TEST_F(ConfigTest, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"listne: a\n", "jade.yml:1: unknown setting 'listne' (did you mean 'listen'?)"},
      {"log:\n  levle: info\n", "jade.yml:2: unknown setting 'log.levle' (did you mean 'log.level'?)"},
      {"zzzzzzzz: 1\n", "jade.yml:1: unknown setting 'zzzzzzzz'"},
      {"log: info\n", "'log' is a section: its settings stand below it"},
      {"listen:\n  port: 1\n", "unknown setting 'listen'"},
      {"listen: [1]\n", "a single value is expected for 'listen'"},
      {"- a\n", "a single value is expected"},
      {"listen: 127.0.0.1\n", "jade.yml:1: listen: '127.0.0.1' is not an address"},
      {"threads:\n  network: 0\n", "jade.yml:2: threads.network: "},
      {"threads:\n  network: 65\n", "1..64"},
      {"threads:\n  network: two\n", "1..64"},
      {"memory_budget: 1KiB\n", "16MiB"},
      {"memory_budget: 1XB\n", "16MiB"},
      {"limits:\n  body_bytes_max: 99999999999999999999\n", "1KiB"},
      {"limits:\n  body_bytes_max: 18014398509481984KiB\n", "1KiB"},
      {"log:\n  level: loud\n", "trace, debug, info, warn or error"},
      {"data_directory: ''\n", "a path"},
      {"listen: ${NOPE}\n", "the variable 'NOPE' is not set"},
      {"listen: ${NOPE\n", "'${' has no '}'"},
      {"listen: ${file:none}\n", "none"},
      {"listen: 'abc\n", "this is not YAML"},
      {"a: b: c\n", "jade.yml:1: this is not YAML"},
      {"listen: \"a\\nb\"\n", "control characters"},
      {"auth: auto\nauth: auto\n", "jade.yml:2: 'auth' is given twice"},
      {"auth: auto\n---\nauth: auto\n", "more than one YAML document"},
      {"auth: auto\n, together\n", "YAML"},
  };
  for (const auto& [yaml, message] : table) {
    EXPECT_THAT(failure(yaml), HasSubstr(message)) << yaml;
  }
  EXPECT_TRUE(load("").ok());
  EXPECT_TRUE(load("# nothing\n").ok());
}

TEST_F(ConfigTest, RefusesUnknownVariablesAndFlags) {
  sources.environment = {{"JADE_LISTNE", "a"}};
  EXPECT_THAT(load_config(sources, files).error().message(), HasSubstr("JADE_LISTNE"));
  EXPECT_THAT(load_config(sources, files).error().message(), HasSubstr("did you mean 'JADE_LISTEN'?"));
  sources.environment = {{"JADE_LISTEN", "a"}};
  EXPECT_THAT(load_config(sources, files).error().message(), HasSubstr("JADE_LISTEN: listen: 'a'"));
  sources.environment.clear();
  sources.flags = {{"no", "1", "--no"}};
  EXPECT_THAT(load_config(sources, files).error().message(), HasSubstr("--no: unknown setting 'no'"));
}

TEST_F(ConfigTest, SaysWhatFileItCannotRead) {
  sources.file = "none.yml";
  EXPECT_THAT(load_config(sources, files).error().message(), HasSubstr("none.yml"));
  EXPECT_THAT(failure(std::string((1U << 20) + 1, '#')), HasSubstr("larger than 1 MiB"));
  io::FaultyFileSystem faulty(files);
  write("jade.yml", "auth: auto\n");
  sources.file = "jade.yml";
  for (const io::CallKind kind : {io::CallKind::kSize, io::CallKind::kRead}) {
    faulty.set_fault({.kind = kind});
    EXPECT_FALSE(load_config(sources, faulty).ok());
  }
}

TEST(ConfigSchema, EverySettingTakesWhatItShows) {
  for (const Setting& setting : settings()) {
    Config config;
    const Result<void> set = setting.set(config, setting.get(Config()));
    EXPECT_TRUE(set.ok()) << setting.key;
    EXPECT_EQ(config, Config()) << setting.key;
    EXPECT_FALSE(setting.set(config, "\x01").ok() && setting.key != "data_directory") << setting.key;
    EXPECT_EQ(find_setting(setting.key), &setting);
    EXPECT_TRUE(setting.description.ends_with('.')) << setting.key;
  }
  EXPECT_EQ(find_setting("no"), nullptr);
  EXPECT_EQ(environment_name(*find_setting("limits.body_bytes_max")), "JADE_LIMITS_BODY_BYTES_MAX");
}

TEST(ConfigSchema, ReadsAndWritesBytes) {
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1023}, std::uint64_t{1} << 10, std::uint64_t{3} << 20,
        std::uint64_t{5} << 30, std::uint64_t{7} << 40, ~std::uint64_t{0}}) {
    EXPECT_EQ(parse_bytes(format_bytes(bytes)), bytes);
  }
  EXPECT_EQ(format_bytes(1U << 20), "1MiB");
  EXPECT_EQ(parse_bytes("64KiB"), 64U << 10);
  for (const char* bad : {"", "KiB", "-1", "1.5GiB", "1 KiB", "1kib", "18446744073709551616", "17179869184GiB"}) {
    EXPECT_EQ(parse_bytes(bad), std::nullopt) << bad;
  }
}

TEST(ListenAddress, ReadsBothFamilies) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_listen_address("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen_address("localhost:1")->host, "127.0.0.1");
  for (const char* bad : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
                          "::1:80", "[127.0.0.1]:80", "[::1:80", "[]:80", "[:80"}) {
    EXPECT_FALSE(parse_listen_address(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace jade::server
