// What `jade-db` understands.
#pragma once

namespace jade::cli {

/// Parses the arguments and runs the command. Returns the process's exit status: 0 for success, 1 for a failure, 2 for
/// arguments that are not understood.
int run(int argc, char** argv);

}  // namespace jade::cli
