"""Rules about what code calls and leaves behind."""

import re

from repository import CODE_FOLDERS, CPP_SUFFIXES, Violation, blank_comments_and_strings, code_spans, table_rows

SEAMS = "docs/reference/seams.md"

# What only a seam may use: by kind, the headers that bring it and the calls that need no header of their own.
BANNED_HEADERS = {
    "files": ("fcntl.h", "fstream", "filesystem", "sys/mman.h", "sys/file.h", "sys/stat.h", "dirent.h"),
    "time": ("ctime", "time.h", "sys/time.h", "sys/timerfd.h"),
    "random": ("random", "sys/random.h"),
    "threads": ("thread", "pthread.h"),
    "sockets": ("sys/socket.h", "netinet/in.h", "arpa/inet.h", "netdb.h"),
    # Process ids, terminals, system limits; what of it opens and writes is banned as a file all the same.
    "system": ("unistd.h",),
}
BANNED_CALLS = {
    "files": (r"(?<![\w>])::(?:open|openat|creat|read|write|pread|pwrite|close|fsync|fdatasync|rename|unlink|mkdir|"
              r"rmdir|mmap|munmap|flock|ftruncate|truncate|stat|fstat|opendir)\s*\(",
              r"\bstd::(?:rename|remove|fopen|tmpfile|filesystem|[io]?fstream|basic_[io]?fstream)\b(?!\s*\(\s*\w+\.begin)",
              r"(?<![\w.>:])(?:fopen|freopen|fdopen|fsync|fdatasync|mmap|mkstemp|flock)\s*\(",
              r"(?<![\w.>:])open(?:at)?\s*\([^;]*\bO_[A-Z]+"),
    "time": (r"\b(?:system_clock|steady_clock|high_resolution_clock|file_clock|utc_clock)::now\b",
             r"(?<![\w.>:])(?:::|std::)?time\s*\(\s*(?:nullptr|NULL|0|&)",
             r"\b(?:clock_gettime|gettimeofday|localtime(?:_r)?|gmtime(?:_r)?|nanosleep|usleep)\s*\("),
    "random": (r"(?<![\w.>:])(?:::|std::)?s?rand\s*\(",
               r"\b(?:random_device|mt19937(?:_64)?|default_random_engine|minstd_rand0?|getrandom|RAND_bytes)\b"),
    "threads": (r"\bstd::(?:jthread|thread|async)\b", r"\bpthread_create\b", r"\bstd::this_thread::sleep_\w+"),
    "sockets": (r"(?<![\w>])::(?:socket|connect|accept4?|bind|listen)\s*\(",),
    "system": (),
}
# Tests may own files, time and threads; randomness has to print its seed, so they keep to SeededRandom too.
BANNED_IN_TESTS = ("random",)


def read_seams(repository):
    """Path → kinds that it may use, from the table in docs/reference/seams.md."""
    seams = {}
    if repository.exists(SEAMS):
        for cells in table_rows(repository.text(SEAMS), "seam"):
            for path in code_spans(cells[0]):
                seams.setdefault(path, set()).update(re.split(r"[,\s]+", cells[1]))
    return seams


def _is_test(path):
    return path.endswith("_test.cc") or path.startswith(("tests/", "bench/")) or "/test_" in path


def _uses(kind, text):
    """Where the text uses what only a seam of this kind may."""
    headers = "|".join(re.escape(header) for header in BANNED_HEADERS[kind])
    found = list(re.finditer(rf"^\s*#\s*include\s*<(?:{headers})>", text, re.MULTILINE))
    for pattern in BANNED_CALLS[kind]:
        found += re.finditer(pattern, text)
    return found


def check_seams(repository):
    """Files, time, randomness, threads and sockets are used only where the table of seams says so."""
    seams = read_seams(repository)
    for path, kinds in sorted(seams.items()):
        if path not in repository.paths:
            yield Violation(SEAMS, 0, "seam", f"names {path}, which does not exist")
        for kind in sorted(kinds - BANNED_CALLS.keys()):
            yield Violation(SEAMS, 0, "seam", f"'{kind}' of {path} is none of: {', '.join(BANNED_CALLS)}")
    for path in repository.select(["src", "include", "tests", "bench", "tools"], CPP_SUFFIXES):
        kinds = BANNED_IN_TESTS if _is_test(path) else BANNED_CALLS
        text = blank_comments_and_strings(repository.text(path))
        for kind in kinds:
            found = _uses(kind, text)
            if kind in seams.get(path, ()):
                if not found:
                    yield Violation(SEAMS, 0, "seam", f"{path} no longer uses {kind}")
                continue
            for match in found:
                word = match.group(0).strip()
                line = text.count("\n", 0, match.end() - 1) + 1
                yield Violation(path, line, "seam", f"'{word}' ({kind}) belongs behind a seam; {SEAMS} lists who may")


def check_todos(repository):
    """A TODO names what closes it, and nothing else marks unfinished work."""
    for path in repository.select(CODE_FOLDERS, [*CPP_SUFFIXES, ".py", ".sh", ".fbs", "CMakeLists.txt"]):
        if path.startswith("tools/check/"):
            continue
        for number, line in repository.lines(path):
            if re.search(r"\b(?:FIXME|XXX|HACK)\b", line):
                yield Violation(path, number, "todo", "write TODO(what closes it): …, or do it")
            elif re.search(r"\bTODO\b(?!\([^)\s][^)]*\): \S)", line):
                yield Violation(path, number, "todo", "a TODO names what would close it: TODO(condition): …")


def check_skips(repository):
    """A test that is skipped or disabled says why."""
    for path in repository.select(CODE_FOLDERS, [".cc", ".h"]):
        lines = repository.text(path).split("\n")
        for index, line in enumerate(lines):
            comment_above = index > 0 and lines[index - 1].strip().startswith("//")
            if re.search(r"\bGTEST_SKIP\(\)", line):
                statement = " ".join(lines[index:index + 3]).split(";")[0]
                if not re.search(r'GTEST_SKIP\(\)\s*<<\s*"[^"]{8,}', statement) and not comment_above:
                    yield Violation(path, index + 1, "skip", 'say why: GTEST_SKIP() << "reason"')
            elif re.search(r"\bTEST\w*\(.*\bDISABLED_\w|\bTEST\w*\(DISABLED_", line) and not comment_above:
                yield Violation(path, index + 1, "skip", "a comment above says why the test is disabled, and its issue")
    for path in repository.select(CODE_FOLDERS, [".py"]):
        for number, line in repository.lines(path):
            if re.match(r"\s*@unittest\.skip(?:\s*$|\(\s*(?:\"\"|'')?\s*\))", line):
                yield Violation(path, number, "skip", "say why the test is skipped")


RULES = (check_seams, check_todos, check_skips)
