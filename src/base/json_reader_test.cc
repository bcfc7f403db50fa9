#include "base/json_reader.h"

#include <gtest/gtest.h>

namespace jade {
namespace {

TEST(JsonReader, WalksFieldsInOrder) {
  JsonReader reader;
  const JsonValue root = reader.parse(R"({"b": [1, {"x": []}, "s"], "a": {"k\u0065y": -2.5e3}, "c": null})").value();
  std::string keys;
  for (const JsonField field : root.get_object().value())
    keys.append(field.key).append(field.value.raw_text()).append(";");
  EXPECT_EQ(keys, R"(b[1, {"x": []}, "s"];a{"k\u0065y": -2.5e3};cnull;)");
}

}  // namespace
}  // namespace jade
