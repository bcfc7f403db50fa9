// One SQL statement, prepared, bound and stepped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace jade::meta {

/// Remembers the first SQLite code that was a failure; later calls then do nothing. What it is given to bind must
/// live until the next `step`. One thread only, and not after the connection.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* connection, const char* sql);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  /// Binds the next parameter.
  SqliteStatement& bind(std::string_view bytes);
  SqliteStatement& bind(std::uint64_t number);

  /// True on a row; false at the end or on failure, which `code` tells apart.
  bool step();
  /// Runs a statement without rows. SQLITE_OK, or the first failure.
  int run();
  /// SQLITE_OK, or the first failure.
  int code() const { return code_; }

  std::string bytes(int column) const;
  std::uint64_t number(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_;
  int bound_ = 0;
};

}  // namespace jade::meta
