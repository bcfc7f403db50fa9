#include "base/metadata_json.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace jade {
namespace {

TEST(CanonicalMetadata, HasOneSpelling) {
  struct Case {
    std::string_view json;
    std::string_view canonical;
  };
  const Case cases[] = {
      {"{}", "{}"},
      {" { } ", "{}"},
      {R"({ "b" : [ 1 , true , null, false ] , "a" : { "c" : "d" } })", R"({"b":[1,true,null,false],"a":{"c":"d"}})"},
      {R"({"":""})", R"({"":""})"},
      {R"({"a":0,"b":-0,"c":-1})", R"({"a":0,"b":0,"c":-1})"},
      {R"({"a":1.0,"b":-0.0,"c":1e0,"d":1E22,"e":0.10})", R"({"a":1.0,"b":-0.0,"c":1.0,"d":1e+22,"e":0.1})"},
      {R"({"a":100000.0,"b":123456789012.0})", R"({"a":1e+05,"b":123456789012.0})"},
      {R"({"a":1e-999,"b":-1e-400})", R"({"a":0.0,"b":-0.0})"},
      {R"({"a":9223372036854775807,"b":-9223372036854775808})",
       R"({"a":9223372036854775807,"b":-9223372036854775808})"},
      {R"({"a":9223372036854775808.0})", R"({"a":9223372036854775808.0})"},
      {R"({"\u0061":"\u0062\/\u00e9\ud83d\ude00\n\u0001"})", "{\"a\":\"b/\u00E9\U0001F600\\n\\u0001\"}"},
      {R"({"a$":1,"b":"$c"})", R"({"a$":1,"b":"$c"})"},
  };
  for (const Case& c : cases) {
    const Result<std::string> canonical = canonical_metadata(c.json);
    ASSERT_TRUE(canonical.ok()) << c.json << ": " << canonical.error().message();
    EXPECT_EQ(*canonical, c.canonical);
    EXPECT_EQ(canonical_metadata(*canonical).value(), *canonical);
  }
}

}  // namespace
}  // namespace jade
