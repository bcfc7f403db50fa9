#include "base/test_env.h"

#include <gtest/gtest.h>

#include <string>

namespace jade {
namespace {

// Sets an environment variable, or removes it, until destroyed.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Environment() { set(before_.empty() ? nullptr : before_.c_str()); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, 1);
    }
  }
  const char* name_;
  std::string before_;
};

TEST(TestSeed, ComesFromTheEnvironment) {
  {
    const Environment set("JADE_TEST_SEED", "18446744073709551615");
    EXPECT_EQ(test_seed(5), 18446744073709551615ULL);
  }
  const Environment unset("JADE_TEST_SEED", nullptr);
  EXPECT_EQ(test_seed(5), 5U);
}

TEST(TestScale, MultipliesTheCases) {
  struct Row {
    const char* scale;
    std::size_t cases;
  };
  for (const auto& row : {Row{nullptr, 100}, Row{"1", 100}, Row{"2.5", 250}, Row{"0.01", 1}, Row{"0", 1}}) {
    const Environment environment("JADE_TEST_SCALE", row.scale);
    EXPECT_EQ(test_scale(100), row.cases);
  }
}

}  // namespace
}  // namespace jade
