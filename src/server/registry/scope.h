// What an operation needs the caller to hold, and what it costs.
#pragma once

#include <cstdint>
#include <string_view>

namespace jade::server {

/// One for each operation; `kPublic` is open without credentials. Starts at 1, so that a value nobody chose is none.
enum class Scope : std::uint8_t {
  kPublic = 1,
  kDatabaseCreate,
  kDatabaseList,
  kDatabaseRead,
  kDatabaseUpdate,
  kDatabaseDelete,
  kVectorAdd,
  kVectorRead,
  kVectorUpdate,
  kVectorDelete,
  kVectorPurge,
  kSearchExecute,
  kIndexCreate,
  kIndexRead,
  kIndexUpdate,
  kIndexDelete,
  kEmbeddingGenerate,
  kMonitoringRead,
  kAlertsManage,
  kAuditRead,
  kUserManage,
  kRoleManage,
  kKeyManage,
  kBackupManage,
  kJobRead,
  kClusterRead,
  kClusterManage,
};

/// "public", "database:create" …
std::string_view scope_name(Scope scope);

/// Where an operation runs, and who goes first when threads are short.
enum class CostClass : std::uint8_t {
  kImmediate,  ///< On the network thread: it only hands out what is ready, and answers when all else is overloaded.
  kLight,      ///< Reads and control data; goes first.
  kSearch,
  kWrite,
  kHeavy,  ///< Long work, after everything else.
};

std::string_view cost_class_name(CostClass cost);

}  // namespace jade::server
