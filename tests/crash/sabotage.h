// Stores that are broken on purpose, by what is put between them and their files or before their shards: what the
// checkers have to catch (goal G29).
#pragma once

#include <memory>
#include <string>

#include "crash/script.h"

namespace jade::crash {

/// A sync of a file whose path contains `part` does nothing: with the log's, a write is acknowledged before it is
/// synced.
Sabotage forgets_sync(std::string part);
/// A sync of a directory whose path contains `part` does nothing.
Sabotage forgets_directory_sync(std::string part);
/// A new file gets its name before its bytes are synced.
Sabotage names_before_sync();
/// What a new file replaces is removed when the new one is begun.
Sabotage removes_before_replacing();
/// A write or sync that fails looks like one that did not.
Sabotage ignores_errors();

/// A batch loses its last row, and is answered as if it had not.
Sabotage loses_a_row_of_a_batch();
/// A deleted row is written again.
Sabotage resurrects_deleted_rows();
/// A batch is answered before it is handed to the shard.
Sabotage acknowledges_early();
/// An update leaves metadata as they were.
Sabotage loses_metadata_of_updates();
/// Answers name the version after the right one.
Sabotage answers_wrong_versions();
/// A batch is written row by row.
Sabotage splits_batches();
/// A search leaves out its last hit.
Sabotage loses_a_hit();
/// Distances are one in a thousand too large.
Sabotage answers_wrong_distances();
/// One bit of the vectors of the row "3" is another when it is read.
Sabotage serves_damage();

}  // namespace jade::crash
