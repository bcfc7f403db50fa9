// jade-db: the server and its administration tool.

#include "cli/command_line.h"

int main(int argc, char** argv) { return jade::cli::run(argc, argv); }
