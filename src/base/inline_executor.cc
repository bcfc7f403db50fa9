#include "base/inline_executor.h"

namespace jade {

Result<void> InlineExecutor::submit(Task task, Priority /*priority*/) {
  task();
  return {};
}

}  // namespace jade
