#include "server/error_status.h"

#include <gtest/gtest.h>

#include "server/registry/openapi.h"
#include "server/registry/schema_check.h"

namespace jade::server {
namespace {

TEST(ErrorStatus, FollowsTheContract) {
  const std::vector<std::pair<int, std::vector<ErrorCode>>> rows = {
      {400,
       {ErrorCode::kInvalidArgument, ErrorCode::kDimensionMismatch, ErrorCode::kValueOutOfRange,
        ErrorCode::kInvalidFilter, ErrorCode::kInvalidCursor, ErrorCode::kInvalidToken, ErrorCode::kNotSupported,
        ErrorCode::kUnsupportedCombination}},
      {401, {ErrorCode::kUnauthenticated}},
      {403, {ErrorCode::kPermissionDenied}},
      {404, {ErrorCode::kRouteNotFound, ErrorCode::kDatabaseNotFound, ErrorCode::kVectorNotFound}},
      {405, {ErrorCode::kMethodNotAllowed}},
      {408, {ErrorCode::kRequestTimeout}},
      {409, {ErrorCode::kAlreadyExists}},
      {413, {ErrorCode::kPayloadTooLarge}},
      {414, {ErrorCode::kUriTooLong}},
      {415, {ErrorCode::kUnsupportedMediaType}},
      {431, {ErrorCode::kHeadersTooLarge}},
      {499, {ErrorCode::kCancelled}},
      {500, {ErrorCode::kDataCorrupted, ErrorCode::kIo, ErrorCode::kInternal}},
      {503, {ErrorCode::kOverloaded, ErrorCode::kNotReady, ErrorCode::kStoreReadOnly}},
      {504, {ErrorCode::kDeadlineExceeded}},
      {507, {ErrorCode::kStorageFull}},
  };
  std::size_t codes = 0;
  for (const auto& [status, of_status] : rows) {
    EXPECT_NE(http_reason(status), "") << status;
    codes += of_status.size();
    for (const ErrorCode code : of_status) {
      SCOPED_TRACE(error_code_name(code));
      EXPECT_EQ(error_status(code).http, status);
      const Response response = error_response(Error(code, "m"), "id");
      EXPECT_EQ(response.status, status);
      EXPECT_EQ(response.headers.find("Retry-After").has_value(), status == 503);
      EXPECT_EQ(response.headers.find("WWW-Authenticate").has_value(), status == 401);
      EXPECT_TRUE(check_against_schema(*error_schema(), response.body).ok()) << response.body;
    }
  }
  EXPECT_EQ(codes, static_cast<std::size_t>(ErrorCode::kInternal) + 1) << "a code without a row";
  EXPECT_EQ(http_reason(299), "");
}

TEST(ErrorResponse, CarriesDetailsOfEveryKind) {
  const Error error = Error(ErrorCode::kDimensionMismatch, "wrong \"size\"")
                          .with("expected", std::int64_t{3})
                          .with("field", "vector")
                          .with("allowed", std::vector<std::string>{"a", "b"});
  EXPECT_EQ(error_response(error, "id-7").body,
            R"({"error":{"code":"DIMENSION_MISMATCH","message":"wrong \"size\"","retryable":false,)"
            R"("details":{"expected":3,"field":"vector","allowed":["a","b"]},"requestId":"id-7"}})");
}

TEST(ErrorResponse, ShowsNothingOfWhatFailedInside) {
  for (const ErrorCode code : {ErrorCode::kInternal, ErrorCode::kIo, ErrorCode::kDataCorrupted}) {
    const Response response = error_response(Error(code, "secret path").with("file", "secret file"), "id-7");
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("id-7"), std::string::npos);
    EXPECT_TRUE(error_is_private(Error(code, "m")));
  }
}

TEST(ErrorResponse, ShowsNothingOfTheDisk) {
  for (const Error& error :
       {Error(ErrorCode::kStorageFull, "writing secret path: no space").with("errno", std::int64_t{28}),
        Error(ErrorCode::kStoreReadOnly, "syncing secret path: input/output error")}) {
    const Response response = error_response(error, "id-7");
    EXPECT_TRUE(error_is_private(error));
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << response.body;
    EXPECT_EQ(response.body.find("details"), std::string::npos) << response.body;
    EXPECT_NE(response.body.find(error_code_name(error.code())), std::string::npos) << response.body;
  }
}

TEST(ErrorResponse, ShowsWhichLimitIsReached) {
  for (const ErrorCode code : {ErrorCode::kStorageFull, ErrorCode::kOverloaded}) {
    const Error error = Error(code, "the memory budget is used up").with("limitBytes", std::int64_t{7});
    EXPECT_FALSE(error_is_private(error));
    const Response response = error_response(error, "id-7");
    EXPECT_NE(response.body.find("memory budget"), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("limitBytes"), std::string::npos) << response.body;
  }
}

TEST(ErrorResponse, SaysWhatIsAllowed) {
  const Response response = error_response(Error(ErrorCode::kMethodNotAllowed, "m").with("allow", "GET, HEAD"), "id");
  EXPECT_EQ(response.headers.find("Allow"), "GET, HEAD");
}

}  // namespace
}  // namespace jade::server
